"""The index of the local store: one SQLite file, used by several processes at once.

Connections are never shared between processes: after a fork the child opens its own and leaves the
inherited one alone (closing it could drop the parent's locks or remove its journal).
"""

from __future__ import annotations

import contextlib
import io
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from etiq_jupyter.errors import Corrupt, StorageFull, UnsafeContent
from etiq_jupyter.store.forks import on_fork

A = TypeVar("A")
VERSION = 2
"""Version of the store's form, in ``PRAGMA user_version``. Older ones are brought forward."""

_SCHEMA = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE packs (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
-- A chunk is in a pack at an offset, or (small ones) in `blobs` under the same id.
CREATE TABLE chunks (
  id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, encoding INTEGER NOT NULL,
  raw_size INTEGER NOT NULL, stored_size INTEGER NOT NULL,
  pack INTEGER, offset INTEGER, base BLOB);
CREATE TABLE blobs (id INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE INDEX chunks_by_pack ON chunks (pack) WHERE pack IS NOT NULL;
CREATE INDEX chunks_by_base ON chunks (base) WHERE base IS NOT NULL;
-- Buffers seen before: a buffer of equal xxh3-128 and size is the same chunks again.
CREATE TABLE buffers (digest BLOB NOT NULL, size INTEGER NOT NULL, chunks BLOB NOT NULL,
  seal BLOB, PRIMARY KEY (digest, size)) WITHOUT ROWID;
CREATE TABLE destinations (
  id INTEGER PRIMARY KEY, url TEXT NOT NULL, user TEXT NOT NULL, username TEXT NOT NULL,
  epoch TEXT NOT NULL DEFAULT '', paused TEXT NOT NULL DEFAULT '', UNIQUE (url, user));
CREATE TABLE snapshots (
  id TEXT PRIMARY KEY, project TEXT NOT NULL, project_name TEXT NOT NULL, run TEXT NOT NULL,
  sequence INTEGER NOT NULL, name TEXT NOT NULL, created_at REAL NOT NULL,
  summary BLOB NOT NULL, manifest BLOB NOT NULL, words TEXT NOT NULL,
  new_bytes INTEGER NOT NULL, kept INTEGER NOT NULL DEFAULT 1,
  destination INTEGER, state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '',
  attempts INTEGER NOT NULL DEFAULT 0, sent_hash TEXT NOT NULL DEFAULT '', receipt BLOB,
  short_id TEXT NOT NULL DEFAULT '', url TEXT NOT NULL DEFAULT '', seal BLOB);
CREATE INDEX snapshots_by_project ON snapshots (project, created_at);
CREATE INDEX snapshots_by_time ON snapshots (created_at);
CREATE INDEX snapshots_to_send ON snapshots (destination, id) WHERE state != 'synced';
CREATE INDEX snapshots_sent ON snapshots (destination) WHERE state = 'synced';
CREATE INDEX snapshots_by_short_id ON snapshots (short_id) WHERE short_id != '';
CREATE TABLE items (hash TEXT NOT NULL, object TEXT NOT NULL, PRIMARY KEY (hash)) WITHOUT ROWID;
CREATE TABLE projects (
  destination INTEGER NOT NULL, project TEXT NOT NULL, remote TEXT NOT NULL,
  PRIMARY KEY (destination, project)) WITHOUT ROWID;
-- Projects of local mode, which may still be empty.
CREATE TABLE local_projects (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE,
  created_at REAL NOT NULL) WITHOUT ROWID;
"""

PAGE = 4096
"""Bytes of a page of the index."""
REPAIR = "run 'etiq verify --repair': it brings back everything that can still be read"
"""What to do about a damaged index."""
_DAMAGE = (
    "malformed",
    "not a database",
    "corrupt",
    "file format",
    "no such table",
    "no such column",
    "already exists",
    "decode to UTF-8",
    "constraint failed",
    "too big",
)
"""What SQLite says of damage. The tables are ours: one that is missing was damaged, too."""
kept_open: list[io.FileIO] = []
"""Closing a file drops all locks of this process on it, SQLite's too: so these stay open."""
_inherited: list[sqlite3.Connection] = []


class DamagedIndex(Corrupt):
    """The index of a store is damaged; `repair.repair` brings back what can be read."""


class Database:
    """The index. Safe to use from several threads and after a fork.

    Parameters
    ----------
    path : Path
        The file; made when it does not exist.
    read_only : bool
        Open without writing anything, for reading a store on a read-only disk.

    Attributes
    ----------
    mend : callable, optional
        Called by `mending` with the `DamagedIndex` that came up; repairs the index, or raises.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self.read_only = read_only
        self.mend: Callable[[DamagedIndex], None] | None = None
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._durable = True
        self._wal = False
        self._named = False  # whether the journal's name is on the disk, for a power cut
        with self._lock:
            self._open()
        on_fork(self)

    def after_fork(self) -> None:
        """Leave the inherited connection alone; the child opens its own when it needs one."""
        self._lock = threading.RLock()
        if self._connection is not None:
            _inherited.append(self._connection)
            self._connection = None

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None:
            return self._connection
        with failures(self.path):
            self._connection = self._connect()
        return self._connection

    def _connect(self) -> sqlite3.Connection:
        check_files(self.path)
        mode = "ro" if self.read_only else "rwc"
        connection = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=30.0,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        if self.read_only:
            return connection
        # WAL wants shared memory; where it is refused (some network disks) SQLite stays with its
        # rollback journal, which is slower and as safe.
        connection.execute(f"PRAGMA page_size={PAGE}")
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        self._wal = _patiently(connection, "PRAGMA journal_mode=WAL") == "wal"
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA wal_autocheckpoint=2000")
        connection.execute("PRAGMA cache_size=-8000")
        self._durable = True
        self._prepare(connection)
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        if found == VERSION:
            return
        if found > VERSION:
            try:
                _refuse(connection, found, self.path)
            finally:
                connection.close()
        connection.execute("BEGIN IMMEDIATE")
        try:
            # Another process may have made the tables while this one waited for the lock.
            found = connection.execute("PRAGMA user_version").fetchone()[0]
            if found == 0:
                make_tables(connection)
            elif found == 1:
                for table in ("snapshots", "buffers"):
                    connection.execute(f"ALTER TABLE {table} ADD COLUMN seal BLOB")
                _note_version(connection)
            connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return all rows of a query."""
        return self.mending(lambda: self._rows(sql, values))

    def _rows(self, sql: str, values: Sequence[Any]) -> list[Any]:
        with self._lock, failures(self.path):
            return self._open().execute(sql, values).fetchall()

    def row(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """Return the first row of a query, or None."""
        return self.mending(lambda: self._row(sql, values))

    def _row(self, sql: str, values: Sequence[Any]) -> Any:
        with self._lock, failures(self.path):
            return self._open().execute(sql, values).fetchone()

    def mending(self, work: Callable[[], A]) -> A:
        """Do some work with the index; if it turns out to be damaged, again after its repair.

        Raises
        ------
        DamagedIndex
            When it cannot be repaired here and now.
        """
        try:
            return work()
        except DamagedIndex as error:
            with self._lock:
                busy = self._connection is not None and self._connection.in_transaction
                if self.mend is None or busy:
                    raise
                self.close()  # its locks would stand in the way
                self.mend(error)
        return work()

    @contextlib.contextmanager
    def write(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """Open a transaction; committed at the end, rolled back on an exception.

        Parameters
        ----------
        durable : bool
            True: on the disk when this returns, also after a power cut. False: safe against the
            end of this process (kill -9 too); a power cut may take the last such transactions,
            until `flush` has returned.
        """
        with self._lock, failures(self.path):
            connection = self._open()
            durable = durable or not self._wal
            if durable != self._durable:
                connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
                self._durable = durable
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise

    def flush(self) -> None:
        """Wait until every transaction committed so far is on the disk.

        Safe to call from another thread while transactions go on.

        Raises
        ------
        StorageFull
            When the disk reports that it did not take them.
        """
        with failures(self.path):
            try:
                fd = os.open(f"{self.path}-wal", os.O_RDWR)
            except FileNotFoundError:
                return  # no journal: everything is in the index itself, and was synced
            try:
                getattr(os, "fdatasync", os.fsync)(fd)
            finally:
                os.close(fd)
            if not self._named:
                sync_folder(self.path.parent)
                self._named = True

    def shrink(self) -> None:
        """Give free pages of the index back to the disk."""
        with self._lock, failures(self.path):
            connection = self._open()
            connection.execute("PRAGMA incremental_vacuum")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def fact(self, name: str, default: Any = None) -> Any:
        """Return a fact about the store itself."""
        found = self.row("SELECT value FROM facts WHERE name = ?", (name,))
        return found[0] if found else default

    def close(self) -> None:
        """Close this process's connection."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None


def make_tables(connection: sqlite3.Connection) -> None:
    """Make the empty tables of an index, in a transaction of the caller."""
    for statement in _SCHEMA.split(";\n"):
        connection.execute(statement)
    _note_version(connection)


def _note_version(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA user_version={VERSION}")
    # Twice, so that a damaged header is not taken for a newer version's store.
    connection.execute("INSERT OR REPLACE INTO facts VALUES ('version', ?)", (VERSION,))


def _refuse(connection: sqlite3.Connection, found: int, path: Path) -> None:
    """Raise what an index means whose header names a newer version."""
    noted = connection.execute("SELECT value FROM facts WHERE name = 'version'").fetchone()
    if noted is not None and noted[0] != found:
        raise DamagedIndex(
            f"The index of the store at {path.parent} is damaged",
            why=f"its header says format {found}, its contents {noted[0]}",
            hint=REPAIR,
        )
    raise UnsafeContent(
        f"The store at {path.parent} has format {found}",
        why=f"this version reads up to {VERSION}",
        hint="update etiq_jupyter",
    )


def check_files(path: Path) -> None:
    """Look at what SQLite would take for an empty index or pass over in silence.

    Raises
    ------
    DamagedIndex
        When the index is missing or empty although there are packs, or when transactions in its
        journal cannot be reached because something before them is damaged.
    """
    try:
        empty = path.stat().st_size == 0
    except FileNotFoundError:
        empty = True
    why = ""
    if empty and any(each.name.endswith(".pack") for each in _entries(path.parent / "packs")):
        why = "it is missing or empty, though there are packs"
    elif (journal := path.with_name(f"{path.name}-wal")).exists():
        from etiq_jupyter.store.journal import cut_short

        why = cut_short(journal)
    if why:
        raise DamagedIndex(
            f"The index of the store at {path.parent} is damaged", why=why, hint=REPAIR
        )


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except OSError:
        return []


def sync_folder(folder: Path) -> None:
    """Bring the names of new files in a folder onto the disk, where the system can."""
    with contextlib.suppress(OSError):
        fd = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _patiently(connection: sqlite3.Connection, sql: str) -> Any:
    # Switching the journal needs the file for itself and ignores the busy timeout.
    until = time.monotonic() + 10
    while True:
        try:
            return connection.execute(sql).fetchone()[0]
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.005)


class failures:  # noqa: N801 - used like a function, and quicker than a generator
    """Turn errors of SQLite and of the disk into those of this package."""

    __slots__ = ("_path",)

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, (sqlite3.Error, OSError)) and not isinstance(error, StorageFull):
            _raise(error, self._path)


def _other_form(path: Path) -> bool:
    """Whether the header names a form of file that SQLite does not write; we never do, either."""
    try:
        file = io.FileIO(path)
    except OSError:
        return False
    kept_open.append(file)
    return file.read(100)[18:19] not in (b"\1", b"\2")


def _raise(error: Exception, path: Path) -> None:
    """Raise what an error of SQLite or of the disk means; return when it means nothing special."""
    text = str(error)
    if isinstance(error, sqlite3.Error):
        if any(word in text for word in _DAMAGE) or ("readonly" in text and _other_form(path)):
            raise DamagedIndex(
                f"The index of the store at {path.parent} is damaged", why=text, hint=REPAIR
            ) from error
        if not any(word in text for word in ("full", "readonly", "unable to open", "disk I/O")):
            return
    elif isinstance(error, OSError):
        text = error.strerror or text
    raise StorageFull(
        f"The store at {path.parent} cannot be written",
        why=text,
        hint="make room, or set ETIQ_HOME to a folder that can be written",
    ) from error
