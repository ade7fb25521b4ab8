"""Snapshots of values and cells, to be compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from etiq_jupyter import capture, compare
from etiq_jupyter.capture import environment, surroundings
from etiq_jupyter.model import Diff, Item


@pytest.fixture(autouse=True)
def same_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same surroundings for every snapshot: they are collected beside the cells, and change."""
    monkeypatch.setattr(environment, "collect", lambda: {"python": "3", "packages": {}})
    monkeypatch.setattr(surroundings, "collector", surroundings.Collector())
    surroundings.collector.current(wait=30)


@pytest.fixture
def diff() -> Callable[..., Diff]:
    """Compare two dictionaries of values."""

    def make(a: dict[str, Any], b: dict[str, Any]) -> Diff:
        left, right = capture.capture_values(a), capture.capture_values(b)

        def opener(captured: capture.Captured) -> Callable[[Item], Any]:
            return lambda item: captured.contents[item.name]

        return compare.diff(left.snapshot, right.snapshot, opener(left), opener(right))

    return make


@pytest.fixture
def change(diff: Callable[..., Diff]) -> Callable[[Any, Any], Any]:
    """Compare two values; return the change of the one variable."""

    def make(a: Any, b: Any) -> Any:
        return diff({"v": a}, {"v": b}).variables[0]

    return make


@pytest.fixture
def notebook() -> Any:
    """Runs cells and keeps their manifests."""

    class Notebook:
        def __init__(self) -> None:
            self.space: dict[str, Any] = {"__name__": "__main__"}
            self.memory = capture.Memory()
            self.snapshots: list[Any] = []

        def run(self, source: str, name: str = "") -> str:
            watch = capture.watch_cell(source, self.space, self.memory)
            exec(source, self.space)
            snapshot = watch.finish(capture.CellOutcome(), capture.Options(name=name)).snapshot
            self.snapshots.append(snapshot)
            return snapshot.id

    return Notebook()
