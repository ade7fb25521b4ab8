"""One dashboard, one JupyterLab and one browser for the session; one context for a test."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext

sys.path.insert(0, str(Path(__file__).parent))

from lab_driver import BUILT, Dashboard, Lab, LabServer


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


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


@pytest.fixture(scope="session")
def context(new_context: Callable[..., BrowserContext]) -> Iterator[BrowserContext]:
    """One context for all tests, whose cache saves each of them the loading of JupyterLab."""
    made = new_context()
    yield made
    made.close()


@pytest.fixture
def lab(context: BrowserContext, lab_server: LabServer) -> Iterator[Lab]:
    """JupyterLab in a page and a workspace of its own."""
    page = context.new_page()
    yield Lab(page, lab_server)
    page.close()
    lab_server.end_kernels()


@pytest.fixture
def lab_with_clock(
    new_context: Callable[..., BrowserContext], lab_server: LabServer
) -> Iterator[Lab]:
    """JupyterLab whose clock the test can wind forward."""
    made = new_context()
    made.clock.install()
    yield Lab(made.new_page(), lab_server)
    made.close()
    lab_server.end_kernels()
