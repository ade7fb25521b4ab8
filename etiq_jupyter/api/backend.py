"""One read interface with two answers: the dashboard when logged in, this disk in local mode.

Paths and answers are those of the dashboard's ``/api/v1``, so that handles, the panel and the
JupyterLab sidebar need to know neither which of the two is current nor a second schema.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import quote

import msgspec

from etiq_jupyter import model
from etiq_jupyter.errors import AuthError, EtiqError, NotFound, Offline, ServerError
from etiq_jupyter.ids import parse_short_id, parse_uuid

if TYPE_CHECKING:
    from etiq_jupyter.sessions import Session

T = TypeVar("T")
_SNAPSHOTS = re.compile(r"/projects/[^/]+/snapshots")
Query = Mapping[str, Any]


class Backend(Protocol):
    """What answers reads."""

    def get(self, path: str, query: Query | None, kind: type[T]) -> T:
        """Answer ``GET path`` as a value of the given kind; raises a typed `EtiqError`."""

    def send(self, method: str, path: str, body: Any = None) -> Any:
        """Carry out a small change; returns JSON-able data."""

    def open_project(self, name: str, create: bool, workspace: str | None) -> model.Project:
        """Find a project by name or id, or make it."""


class DashboardBackend:
    """Answers from the dashboard, over the session's transport.

    What only this disk has is answered from there: snapshots that are not sent yet, and, while the
    dashboard cannot be reached, whatever the local store holds.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, path: str, query: Query | None, kind: type[T]) -> T:
        try:
            found = self._ask(path, query, kind)
        except (NotFound, Offline) as error:
            return self._here(path, query, kind, error)
        if isinstance(found, (dict, model.Page)) and _is_first_page(path, query):
            self._add_unsent(path.split("/")[2], query or {}, found)
        return found

    def _ask(self, path: str, query: Query | None, kind: type[T]) -> T:
        params = {key: value for key, value in (query or {}).items() if value is not None}
        answer = self._session.request("GET", path, response_as_json=False, params=params)
        if kind is Any:
            return msgspec.json.decode(answer.content)  # type: ignore[no-any-return]
        try:
            return msgspec.json.decode(answer.content, type=kind)
        except msgspec.ValidationError as error:
            raise ServerError(
                f"The dashboard's answer to GET {path} is not understood",
                why=str(error),
                hint="the dashboard may be newer: update etiq_jupyter here",
            ) from None

    def _here(self, path: str, query: Query | None, kind: type[T], error: EtiqError) -> T:
        from etiq_jupyter.api.local import LocalBackend

        if not path.startswith(("/snapshots/", "/projects/", "/diff")):
            raise error
        if isinstance(error, NotFound) and not path.startswith(("/snapshots/", "/diff")):
            raise error
        try:
            return LocalBackend(self._session.store).get(path, query, kind)
        except EtiqError:
            raise error from None

    def _add_unsent(self, project: str, query: Query, page: Any) -> None:
        """Put what is on its way in front of a project's newest snapshots."""
        known = page["items"] if isinstance(page, dict) else page.items
        ids = {_field(item, "id") for item in known}
        unsent = self._session.store.unsent(
            project, str(query.get("q") or ""), str(query.get("tag") or "")
        )
        waiting = [summary for summary in unsent if summary.id not in ids]
        if isinstance(page, dict):
            page["items"] = [*msgspec.to_builtins(waiting), *known]
            page["total"] += len(waiting)
        else:
            page.items = [*waiting, *known]
            page.total += len(waiting)

    def send(self, method: str, path: str, body: Any = None) -> Any:
        return self._session.request(method, path, json=body)

    def open_project(self, name: str, create: bool, workspace: str | None) -> model.Project:
        short = parse_short_id(name)
        if parse_uuid(name) or (short and short[0] == "PRJ"):
            try:
                return self._ask(f"/projects/{quote(name, safe='')}", None, model.Project)
            except NotFound:
                create = False  # a mistyped id is not the name of a new project
        body = {"name": name, "create_if_missing": create, "workspace": workspace}
        body = {key: value for key, value in body.items() if value is not None}
        answer = self._session.request("POST", "/projects/open", json=body)
        return msgspec.convert(answer, model.Project)


def _field(item: Any, name: str) -> Any:
    return item[name] if isinstance(item, dict) else getattr(item, name)


def _is_first_page(path: str, query: Query | None) -> bool:
    asked = {key for key, value in (query or {}).items() if value} - {"limit", "sort", "q", "tag"}
    newest = (query or {}).get("sort") in (None, "-created")
    return bool(_SNAPSHOTS.fullmatch(path)) and not asked and newest


def backend_of(session: Session) -> Backend:
    """Return what answers for a session now.

    Raises
    ------
    AuthError
        When the session's token was refused: neither answer would be what the user expects.
    """
    if session.is_logged_in():
        return DashboardBackend(session)
    if session.url:
        raise AuthError(
            f"The login at {session.url} has expired",
            why=session.state.message,
            hint="log in again with %etiq_login, or %etiq_logout to work locally",
        )
    from etiq_jupyter.api.local import LocalBackend

    return LocalBackend(session.store)
