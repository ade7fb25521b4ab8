"""The index of the local store: one SQLite file, used by several processes at once.

Connections are never shared between processes: after a fork the child opens its own and leaves the
inherited one alone (closing it could drop the parent's locks or remove its journal).
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from etiq_jupyter.errors import Corrupt, StorageFull, UnsafeContent
from etiq_jupyter.store.forks import on_fork

VERSION = 1
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
  PRIMARY KEY (digest, size)) WITHOUT ROWID;
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
  short_id TEXT NOT NULL DEFAULT '', url TEXT NOT NULL DEFAULT '');
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

_inherited: list[sqlite3.Connection] = []


class Database:
    """The index. Safe to use from several threads and after a fork.

    Parameters
    ----------
    path : Path
        The file; made when it does not exist.
    read_only : bool
        Open without writing anything, for reading a store on a read-only disk.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self.read_only = read_only
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
            connection.close()
            raise UnsafeContent(
                f"The store at {self.path.parent} has format {found}",
                why=f"this version reads up to {VERSION}",
                hint="update etiq_jupyter",
            )
        connection.execute("BEGIN IMMEDIATE")
        try:
            # Another process may have made the tables while this one waited for the lock.
            if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
                for statement in _SCHEMA.split(";\n"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version={VERSION}")
            connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return all rows of a query."""
        with self._lock, failures(self.path):
            return self._open().execute(sql, values).fetchall()

    def row(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """Return the first row of a query, or None."""
        with self._lock, failures(self.path):
            return self._open().execute(sql, values).fetchone()

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


def _raise(error: Exception, path: Path) -> None:
    """Raise what an error of SQLite or of the disk means; return when it means nothing special."""
    text = str(error)
    if isinstance(error, sqlite3.Error):
        if any(word in text for word in ("malformed", "not a database", "corrupt")):
            raise Corrupt(
                f"The index of the store at {path.parent} is damaged",
                why=text,
                hint="keep the folder: the packs in it are whole, and what was synced is safe",
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
