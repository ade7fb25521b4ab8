"""The hooks around cells, in a shell of this process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from etiq_jupyter.jupyter.cells import CellHooks, Kept
from etiq_jupyter.sessions import Session


class Told(list[Any]):
    """What the hooks had to show."""

    def kept(self) -> list[Kept]:
        return [what for what in self if isinstance(what, Kept)]

    def errors(self) -> list[Exception]:
        return [what for what in self if isinstance(what, Exception)]


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def hooks(shell: Any, tmp_path: Path, told: Told) -> Iterator[CellHooks]:
    session = Session(tmp_path / "store")
    made = CellHooks(shell, session, told.append)
    made.install()
    yield made
    made.remove()
    session.close()


@pytest.mark.parametrize(
    ("cell", "becomes"),
    [
        ("%%snapshot a\nx = 1\n", "# %%snapshot a\nx = 1\n"),
        ("%%snapshot a\n    x = 1\n    y = 2\n", "    # %%snapshot a\n    x = 1\n    y = 2\n"),
        ("%%snapshot a\n\n%%time\nx = 1\n", "%%time\nx = 1\n"),
        ("%%snapshot --nonsense\nx = 1\n", "%%snapshot --nonsense\nx = 1\n"),
        ("%%snapshot\n", "%%snapshot\n"),
        ("x = 1\n", "x = 1\n"),
    ],
)
def test_the_line_becomes_a_comment(cell: str, becomes: str) -> None:
    assert "".join(CellHooks.transform(cell.splitlines(keepends=True))) == becomes


def test_an_indented_body_runs_as_it_would_without_the_line(
    shell: Any, hooks: CellHooks, told: Told
) -> None:
    assert shell.run_cell("%%snapshot\n    x = 1\n    y = x + 1").success
    assert shell.user_ns["y"] == 2
    assert told.kept()[0].captured.snapshot.metrics == {"x": 1, "y": 2}


def test_a_failure_of_ours_leaves_the_cell_alone(
    shell: Any, hooks: CellHooks, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise OSError("no capture today")

    monkeypatch.setattr("etiq_jupyter.capture.watch_cell", broken)
    assert shell.run_cell("%%snapshot\nx = 41 + 1").success
    assert shell.user_ns["x"] == 42
    assert [str(error) for error in told.errors()] == ["no capture today"]


def test_three_failures_in_a_row_switch_automatic_snapshots_off(
    shell: Any, hooks: CellHooks, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise OSError("no")

    hooks.automatic = True
    with monkeypatch.context() as patched:
        patched.setattr("etiq_jupyter.capture.watch_cell", broken)
        for _ in range(2):
            shell.run_cell("a = 1", store_history=True)
    shell.run_cell("b = 2", store_history=True)  # a success in between starts the count anew
    assert hooks.automatic
    monkeypatch.setattr("etiq_jupyter.capture.watch_cell", broken)
    for _ in range(5):
        shell.run_cell("c = 3", store_history=True)
    assert not hooks.automatic
    said = [error for error in told.errors() if isinstance(error, RuntimeError)]
    assert len(said) == 1
    assert "automatic snapshots are off" in str(said[0])


def test_showing_may_fail_without_touching_the_cell(
    shell: Any, hooks: CellHooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Any) -> None:
        raise ValueError("no display")

    monkeypatch.setattr(hooks, "_show", broken)
    assert shell.run_cell("%%snapshot\nx = 1").success


def test_a_viewers_snapshot_is_kept_here_and_said_not_to_be_sent(
    shell: Any, hooks: CellHooks, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = hooks._session
    project = session.projects.open("Theirs").facts
    project.role = "viewer"
    session.use(project)
    shell.run_cell("%%snapshot\nx = 1")
    (kept,) = told.kept()
    assert "viewer" in kept.note
    assert kept.ticket is not None
    assert kept.ticket.state == "stored"


def test_silent_and_historyless_cells_are_not_kept_automatically(
    shell: Any, hooks: CellHooks, told: Told
) -> None:
    hooks.automatic = True
    shell.run_cell("x = 1", store_history=False)
    shell.run_cell("x = 1", silent=True)
    assert told == []
