"""Any id to its thing, and search over everything one may see."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from sqlalchemy import select

from etiq_jupyter import ids
from etiq_jupyter.dashboard.db import tables
from etiq_jupyter.dashboard.projects.access import visible
from etiq_jupyter.dashboard.snapshots import query as language
from etiq_jupyter.dashboard.snapshots.listing import run_of, summaries
from etiq_jupyter.dashboard.snapshots.pipelines import pipeline_of
from etiq_jupyter.dashboard.web.endpoint import Call, Routes
from etiq_jupyter.errors import NotFound
from etiq_jupyter.model import Project, SnapshotSummary

routes = Routes("browse")
HITS = 20


class Found(msgspec.Struct, kw_only=True):
    """What an id stands for. ``object`` has the form of its kind; ``url`` is its page."""

    kind: str
    id: str
    short_id: str
    object: Any
    url: str


class SearchQuery(msgspec.Struct, kw_only=True):
    """Words, or terms of the query language of snapshot lists."""

    q: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]


class Hits(msgspec.Struct, kw_only=True):
    """The first things that match, latest first."""

    projects: list[Project]
    snapshots: list[SnapshotSummary]


@routes.add("GET", "/browse/{any_id}", scope="read")
def browse(call: Call, any_id: str) -> Found:
    """Find a workspace, project, run, snapshot or pipeline by short id or UUID."""
    canonical = ids.parse_id(any_id)
    short = ids.parse_short_id(canonical)
    kinds = [ids.KINDS[short[0]]] if short else list(_FINDERS)
    for kind in kinds:
        finder = _FINDERS.get(kind)
        found = finder(call, canonical, short[1] if short else None) if finder else None
        if found is not None:
            return found
    raise NotFound(f"there is nothing with the id {canonical}", why="or it is not shared with you")


@routes.add("GET", "/search", scope="read")
def search(call: Call, query: SearchQuery) -> Hits:
    """Projects by name and snapshots by everything, over all that I may see."""
    projects = call.services.projects.page(call.who, q=query.q, limit=HITS).items
    table = tables.snapshots
    mine = visible(call.who.user.id).subquery()
    statement = (
        select(table.c.id)
        .join(mine, mine.c.project_id == table.c.project_id)
        .where(*language.conditions(query.q))
        .order_by(table.c.created_at.desc(), table.c.id.desc())
        .limit(HITS)
    )
    with call.services.database.read() as connection:
        keys = list(connection.execute(statement).scalars())
        return Hits(projects=projects, snapshots=summaries(connection, keys))


def _workspace(call: Call, canonical: str, _number: int | None) -> Found | None:
    cursor: str | None = None
    while True:
        page = call.services.workspaces.page(call.who.user.id, cursor, 200)
        for one in page.items:
            if canonical in (one.id, one.short_id):
                return Found(
                    kind="workspace",
                    id=one.id,
                    short_id=one.short_id,
                    object=one,
                    url=f"{call.base_url}/",
                )
        cursor = page.next_cursor
        if cursor is None:
            return None


def _project(call: Call, canonical: str, _number: int | None) -> Found | None:
    try:
        one = call.services.projects.get(call.who, canonical)
    except NotFound:
        return None
    url = f"{call.base_url}/p/{one.short_id}"
    return Found(kind="project", id=one.id, short_id=one.short_id, object=one, url=url)


def _snapshot(call: Call, canonical: str, _number: int | None) -> Found | None:
    try:
        one = call.services.reading.detail(call.who, canonical)
    except NotFound:
        return None
    url = f"{call.base_url}/s/{one.short_id}"
    return Found(kind="snapshot", id=one.id, short_id=one.short_id, object=one, url=url)


def _run(call: Call, canonical: str, number: int | None) -> Found | None:
    table = tables.runs
    row = _visible_row(call, table, canonical, number)
    if row is None:
        return None
    url = f"{call.base_url}/p/{row.project_id}?run=RUN-{row.number}"
    return Found(kind="run", id=row.id, short_id=f"RUN-{row.number}", object=run_of(row), url=url)


def _pipeline(call: Call, canonical: str, number: int | None) -> Found | None:
    row = _visible_row(call, tables.pipelines, canonical, number)
    if row is None:
        return None
    with call.services.database.read() as connection:
        one = pipeline_of(connection, row)
    if not one.nodes:
        return None
    url = f"{call.base_url}/p/{row.project_id}/pipelines#{one.short_id}"
    return Found(kind="pipeline", id=one.id, short_id=one.short_id, object=one, url=url)


def _visible_row(call: Call, table: Any, canonical: str, number: int | None) -> Any:
    mine = visible(call.who.user.id).subquery()
    named = table.c.id == canonical if number is None else table.c.number == number
    query = select(table).join(mine, mine.c.project_id == table.c.project_id).where(named)
    with call.services.database.read() as connection:
        return connection.execute(query.order_by(table.c.number).limit(1)).first()


_FINDERS = {
    "snapshot": _snapshot,
    "project": _project,
    "run": _run,
    "pipeline": _pipeline,
    "workspace": _workspace,
}
