"""Going on with a store whose index turns out to be damaged while it is used."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING

from etiq_jupyter.store.database import DamagedIndex
from etiq_jupyter.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

AUTOMATIC = 128 << 20
"""Bytes of an index up to which a kernel repairs it by itself; takes some seconds and three times
as much memory."""
_SOON = 60.0  # seconds after a repair in which damage again means that the disk is failing
_PATIENCE = 10.0  # seconds for other processes to end their transactions
_log = logging.getLogger("etiq_jupyter")
_last: dict[Path, float] = {}


def open_mending(path: Path, say: Callable[[str], None] = _log.warning) -> Store:
    """Open a store whose index is repaired when it turns out to be damaged, now or later.

    Parameters
    ----------
    path : Path
        The folder.
    say : callable
        Called with what was repaired.

    Raises
    ------
    DamagedIndex
        When the index is damaged and cannot be repaired now.
    StorageFull, UnsafeContent
        As for `Store.open`.
    """
    try:
        store = Store.open(path)
    except DamagedIndex as error:
        mend(path, error, say)
        store = Store.open(path)
    store.database.mend = lambda error: mend(path, error, say)
    return store


def mend(path: Path, error: DamagedIndex, say: Callable[[str], None] = _log.warning) -> None:
    """Repair an index that turned out to be damaged while it was used, and say so.

    Raises
    ------
    DamagedIndex
        The same error, when the index is too large to be repaired while somebody waits, or was
        repaired just now.
    """
    # Only now: nobody pays at every start for what hardly ever happens.
    from etiq_jupyter.store.repair import kept_copies, repair

    index = path / "index.sqlite"
    now, before = time.time(), _last.get(path, 0.0)
    size = index.stat().st_size if index.exists() else 0
    if size > AUTOMATIC:
        raise error
    if any(now - each.stat().st_mtime < _SOON for each in kept_copies(path)) and _is_sound(index):
        return  # another process has noticed it, too, and was quicker
    if now - before < _SOON:
        raise error
    _last[path] = now
    say(f"{error.what} ({error.why}). {repair(path)}")


def _is_sound(index: Path) -> bool:
    try:
        with contextlib.closing(sqlite3.connect(index, timeout=_PATIENCE)) as connection:
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",))
    except sqlite3.Error:
        return False
