"""Projects: find, open, share, and what is in them."""

from __future__ import annotations

import functools
import sys
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from etiq_jupyter import model
from etiq_jupyter.api.backend import backend_of
from etiq_jupyter.api.handle import Handle
from etiq_jupyter.api.listing import Listing
from etiq_jupyter.errors import AuthError, Invalid, Offline
from etiq_jupyter.names import LONGEST, unseen_character

if TYPE_CHECKING:
    from etiq_jupyter.api.snapshots import Snapshots
    from etiq_jupyter.sessions import Session


def check_name(name: str, noun: str = "project") -> str:
    """Return a name without surrounding white space.

    Raises
    ------
    Invalid
        When it is empty, longer than 200 characters, or has control characters.
    """
    if not isinstance(name, str):
        raise Invalid(f"A {noun}'s name must be text", why=f"got a {type(name).__name__}")
    text = name.strip()
    if not text:
        raise Invalid(f"A {noun}'s name must not be empty", path="name")
    if len(text) > LONGEST:
        why = f"it has {len(text)} characters, {LONGEST} are allowed"
        raise Invalid(f"The {noun}'s name is too long", why=why, path="name")
    if unseen := unseen_character(text):
        raise Invalid(
            f"A {noun}'s name must be one line of characters that can be seen",
            why=f"it has U+{ord(unseen):04X}",
            path="name",
        )
    return text


class Projects:
    """The projects made by me or shared with me. In local mode, the projects of this disk."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def handle(self, project: model.Project) -> Project:
        """Return the handle of a project that is already known."""
        return Project(self._session, project)

    def open(
        self, name: str, create_if_missing: bool = True, *, workspace: str | None = None
    ) -> Project:
        """Open a project by name (or id). It becomes the current one when there is none yet.

        Parameters
        ----------
        name : str
            Name, short id or UUID. Names of my own projects go before those shared with me.
        create_if_missing : bool, default True
            Quietly make the project when there is none of this name.
        workspace : str, optional
            Name or id of the workspace to look in; by default the personal one, then shared ones.

        Returns
        -------
        Project

        Raises
        ------
        NotFound
            When it is missing and not to be made; names the nearest.
        Invalid
            When the name cannot be one.
        """
        found = self.find(name, create_if_missing, workspace=workspace)
        return found if self._session.current is not None else found.use()

    def find(
        self, name: str, create_if_missing: bool = False, *, workspace: str | None = None
    ) -> Project:
        """Do as `open` does, but leave the session's current project as it is."""
        wanted = check_name(name)
        try:
            found = backend_of(self._session).open_project(wanted, create_if_missing, workspace)
        except Offline as error:
            if not create_if_missing or workspace is not None:
                raise
            print(
                f"etiq: Cannot reach {self._session.url} ({error.why or error.what}). Your "
                "snapshots are kept here and will be sent when it answers.",
                file=sys.stderr,
            )
            return self.handle(self._session.target(wanted))
        self._session.know(found)
        return self.handle(found)

    def get_all_projects(self) -> list[Project]:
        """Return every project made by me or shared with me, newest activity first."""
        return list(self.list())

    def list(
        self, q: str | None = None, *, sort: str = "-activity", page_size: int = 100
    ) -> Listing[Project]:
        """List projects lazily; ``q`` matches words of the name."""
        backend = backend_of(self._session)

        def fetch(cursor: str | None, limit: int) -> model.Page[Project]:
            query = {"q": q, "sort": sort, "cursor": cursor, "limit": limit}
            page = backend.get("/projects", query, model.Page[model.Project])
            return model.Page(
                items=[Project(self._session, found) for found in page.items],
                next_cursor=page.next_cursor,
                total=page.total,
            )

        return Listing(fetch, page_size)

    def get(self, id: str) -> Project:  # noqa: A002
        """Return a project by id.

        Raises
        ------
        NotFound
            When there is none, or it is not shared with you.
        """
        path = f"/projects/{quote(id, safe='')}"
        return Project(self._session, backend_of(self._session).get(path, None, model.Project))

    @property
    def current(self) -> Project | None:
        """The session's current project; None before one is opened."""
        found = self._session.current
        return None if found is None else Project(self._session, found)

    def __iter__(self) -> Any:
        return iter(self.list())

    def __repr__(self) -> str:
        return repr(self.list())


class Project(Handle[model.Project]):
    """A named body of work with members. Its snapshots are in ``project.snapshots``."""

    @property
    def workspace(self) -> str:
        """Name of the workspace that owns it."""
        return self._facts.workspace_name

    @property
    def url(self) -> str:
        """Address of its page on the dashboard; empty in local mode."""
        if not self._session.url or not self.short_id:
            return ""
        return f"{self._session.url}/p/{self.short_id}"

    @property
    def members(self) -> dict[str, str]:
        """Username -> role, read from the dashboard."""
        return {member.user.username: member.role for member in self.refresh().facts.members}

    @functools.cached_property
    def snapshots(self) -> Snapshots:
        """The snapshots of this project."""
        from etiq_jupyter.api.snapshots import Snapshots

        return Snapshots(self._session, self)

    @property
    def runs(self) -> Listing[model.Run]:
        """The runs, newest first."""
        return self._listing("runs", model.Page[model.Run])

    @property
    def pipelines(self) -> Listing[model.Pipeline]:
        """The pipelines: snapshots joined by what one wrote and another read."""
        return self._listing("pipelines", model.Page[model.Pipeline])

    def _listing(self, noun: str, kind: Any) -> Listing[Any]:
        backend = backend_of(self._session)

        def fetch(cursor: str | None, limit: int) -> Any:
            query = {"cursor": cursor, "limit": limit}
            return backend.get(f"/projects/{self.id}/{noun}", query, kind)

        return Listing(fetch)

    def use(self) -> Project:
        """Make this the session's current project."""
        self._session.use(self._facts)
        return self

    def refresh(self) -> Project:
        """Read name, role and members anew."""
        path = f"/projects/{self.id}"
        self._facts = backend_of(self._session).get(path, None, model.Project)
        return self

    def share(self, username: str, role: model.Role = "editor") -> Project:
        """Give a user of the dashboard a role in this project, or change it.

        Parameters
        ----------
        username : str
            Name on the dashboard.
        role : {"viewer", "editor", "owner"}
            Viewers look, editors add, owners also share and delete.

        Raises
        ------
        NotFound, Forbidden, Invalid, AuthError
            No such user; not the owner; no such role; local mode.
        """
        if role not in ("viewer", "editor", "owner"):
            why = "a role is viewer, editor or owner"
            raise Invalid(f"{role!r} is not a role", why=why, path="role")
        self._require_dashboard()
        self._session.request("PUT", self._member(username), json={"role": role})
        return self.refresh()

    def unshare(self, username: str) -> Project:
        """Take a user's role in this project away."""
        self._require_dashboard()
        self._session.request("DELETE", self._member(username))
        return self.refresh()

    def _member(self, username: str) -> str:
        return f"/projects/{self.id}/members/{quote(username, safe='')}"

    def _require_dashboard(self) -> None:
        if not self._session.is_logged_in():
            raise AuthError(
                f"Project {self.name!r} is on this disk only, so it cannot be shared",
                hint="log in, then project.push()",
            )

    def push(self) -> int:
        """Send what was recorded in this project in local mode to the dashboard.

        Returns
        -------
        int
            How many snapshots are now waiting to be sent.
        """
        return self._session.sync.push_local(self.id)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Project) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        label = f" {self.short_id}" if self.short_id else ""
        return f"<Project{label} {self.name!r}, {self.role}>"

    def _repr_html_(self) -> str:
        name = escape(self.name)
        title = f'<a href="{escape(self.url)}" target="_blank">{name}</a>' if self.url else name
        where = escape(self.workspace) or "this disk"
        return f"<b>{title}</b> {self.short_id} · {self.role} · {where}"
