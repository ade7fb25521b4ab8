"""A small kernel: cells run in one namespace, each watched as the notebook does it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from etiq_jupyter import capture
from etiq_jupyter.capture import environment
from etiq_jupyter.capture import surroundings as surroundings_module
from etiq_jupyter.model import Failure, Item


class Kernel:
    """Runs cells; ``last`` is the last capture."""

    def __init__(self) -> None:
        self.namespace: dict[str, Any] = {"__name__": "__main__"}
        self.memory = capture.Memory()
        self.last: capture.Captured

    def run(
        self, source: str, outputs: list[dict[str, Any]] | None = None, **options: Any
    ) -> capture.Captured:
        watch = capture.watch_cell(source, self.namespace, self.memory)
        error = None
        try:
            exec(compile(source, "<cell>", "exec"), self.namespace)
        except Exception as caught:
            error = Failure(
                name=type(caught).__name__, message=str(caught), traceback=[repr(caught)]
            )
        outcome = capture.CellOutcome(
            outputs=outputs or [], error=error, duration=0.1, execution_count=1, cell_id="c"
        )
        self.last = watch.finish(outcome, capture.Options(**options))
        return self.last

    def unseen(self, source: str) -> None:
        """Run a cell that is not kept."""
        exec(source, self.namespace)

    def kept(self, source: str, **options: Any) -> list[str]:
        """Run a cell; return the names of its variables."""
        return [item.name for item in self.items(self.run(source, **options))]

    @staticmethod
    def items(captured: capture.Captured) -> list[Item]:
        return [item for item in captured.snapshot.items if item.role == "variable"]

    def item(self, name: str) -> Item:
        return next(item for item in self.last.snapshot.items if item.name == name)

    def reads(self) -> list[str]:
        return [read.name for read in self.last.snapshot.reads]


@pytest.fixture
def kernel() -> Kernel:
    return Kernel()


@pytest.fixture
def surroundings(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes an environment with this uncommitted diff, and waits until it is ready."""

    def make(diff: str) -> None:
        facts = {"python": "3", "packages": {}, "git": {"commit": "c", "diff": diff}}
        monkeypatch.setattr(environment, "collect", lambda: facts)
        monkeypatch.setattr(surroundings_module, "collector", surroundings_module.Collector())
        surroundings_module.collector.current(wait=30)

    return make


@pytest.fixture
def stream() -> Callable[..., dict[str, Any]]:
    def make(text: str, name: str = "stdout") -> dict[str, Any]:
        return {"output_type": "stream", "name": name, "text": text}

    return make
