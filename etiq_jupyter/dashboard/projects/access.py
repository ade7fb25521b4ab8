"""The one place that says who may see and do what.

A role comes from membership of the project or of its workspace; the higher one counts. Who has no
role is told that there is no such project: that a project exists is itself something to know.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    Connection,
    Select,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
    union_all,
)

from etiq_jupyter import ids
from etiq_jupyter.dashboard.db import tables
from etiq_jupyter.dashboard.db.statement import Statement, among
from etiq_jupyter.errors import Forbidden, Invalid, NotFound
from etiq_jupyter.model import Role

RANKS: dict[Role, int] = {"viewer": 1, "editor": 2, "owner": 3}
ROLES: dict[int, Role] = {rank: role for role, rank in RANKS.items()}


def visible(user_id: str) -> Select[Any]:
    """Return the (project_id, rank) of everything a user may see, as a query to join with."""
    projects, members, teams = (
        tables.projects,
        tables.project_members,
        tables.workspace_members,
    )
    direct = select(members.c.project_id, members.c.rank).where(members.c.user_id == user_id)
    through = (
        select(projects.c.id.label("project_id"), teams.c.rank)
        .join(teams, teams.c.workspace_id == projects.c.workspace_id)
        .where(teams.c.user_id == user_id)
    )
    both = union_all(direct, through).subquery()
    return select(both.c.project_id, func.max(both.c.rank).label("rank")).group_by(
        both.c.project_id
    )


def _roles() -> Statement:
    projects, members, teams, tokens = (
        tables.projects,
        tables.project_members,
        tables.workspace_members,
        tables.tokens,
    )
    facts = (projects.c.id, projects.c.name, projects.c.workspace_id)
    asked = among(projects.c.id, "projects")
    holders = select(tokens.c.user_id).where(among(tokens.c.lookup, "lookups"))
    parts = [
        select(table.c.user_id, table.c.rank, *facts)
        .join(projects, joined)
        .where(asked, or_(among(table.c.user_id, "users"), table.c.user_id.in_(holders)))
        for table, joined in (
            (members, members.c.project_id == projects.c.id),
            (teams, teams.c.workspace_id == projects.c.workspace_id),
        )
    ]
    return Statement(union_all(*parts))


ROLES_IN_PROJECTS = _roles()
"""Ranks of users, given by id or by their tokens, in projects, with facts of these.

Who has no rank in a project gets no row.
"""


def roles_of(
    connection: Connection, pairs: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], int]:
    """Return the ranks of many (user, project) pairs at once; those without a role are absent."""
    wanted = set(pairs)
    projects, users = {project for _, project in wanted}, {user for user, _ in wanted}
    found: dict[tuple[str, str], int] = {}
    for row in ROLES_IN_PROJECTS.all(
        connection, projects=list(projects), users=list(users), lookups=[]
    ):
        key = (row.user_id, row.id)
        if key in wanted:
            found[key] = max(row.rank, found.get(key, 0))
    return found


def _project(column: Any) -> Statement:
    """Ask for a project that a user may see, by one of its columns."""
    projects, members, teams = (
        tables.projects,
        tables.project_members,
        tables.workspace_members,
    )
    user: Any = bindparam("user", type_=members.c.user_id.type)
    none: Any = literal_column("0")
    direct = and_(members.c.project_id == projects.c.id, members.c.user_id == user)
    through = and_(teams.c.workspace_id == projects.c.workspace_id, teams.c.user_id == user)
    higher = case(
        (func.coalesce(members.c.rank, none) > func.coalesce(teams.c.rank, none), members.c.rank),
        else_=teams.c.rank,
    )
    joined = projects.outerjoin(members, direct).outerjoin(teams, through)
    return Statement(
        select(projects, higher.label("rank"))
        .select_from(joined)
        .where(
            column == bindparam("wanted"),
            or_(members.c.rank.is_not(None), teams.c.rank.is_not(None)),
        )
    )


# Built once, as nearly every request asks for its project.
_BY_ID = _project(tables.projects.c.id)
_BY_NUMBER = _project(tables.projects.c.number)


def project_row(connection: Connection, user_id: str, project: str, needs: Role = "viewer") -> Any:
    """Return a project that a user may see, checked for what they want to do.

    Parameters
    ----------
    connection : Connection
        Of the database.
    user_id : str
        Who asks.
    project : str
        UUID or short id.
    needs : {"viewer", "editor", "owner"}
        The least role for what is to be done.

    Returns
    -------
    Row
        The columns of the projects table and ``rank``.

    Raises
    ------
    NotFound
        When there is none, or the user may not see it.
    Forbidden
        When the user may see it, but not do this.
    """
    try:
        canonical = ids.parse_id(project)
    except Invalid:
        raise no_project(project) from None
    short = ids.parse_short_id(canonical)
    if short is None:
        rows = _BY_ID.all(connection, user=user_id, wanted=canonical)
    elif short[0] == "PRJ":
        rows = _BY_NUMBER.all(connection, user=user_id, wanted=short[1])
    else:
        rows = []
    if not rows:
        raise no_project(project)
    row = rows[0]
    check_rank(row.rank, needs, row.name)
    return row


def snapshot_row(
    connection: Connection, user_id: str, snapshot: str, needs: Role = "viewer"
) -> Any:
    """Return a snapshot that a user may see, with ``rank`` and facts of its project.

    Raises
    ------
    NotFound
        When there is none, or the user may not see its project.
    Forbidden
        When the role in its project is too low.
    """
    table, projects = tables.snapshots, tables.projects
    found = visible(user_id).subquery()
    query = (
        select(
            table,
            found.c.rank,
            projects.c.name.label("project_name"),
            projects.c.number.label("project_number"),
            projects.c.workspace_id,
        )
        .join(projects, projects.c.id == table.c.project_id)
        .join(found, found.c.project_id == projects.c.id)
        .where(_is(table, snapshot, "SNP"))
    )
    row = connection.execute(query).first()
    if row is None:
        raise NotFound(
            f"there is no snapshot {snapshot[:60]!r}",
            why="or it is in a project that is not shared with you",
        )
    check_rank(row.rank, needs, row.project_name)
    return row


def check_rank(rank: int, needs: Role, project_name: str) -> None:
    """Refuse what a role does not allow."""
    if rank < RANKS[needs]:
        raise Forbidden(
            f"your role in {project_name!r} does not allow this",
            why=f"you are {_with_article(ROLES[rank])}, it takes {_with_article(needs)}",
            hint="ask an owner of the project for that role",
        )


def no_project(name: str, nearest: tuple[str, ...] = ()) -> NotFound:
    """Return the error for a project that is not there or not to be seen."""
    return NotFound(
        f"there is no project {name[:200]!r}",
        why="" if nearest else "or it is not shared with you",
        nearest=nearest,
    )


def _is(table: Any, given: str, prefix: str) -> Any:
    """Compare a UUID or short id with the row's own; one of another kind matches nothing."""
    try:
        canonical = ids.parse_id(given)
    except Invalid:
        return table.c.id == ""
    short = ids.parse_short_id(canonical)
    if short is None:
        return table.c.id == canonical
    if short[0] != prefix:
        return table.c.id == ""
    return table.c.number == short[1]


def _with_article(role: str) -> str:
    return f"{'an' if role[0] in 'eo' else 'a'} {role}"
