"""Chromium for the tests, one context for each; and a real dashboard with people and snapshots."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

sys.path.insert(0, str(Path(__file__).parent / "dashboard"))

from dashboard_process import Beacon, Dashboard, Team
from dashboard_story import attack, tell

HINT = "no Chromium: apt-get install -y --no-install-recommends chromium, or set ETIQ_BROWSER"
QUIET = [
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Limits for a busy machine: the first look at a frame imports Arrow, JupyterLab loads megabytes.
expect.set_options(timeout=30_000)
ACTION, NAVIGATION = 30_000, 60_000
VIEW = {"width": 1280, "height": 800}
BUILT = Path(__file__).parents[2] / "etiq_jupyter" / "dashboard" / "static" / "index.html"


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium; skips without one, and fails where one is required."""
    names = (os.environ.get("ETIQ_BROWSER"), "chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if name and (path := shutil.which(name))), None)
    if found is None and os.environ.get("ETIQ_REQUIRE_BROWSER") == "1":
        pytest.fail(HINT)
    if found is None:
        pytest.skip(HINT)
    return found


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def new_context(browser: Browser) -> Callable[..., BrowserContext]:
    """Makes a browser's context, in which nothing moves, with limits for a busy machine."""

    def make(**options: Any) -> BrowserContext:
        made = browser.new_context(**{"viewport": VIEW, "reduced_motion": "reduce", **options})
        made.set_default_timeout(ACTION)
        made.set_default_navigation_timeout(NAVIGATION)
        return made

    return make


@pytest.fixture
def context(new_context: Callable[..., BrowserContext]) -> Iterator[BrowserContext]:
    made = new_context()
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page; a script error in it fails the test."""
    made = context.new_page()
    errors: list[str] = []
    made.on("pageerror", lambda error: errors.append(str(error)))
    yield made
    assert not errors, f"script errors: {errors}"


def require_pages() -> None:
    """Say what to do when the pages are not built."""
    if not BUILT.exists():
        hint = "the dashboard's pages are not built: cd labextension && jlpm install && jlpm build"
        if os.environ.get("ETIQ_REQUIRE_BROWSER") == "1":
            pytest.fail(hint)
        pytest.skip(hint)


@pytest.fixture
def fresh(chromium: str, tmp_path: Path) -> Iterator[Dashboard]:
    """A dashboard without anybody."""
    require_pages()
    dashboard = Dashboard(tmp_path / "dashboard", "--allow-registration")
    yield dashboard
    dashboard.stop()


@pytest.fixture(scope="session")
def team(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    require_pages()
    beacon = Beacon()
    dashboard = Dashboard(tmp_path_factory.mktemp("team") / "dashboard", "--allow-registration")
    try:
        ana, bea = dashboard.first_user("ana"), dashboard.register("bea")
        study = ana.open_project("Churn model")
        ids = tell(study)
        about = {"pinned": ["acc", "loss"], "description": "Which customers leave, and why."}
        ana.send("PATCH", f"/projects/{study.project}", json=about)
        hostile = attack(ana.open_project("Not to be trusted"), beacon.url)
        yield Team(dashboard, ana, bea, study, ids, hostile, beacon)
    finally:
        beacon.shutdown()
        beacon.server_close()
        dashboard.stop()


@pytest.fixture
def as_ana(page: Page, team: Team) -> Page:
    """Ana's page, signed in by the browser's own cookie."""
    for cookie in team.ana.http.cookies:
        page.context.add_cookies(
            [{"name": cookie.name, "value": str(cookie.value), "url": team.url}]
        )
    return page
