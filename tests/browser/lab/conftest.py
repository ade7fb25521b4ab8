"""One dashboard, one JupyterLab and one browser for the session; one context for a test."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

sys.path.insert(0, str(Path(__file__).parent))

from lab_driver import BUILT, Dashboard, Lab, LabServer


def chromium() -> str:
    """Find Chromium; skip without it, fail where it is required."""
    names = (os.environ.get("ETIQ_BROWSER"), "chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if name and (path := shutil.which(name))), None)
    if found is None:
        hint = (
            "no Chromium: apt-get install -y --no-install-recommends chromium, or set ETIQ_BROWSER"
        )
        if os.environ.get("ETIQ_REQUIRE_BROWSER") == "1":
            pytest.fail(hint)
        pytest.skip(hint)
    return found


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = chromium()
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=path,
            args=["--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking"],
        )
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    made = Dashboard(tmp_path_factory.mktemp("dashboard"))
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="session")
def lab_server(
    tmp_path_factory: pytest.TempPathFactory, dashboard: Dashboard
) -> Iterator[LabServer]:
    if not (BUILT / "package.json").exists():
        pytest.fail("the Lab extension is not built: cd labextension && jlpm install && jlpm build")
    environment = {"ETIQ_DASHBOARD_URL": dashboard.url, "ETIQ_TOKEN": dashboard.token("notebooks")}
    server = LabServer(tmp_path_factory.mktemp("lab"), environment)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def lab(browser: Browser, lab_server: LabServer) -> Iterator[Lab]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(15_000)
    yield Lab(context.new_page(), lab_server)
    context.close()
    lab_server.end_kernels()
