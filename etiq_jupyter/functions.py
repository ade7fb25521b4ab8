"""The module-level functions: each acts on the default session."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from etiq_jupyter import model, sessions
from etiq_jupyter.api import connection
from etiq_jupyter.api.connection import issue_token, register
from etiq_jupyter.api.projects import Project
from etiq_jupyter.api.snapshot import Snapshot

if TYPE_CHECKING:
    from etiq_jupyter.sessions import Session

__all__ = [
    "browse",
    "connect",
    "diff",
    "export_project",
    "import_project",
    "is_logged_in",
    "issue_token",
    "login",
    "logout",
    "panel",
    "pick_project",
    "pick_snapshot",
    "register",
    "request",
    "status",
]


def login(
    url: str | None = None,
    token: str | None = None,
    *,
    config: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    verify: bool | str = True,
    proxies: Mapping[str, str] | None = None,
    timeout: float = 30.0,
) -> Session:
    """Connect to a dashboard; from here on all snapshots are synchronised. See `Session.login`."""
    return sessions.default().login(
        url, token, config=config, verify=verify, proxies=proxies, timeout=timeout
    )


def logout(wait: float = 5.0) -> None:
    """Forget the token; work goes on locally. Says what stays unsent. See `Session.logout`."""
    sessions.default().logout(wait)


def is_logged_in() -> bool:
    """Whether there is a login that the dashboard has not refused since."""
    return sessions.default().is_logged_in()


def status() -> model.Status:
    """Return the session's state: connection, user, project, and what is unsent."""
    return sessions.default().status()


def connect(
    api_token: str | None = None,
    host: str | None = None,
    config: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    workspace: str | None = None,
    project: str | None = None,
) -> connection.Connection | connection.Workspace | Project:
    """Log in and return the connection, a workspace or a project. See `api.connection.connect`."""
    return connection.connect(sessions.default(), api_token, host, config, workspace, project)


def request(method: str, path: str, *, response_as_json: bool = True, **options: Any) -> Any:
    """Call the dashboard with the session's authentication. See `Session.request`."""
    return sessions.default().request(method, path, response_as_json=response_as_json, **options)


def browse(id: str) -> Any:  # noqa: A002
    """Return the thing with this id as its own type. See `api.connection.browse`."""
    return connection.browse(sessions.default(), id)


def diff(a: Snapshot | str, b: Snapshot | str) -> Any:
    """Compare two snapshots, given as handles or ids."""
    from etiq_jupyter.api.snapshot import diff as compare

    first, second = (
        Snapshot.load(sessions.default(), side) if isinstance(side, str) else side
        for side in (a, b)
    )
    return compare(first, second)


def panel() -> Any:
    """Return the widget panel of the default session."""
    from etiq_jupyter.jupyter.panel import Panel

    return Panel(sessions.default()).widget


def pick_project() -> Any:
    """Return a widget that picks the current project."""
    from etiq_jupyter.jupyter.panel import ProjectPicker

    return ProjectPicker(sessions.default()).widget


def pick_snapshot() -> Any:
    """Return a widget that picks a snapshot of the current project; its ``value`` is the handle."""
    from etiq_jupyter.jupyter.panel import SnapshotPicker

    return SnapshotPicker(sessions.default()).widget


def export_project(project: Project | str, folder: str | os.PathLike[str]) -> Path:
    """Write a project as plain files: Parquet, JSON, PNG and source."""
    from etiq_jupyter.api.transfer import export_project as export

    return export(sessions.default(), project, Path(folder))


def import_project(folder: str | os.PathLike[str]) -> Project:
    """Read what `export_project` wrote, into the current session."""
    from etiq_jupyter.api.transfer import import_project as load

    return load(sessions.default(), Path(folder))
