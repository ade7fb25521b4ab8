"""One read interface with two answers: the dashboard when logged in, this disk in local mode.

Paths and answers are those of the dashboard's ``/api/v1``, so that handles, the panel and the
JupyterLab sidebar need to know neither which of the two is current nor a second schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import msgspec

from etiq_jupyter import model
from etiq_jupyter.errors import AuthError, ServerError

if TYPE_CHECKING:
    from etiq_jupyter.sessions import Session

T = TypeVar("T")
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
    """Answers from the dashboard, over the session's transport."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, path: str, query: Query | None, kind: type[T]) -> T:
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

    def send(self, method: str, path: str, body: Any = None) -> Any:
        return self._session.request(method, path, json=body)

    def open_project(self, name: str, create: bool, workspace: str | None) -> model.Project:
        body = {"name": name, "create_if_missing": create, "workspace": workspace}
        body = {key: value for key, value in body.items() if value is not None}
        answer = self._session.request("POST", "/projects/open", json=body)
        return msgspec.convert(answer, model.Project)


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
