"""A session waits, somebody approves it on the page that its link leads to."""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dashboard_process import PASSWORD, Team
from playwright.sync_api import Page, expect

from etiq_jupyter.api.device import device_login
from etiq_jupyter.errors import AccessDenied
from etiq_jupyter.model import DeviceCode
from etiq_jupyter.sessions import Session

pytestmark = pytest.mark.browser


class Waiting:
    """A session that waits in a thread for somebody's word."""

    def __init__(self, url: str, home: Path, name: str) -> None:
        self.session = Session(home)
        self.error: BaseException | None = None
        said: queue.Queue[DeviceCode] = queue.Queue()

        def wait() -> None:
            try:
                device_login(self.session, url, name=name, say=said.put)
            except BaseException as error:
                self.error = error

        self.thread = threading.Thread(target=wait, daemon=True)
        self.thread.start()
        self.code = said.get(timeout=60)

    def end(self) -> None:
        self.thread.join(60)
        assert not self.thread.is_alive()


@pytest.fixture
def waiting(team: Team, tmp_path: Path) -> Iterator[Callable[[str], Waiting]]:
    made: list[Waiting] = []

    def begin(name: str) -> Waiting:
        made.append(Waiting(team.url, tmp_path / f"store{len(made)}", name))
        return made[-1]

    yield begin
    for one in made:
        one.session.logout(wait=0)
        one.session.close()


def test_the_link_leads_through_signing_in_to_the_question_and_approving_logs_in(
    page: Page, team: Team, waiting: Callable[[str], Waiting]
) -> None:
    begun = waiting("fit.ipynb on <b>laptop</b>")
    page.goto(begun.code.verification_url_complete)
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.get_by_label("Username").fill("bea")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()

    asked = page.get_by_role("region", name="Who asks")
    expect(asked).to_contain_text("fit.ipynb on <b>laptop</b> asks to be logged in as you, bea")
    expect(asked).to_contain_text(begun.code.user_code)
    expect(asked).to_contain_text("127.0.0.1")
    expect(asked).to_contain_text(re.compile(r"Expires\s*in \d+ min"))
    assert not begun.session.is_logged_in()
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("status").filter(has_text="Approved.")).to_be_visible()
    begun.end()
    assert begun.error is None
    assert repr(begun.session) == f"Session(bea @ {team.url})"
    assert begun.code.device_code not in page.content()

    page.get_by_role("link", name="access tokens").click()
    row = page.get_by_role("row").filter(has_text="fit.ipynb on <b>laptop</b>")
    expect(row).to_contain_text("read, write")

    page.goto(begun.code.verification_url_complete)
    expect(page.get_by_role("alert")).to_contain_text("No log-in waits under this code")


def test_a_typed_code_is_found_and_denied(
    as_ana: Page, team: Team, waiting: Callable[[str], Waiting]
) -> None:
    begun = waiting("unknown.ipynb")
    page = as_ana
    page.goto(f"{team.url}/device")
    expect(page.get_by_label("Code")).to_be_focused()
    page.keyboard.type("bcdf-ghjk")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("mistyped")
    page.get_by_label("Code").fill(begun.code.user_code.replace("-", "").lower())
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Who asks")).to_contain_text("unknown.ipynb")
    page.get_by_role("button", name="Deny").click()
    expect(page.get_by_role("status").filter(has_text="Denied.")).to_be_visible()
    begun.end()
    assert isinstance(begun.error, AccessDenied)
    assert not begun.session.is_logged_in()
