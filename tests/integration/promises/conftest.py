"""Sessions, and a server that is no dashboard."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

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
