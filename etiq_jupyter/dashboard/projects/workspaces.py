"""Workspaces: owner and sharing unit of projects. Everybody has a personal one."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, select

from etiq_jupyter import ids
from etiq_jupyter.dashboard.db import tables
from etiq_jupyter.dashboard.db.engine import Database
from etiq_jupyter.dashboard.projects.access import RANKS, ROLES
from etiq_jupyter.dashboard.web.paging import Cursor
from etiq_jupyter.errors import Forbidden, NotFound, ServerError
from etiq_jupyter.model import Page, Workspace


class Workspaces:
    """The workspaces that users are members of."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def personal(self, user_id: str) -> Workspace:
        """Return a user's own workspace."""
        with self._database.read() as connection:
            row = connection.execute(_mine(user_id).where(tables.workspaces.c.personal)).first()
        if row is None:
            raise ServerError("the account has no workspace of its own")
        return _workspace(row)

    def page(self, user_id: str, cursor: str | None, limit: int) -> Page[Workspace]:
        """Return the workspaces of a user, oldest first."""
        table = tables.workspaces
        query = _mine(user_id).order_by(table.c.number).limit(limit + 1)
        if cursor:
            query = query.where(table.c.number > Cursor.decode(cursor, 1).number(0))
        count = select(func.count()).select_from(_mine(user_id).subquery())
        with self._database.read() as connection:
            rows = connection.execute(query).all()
            total = connection.execute(count).scalar_one()
        more = Cursor((rows[limit - 1].number,)).encode() if len(rows) > limit else None
        items = [_workspace(row) for row in rows[:limit]]
        return Page(items=items, next_cursor=more, total=total)

    def where_to_make(self, tx: Connection, user_id: str, workspace: str | None) -> Any:
        """Return the workspace in which a user makes a project: the one named, else their own.

        Raises
        ------
        NotFound
            When there is none of this id or name among theirs.
        Forbidden
            When they may only look at it.
        """
        table = tables.workspaces
        query = _mine(user_id)
        if workspace is None:
            query = query.where(table.c.personal)
        else:
            short, uuid = ids.parse_short_id(workspace), ids.parse_uuid(workspace)
            if short is not None and short[0] == "WSP":
                query = query.where(table.c.number == short[1])
            elif uuid is not None:
                query = query.where(table.c.id == uuid)
            else:
                query = query.where(table.c.name == workspace)
        row = tx.execute(query.order_by(table.c.number).limit(1)).first()
        if row is None:
            raise NotFound(
                f"there is no workspace {str(workspace)[:200]!r}", why="or you are no member of it"
            )
        if row.rank < RANKS["editor"]:
            raise Forbidden(f"you may not make projects in {row.name!r}")
        return row


def _mine(user_id: str) -> Any:
    table, members, projects = (
        tables.workspaces,
        tables.workspace_members,
        tables.projects,
    )
    count = (
        select(func.count())
        .where(projects.c.workspace_id == table.c.id)
        .scalar_subquery()
        .label("projects")
    )
    return (
        select(table, members.c.rank, count)
        .join(members, members.c.workspace_id == table.c.id)
        .where(members.c.user_id == user_id)
    )


def _workspace(row: Any) -> Workspace:
    return Workspace(
        id=row.id,
        short_id=f"WSP-{row.number}",
        name=row.name,
        personal=row.personal,
        role=ROLES[row.rank],
        projects=row.projects,
    )
