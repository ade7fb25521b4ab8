"""Sessions, and a server that is no dashboard."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from etiq_jupyter.sessions import Session


@pytest.fixture
def own_dashboard(start_dashboard: Callable[..., Any]) -> Any:
    """A dashboard for a test that kills it."""
    return start_dashboard()


@pytest.fixture
def sessions(tmp_path: Path) -> Iterator[Callable[..., Session]]:
    """Makes sessions, each with a store of its own unless told otherwise."""
    made: list[Session] = []

    def make(home: Path | None = None) -> Session:
        made.append(Session(home or tmp_path / f"store{len(made)}"))
        return made[-1]

    yield make
    for session in made:
        session.logout(wait=0)
        session.close()


@pytest.fixture(scope="session")
def other_server() -> Iterator[str]:
    """A web server that is no dashboard."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>hello</html>")

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


class HttpProxy:
    """A proxy that notes what it was asked for and passes it on."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                asked.append(self.path)
                length = int(self.headers.get("Content-Length") or 0)
                answer = requests.request(
                    self.command,
                    self.path,
                    headers=dict(self.headers),
                    data=self.rfile.read(length),
                    proxies={"http": ""},
                    timeout=30,
                )
                self.send_response(answer.status_code)
                self.send_header("Content-Type", answer.headers.get("Content-Type", ""))
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture(scope="session")
def http_proxy() -> Iterator[HttpProxy]:
    proxy = HttpProxy()
    yield proxy
    proxy.server.shutdown()
