"""A connection of one's own, for transactions that follow each other closely."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from etiq_jupyter.dashboard.db.engine import Database
from etiq_jupyter.dashboard.db.pipeline import Pipeline
from etiq_jupyter.dashboard.db.statement import Tx, driver, errors_of_sqlalchemy, execute


class Writer:
    """Begins transactions on one connection that it keeps; used by one thread at a time.

    What is saved is the way through the pool, which asks PostgreSQL before every transaction
    whether it is still there. With PostgreSQL the connection is a `Pipeline`, too.

    Transactions are for `Statement` only: SQLAlchemy does not know that they have begun.

    Parameters
    ----------
    database : Database
        Where to.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: Connection | None = None
        self._pipeline: Pipeline | None = None

    @contextmanager
    def begin(self) -> Iterator[Tx]:
        """Return a transaction: all of it happens, durably, or nothing.

        After a failure the next one begins on a new connection.
        """
        with self._database.turn():
            connection = self._connection or self._connect()
            try:
                if self._pipeline is None:
                    execute(connection, "BEGIN IMMEDIATE")
                    yield connection
                    execute(connection, "COMMIT")
                else:
                    execute(self._pipeline, "BEGIN")
                    yield self._pipeline
                    with errors_of_sqlalchemy(self._pipeline):
                        self._pipeline.commit()
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Close the connection; what was not committed has not happened."""
        connection, self._connection, self._pipeline = self._connection, None, None
        if connection is not None:
            connection.invalidate()  # closed, not given back: it may be within a transaction
            connection.close()

    def _connect(self) -> Connection:
        connection = self._connection = self._database.engine.connect()
        if self._database.is_sqlite:
            # What a statement of several rows would undo should it fail is kept beside: not in a
            # file made anew for each.
            execute(connection, "PRAGMA temp_store = MEMORY")
        else:
            psycopg = driver(connection)
            psycopg.rollback()
            psycopg.autocommit = True
            # Plans are made once and kept. Those made while the tables are small must go by an
            # index nevertheless, for what the tables will be.
            psycopg.execute("SET plan_cache_mode = force_generic_plan")
            psycopg.execute("SET enable_seqscan = off")
            self._pipeline = Pipeline(connection)
        return connection
