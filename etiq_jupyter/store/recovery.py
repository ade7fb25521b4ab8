"""Looking at a store that may be damaged, and bringing back what can be brought back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from etiq_jupyter.store.checking import name_damage
from etiq_jupyter.store.database import DamagedIndex
from etiq_jupyter.store.maintenance import Report, forget_chunks, verify
from etiq_jupyter.store.repair import Repaired, repair
from etiq_jupyter.store.spare import bring_back
from etiq_jupyter.store.store import Store

Progress = Callable[[int, int], None]


class Recovered(msgspec.Struct, kw_only=True):
    """What `recover` did.

    Attributes
    ----------
    index : Repaired, optional
        What became of the index; None when it was sound.
    forgotten : int
        Damaged chunks that no longer count as known, so that the next snapshot with such content
        keeps it anew.
    moved : int
        Snapshots that had been kept elsewhere meanwhile.
    """

    index: Repaired | None = None
    forgotten: int = 0
    moved: int = 0

    def __str__(self) -> str:
        lines = [str(self.index)] if self.index is not None else []
        if self.forgotten:
            lines.append(
                f"Damaged chunks that are forgotten: {self.forgotten:,}. "
                "The next snapshot with such content keeps it anew."
            )
        if self.moved:
            lines.append(f"Snapshots moved here from a spare folder: {self.moved:,}.")
        return "\n".join(lines) or "There is nothing that a repair could bring back."


def examine(path: Path, on_progress: Progress | None = None) -> Report:
    """Check a store like `verify`, also when its index cannot even be opened."""
    try:
        store = Store.open(path)
    except DamagedIndex as error:
        wrong = name_damage(path / "index.sqlite", [error.why or error.what])
        return Report(path=str(path), index=wrong, damaged=[], missing=[])
    try:
        return verify(store, on_progress)
    finally:
        store.close()


def recover(path: Path, report: Report, on_progress: Progress | None = None) -> Recovered:
    """Repair a store; other processes may go on using it.

    Parameters
    ----------
    path : Path
        The folder.
    report : Report
        What `examine` said of it.
    on_progress : callable, optional
        Called with chunks done and chunks in all.

    Raises
    ------
    StorageFull, Conflict
        See `repair.repair`.
    """
    done = Recovered()
    if report.index:
        done.index = repair(path)
        report = examine(path, on_progress)
    store = Store.open(path)
    try:
        done.forgotten = forget_chunks(store, [damage.chunk for damage in report.damaged])
        done.moved = bring_back(store)
    finally:
        store.close()
    return done
