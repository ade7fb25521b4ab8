"""%etiq_login --device: a real kernel waits while somebody approves on a real dashboard."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import start_new_kernel

from etiq_jupyter.sessions import WELCOME

CODE = re.compile(r"\b([B-Z]{4}-[B-Z]{4})\b")


class WaitingKernel:
    """A kernel whose output is read while a cell runs."""

    def __init__(self) -> None:
        self.manager, self.client = start_new_kernel(kernel_name="python3")
        self.messages: list[dict[str, Any]] = []

    def begin(self, code: str) -> None:
        """Start to run code."""
        self.reply: dict[str, Any] = {}
        self.messages = []

        def run() -> None:
            self.reply = self.client.execute_interactive(
                code, allow_stdin=False, output_hook=self.messages.append, timeout=60
            )

        self.thread = threading.Thread(target=run)
        self.thread.start()

    def end(self) -> str:
        """Wait until the cell has run; returns the error's name."""
        self.thread.join(60)
        assert not self.thread.is_alive()
        return str(self.reply["content"].get("ename", ""))

    def run(self, code: str) -> str:
        """Run code and return all it showed."""
        self.begin(code)
        error = self.end()
        return f"{self.said}{error}"

    @property
    def said(self) -> str:
        """Everything that was shown, in every form."""
        return "\n".join(str(message["content"]) for message in list(self.messages))

    def bundles(self, kind: str) -> list[dict[str, str]]:
        """Displays, or updates of displays."""
        return [m["content"]["data"] for m in list(self.messages) if m["msg_type"] == kind]

    def user_code(self) -> str:
        """The code that is shown, once it is."""
        end = time.monotonic() + 20
        while time.monotonic() < end:
            found = CODE.search(self.said)
            if found:
                return found[1]
            assert self.thread.is_alive(), self.said
            time.sleep(0.02)
        raise AssertionError(self.said)

    def stop(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def kernel(own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/ana/fit.ipynb")
    made = WaitingKernel()
    made.run("%load_ext etiq_jupyter")
    yield made
    made.stop()


def answer(person: Any, code: str, verb: str) -> None:
    url = f"{person.dashboard.api}/device/{verb}"
    person.browser.post(url, json={"user_code": code}, timeout=20).raise_for_status()


def test_approving_in_a_browser_logs_the_kernel_in(own_dashboard: Any, kernel: Any) -> None:
    ana = own_dashboard.admin
    kernel.begin(f"%etiq_login {own_dashboard.url} --device")
    code = kernel.user_code()
    (question,) = kernel.bundles("display_data")
    link = f"{own_dashboard.url}/device?code={code}"
    assert link in question["text/plain"]
    assert f'href="{link}"' in question["text/html"]
    seen = ana.browser.get(f"{own_dashboard.api}/device/codes/{code}", timeout=20).json()
    assert seen["name"].startswith("fit.ipynb on ")
    assert seen["address"] == "127.0.0.1"
    answer(ana, code, "approve")
    assert kernel.end() == ""
    assert WELCOME in kernel.said
    assert kernel.bundles("update_display_data")[-1]["text/plain"] == "Approved by ana."
    assert "etq_" not in kernel.said
    assert f"Connected: ana @ {own_dashboard.url}" in kernel.run("%etiq_status")

    # As after a log-in with a token: snapshots arrive, and nothing shown holds the token.
    kernel.run("%%snapshot by device\nanswer = 42")
    kernel.run("%etiq_sync --wait")
    (project,) = ana.get("/projects")["items"]
    (snapshot,) = ana.get(f"/projects/{project['id']}/snapshots")["items"]
    assert (snapshot["name"], snapshot["author"]) == ("by device", "ana")
    said = kernel.run(
        "import etiq_jupyter as etiq\n"
        "etiq.session._login.transport._auth._text, etiq.session, etiq.status()"
    )
    assert "[redacted: registered secret]" in said
    assert "etq_" not in said
    (token,) = [one for one in ana.get("/tokens")["items"] if one["name"] == seen["name"]]
    assert token["scopes"] == ["read", "write"]
    ana.call("DELETE", f"/tokens/{token['id']}", 204)
    assert "AuthError" in kernel.run("etiq.request('GET', '/me')")


def test_the_token_is_in_no_file_of_the_kernel_or_the_dashboard(
    own_dashboard: Any, kernel: Any, own_home: Path
) -> None:
    kernel.begin(f"%etiq_login {own_dashboard.url} --device")
    answer(own_dashboard.admin, kernel.user_code(), "approve")
    assert kernel.end() == ""
    held = Path.cwd() / "held"
    kernel.run(
        "import etiq_jupyter as etiq\n"
        f"open({str(held)!r}, 'w').write(etiq.session._login.transport._auth._text)"
    )
    secret = held.read_text()
    held.unlink()
    assert secret.startswith("etq_")
    kernel.run("%%snapshot careless\ntoken = etiq.session._login.transport._auth._text\ntoken")
    kernel.run("%etiq_sync --wait")
    files = [
        path
        for folder in (own_home, Path.cwd(), own_dashboard.folder)
        for path in folder.rglob("*")
        if path.is_file()
    ]
    assert files
    assert [path for path in files if secret.encode() in path.read_bytes()] == []


def test_denying_is_an_error_and_says_so(own_dashboard: Any, kernel: Any) -> None:
    kernel.begin(f"%etiq_login {own_dashboard.url} --device")
    answer(own_dashboard.admin, kernel.user_code(), "deny")
    assert kernel.end() == "AccessDenied"
    assert "denied on the dashboard" in kernel.said
    assert "Traceback" not in kernel.said
    assert kernel.bundles("update_display_data")[-1]["text/plain"] == "The log-in was denied."
    assert "Local" in kernel.run("%etiq_status")


def test_interrupting_the_kernel_stops_the_wait(own_dashboard: Any, kernel: Any) -> None:
    ana = own_dashboard.admin
    before = len(ana.get("/tokens")["items"])
    kernel.run("%xmode Verbose")
    kernel.begin(f"%etiq_login {own_dashboard.url} --device")
    code = kernel.user_code()
    kernel.manager.interrupt_kernel()
    assert kernel.end() == "KeyboardInterrupt"
    assert "device_code" not in kernel.said
    assert "Stopped waiting: not logged in." in kernel.said
    assert "Local" in kernel.run("%etiq_status")
    answer(ana, code, "approve")
    time.sleep(0.2)
    assert len(ana.get("/tokens")["items"]) == before


def test_without_a_url_it_is_the_one_that_a_source_names(own_dashboard: Any, kernel: Any) -> None:
    own_dashboard.admin  # noqa: B018 - makes the account
    Path(".etiq").write_text(f"ETIQ_DASHBOARD_URL={own_dashboard.url}\n")
    kernel.begin("%etiq_login --device")
    answer(own_dashboard.admin, kernel.user_code(), "approve")
    assert kernel.end() == ""
    assert WELCOME in kernel.said


def test_a_dashboard_that_is_away_for_a_moment_does_not_end_the_wait(
    own_dashboard: Any, kernel: Any
) -> None:
    ana = own_dashboard.admin
    kernel.begin(f"%etiq_login {own_dashboard.url} --device")
    code = kernel.user_code()
    own_dashboard.kill()
    time.sleep(4)
    own_dashboard.start()
    answer(ana, code, "approve")
    assert kernel.end() == ""
    assert WELCOME in kernel.said


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("--device --token-env HOME", "UsageError"),
        ("http://127.0.0.1:9 --device", "Offline"),
        ("not-a-url --device", "Invalid"),
    ],
)
def test_what_cannot_work_is_said_at_once(kernel: Any, line: str, error: str) -> None:
    assert error in kernel.run(f"%etiq_login {line}")
    assert "Traceback" not in kernel.said


def test_something_else_that_answers_is_told_from_a_dashboard(
    kernel: Any, other_server: str, wait_until: Callable[..., Any]
) -> None:
    kernel.begin(f"%etiq_login {other_server} --device")
    wait_until(lambda: not kernel.thread.is_alive())
    assert kernel.end() == "NotADashboard"
