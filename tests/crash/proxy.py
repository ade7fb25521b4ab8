"""An HTTP proxy in front of a dashboard that cuts, stalls, slows down and repeats.

Works on whole requests, so that a fault can hit the request, its effect, or only its answer.
"""

import contextlib
import http.client
import random
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FAULTS = (
    "cut request",
    "cut answer",
    "cut inside",
    "stall",
    "slow",
    "duplicate",
    "late",
    "garbage",
)


class FaultProxy:
    """Forwards to a port of this machine.

    ``faults`` are used up one per request, in order. ``cut_after`` bytes of requests, all
    connections are closed once.
    """

    def __init__(self, port, seed=0):
        self.target = port
        self.faults = []
        self.cut_after = None
        self.seen = 0
        self.used = []
        self.random = random.Random(seed)
        self.lock = threading.Lock()
        self.connections = set()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self):
                super().setup()
                proxy.connections.add(self.connection)

            def finish(self):
                proxy.connections.discard(self.connection)
                with contextlib.suppress(OSError):
                    super().finish()

            def log_message(self, *args):
                pass

            def _any(self):
                with contextlib.suppress(OSError, http.client.HTTPException):
                    proxy.handle(self)
                    return
                self.close_connection = True

            do_GET = do_POST = do_PUT = do_HEAD = do_PATCH = do_DELETE = _any  # noqa: N815

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, request, client_address):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def cut(self):
        """Close all connections now."""
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def handle(self, handler):
        with self.lock:
            fault = self.faults.pop(0) if self.faults else ""
            if fault:
                self.used.append(fault)
        length = int(handler.headers.get("Content-Length") or 0)
        body = self._read(handler, length, fault)
        answer = self._forward(handler, body)
        if fault == "duplicate":
            answer = self._forward(handler, body)
        self._answer(handler, answer, fault)

    def _read(self, handler, length, fault):
        if fault == "cut request":
            handler.rfile.read(self.random.randint(0, length))
            raise ConnectionError
        pieces = []
        while length:
            piece = handler.rfile.read(min(length, 64 << 10))
            if not piece:
                raise ConnectionError
            pieces.append(piece)
            length -= len(piece)
            self.seen += len(piece)
            if self.cut_after is not None and self.seen >= self.cut_after:
                self.cut_after = None
                self.cut()
                raise ConnectionError
            if fault == "slow":
                time.sleep(0.02)
        return b"".join(pieces)

    def _forward(self, handler, body):
        there = http.client.HTTPConnection("127.0.0.1", self.target, timeout=10)
        headers = {k: v for k, v in handler.headers.items() if k.lower() != "host"}
        try:
            there.request(handler.command, handler.path, body, headers)
            answer = there.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            there.close()

    def _answer(self, handler, answer, fault):
        status, headers, data = answer
        if fault == "cut answer":
            raise ConnectionError
        if fault in ("stall", "late"):
            time.sleep(4.0 if fault == "stall" else 0.3)
        if fault == "garbage":
            status, headers, data = 200, [("Content-Type", "text/html")], b"<h1>Log in</h1>"
        handler.send_response(status)
        for name, value in headers:
            if name.lower() not in ("content-length", "connection", "transfer-encoding", "date"):
                handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        if fault == "cut inside":
            handler.wfile.write(data[: len(data) // 2])
            raise ConnectionError
        handler.wfile.write(data)
