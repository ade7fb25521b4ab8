"""Repairing a damaged index in its place, also while other processes have it open.

The new contents replace the old ones in one transaction of SQLite's own, so whoever has the index
open sees the old or the new and can go on. Nobody can write between the look at the damaged pages
and the replacement. The damaged index is kept beside, under a name with the date.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import sqlite3
import struct
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from etiq_jupyter.errors import Conflict
from etiq_jupyter.ids import new_id
from etiq_jupyter.store.database import (
    PAGE,
    failures,
    kept_open,
    make_tables,
    sync_folder,
)
from etiq_jupyter.store.pages import MAGIC, Pages, header_is_sound
from etiq_jupyter.store.rebuild import Lost, Outcome, Rebuilder
from etiq_jupyter.store.salvage import Found

if TYPE_CHECKING:
    from collections.abc import Iterator

_PATIENCE = 10.0  # seconds for other processes to end their transactions
_LEFT_BEHIND = 3600.0  # seconds after which nobody works on a new index any more
_STEP = 8  # pages copied at a time; fewer than an empty index has
_BUSY = (5, 6)  # SQLite's codes for an index that another connection has locked


class Repaired(msgspec.Struct, kw_only=True):
    """What a repair brought back.

    Attributes
    ----------
    path : str
        The store.
    kept : str
        Where the damaged index is kept.
    damaged : dict
        Page of the damaged index -> what was wrong there.
    outcome : Outcome
    """

    path: str
    kept: str
    damaged: dict[int, str]
    outcome: Outcome

    def __str__(self) -> str:
        made = self.outcome
        lines = [
            f"The index of {self.path} was repaired: {made.snapshots:,} snapshots and "
            f"{made.chunks:,} chunks are back."
        ]
        if made.found:
            lines.append(f"{made.found:,} of the chunks were found again by their bytes.")
        if made.homeless:
            lines.append(
                f"Which dashboard {made.homeless:,} of the snapshots were meant for is lost; "
                "they are local now, and 'etiq sync --local' sends them."
            )
        lines += [f"Not brought back: {describe(lost)}" for lost in made.lost]
        lines.append(f"The damaged index is kept as {self.kept}.")
        return "\n".join(lines)


def describe(lost: Lost) -> str:
    """Name a snapshot that is lost here, and say whether it is lost altogether."""
    name = " ".join(part for part in (lost.short_id, lost.name) if part) or "a snapshot"
    where = {
        "synced": "it is safe on the dashboard",
        "unsent": "it had not been sent",
    }.get(lost.state, "whether it had been sent is not known")
    return f"{name} ({lost.id}); {where}."


def repair(path: Path) -> Repaired:
    """Bring back what can be read of the index of a store.

    Parameters
    ----------
    path : Path
        The folder of the store. Other processes may go on using it.

    Raises
    ------
    StorageFull
        When there is no room for the new index; the damaged one is as it was then.
    Conflict
        When another process does not end its transaction.
    """
    index = path / "index.sqlite"
    _tidy(path)
    making = path / f"repairing-{new_id()}.sqlite"
    with failures(index):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        files = _Files(index)
        files.make_openable()
        try:
            return _replace(files, making)
        finally:
            making.unlink(missing_ok=True)
            making.with_name(f"{making.name}-journal").unlink(missing_ok=True)


def _tidy(path: Path) -> None:
    """Remove what a repair left behind that was killed."""
    for each in path.glob("repairing-*"):
        with contextlib.suppress(OSError):
            if time.time() - each.stat().st_mtime > _LEFT_BEHIND:
                each.unlink()


def read_index(index: Path) -> tuple[bytes, bytes]:
    """Return the bytes of an index and of its log."""
    return _Files(index).read()


class _Files:
    """The files of a damaged index, read past SQLite."""

    def __init__(self, index: Path) -> None:
        self.index = index
        self.log = index.with_name(f"{index.name}-wal")
        index.touch(mode=0o600)
        self._main = io.FileIO(index, "r+")
        kept_open.append(self._main)

    def read(self) -> tuple[bytes, bytes]:
        """Return what is in index and log."""
        self._main.seek(0)
        main = self._main.readall()
        try:
            log = self.log.read_bytes()
        except FileNotFoundError:
            log = b""
        return main, log

    def make_openable(self) -> None:
        """Give the index a header with which SQLite opens it; nothing else is changed."""
        size = self._main.seek(0, os.SEEK_END)
        self._main.seek(0)
        first = (self._main.read(PAGE) or b"").ljust(PAGE, b"\0")
        pages = max(1, size // PAGE)
        if header_is_sound(first) and struct.unpack_from(">I", first, 28)[0] <= pages:
            return
        head = bytearray(first[:100])
        head[:16] = MAGIC
        # Page size, form of the file (write-ahead log), nothing reserved, fixed fractions.
        struct.pack_into(">H6B", head, 16, PAGE, 2, 2, 0, 64, 32, 32)
        struct.pack_into(">I", head, 28, pages)
        struct.pack_into(">2I", head, 32, 0, 0)  # the list of free pages: it is not used
        struct.pack_into(">6I", head, 44, 4, 0, 1, 1, 2, 1)
        head[92:96] = head[24:28]
        self._main.seek(0)
        self._main.write(head)
        if size < PAGE:
            self._main.truncate(PAGE)
        os.fsync(self._main.fileno())


def _replace(files: _Files, making: Path) -> Repaired:
    """Put new contents in the place of the damaged ones."""
    done: list[Repaired] = []
    until = time.monotonic() + _PATIENCE
    source = _connect(making)
    target = _connect(files.index)

    def step(status: int, remaining: int, total: int) -> None:  # noqa: ARG001 - SQLite's
        if status in _BUSY:
            if time.monotonic() > until:
                raise Conflict(
                    "The store is being written to by another process", hint="try again later"
                )
        elif not done:
            # The first pages are copied, so the index is locked: nobody else writes now. What is
            # written here through the source's own connection becomes part of the copy.
            done.append(_make(files, source))

    try:
        source.execute(f"PRAGMA page_size={PAGE}")
        source.execute("PRAGMA auto_vacuum=INCREMENTAL")
        source.execute("PRAGMA synchronous=OFF")
        with _transaction(source):
            make_tables(source)
        source.backup(target, pages=_STEP, progress=step, sleep=0.05)
        with contextlib.suppress(sqlite3.OperationalError):
            target.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        source.close()
        target.close()
    return done[0]


def _make(files: _Files, connection: sqlite3.Connection) -> Repaired:
    main, log = files.read()
    kept = _free_name(files.index)
    try:
        _keep(kept, main, log)
        found = Found(Pages(main, log))
        with _transaction(connection):
            outcome = Rebuilder(found, files.index.parent / "packs", connection).run()
    except BaseException:
        for copy in (kept, kept.with_name(f"{kept.name}-wal")):
            copy.unlink(missing_ok=True)  # the index itself is as it was
        raise
    return Repaired(
        path=str(files.index.parent), kept=str(kept), damaged=found.damaged, outcome=outcome
    )


def _free_name(index: Path) -> Path:
    """Return where the damaged index can be kept."""
    kept, name = index.with_name(_name()), _name()
    for number in itertools.count(2):
        if not kept.exists():
            break
        kept = index.with_name(name.replace(".sqlite", f"-{number}.sqlite"))
    return kept


def _keep(kept: Path, main: bytes, log: bytes) -> None:
    """Keep a copy of the damaged files."""
    for path, data in ((kept, main), (kept.with_name(f"{kept.name}-wal"), log)):
        if data or path == kept:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(fd, "wb") as file:  # noqa: PTH123 - a descriptor
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
    sync_folder(kept.parent)


def _name() -> str:
    return f"index-damaged-{datetime.now().strftime('%Y-%m-%d-%H%M%S')}.sqlite"


def kept_copies(path: Path) -> list[Path]:
    """Return the damaged indexes that repairs of a store have kept, the latest first."""
    found = path.glob("index-damaged-*.sqlite")
    return sorted(found, key=lambda each: each.stat().st_mtime, reverse=True)


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN")
    yield
    connection.execute("COMMIT")
