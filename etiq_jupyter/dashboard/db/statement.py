"""Statements compiled once for each kind of database: building them costs more than running them.

They go straight to the driver, as text and plain values. SQLAlchemy would look at every value of
every row, work out the places of every list anew and wrap every result; for strings and numbers,
made or checked by this package, that is most of the time a statement takes.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any, TypeAlias

import msgspec
from sqlalchemy import BindParameter, ColumnElement, Connection, Table, bindparam
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import NullType

from etiq_jupyter.dashboard.db.pipeline import Pipeline

Tx: TypeAlias = "Connection | Pipeline"
"""What a `Statement` runs in."""

_json = msgspec.json.Encoder()


class among(ColumnElement[Any]):  # noqa: N801 - reads as a function
    """``column IN list``, the list being one parameter: the text does not depend on its length.

    Parameters
    ----------
    column : Column
        Of text or numbers.
    name : str
        Of the parameter.
    """

    # As a Boolean it would become ``(… IN …) = 1`` in SQLite, for which no index is used.
    type = NullType()
    inherit_cache = False  # compiled once by `Statement`, and kept there

    def __init__(self, column: Any, name: str) -> None:
        self.column = column
        self.values: BindParameter[Any] = bindparam(name, type_=column.type)


@compiles(among, "sqlite")
def _among_in_sqlite(element: among, compiler: Any, **more: Any) -> str:
    column = compiler.process(element.column, **more)
    place = compiler.process(element.values, **more)
    return f"{column} IN (SELECT value FROM json_each({place}))"  # noqa: S608 - no value in it


@compiles(among, "postgresql")
def _among_in_postgresql(element: among, compiler: Any, **more: Any) -> str:
    column = compiler.process(element.column, **more)
    place = compiler.process(element.values, **more)
    kind = element.column.type.compile(compiler.dialect)
    return f"{column} = ANY({place.partition('::')[0]}::{kind}[])"


class Sent:
    """A statement that is on its way to the database.

    In a `Pipeline`, several can be before the first answer is waited for.
    """

    __slots__ = ("_cursor", "_statement", "_tx")

    def __init__(self, statement: Statement, tx: Tx, cursor: Any) -> None:
        self._statement = statement
        self._tx = tx
        self._cursor = cursor

    def rows(self) -> list[Any]:
        """Wait for the answer and return its rows, with names; truth values may be 0 and 1."""
        with errors_of_sqlalchemy(self._tx):
            return self._statement.named(self._cursor)


class Statement:
    """A statement that is compiled once for each kind of database.

    Parameters
    ----------
    statement : Executable
        Its parameters are strings, whole numbers and, with `among`, lists of these.
    """

    def __init__(self, statement: Any) -> None:
        self._statement = statement
        self._compiled: dict[str, tuple[str, list[str]]] = {}
        self._row: Callable[[Iterable[Any]], Any] | None = None

    def send(self, tx: Tx, **values: Any) -> Sent:
        """Begin to run it."""
        text, order = self.compiled(tx)
        listed = array if tx.dialect.name == "postgresql" else _json_text
        given = [_plain(values[name], listed) for name in order]
        return Sent(self, tx, execute(tx, text, given))

    def all(self, tx: Tx, **values: Any) -> list[Any]:
        """Run it and return its rows."""
        return self.send(tx, **values).rows()

    def run(self, tx: Tx, *rows: dict[str, Any]) -> None:
        """Run it, once for each row of values; of its results none is looked at."""
        for row in rows:
            self.send(tx, **row)

    def compiled(self, tx: Tx) -> tuple[str, list[str]]:
        """Return its text for a kind of database, and the names of its values in order."""
        found = self._compiled.get(tx.dialect.name)
        if found is None:
            found = self._compiled[tx.dialect.name] = self._compile(tx)
        return found

    def named(self, cursor: Any) -> list[Any]:
        """Return the rows of a cursor as named tuples."""
        rows = cursor.fetchall()
        if not rows:
            return []
        if self._row is None:
            names = [one[0] for one in cursor.description]
            row: Any = namedtuple("Row", names)  # type: ignore[misc]
            self._row = row._make
        return list(map(self._row, rows))

    def _compile(self, tx: Tx) -> tuple[str, list[str]]:
        dialect = tx.dialect
        if dialect.name == "postgresql":
            from sqlalchemy.dialects import postgresql

            # Numbered places, as the server itself has them: nothing is left to translate.
            dialect = postgresql.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
        compiled = self._statement.compile(dialect=dialect)
        return str(compiled), list(compiled.positiontup or [])


class Insert:
    """An INSERT of rows with all columns of a table, in few steps.

    Each step of SQLite lets another thread run, and to be back costs more than a row does. So
    several rows go in with one statement: as many as fit of a few numbers, for each of which the
    driver keeps the statement prepared. For PostgreSQL each column is an array.

    Parameters
    ----------
    table : Table
        Where to.
    """

    AT_ONCE = (32, 8, 4, 2, 1)
    """Rows of one statement; 32 with the most columns stay below 999 values, SQLite's old limit."""

    def __init__(self, table: Table) -> None:
        self._table = table
        names = [column.name for column in table.c]
        self._values = itemgetter(*names)
        quoted = ", ".join(f'"{name}"' for name in names)
        self._head = f"INSERT INTO {table.name} ({quoted})"
        row = f"({', '.join('?' * len(names))})"
        self._texts = {
            count: f"{self._head} VALUES {', '.join([row] * count)}" for count in self.AT_ONCE
        }
        self._arrays = ""

    def run(self, tx: Tx, *rows: dict[str, Any]) -> None:
        """Insert rows."""
        if not rows:
            return
        values = list(map(self._values, rows))
        if tx.dialect.name == "postgresql":
            text = self._arrays or self._with_arrays(tx)
            execute(tx, text, [array(column) for column in zip(*values, strict=True)])
            return
        start = 0
        for count, text in self._texts.items():
            while len(values) - start >= count:
                execute(tx, text, list(chain.from_iterable(values[start : start + count])))
                start += count

    def _with_arrays(self, tx: Tx) -> str:
        places = ", ".join(
            f"${number}::{column.type.compile(tx.dialect)}[]"
            for number, column in enumerate(self._table.c, 1)
        )
        self._arrays = f"{self._head} SELECT * FROM unnest({places})"  # noqa: S608 - no value in it
        return self._arrays


def execute(tx: Tx, text: str, values: Sequence[Any] = ()) -> Any:
    """Give a statement to the driver; returns its cursor."""
    with errors_of_sqlalchemy(tx):
        if isinstance(tx, Pipeline):
            return tx.send(text, values)
        if tx.dialect.name == "postgresql":
            from psycopg import RawCursor

            return RawCursor(driver(tx)).execute(text, values)
        return driver(tx).execute(text, values)


def driver(tx: Connection) -> Any:
    """Return the driver's own connection."""
    return tx.connection.dbapi_connection


class errors_of_sqlalchemy:  # noqa: N801 - reads as a function
    """Raises a driver's errors as SQLAlchemy does, without any value in them.

    Parameters
    ----------
    tx : Connection
        Of the driver.
    """

    __slots__ = ("_tx",)

    def __init__(self, tx: Tx) -> None:
        self._tx = tx

    def __enter__(self) -> None:
        """Nothing is to be done before."""

    def __exit__(self, _kind: Any, error: BaseException | None, _trace: Any) -> None:
        """Raise the error as another, when it is one of the driver's."""
        dialect = self._tx.dialect
        if error is not None and isinstance(error, dialect.loaded_dbapi.Error):
            raise DBAPIError.instance(
                None, None, error, dialect.loaded_dbapi.Error, hide_parameters=True, dialect=dialect
            ) from error


def _plain(value: Any, listed: Callable[[Any], str]) -> Any:
    return listed(value) if type(value) is list else value


def _json_text(values: list[Any]) -> str:
    """Return a list as the text that SQLite takes it from."""
    return _json.encode(values).decode()


def array(values: Iterable[Any]) -> str:
    """Return a list as PostgreSQL's own text of an array."""
    return "{" + ",".join([_element(value) for value in values]) + "}"


def _element(value: Any) -> str:
    kind = type(value)
    if kind is int or kind is float or kind is bool:
        return str(value)
    if value is None:
        return "NULL"
    if kind is bytes:
        return f'"\\\\x{value.hex()}"'
    text = str(value)
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
