"""The statements of a batch, built once: building them costs more than SQLite needs to run them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table, bindparam, select, update

from etiq_jupyter.dashboard.db import tables

_snapshots, _projects, _runs, _objects = (
    tables.snapshots,
    tables.projects,
    tables.runs,
    tables.objects,
)


def _any(name: str) -> Any:
    """Return the place of a list in a statement."""
    return bindparam(name, expanding=True)


_PROJECT = (_projects.c.id, _projects.c.number, _projects.c.name, _projects.c.workspace_id)
PROJECTS_BY_ID = select(*_PROJECT).where(_projects.c.id.in_(_any("ids")))
PROJECTS_BY_NUMBER = select(*_PROJECT).where(_projects.c.number.in_(_any("numbers")))

SNAPSHOTS_THERE = select(
    _snapshots.c.id,
    _snapshots.c.number,
    _snapshots.c.project_id,
    _snapshots.c.manifest_hash,
    _snapshots.c.received_at,
).where(_snapshots.c.id.in_(_any("ids")))

OBJECTS_THERE = select(_objects.c.workspace_id, _objects.c.hash).where(
    _objects.c.hash.in_(_any("hashes"))
)
_MINE = (
    _objects.c.workspace_id == bindparam("workspace"),
    _objects.c.hash.in_(_any("hashes")),
    _objects.c.unclaimed > 0,
)
UNCLAIMED = select(_objects.c.unclaimed).where(*_MINE)
CLAIM = update(_objects).where(*_MINE).values(unclaimed=0)

RUNS_THERE = select(_runs.c.project_id, _runs.c.id).where(
    _runs.c.project_id.in_(_any("projects")), _runs.c.id.in_(_any("runs"))
)
COUNT_IN_RUN = (
    update(_runs)
    .where(_runs.c.project_id == bindparam("p"), _runs.c.id == bindparam("r"))
    .values(snapshots=_runs.c.snapshots + bindparam("n"))
)
COUNT_IN_PROJECT = (
    update(_projects)
    .where(_projects.c.id == bindparam("p"))
    .values(snapshots=_projects.c.snapshots + bindparam("n"), last_activity=bindparam("moment"))
)
TOKENS_USED = (
    update(tables.tokens)
    .where(tables.tokens.c.id.in_(_any("ids")))
    .values(last_used_at=bindparam("moment"))
)


class Insert:
    """An INSERT of many rows that goes to the driver as it is.

    SQLAlchemy looks at every value of every row; for rows of plain strings and numbers, made by
    this package, that is most of the time an insert takes.

    Parameters
    ----------
    table : Table
        Into which.
    """

    def __init__(self, table: Table) -> None:
        self._statement = table.insert().values({c.name: bindparam(c.name) for c in table.c})

        self._compiled: dict[str, tuple[str, list[str] | None]] = {}

    def run(self, tx: Connection, rows: Sequence[dict[str, Any]]) -> None:
        """Insert rows, each with all columns."""
        if not rows:
            return
        text, order = self._text(tx)
        if order is None:
            tx.exec_driver_sql(text, list(rows))
        else:
            tx.exec_driver_sql(text, [tuple(row[name] for name in order) for row in rows])

    def _text(self, tx: Connection) -> tuple[str, list[str] | None]:
        dialect = tx.dialect
        found = self._compiled.get(dialect.name)
        if found is None:
            compiled = self._statement.compile(dialect=dialect)
            order = list(compiled.positiontup or []) if dialect.positional else None
            found = self._compiled[dialect.name] = (str(compiled), order)
        return found


INSERT_SNAPSHOTS = Insert(tables.snapshots)
INSERT_MANIFESTS = Insert(tables.manifests)
INSERT_METRICS = Insert(tables.metrics)
INSERT_TAGS = Insert(tables.tags)
INSERT_LINEAGE = Insert(tables.lineage)
INSERT_HELD = Insert(tables.snapshot_objects)
INSERT_RUNS = Insert(tables.runs)
