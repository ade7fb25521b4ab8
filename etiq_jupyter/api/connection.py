"""Finding and browsing: connections, workspaces, and any thing by its id."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from etiq_jupyter import model
from etiq_jupyter.api.backend import backend_of
from etiq_jupyter.api.handle import Handle
from etiq_jupyter.api.listing import Listing
from etiq_jupyter.api.projects import Project
from etiq_jupyter.api.snapshot import Snapshot
from etiq_jupyter.errors import Invalid, NotFound
from etiq_jupyter.ids import KINDS, parse_id, parse_short_id
from etiq_jupyter.process import is_interactive

if TYPE_CHECKING:
    from etiq_jupyter.sessions import Session


def connect(
    session: Session,
    api_token: str | None = None,
    host: str | None = None,
    config: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    workspace: str | None = None,
    project: str | None = None,
) -> Connection | Workspace | Project:
    """Log in and return what was asked for.

    Parameters
    ----------
    api_token, host, config
        As ``token``, ``url`` and ``config`` of `Session.login`.
    workspace, project : str, optional
        Name or id. Neither is made when missing.

    Returns
    -------
    Connection, Workspace or Project
        A project when ``project`` is given, else a workspace when ``workspace`` is, else the
        connection.
    """
    session.login(host, api_token, config=config, workspace=workspace, project=None)
    connection = Connection(session)
    if project is not None:
        opened = session.projects.find(project, create_if_missing=False, workspace=workspace)
        return opened.use()
    if workspace is not None:
        return connection.workspace(workspace)
    return connection


class Connection:
    """A logged-in session, for browsing."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @property
    def my_workspace(self) -> Workspace:
        """My personal workspace."""
        return Workspace(self._session, self._session.require_login().me.workspace)

    def browse(self, id: str) -> Any:  # noqa: A002
        """Return the thing with this id, typed. See `browse`."""
        return browse(self._session, id)

    def list_workspaces(
        self, number_of_items: int | None = 30, display_print: bool = True
    ) -> list[Workspace]:
        """Return workspaces, newest first; None for all.

        Parameters
        ----------
        number_of_items : int or None, default 30
        display_print : bool, default True
            Print the first 10 as a table; only where a person sees it.
        """
        if number_of_items is not None and number_of_items < 1:
            raise Invalid("number_of_items must be at least 1", path="number_of_items")
        found: list[Workspace] = []
        for workspace in self._workspaces():
            found.append(workspace)
            if number_of_items is not None and len(found) >= number_of_items:
                break
        if display_print and is_interactive():
            rows = [(w.short_id, w.name, w.role) for w in found[:10]]
            width = max((len(row[1]) for row in rows), default=0)
            for short_id, name, role in rows:
                print(f"{short_id:<8} {name:<{width}}  {role}")
        return found

    def _workspaces(self) -> Listing[Workspace]:
        backend = backend_of(self._session)

        def fetch(cursor: str | None, limit: int) -> model.Page[Workspace]:
            query = {"cursor": cursor, "limit": limit}
            page = backend.get("/workspaces", query, model.Page[model.Workspace])
            return model.Page(
                items=[Workspace(self._session, facts) for facts in page.items],
                next_cursor=page.next_cursor,
                total=page.total,
            )

        return Listing(fetch)

    def workspace(self, workspace: str) -> Workspace:
        """Return a workspace by name or id.

        Raises
        ------
        NotFound
            Naming the nearest.
        """
        import difflib

        known = list(self._workspaces())
        wanted = workspace.strip()
        for found in known:
            if wanted in (found.name, found.id) or wanted.upper() == found.short_id:
                return found
        near = tuple(difflib.get_close_matches(wanted, [found.name for found in known], 3))
        raise NotFound(f"There is no workspace {workspace!r}", nearest=near)

    def project(self, project: str, workspace: str | None = None) -> Project:
        """Return a project by name or id; never makes one."""
        return self._session.projects.find(project, False, workspace=workspace)

    def snapshot(self, id: str) -> Snapshot:  # noqa: A002
        """Return a snapshot by id."""
        found: Snapshot = _of_kind(self._session, id, "SNP")
        return found

    def run(self, id: str) -> model.Run:  # noqa: A002
        """Return a run by id."""
        found: model.Run = _of_kind(self._session, id, "RUN")
        return found

    def __repr__(self) -> str:
        user = self._session.user
        return f"<Connection {user.username if user else 'local'} @ {self._session.url}>"


class Workspace(Handle[model.Workspace]):
    """Owner and sharing unit of projects."""

    def project(self, project: str) -> Project:
        """Return a project of this workspace by name or id; never makes one."""
        return self._session.projects.find(project, False, workspace=self.id)

    def create_project(self, name: str) -> Project:
        """Make a project in this workspace, or return the one of that name."""
        return self._session.projects.find(name, True, workspace=self.id)

    def list_projects(self) -> list[Project]:
        """Return the projects of this workspace that I may see."""
        return [p for p in self._session.projects.list() if p.facts.workspace == self.id]

    def __repr__(self) -> str:
        return f"<Workspace {self.short_id} {self.name!r}>"


def browse(session: Session, id: str) -> Any:  # noqa: A002
    """Return the thing with this id as its own type.

    Parameters
    ----------
    id : str
        A short id (``SNP-42``, any letter case) or a UUID, matched in full.

    Returns
    -------
    Snapshot, Project, Workspace, model.Run or model.Pipeline

    Raises
    ------
    Invalid
        When it is not an id.
    NotFound
        When there is no such thing, or you may not see it.
    """
    return _typed(session, _look_up(session, id))


def _look_up(session: Session, id: str) -> dict[str, Any]:  # noqa: A002
    return backend_of(session).get(f"/browse/{quote(parse_id(id), safe='')}", None, dict)


def _typed(session: Session, answer: dict[str, Any]) -> Any:
    import msgspec

    kinds: dict[str, Any] = {
        "snapshot": (model.SnapshotDetail, lambda v: Snapshot(session, v.id, detail=v)),
        "project": (model.Project, lambda v: Project(session, v)),
        "workspace": (model.Workspace, lambda v: Workspace(session, v)),
        "run": (model.Run, lambda v: v),
        "pipeline": (model.Pipeline, lambda v: v),
    }
    struct, make = kinds[answer["kind"]]
    return make(msgspec.convert(answer["object"], struct))


def _of_kind(session: Session, id: str, prefix: str) -> Any:  # noqa: A002
    short = parse_short_id(id)
    if short is not None and short[0] != prefix:
        raise Invalid(
            f"{id!r} is the id of a {KINDS[short[0]]}",
            why=f"a {KINDS[prefix]}'s id looks like {prefix}-42",
        )
    answer = _look_up(session, id)
    if answer["kind"] != KINDS[prefix]:
        raise NotFound(f"{id!r} is the id of a {answer['kind']}, not of a {KINDS[prefix]}")
    return _typed(session, answer)


def register(url: str, username: str, email: str, password: str) -> model.User:
    """Make an account on a dashboard that allows it.

    Raises
    ------
    Forbidden
        When the dashboard does not let people register by themselves.
    Conflict, Invalid
        When the name is taken or not acceptable.
    """
    import msgspec

    body = {"username": username, "email": email, "password": password}
    answer = _anonymous(url).request("POST", "/api/v1/register", json=body)
    return msgspec.json.decode(answer.content, type=model.Me).user


def issue_token(url: str, username: str, password: str, name: str) -> model.IssuedToken:
    """Make a new access token with username and password, when the old one is lost.

    Returns
    -------
    model.IssuedToken
        Its ``secret`` is the token; it cannot be shown again.
    """
    import msgspec

    body = {"username": username, "password": password, "name": name}
    answer = _anonymous(url).request("POST", "/api/v1/tokens/issue", json=body)
    return msgspec.json.decode(answer.content, type=model.IssuedToken)


def _anonymous(url: str) -> Any:
    from etiq_jupyter.credentials import check_url
    from etiq_jupyter.sync.transport import Transport

    return Transport(check_url(url))
