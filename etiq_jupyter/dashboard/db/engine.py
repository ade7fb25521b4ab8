"""Connections. SQLite in WAL mode with one writer at a time, or PostgreSQL."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime, timedelta, timezone
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, create_engine, event, select, update
from sqlalchemy.dialects import sqlite

from etiq_jupyter.dashboard.db.statement import Statement, Tx, execute
from etiq_jupyter.dashboard.db.tables import counters

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)


def now() -> int:
    """Microseconds since 1970, UTC."""
    return time.time_ns() // 1000


def to_micros(moment: datetime) -> int:
    """Microseconds since 1970 of a moment; one without a zone is taken as UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return (moment - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """Return the moment, in UTC, of microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=micros)


class Database:
    """The dashboard's database.

    Parameters
    ----------
    url : str
        SQLAlchemy URL of SQLite or PostgreSQL (psycopg 3).
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        self._writing = threading.Lock()
        self.engine = _sqlite_engine(url) if self.is_sqlite else _postgresql_engine(url)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Return a connection that sees one state of the database until it is given back."""
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Return a transaction: all of it happens, durably, or nothing."""
        with self.turn(), self.engine.connect() as connection:
            writer = connection.execution_options(etiq_write=True) if self.is_sqlite else connection
            with writer.begin():
                yield writer

    def turn(self) -> AbstractContextManager[Any]:
        """Wait until it is one's turn to write.

        SQLite lets one connection write. Waiting here is fair and does not poll the file's lock.
        """
        return self._writing if self.is_sqlite else nullcontext()

    def insert(self, table: Any) -> Any:
        """Return an INSERT that knows ``on_conflict_do_nothing`` and ``on_conflict_do_update``."""
        if self.is_sqlite:
            return sqlite.insert(table)
        from sqlalchemy.dialects import postgresql  # a twentieth of the start, not used with SQLite

        return postgresql.insert(table)

    def close(self) -> None:
        """Give all connections back to the database."""
        self.engine.dispose()


_TAKE = Statement(
    update(counters)
    .where(counters.c.prefix == bindparam("p"))
    .values(value=counters.c.value + bindparam("n"))
    .returning(counters.c.value)
)


def next_numbers(tx: Tx, prefix: str, count: int = 1) -> int:
    """Take ``count`` numbers for short ids of one prefix; returns the first."""
    (taken,) = _TAKE.all(tx, p=prefix, n=count)
    return int(taken.value) - count + 1


def lock_row(query: Any, tx: Connection) -> Any:
    """Make a SELECT hold its rows until the transaction ends, where more than one may write."""
    return query.with_for_update() if tx.dialect.name == "postgresql" else query


def advisory_lock(tx: Tx, key: int, *, shared: bool = False) -> None:
    """Wait for a lock of this name, held until the transaction ends. SQLite has one writer."""
    if tx.dialect.name == "postgresql":
        kind = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
        execute(tx, f"SELECT {kind}({key:d})")


def exists(connection: Connection, query: Any) -> bool:
    """Whether a SELECT finds a row."""
    return connection.execute(select(query.exists())).scalar_one() is True


def _sqlite_engine(url: str) -> Engine:
    # The pool is as large as the threads that answer requests, so that none waits for a connection.
    engine = create_engine(url, pool_size=20, max_overflow=20)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin where `_begin` says, not before
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        # A receipt promises that the snapshot is there, so a commit waits for the disk.
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        # Moving pages from the log to the database waits for the disk too: seldom and in bulk.
        cursor.execute("PRAGMA wal_autocheckpoint = 8000")
        cursor.execute("PRAGMA busy_timeout = 15000")
        cursor.execute("PRAGMA cache_size = -8000")
        cursor.execute("PRAGMA mmap_size = 268435456")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("etiq_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgresql_engine(url: str) -> Engine:
    return create_engine(url, pool_size=10, max_overflow=20, pool_pre_ping=True)
