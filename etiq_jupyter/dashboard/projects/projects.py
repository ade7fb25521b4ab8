"""Projects: open by name, list, change, delete."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, String, delete, func, or_, select, update
from sqlalchemy.exc import IntegrityError

from etiq_jupyter import ids
from etiq_jupyter.dashboard import audit
from etiq_jupyter.dashboard.db import tables
from etiq_jupyter.dashboard.db.engine import Database, from_micros, next_numbers, now
from etiq_jupyter.dashboard.identity.people import Identity, check_scope
from etiq_jupyter.dashboard.names import clean_name
from etiq_jupyter.dashboard.projects.access import (
    RANKS,
    ROLES,
    no_project,
    project_row,
    visible,
)
from etiq_jupyter.dashboard.projects.members import members_of
from etiq_jupyter.dashboard.projects.workspaces import Workspaces
from etiq_jupyter.dashboard.web.paging import Cursor
from etiq_jupyter.errors import Conflict, Invalid
from etiq_jupyter.model import Page, Project, User

Sort = Literal["-activity", "activity", "-created", "created", "name", "-name"]
SPARK_POINTS = 20
MAX_PINNED = 2


@dataclass(frozen=True, slots=True)
class _Order:
    column: Any
    descending: bool


_ORDERS: dict[str, _Order] = {
    "-activity": _Order(tables.projects.c.last_activity, True),
    "activity": _Order(tables.projects.c.last_activity, False),
    "-created": _Order(tables.projects.c.created_at, True),
    "created": _Order(tables.projects.c.created_at, False),
    "name": _Order(tables.projects.c.name, False),
    "-name": _Order(tables.projects.c.name, True),
}


class Projects:
    """The projects of a dashboard."""

    def __init__(self, database: Database, workspaces: Workspaces) -> None:
        self._database = database
        self._workspaces = workspaces

    def open(
        self,
        who: Identity,
        name: str,
        *,
        create_if_missing: bool,
        workspace: str | None,
        project_id: str | None,
    ) -> tuple[Project, bool]:
        """Find a project by name, or make it.

        Looked for in this order: the id that the client made when it was offline (so that a
        project is found again after it was renamed here); the name among the projects of my own
        workspace; the name among the ones shared with me. With ``workspace`` only there.

        Returns
        -------
        Project, bool
            The project, and whether it was made now.

        Raises
        ------
        NotFound
            When it is not there and is not to be made; names the nearest.
        Conflict
            When several projects of this name are shared with me.
        """
        name = clean_name(name, "project")
        wanted = None if project_id is None else _uuid(project_id)
        with self._database.read() as connection:
            found = self._find(connection, who.user.id, name, workspace, wanted)
            if found is not None:
                return self._one(connection, found), False
            if not create_if_missing:
                raise no_project(name, self._nearest(connection, who.user.id, name))
        check_scope(who.scopes, "write")
        return self._make(who, name, workspace, wanted)

    def _find(
        self,
        connection: Connection,
        user_id: str,
        name: str,
        workspace: str | None,
        wanted: str | None,
    ) -> Any:
        table = tables.projects
        query = _listing(user_id)
        if wanted is not None:
            row = connection.execute(query.where(table.c.id == wanted)).first()
            if row is not None:
                return row
        home = self._workspaces.where_to_make(connection, user_id, workspace)
        by_name = query.where(table.c.name == name)
        row = connection.execute(by_name.where(table.c.workspace_id == home.id)).first()
        if row is not None or workspace is not None:
            return row
        shared = connection.execute(by_name.order_by(table.c.number).limit(6)).all()
        if len(shared) > 1:
            options = ", ".join(f"PRJ-{row.number} of {row.owner_name}" for row in shared)
            raise Conflict(
                f"several projects named {name!r} are shared with you",
                why=options,
                hint="say in which workspace",
            )
        return shared[0] if shared else None

    def _make(
        self, who: Identity, name: str, workspace: str | None, wanted: str | None
    ) -> tuple[Project, bool]:
        table = tables.projects
        moment = now()
        try:
            with self._database.write() as tx:
                home = self._workspaces.where_to_make(tx, who.user.id, workspace)
                taken = (
                    wanted is not None
                    and tx.execute(select(table.c.id).where(table.c.id == wanted)).first()
                )
                project_id = ids.new_id() if wanted is None or taken else wanted
                tx.execute(
                    table.insert().values(
                        id=project_id,
                        number=next_numbers(tx, "PRJ"),
                        workspace_id=home.id,
                        name=name,
                        description="",
                        pinned="[]",
                        owner_id=who.user.id,
                        created_at=moment,
                        last_activity=moment,
                        snapshots=0,
                    )
                )
                tx.execute(
                    tables.project_members.insert().values(
                        project_id=project_id, user_id=who.user.id, rank=RANKS["owner"]
                    )
                )
        except IntegrityError:
            # Somebody made it between our look and our insert.
            with self._database.read() as connection:
                found = self._find(connection, who.user.id, name, workspace, wanted)
                if found is None:
                    raise
                return self._one(connection, found), False
        return self.get(who, project_id), True

    def _nearest(self, connection: Connection, user_id: str, name: str) -> tuple[str, ...]:
        table = tables.projects
        mine = visible(user_id).subquery()
        query = (
            select(table.c.name)
            .join(mine, mine.c.project_id == table.c.id)
            .order_by(table.c.last_activity.desc())
            .limit(2000)
        )
        folded: dict[str, str] = {}
        for known in connection.execute(query).scalars():
            folded.setdefault(known.casefold(), known)
        close = difflib.get_close_matches(name.casefold(), list(folded), n=3, cutoff=0.6)
        return tuple(folded[key] for key in close)

    def get(self, who: Identity, project: str) -> Project:
        """One project with its members."""
        with self._database.read() as connection:
            row = project_row(connection, who.user.id, project)
            found = connection.execute(
                _listing(who.user.id).where(tables.projects.c.id == row.id)
            ).one()
            return self._one(connection, found)

    def _one(self, connection: Connection, row: Any) -> Project:
        project = project_of(row)
        project.members = members_of(connection, row.id, row.workspace_id)
        project.spark = sparks(connection, [project]).get(project.id, [])
        return project

    def page(
        self,
        who: Identity,
        *,
        q: str = "",
        owned: str = "",
        sort: Sort = "-activity",
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[Project]:
        """Projects that I made or that are shared with me.

        Parameters
        ----------
        who : Identity
            Who asks.
        q : str
            Part of the name or description, in any letter case.
        owned : str
            ``"mine"``, ``"shared"`` or empty for both.
        sort, cursor, limit
            Order and page.
        """
        table, order = tables.projects, _ORDERS[sort]
        query = _listing(who.user.id)
        if q.strip():
            part = f"%{_literal(q.strip().casefold())}%"
            query = query.where(
                or_(
                    func.lower(table.c.name).like(part, escape="\\"),
                    func.lower(table.c.description).like(part, escape="\\"),
                )
            )
        if owned == "mine":
            query = query.where(table.c.owner_id == who.user.id)
        elif owned == "shared":
            query = query.where(table.c.owner_id != who.user.id)
        count = select(func.count()).select_from(query.subquery())
        keys = (order.column, table.c.id)
        query = query.order_by(*(key.desc() if order.descending else key for key in keys))
        if cursor:
            query = query.where(_after(order, Cursor.decode(cursor, 2)))
        with self._database.read() as connection:
            rows = connection.execute(query.limit(limit + 1)).all()
            total = connection.execute(count).scalar_one()
            items = [project_of(row) for row in rows[:limit]]
            for project_id, values in sparks(connection, items).items():
                next(item for item in items if item.id == project_id).spark = values
        more = None
        if len(rows) > limit:
            last = rows[limit - 1]
            more = Cursor((getattr(last, order.column.name), last.id)).encode()
        return Page(items=items, next_cursor=more, total=total)

    def change(
        self,
        who: Identity,
        project: str,
        *,
        name: str | None,
        description: str | None,
        pinned: list[str] | None,
    ) -> Project:
        """Rename, describe, or choose the metrics shown in lists."""
        values: dict[str, Any] = {}
        if name is not None:
            values["name"] = clean_name(name, "project")
        if description is not None:
            values["description"] = description.strip()
        if pinned is not None:
            if len(pinned) > MAX_PINNED:
                raise Invalid(f"at most {MAX_PINNED} metrics can be pinned", path="$.pinned")
            values["pinned"] = msgspec.json.encode(pinned).decode()
        table = tables.projects
        try:
            with self._database.write() as tx:
                row = project_row(tx, who.user.id, project, "editor")
                if values:
                    tx.execute(update(table).where(table.c.id == row.id).values(values))
        except IntegrityError:
            raise Conflict(
                f"there is a project named {name!r} in this workspace already",
                hint="choose another name",
            ) from None
        return self.get(who, row.id)

    def delete(self, who: Identity, project: str, address: str) -> str:
        """Delete a project and its snapshots; returns its id."""
        table = tables.projects
        with self._database.write() as tx:
            row = project_row(tx, who.user.id, project, "owner")
            tx.execute(delete(table).where(table.c.id == row.id))
            audit.record(
                tx,
                "project.delete",
                row.id,
                user_id=who.user.id,
                username=who.user.username,
                address=address,
                detail={"name": row.name, "snapshots": row.snapshots},
            )
        return str(row.id)


def _listing(user_id: str) -> Any:
    table, users, workspaces = tables.projects, tables.users, tables.workspaces
    found = visible(user_id).subquery()
    return (
        select(
            table,
            found.c.rank,
            users.c.username.label("owner_name"),
            workspaces.c.name.label("workspace_name"),
        )
        .join(found, found.c.project_id == table.c.id)
        .join(users, users.c.id == table.c.owner_id)
        .join(workspaces, workspaces.c.id == table.c.workspace_id)
    )


def project_of(row: Any) -> Project:
    """Return a project from a row of the listing, without members."""
    return Project(
        id=row.id,
        short_id=f"PRJ-{row.number}",
        name=row.name,
        workspace=row.workspace_id,
        workspace_name=row.workspace_name,
        owner=User(id=row.owner_id, username=row.owner_name),
        role=ROLES[row.rank],
        description=row.description,
        snapshots=row.snapshots,
        created_at=from_micros(row.created_at),
        last_activity=from_micros(row.last_activity),
        pinned=msgspec.json.decode(row.pinned, type=list[str]),
    )


def sparks(connection: Connection, projects: list[Project]) -> dict[str, list[float]]:
    """Return the latest values of each project's first pinned metric, oldest first."""
    found: dict[str, list[float]] = {}
    metrics, snapshots = tables.metrics, tables.snapshots
    for project in projects:
        if not project.pinned:
            continue
        latest = (
            select(snapshots.c.id, snapshots.c.created_at)
            .where(snapshots.c.project_id == project.id)
            .order_by(snapshots.c.created_at.desc())
            .limit(SPARK_POINTS * 10)
            .subquery()
        )
        query = (
            select(metrics.c.value)
            .join(latest, latest.c.id == metrics.c.snapshot_id)
            .where(metrics.c.name == project.pinned[0])
            .order_by(latest.c.created_at.desc())
            .limit(SPARK_POINTS)
        )
        found[project.id] = list(connection.execute(query).scalars())[::-1]
    return found


def _after(order: _Order, cursor: Cursor) -> Any:
    """Return the rows after a place in the order."""
    is_text = isinstance(order.column.type, String)
    value = cursor.text(0) if is_text else cursor.number(0)
    last_id = cursor.text(1)
    same = order.column == value
    if order.descending:
        return or_(order.column < value, same & (tables.projects.c.id < last_id))
    return or_(order.column > value, same & (tables.projects.c.id > last_id))


def _uuid(text: str) -> str:
    found = ids.parse_uuid(text)
    if found is None:
        raise Invalid(f"{text[:60]!r} is not a UUID", path="$.id")
    return found


def _literal(text: str) -> str:
    """Escape what LIKE takes as a pattern."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
