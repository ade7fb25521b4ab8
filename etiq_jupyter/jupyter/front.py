"""What JupyterLab's sidebar may ask of a session; the bridge calls it from its own threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from etiq_jupyter import model
from etiq_jupyter.api.backend import backend_of
from etiq_jupyter.sessions import Session, subscribe


class SessionFront:
    """A `bridge.BridgeFront` over a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def status(self) -> model.Status:
        return self._session.state

    def get(self, path: str, query: Mapping[str, Any]) -> Any:
        return backend_of(self._session).get(path, query, Any)

    def send(self, method: str, path: str, body: Any) -> Any:
        answer = backend_of(self._session).send(method, path, body)
        self._session.refresh()
        return answer

    def select_project(self, project: str, create: bool) -> model.Status:
        self._session.projects.find(project, create_if_missing=create).use()
        return self._session.state

    def sync_now(self) -> model.Status:
        self._session.sync.now()
        return self._session.refresh()

    def logout(self) -> model.Status:
        self._session.logout(wait=0.0)
        return self._session.state

    def subscribe(self, callback: Callable[[model.Status], None]) -> Callable[[], None]:
        return subscribe(self._session, callback)
