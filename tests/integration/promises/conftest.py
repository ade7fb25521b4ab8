"""A real dashboard process, with people who use it as they would in a browser."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from etiq_jupyter.cli.processes import Child, free_port, start_dashboard
from etiq_jupyter.sessions import Session

PASSWORD = "correct horse battery staple"


class Person:
    """Somebody signed in on the dashboard's pages."""

    def __init__(self, dashboard: RunningDashboard, username: str) -> None:
        self.dashboard = dashboard
        self.username = username
        self._browser = requests.Session()
        self._browser.headers["Origin"] = dashboard.url

    def call(self, method: str, path: str, body: Any = None) -> requests.Response:
        return self._browser.request(
            method, f"{self.dashboard.url}/api/v1{path}", json=body, timeout=20
        )

    def sign_in(self) -> Person:
        body = {"username": self.username, "password": PASSWORD}
        self.call("POST", "/sign-in", body).raise_for_status()
        return self

    def make_token(self, name: str = "notebook", **options: Any) -> dict[str, Any]:
        answer = self.call("POST", "/tokens", {"name": name, **options})
        answer.raise_for_status()
        made: dict[str, Any] = answer.json()
        return made

    def token(self, name: str = "notebook") -> str:
        return str(self.make_token(name)["secret"])


class RunningDashboard:
    """One dashboard with its data; can be stopped, killed and started again at its address."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port(0)
        self.child: Child | None = None
        self.people: dict[str, Person] = {}
        self.ready: dict[str, str] = {}
        self.start()
        (secret,) = parse_qs(urlsplit(self.ready["setup_url"]).query)["secret"]
        self.admin = Person(self, "ana")
        body = {"username": "ana", "email": "ana@example.org", "password": PASSWORD}
        self.admin.call("POST", "/setup", {"secret": secret} | body).raise_for_status()
        self.admin.sign_in()
        self.people["ana"] = self.admin

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.child, self.ready = start_dashboard(
            self.folder / "data", self.port, self.folder / "dashboard.log"
        )

    def stop(self) -> None:
        if self.child is not None:
            self.child.stop()
            self.child = None

    def kill(self) -> None:
        assert self.child is not None
        os.kill(self.child.process.pid, signal.SIGKILL)
        self.child.process.wait()
        self.stop()

    def person(self, username: str) -> Person:
        """Somebody with an account of their own."""
        if username not in self.people:
            from etiq_jupyter.dashboard.administration import add_user

            add_user(username, f"{username}@example.org", PASSWORD, data_dir=self.folder / "data")
            self.people[username] = Person(self, username).sign_in()
        return self.people[username]


@pytest.fixture(scope="session")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDashboard]:
    """A dashboard for tests that leave it running."""
    running = RunningDashboard(tmp_path_factory.mktemp("dashboard"))
    yield running
    running.stop()


@pytest.fixture
def own_dashboard(tmp_path: Path) -> Iterator[RunningDashboard]:
    """A dashboard for a test that kills it."""
    (tmp_path / "dashboard").mkdir()
    running = RunningDashboard(tmp_path / "dashboard")
    yield running
    running.stop()


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
    import threading
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

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
