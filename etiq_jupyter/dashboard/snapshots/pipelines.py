"""Pipelines of a project: snapshots joined by what one wrote and another read."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import Connection, exists, func, select

from etiq_jupyter.dashboard.db import tables
from etiq_jupyter.dashboard.db.engine import Database, from_micros
from etiq_jupyter.dashboard.projects.access import project_row
from etiq_jupyter.dashboard.snapshots.lineage import Lineage
from etiq_jupyter.dashboard.snapshots.listing import summaries
from etiq_jupyter.dashboard.web.paging import Cursor
from etiq_jupyter.model import Edge, Node, Page, Pipeline

LARGEST = 2_000
"""Snapshots of one pipeline that are shown; the newest."""


class Pipelines:
    """Reads pipelines."""

    def __init__(self, database: Database, lineage: Lineage) -> None:
        self._database = database
        self._lineage = lineage

    def page(self, user_id: str, project: str, cursor: str | None, limit: int) -> Page[Pipeline]:
        """One page of a project's pipelines, the latest active first."""
        table, snapshots = tables.pipelines, tables.snapshots
        with self._database.read() as connection:
            row = project_row(connection, user_id, project)
        self._lineage.catch_up(row.id)
        alive = exists(select(snapshots.c.id).where(snapshots.c.pipeline_id == table.c.id))
        chosen = (table.c.project_id == row.id, alive)
        query = select(table).where(*chosen)
        if cursor:
            last = Cursor.decode(cursor, 2)
            moment, number = last.number(0), last.number(1)
            query = query.where(
                (table.c.last_activity < moment)
                | ((table.c.last_activity == moment) & (table.c.number < number))
            )
        query = query.order_by(table.c.last_activity.desc(), table.c.number.desc())
        with self._database.read() as connection:
            rows = connection.execute(query.limit(limit + 1)).all()
            total = connection.execute(
                select(func.count()).select_from(table).where(*chosen)
            ).scalar_one()
            items = [pipeline_of(connection, one) for one in rows[:limit]]
        more = None
        if len(rows) > limit:
            more = Cursor((rows[limit - 1].last_activity, rows[limit - 1].number)).encode()
        return Page(items=items, next_cursor=more, total=total)


def pipeline_of(connection: Connection, row: Any) -> Pipeline:
    """Return a pipeline with its nodes, oldest first, and edges."""
    snapshots, edges = tables.snapshots, tables.edges
    keys = list(
        connection.execute(
            select(snapshots.c.id)
            .where(snapshots.c.pipeline_id == row.id)
            .order_by(snapshots.c.created_at.desc(), snapshots.c.id.desc())
            .limit(LARGEST)
        ).scalars()
    )[::-1]
    found = summaries(connection, keys)
    joined: dict[tuple[str, str], list[str]] = defaultdict(list)
    query = (
        select(edges.c.source_id, edges.c.target_id, edges.c.name)
        .join(snapshots, snapshots.c.id == edges.c.target_id)
        .where(snapshots.c.pipeline_id == row.id)
        .order_by(edges.c.name)
    )
    shown = set(keys)
    for edge in connection.execute(query):
        if edge.source_id in shown and edge.target_id in shown:
            joined[edge.source_id, edge.target_id].append(edge.name)
    runs = {one.run for one in found}
    return Pipeline(
        id=row.id,
        short_id=f"PIP-{row.number}",
        name=next((one.run_name for one in found if one.run_name), ""),
        run=runs.pop() if len(runs) == 1 else "",
        nodes=[
            Node(
                id=one.id,
                short_id=one.short_id,
                name=one.name,
                failed=one.failed,
                created_at=one.created_at,
                main_item=one.biggest,
                metrics=one.metrics,
            )
            for one in found
        ],
        edges=[
            Edge(source=source, target=target, items=names)
            for (source, target), names in joined.items()
        ],
        last_activity=from_micros(row.last_activity),
    )
