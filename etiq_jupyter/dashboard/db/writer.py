"""A connection of one's own, for transactions that follow each other closely."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from sqlalchemy import Connection

from etiq_jupyter.dashboard.db.engine import Database
from etiq_jupyter.dashboard.db.statement import driver, errors_of_sqlalchemy, execute


class Writer:
    """Begins transactions on one connection that it keeps; used by one thread.

    What is saved is the way through the pool, which asks PostgreSQL before every transaction
    whether it is still there. With PostgreSQL the connection is a pipeline, too: statements are
    sent without waiting for those before them, and the commit goes along with the last.

    Transactions are for `Statement` only: SQLAlchemy does not know that they have begun.

    Parameters
    ----------
    database : Database
        Where to.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: Connection | None = None
        self._pipeline: Any = None
        self._held = ExitStack()

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Return a transaction: all of it happens, durably, or nothing.

        After a failure the next one begins on a new connection.
        """
        with self._database.turn():
            connection = self._connection or self._connect()
            try:
                execute(connection, "BEGIN IMMEDIATE" if self._pipeline is None else "BEGIN")
                yield connection
                execute(connection, "COMMIT")
                if self._pipeline is not None:
                    with errors_of_sqlalchemy(connection):
                        self._pipeline.sync()  # fails when one of the statements has failed
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Close the connection; what was not committed has not happened."""
        connection, self._connection, self._pipeline = self._connection, None, None
        with suppress(Exception):  # the pipeline of a connection that is lost
            self._held.close()
        if connection is not None:
            connection.invalidate()  # closed, not given back: it may be within a transaction
            connection.close()

    def _connect(self) -> Connection:
        connection = self._database.engine.connect()
        if not self._database.is_sqlite:
            psycopg = driver(connection)
            psycopg.rollback()
            psycopg.autocommit = True  # or it would wait for the answer to each BEGIN
            self._pipeline = self._held.enter_context(psycopg.pipeline())
        self._connection = connection
        return connection
