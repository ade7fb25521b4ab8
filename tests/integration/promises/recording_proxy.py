"""A TCP relay that remembers every byte that passes."""

from __future__ import annotations

import contextlib
import socket
import threading


class RecordingProxy:
    """Listens on loopback, relays to a port, keeps what clients sent and got."""

    def __init__(self, target: int) -> None:
        self._target = target
        self.sent = bytearray()
        self.received = bytearray()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            upstream = socket.create_connection(("127.0.0.1", self._target))
            for one, other, log in (
                (client, upstream, self.sent),
                (upstream, client, self.received),
            ):
                threading.Thread(target=self._relay, args=(one, other, log), daemon=True).start()

    @staticmethod
    def _relay(one: socket.socket, other: socket.socket, log: bytearray) -> None:
        try:
            while piece := one.recv(65536):
                log += piece
                other.sendall(piece)
        except OSError:
            pass
        finally:
            with contextlib.suppress(OSError):
                other.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._server.close()
