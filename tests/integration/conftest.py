"""A real dashboard process, shared by the tests of a run that leave it as it is."""

from __future__ import annotations

import contextlib
import json
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

PASSWORD = "correct horse battery staple"


class DashboardPerson:
    """Somebody with an account, a browser session and a token that may do everything."""

    def __init__(self, dashboard: DashboardProcess, username: str) -> None:
        self.dashboard = dashboard
        self.username = username
        self.browser = requests.Session()
        self.browser.trust_env = False
        self.browser.headers["Origin"] = dashboard.url
        body = {"username": username, "password": PASSWORD}
        self.browser.post(f"{dashboard.api}/sign-in", json=body, timeout=30).raise_for_status()
        self.client = requests.Session()
        self.client.trust_env = False
        secret = self.token("all", ["read", "write", "admin"])
        self.client.headers["Authorization"] = f"Bearer {secret}"

    def make_token(self, name: str, **options: Any) -> dict[str, Any]:
        """Make a token on the page and return what it shows: the token's facts and its text."""
        body = {"name": name, **options}
        answer = self.browser.post(f"{self.dashboard.api}/tokens", json=body, timeout=30)
        answer.raise_for_status()
        made: dict[str, Any] = answer.json()
        return made

    def token(self, name: str = "notebook", scopes: list[str] | None = None) -> str:
        """Make a token and return its text."""
        return str(self.make_token(name, scopes=scopes)["secret"])

    def call(self, method: str, path: str, expect: int | None = None, **options: Any) -> Any:
        """Call ``/api/v1`` with the token; with ``expect`` return the decoded answer."""
        url = f"{self.dashboard.api}{path}"
        answer = self.client.request(method, url, timeout=30, **options)
        if expect is None:
            return answer
        assert answer.status_code == expect, answer.text
        return answer.json() if answer.content else None

    def get(self, path: str, **params: Any) -> Any:
        """Get ``/api/v1`` with the token."""
        return self.call("GET", path, 200, params=params)


class DashboardProcess:
    """One dashboard process and its data; can be killed and started again at its address."""

    def __init__(self, folder: Path, *options: str, env: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.options = options
        self.env = env
        self.url = ""
        self.setup_url = ""
        self._people: dict[str, DashboardPerson] = {}
        self.start()

    @property
    def api(self) -> str:
        return f"{self.url}/api/v1"

    def start(self) -> None:
        """Start it and wait until it answers."""
        port = str(urlsplit(self.url).port) if self.url else "0"
        command = [sys.executable, "-m", "etiq_jupyter.dashboard", "--port", port]
        command += ["--data-dir", str(self.data), *self.options]
        log = (self.folder / "dashboard.log").open("ab")
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, env=self.env, cwd=self.folder
        )
        log.close()
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], 60)
        line = self.process.stdout.readline() if ready else b""
        assert line, (self.folder / "dashboard.log").read_text()
        said = json.loads(line)
        self.url, self.setup_url = said["url"], said["setup_url"]

    def kill(self) -> None:
        """End it as a power cut would."""
        self.stop(signal.SIGKILL)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it, by default politely."""
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    @property
    def admin(self) -> DashboardPerson:
        """The first person, who looks after the dashboard."""
        return self.person("ana")

    def person(self, username: str = "ana") -> DashboardPerson:
        """Return a person with an account; the first one is made by the set-up link."""
        if username in self._people:
            return self._people[username]
        body = {"username": username, "email": f"{username}@example.org", "password": PASSWORD}
        if self.setup_url:
            (secret,) = parse_qs(urlsplit(self.setup_url).query)["secret"]
            answer = requests.post(f"{self.api}/setup", json=body | {"secret": secret}, timeout=30)
            answer.raise_for_status()
            self.setup_url = ""
        else:
            place = [self.data, *self.options]
            self._add(username, place)
        self._people[username] = DashboardPerson(self, username)
        return self._people[username]

    def _add(self, username: str, place: list[Any]) -> None:
        from etiq_jupyter.dashboard.administration import add_user

        options = dict(zip(place[1::2], place[2::2], strict=False))
        add_user(
            username,
            f"{username}@example.org",
            PASSWORD,
            data_dir=self.data,
            database_url=options.get("--database-url", ""),
            objects="",
        )


@pytest.fixture(scope="session")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DashboardProcess]:
    """A running dashboard, for tests that leave it running and use projects of their own."""
    running = DashboardProcess(tmp_path_factory.mktemp("dashboard"))
    yield running
    running.stop()


@pytest.fixture
def start_dashboard(tmp_path: Path) -> Iterator[Callable[..., DashboardProcess]]:
    """Starts dashboards of a test's own, which it may kill."""
    started: list[DashboardProcess] = []

    def start(*options: str, env: dict[str, str] | None = None) -> DashboardProcess:
        folder = tmp_path / f"dashboard{len(started)}"
        folder.mkdir()
        started.append(DashboardProcess(folder, *options, env=env))
        return started[-1]

    yield start
    for one in started:
        with contextlib.suppress(ProcessLookupError):
            one.stop()


def wait_until(what: Callable[[], Any], timeout: float = 20.0) -> Any:
    """Return the first true answer."""
    end = time.monotonic() + timeout
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.02)


@pytest.fixture(name="wait_until")
def wait_until_fixture() -> Callable[..., Any]:
    return wait_until
