"""Nothing of the machine's own configuration reaches a test, and no test reaches it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

OURS = ("ETIQ_DASHBOARD_URL", "ETIQ_TOKEN", "ETIQ_WORKSPACE", "ETIQ_PROJECT", "JPY_SESSION_NAME")


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give every test an empty home, an empty store and no credentials."""
    for prompt in ("ps1", "ps2", "ps3"):  # a shell made by another test leaves them
        monkeypatch.delattr(sys, prompt, raising=False)
    home = tmp_path_factory.mktemp("home")
    for name in OURS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("ETIQ_HOME", str(home / "etiq"))
    monkeypatch.setenv("IPYTHONDIR", str(home / "ipython"))
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(home / "jupyter"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(home / "runtime"))
    return home


ORDER = ("unit", "hostile", "integration", "crash", "benchmarks", "browser")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what is fast first, and the browser last: it keeps an event loop in the main thread."""
    root = Path(__file__).parent

    def place(item: pytest.Item) -> int:
        folder = item.path.relative_to(root).parts[0]
        return ORDER.index(folder) if folder in ORDER else 0

    items.sort(key=place)
