"""Who is in a project, and as what."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, func, select

from etiq_jupyter.dashboard import audit
from etiq_jupyter.dashboard.db import tables
from etiq_jupyter.dashboard.db.engine import Database
from etiq_jupyter.dashboard.identity.people import Identity
from etiq_jupyter.dashboard.projects.access import RANKS, ROLES, project_row
from etiq_jupyter.errors import Conflict, Forbidden, NotFound
from etiq_jupyter.model import Member, Role, User


class Members:
    """Sharing of projects."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def set_role(
        self, who: Identity, project: str, username: str, role: Role, address: str
    ) -> Member:
        """Share a project with somebody, or change their role.

        Raises
        ------
        NotFound
            When there is no such user.
        Conflict
            When the project would be left without an owner.
        """
        table = tables.project_members
        with self._database.write() as tx:
            row = project_row(tx, who.user.id, project, "owner")
            user = _user(tx, username)
            if role != "owner":
                _keep_an_owner(tx, row, user.id)
            tx.execute(
                self._database.insert(table)
                .values(project_id=row.id, user_id=user.id, rank=RANKS[role])
                .on_conflict_do_update(
                    index_elements=["project_id", "user_id"], set_={"rank": RANKS[role]}
                )
            )
            audit.record(
                tx,
                "member.set",
                row.id,
                user_id=who.user.id,
                username=who.user.username,
                address=address,
                detail={"member": user.username, "role": role},
            )
        return Member(user=user, role=role)

    def remove(self, who: Identity, project: str, username: str, address: str) -> None:
        """Take somebody out of a project; anybody may take themselves out."""
        table = tables.project_members
        with self._database.write() as tx:
            row = project_row(tx, who.user.id, project)
            user = _user(tx, username)
            if user.id != who.user.id and row.rank < RANKS["owner"]:
                raise Forbidden(
                    f"your role in {row.name!r} does not allow this",
                    why=f"you are {ROLES[row.rank]}, it takes owner",
                )
            _keep_an_owner(tx, row, user.id)
            removed = tx.execute(
                delete(table)
                .where(table.c.project_id == row.id, table.c.user_id == user.id)
                .returning(table.c.user_id)
            ).first()
            if removed is None:
                raise NotFound(f"{user.username!r} is not a member of {row.name!r}")
            audit.record(
                tx,
                "member.remove",
                row.id,
                user_id=who.user.id,
                username=who.user.username,
                address=address,
                detail={"member": user.username},
            )


def members_of(connection: Connection, project_id: str, workspace_id: str) -> list[Member]:
    """Everybody who may see a project, owners first."""
    direct, teams, users = (
        tables.project_members,
        tables.workspace_members,
        tables.users,
    )
    both = (
        select(direct.c.user_id, direct.c.rank)
        .where(direct.c.project_id == project_id)
        .union_all(
            select(teams.c.user_id, teams.c.rank).where(teams.c.workspace_id == workspace_id)
        )
        .subquery()
    )
    rank = func.max(both.c.rank)
    query = (
        select(users.c.id, users.c.username, rank.label("rank"))
        .join(both, both.c.user_id == users.c.id)
        .group_by(users.c.id, users.c.username)
        .order_by(rank.desc(), users.c.username)
    )
    return [
        Member(user=User(id=row.id, username=row.username), role=ROLES[row.rank])
        for row in connection.execute(query)
    ]


def _user(tx: Connection, username: str) -> User:
    users = tables.users
    row: Any = tx.execute(
        select(users).where(users.c.folded == username.strip().casefold())
    ).first()
    if row is None:
        raise NotFound(f"there is no user {username[:64]!r}", hint="they need an account first")
    return User(id=row.id, username=row.username)


def _keep_an_owner(tx: Connection, project: Any, leaving: str) -> None:
    """Refuse a change after which nobody could give the project to somebody else."""
    teams = tables.workspace_members
    if leaving == project.owner_id:
        raise Conflict(
            "the one who made a project stays its owner",
            why="the project is in their workspace",
        )
    by_workspace = tx.execute(
        select(teams.c.user_id).where(
            teams.c.workspace_id == project.workspace_id, teams.c.user_id == leaving
        )
    ).first()
    if by_workspace is not None:
        raise Conflict(
            "this person's role comes from the workspace",
            hint="change it there",
        )
