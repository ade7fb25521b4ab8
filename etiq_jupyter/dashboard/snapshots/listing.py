"""Lists of snapshots and runs: filtered, sorted, paged by key, never capped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, and_, exists, func, or_, select

from etiq_jupyter.dashboard.db import tables
from etiq_jupyter.dashboard.db.engine import Database, from_micros
from etiq_jupyter.dashboard.projects.access import project_row
from etiq_jupyter.dashboard.snapshots import query
from etiq_jupyter.dashboard.snapshots.manifest import read_brief
from etiq_jupyter.dashboard.web.paging import Cursor
from etiq_jupyter.errors import Invalid
from etiq_jupyter.model import Page, Run, SnapshotSummary

_SORTS = {
    "created": (tables.snapshots.c.created_at, False),
    "-created": (tables.snapshots.c.created_at, True),
    "name": (tables.snapshots.c.name, False),
    "-name": (tables.snapshots.c.name, True),
    "size": (tables.snapshots.c.size, False),
    "-size": (tables.snapshots.c.size, True),
}


@dataclass(slots=True)
class SnapshotFilter:
    """Which snapshots of a project, in which order."""

    q: str = ""
    tag: str = ""
    run: str = ""
    sort: str = "-created"
    cursor: str | None = None
    limit: int = 50


class Listing:
    """Reads lists."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def snapshots(
        self, user_id: str, project: str, wanted: SnapshotFilter
    ) -> Page[SnapshotSummary]:
        """One page of a project's snapshots.

        Raises
        ------
        Invalid
            When the query, the sort order or the cursor cannot be understood.
        """
        narrowed = query.conditions(wanted.q)
        if wanted.tag:
            narrowed.append(query.has_tag(wanted.tag))
        if wanted.run:
            narrowed.append(query.in_run(wanted.run))
        with self._database.read() as connection:
            row = project_row(connection, user_id, project)
            chosen = [tables.snapshots.c.project_id == row.id, *narrowed]
            keys, more = self._page_of_keys(connection, row.id, chosen, wanted)
            items = summaries(connection, keys)
            total = row.snapshots if not narrowed else _count(connection, chosen)
        return Page(items=items, next_cursor=more, total=total)

    def _page_of_keys(
        self, connection: Connection, project_id: str, chosen: list[Any], wanted: SnapshotFilter
    ) -> tuple[list[str], str | None]:
        """Return the ids on the page, and the cursor of the next one."""
        if wanted.sort.removeprefix("-").startswith("metric:"):
            return _by_metric(connection, project_id, chosen, wanted)
        if wanted.sort not in _SORTS:
            raise Invalid(
                f"snapshots cannot be sorted by {wanted.sort[:60]!r}",
                hint=f"use one of {', '.join(_SORTS)}, metric:NAME, -metric:NAME",
                path="$.sort",
            )
        column, descending = _SORTS[wanted.sort]
        last = None
        if wanted.cursor:
            cursor = Cursor.decode(wanted.cursor, 2)
            value = cursor.text(0) if column.name == "name" else cursor.number(0)
            last = (value, cursor.text(1))
        statement = _keyed(column, tables.snapshots.c.id, descending, last).where(*chosen)
        rows = connection.execute(statement.limit(wanted.limit + 1)).all()
        more = Cursor(tuple(rows[wanted.limit - 1])).encode() if len(rows) > wanted.limit else None
        return [row[1] for row in rows[: wanted.limit]], more

    def runs(self, user_id: str, project: str, cursor: str | None, limit: int) -> Page[Run]:
        """One page of a project's runs, newest first."""
        table = tables.runs
        last = None
        if cursor:
            found = Cursor.decode(cursor, 2)
            last = (found.number(0), found.text(1))
        with self._database.read() as connection:
            row = project_row(connection, user_id, project)
            keyed = _keyed(table.c.started_at, table.c.id, True, last)
            statement = keyed.add_columns(table).where(table.c.project_id == row.id)
            rows = connection.execute(statement.limit(limit + 1)).all()
            total = connection.execute(
                select(func.count()).select_from(table).where(table.c.project_id == row.id)
            ).scalar_one()
        more = None
        if len(rows) > limit:
            more = Cursor((rows[limit - 1].started_at, rows[limit - 1].id)).encode()
        return Page(items=[run_of(row) for row in rows[:limit]], next_cursor=more, total=total)


def _keyed(key: Any, identity: Any, descending: bool, last: tuple[Any, str] | None) -> Select[Any]:
    """Return a SELECT of sort keys, in order, after the last one seen."""
    statement = select(key, identity)
    if last is not None:
        value, last_id = last
        beyond = key < value if descending else key > value
        tied = identity < last_id if descending else identity > last_id
        # The first part is what an index can be entered with.
        bound = key <= value if descending else key >= value
        statement = statement.where(bound, or_(beyond, tied))
    order = (key, identity)
    return statement.order_by(*(part.desc() if descending else part for part in order))


def _by_metric(
    connection: Connection, project_id: str, chosen: list[Any], wanted: SnapshotFilter
) -> tuple[list[str], str | None]:
    """Snapshots that have the metric, by its value; then the others, newest first."""
    descending = wanted.sort.startswith("-")
    name = wanted.sort.removeprefix("-").removeprefix("metric:")
    metrics, snapshots = tables.metrics, tables.snapshots
    of_metric = and_(metrics.c.project_id == project_id, metrics.c.name == name)
    cursor = Cursor.decode(wanted.cursor, 3) if wanted.cursor else None
    last = (cursor.number(1), cursor.text(2)) if cursor else None
    with_it = cursor is None or cursor.number(0) == 0
    rows: list[Any] = []
    if with_it:
        statement = _keyed(metrics.c.value, metrics.c.snapshot_id, descending, last)
        statement = statement.where(of_metric)
        if len(chosen) > 1:
            statement = statement.join(snapshots, snapshots.c.id == metrics.c.snapshot_id).where(
                *chosen
            )
        rows = [(0, *row) for row in connection.execute(statement.limit(wanted.limit + 1))]
    if len(rows) <= wanted.limit:
        has_it = exists(
            select(metrics.c.snapshot_id).where(
                metrics.c.snapshot_id == snapshots.c.id, metrics.c.name == name
            )
        )
        after = None if with_it else last
        statement = _keyed(snapshots.c.created_at, snapshots.c.id, True, after)
        statement = statement.where(*chosen, ~has_it).limit(wanted.limit + 1 - len(rows))
        rows += [(1, *row) for row in connection.execute(statement)]
    more = Cursor(rows[wanted.limit - 1]).encode() if len(rows) > wanted.limit else None
    return [row[2] for row in rows[: wanted.limit]], more


def summary_columns() -> Select[Any]:
    """Tell what a summary is made of."""
    table, projects, runs, users = tables.snapshots, tables.projects, tables.runs, tables.users
    return (
        select(
            table,
            projects.c.name.label("project_name"),
            projects.c.number.label("project_number"),
            runs.c.name.label("run_name"),
            users.c.username,
        )
        .join(projects, projects.c.id == table.c.project_id)
        .join(runs, and_(runs.c.project_id == table.c.project_id, runs.c.id == table.c.run_id))
        .outerjoin(users, users.c.id == table.c.user_id)
    )


def summaries(connection: Connection, keys: list[str]) -> list[SnapshotSummary]:
    """Summaries of these snapshots, in this order."""
    found: dict[str, SnapshotSummary] = {}
    for start in range(0, len(keys), 500):
        statement = summary_columns().where(tables.snapshots.c.id.in_(keys[start : start + 500]))
        for row in connection.execute(statement):
            found[row.id] = SnapshotSummary(**summary_fields(row))
    return [found[key] for key in keys if key in found]


def summary_fields(row: Any) -> dict[str, Any]:
    """Return the fields of a summary from a row of `summary_columns`."""
    brief = read_brief(row.brief)
    return {
        "id": row.id,
        "short_id": f"SNP-{row.number}",
        "name": row.name,
        "project": row.project_id,
        "project_name": row.project_name,
        "run": row.run_id,
        "run_name": row.run_name,
        "sequence": row.sequence,
        "author": row.username or "",
        "created_at": from_micros(row.created_at),
        "duration": row.duration,
        "cell_id": row.cell_id,
        "failed": row.failed,
        "tags": brief.tags,
        "metrics": brief.metrics,
        "variables": brief.variables,
        "biggest": brief.biggest,
        "size": row.size,
        "new_bytes": row.new_bytes,
    }


def run_of(row: Any) -> Run:
    """Return a run from its row."""
    return Run(
        id=row.id,
        short_id=f"RUN-{row.number}",
        kind=row.kind,
        name=row.name,
        host=row.host,
        started_at=from_micros(row.started_at),
        snapshots=row.snapshots,
    )


def _count(connection: Connection, chosen: list[Any]) -> int:
    statement = select(func.count()).select_from(tables.snapshots).where(*chosen)
    return int(connection.execute(statement).scalar_one())
