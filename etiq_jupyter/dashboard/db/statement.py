"""Statements compiled once for each kind of database: building them costs more than running them.

They go to the driver as text. SQLAlchemy would look at every value of every row and work out the
places of every list anew; for plain strings and numbers, made by this package, that is most of the
time a statement takes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Connection, Table, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import NullType


class among(ColumnElement[bool]):  # noqa: N801 - reads as a function
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
    place = str(compiler.process(element.values, **more)).partition("::")[0]
    return f"{column} = ANY({place})"


class Statement:
    """A statement that is compiled once for each kind of database.

    Parameters
    ----------
    statement : Executable
        Its parameters are strings, whole numbers and, with `among`, lists of these.
    """

    def __init__(self, statement: Any) -> None:
        self._statement = statement
        self._compiled: dict[str, tuple[str, list[str] | None]] = {}

    def all(self, tx: Connection, **values: Any) -> Sequence[Any]:
        """Run it and return its rows; truth values may come as 0 and 1."""
        rows: Sequence[Any] = self._run(tx, [values]).all()
        return rows

    def run(self, tx: Connection, *rows: dict[str, Any]) -> None:
        """Run it, once for each row of values."""
        if rows:
            self._run(tx, rows)

    def _run(self, tx: Connection, rows: Sequence[dict[str, Any]]) -> Any:
        text, order = self._text(tx)
        if order is None:
            return tx.exec_driver_sql(text, list(rows) if len(rows) > 1 else rows[0])
        values = [tuple([_plain(row[name]) for name in order]) for row in rows]
        return tx.exec_driver_sql(text, values if len(values) > 1 else values[0])

    def _text(self, tx: Connection) -> tuple[str, list[str] | None]:
        dialect = tx.dialect
        found = self._compiled.get(dialect.name)
        if found is None:
            compiled = self._statement.compile(dialect=dialect)
            order = list(compiled.positiontup or []) if dialect.positional else None
            found = self._compiled[dialect.name] = (str(compiled), order)
        return found


def _plain(value: Any) -> Any:
    """Return a list as the JSON that SQLite takes it from."""
    return json.dumps(value) if type(value) is list else value


class Insert(Statement):
    """An INSERT of rows with all columns of a table."""

    def __init__(self, table: Table) -> None:
        super().__init__(table.insert().values({c.name: bindparam(c.name) for c in table.c}))
