"""The waiting side of a log-in at a browser, against a scripted dashboard."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from etiq_jupyter import credentials
from etiq_jupyter.api import device
from etiq_jupyter.api.device import device_login
from etiq_jupyter.capture.redact import mask
from etiq_jupyter.errors import (
    AccessDenied,
    AuthError,
    ConfigError,
    ExpiredCode,
    Invalid,
    NotADashboard,
    NotFound,
    ServerError,
)

SECRET = "etq_" + "a" * 38
DEVICE_CODE = "the-device-code-of-this-test"
TOKEN = {"id": "t", "name": "n", "created_at": "2026-11-20T08:00:00Z"}
ISSUED = {"token": TOKEN, "secret": SECRET, "dashboard_url": "http://elsewhere.example"}


class Script(ThreadingHTTPServer):
    """Answers /device/codes with ``code`` and each poll with the next of ``polls``."""

    def __init__(self) -> None:
        script = self
        self.polls: list[tuple[int, Any]] = []
        self.asked: list[dict[str, Any]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                script.asked.append(json.loads(self.rfile.read(length)))
                assert "Authorization" not in self.headers
                path = self.path.removeprefix("/api/v1/device/")
                status, body = script.code if path == "codes" else script.polls.pop(0)
                self.send_response(status)
                kind = "application/problem+json" if status >= 400 else "application/json"
                self.send_header("Content-Type", kind)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.code: tuple[int, Any] = (201, self.codes())
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def codes(self, **more: Any) -> dict[str, Any]:
        page = f"{self.url}/device"
        return {
            "device_code": DEVICE_CODE,
            "user_code": "BCDF-GHJK",
            "verification_url": page,
            "verification_url_complete": f"{page}?code=BCDF-GHJK",
            "interval": 3,
            "expires_in": 600,
            **more,
        }


class Waiting:
    """A session that only notes how it is logged in, and a clock that sleeping moves on."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []
        self.logins: list[tuple[str, str]] = []
        self.said: list[Any] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def monotonic(self) -> float:
        return self.now

    def login(self, url: str, token: str, *, verify: bool | str) -> None:
        assert verify is True
        assert SECRET not in mask(token), "logged in before the redactor knew the token"
        self.logins.append((url, token))


@pytest.fixture
def script() -> Iterator[Script]:
    made = Script()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> Waiting:
    made = Waiting()
    monkeypatch.setattr(device.time, "monotonic", made.monotonic)
    return made


def wait(waiting: Waiting, script: Script, **options: Any) -> None:
    device_login(
        waiting,  # type: ignore[arg-type]
        script.url,
        say=waiting.said.append,
        sleep=waiting.sleep,
        **options,
    )


def problem(code: str, status: int = 400) -> tuple[int, dict[str, Any]]:
    return status, {"code": code, "status": status, "what": "x"}


PENDING, SLOW = problem("authorization_pending"), problem("slow_down")


def test_it_asks_at_the_given_pace_and_slower_when_told(waiting: Waiting, script: Script) -> None:
    script.polls = [PENDING, SLOW, PENDING, SLOW, (201, ISSUED)]
    wait(waiting, script, name="fit.ipynb")
    assert waiting.slept == [3, 3, 8, 8, 13]
    assert script.asked[0] == {"name": "fit.ipynb"}
    assert {one["device_code"] for one in script.asked[1:]} == {DEVICE_CODE}
    assert [code.user_code for code in waiting.said] == ["BCDF-GHJK"]
    # The token goes to the dashboard that was asked for, whatever the answer names.
    assert waiting.logins == [(script.url, SECRET)]
    assert DEVICE_CODE not in mask(DEVICE_CODE)


def test_what_breaks_meanwhile_is_waited_out(waiting: Waiting, script: Script) -> None:
    script.polls = [
        problem("server_error", 500),
        (502, {}),
        problem("rate_limited", 429),
        (201, ISSUED),
    ]
    wait(waiting, script)
    assert waiting.logins == [(script.url, SECRET)]


def test_a_denial_and_an_expiry_are_errors_of_authentication(
    waiting: Waiting, script: Script
) -> None:
    script.polls = [PENDING, problem("access_denied")]
    with pytest.raises(AccessDenied, match="denied") as denied:
        wait(waiting, script)
    script.polls = [PENDING, problem("expired_token")]
    with pytest.raises(ExpiredCode, match="expired") as expired:
        wait(waiting, script)
    assert isinstance(denied.value, AuthError)
    assert isinstance(expired.value, AuthError)
    assert waiting.logins == []


@pytest.mark.parametrize(("timeout", "polls"), [(None, 200), (10.0, 3)])
def test_it_does_not_wait_for_ever(
    waiting: Waiting, script: Script, timeout: float | None, polls: int
) -> None:
    script.polls = [PENDING] * 500
    with pytest.raises(ExpiredCode):
        wait(waiting, script, timeout=timeout)
    assert len(waiting.slept) == polls


def test_odd_numbers_of_a_dashboard_are_bounded(
    waiting: Waiting, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "LONGEST_WAIT", 60)
    script.code = (201, script.codes(interval=-5, expires_in=10**9))
    script.polls = [PENDING, problem("access_denied")]
    with pytest.raises(AccessDenied):
        wait(waiting, script)
    assert waiting.slept == [1, 1]
    script.polls = [PENDING] * 100
    with pytest.raises(ExpiredCode):
        wait(waiting, script)
    assert waiting.now <= 2 + 60


@pytest.mark.parametrize(
    "link",
    ["javascript:alert(1)", "file:///etc/passwd", "http://h/\u202edevice", "http://h/\x1b[2J"],
)
def test_links_that_are_none_are_not_shown(waiting: Waiting, script: Script, link: str) -> None:
    script.code = (201, script.codes(verification_url_complete=link))
    with pytest.raises(NotADashboard):
        wait(waiting, script)
    assert waiting.said == []


def test_older_and_odd_dashboards_are_named(waiting: Waiting, script: Script) -> None:
    script.code = problem("not_found", 404)
    with pytest.raises(NotFound, match="older"):
        wait(waiting, script)
    script.code = (201, {"hello": 1})
    with pytest.raises(NotADashboard):
        wait(waiting, script)
    script.code = problem("server_error", 500)
    with pytest.raises(ServerError):
        wait(waiting, script)


def test_the_link_is_escaped_where_it_is_shown() -> None:
    from etiq_jupyter.jupyter.device import bundle
    from etiq_jupyter.model import DeviceCode

    shown = bundle(
        DeviceCode(
            device_code=DEVICE_CODE,
            user_code="<b>",
            verification_url="http://h",
            verification_url_complete='http://h/?"><script>alert(1)</script>',
            interval=3,
            expires_in=600,
        )
    )
    assert "<script" not in shown["text/html"]
    assert '?"' not in shown["text/html"]
    assert "<code>&lt;b&gt;</code>" in shown["text/html"]
    assert DEVICE_CODE not in str(shown)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(credentials, "SYSTEM_FILE", tmp_path / "api.cfg")
    return tmp_path


def test_the_address_comes_from_the_first_source_that_names_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert credentials.find_address().url == credentials.DEFAULT_URL
    (folder / "api.cfg").write_text("ETIQ_DASHBOARD_URL=https://system.example\n")
    assert credentials.find_address().url == "https://system.example"
    (folder / ".etiq").write_text("token=abc\n")  # no URL: says nothing of where
    assert credentials.find_address().url == "https://system.example"
    monkeypatch.setenv("ETIQ_DASHBOARD_URL", "https://environment.example/")
    found = credentials.find_address()
    assert (found.url, found.source) == ("https://environment.example", "environment")
    given = {"url": "https://given.example", "verify": "/ca.pem"}
    assert credentials.find_address(config=given).verify == "/ca.pem"
    assert credentials.find_address("https://mine.example/", config=given) == credentials.Address(
        "https://mine.example", "keywords"
    )
    assert credentials.find_address("https://given.example", config=given).verify == "/ca.pem"


def test_addresses_and_configurations_that_cannot_be_are_refused(folder: Path) -> None:
    with pytest.raises(Invalid):
        credentials.find_address("dashboard.example")
    with pytest.raises(ConfigError):
        credentials.find_address(config=folder / "missing.json")
