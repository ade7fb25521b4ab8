"""What fronts show of a session: one word for its state, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from etiq_jupyter import model
from etiq_jupyter.version import __version__

if TYPE_CHECKING:
    from etiq_jupyter.handshake import Login

State = Literal["local", "connecting", "connected", "sending", "paused", "expired", "problem"]


def describe(
    sync: model.SyncStatus,
    *,
    login: Login | None,
    project: model.Project | None,
    run: model.Run | None,
    connecting: bool,
    expired: str,
) -> model.Status:
    """Say what the state of a session is.

    Parameters
    ----------
    sync : SyncStatus
        What is unsent.
    login, project, run
        The session's login, its current project and the run in it, as far as there are any.
    connecting : bool
        Whether a login is under way.
    expired : str
        Why the dashboard does not accept the token any more, empty while it does.
    """
    state, message = _connection(sync, login, expired, connecting=connecting)
    return model.Status(
        state=state,
        dashboard=login.url if login else "",
        user=login.me.user.username if login else "",
        source=login.source if login else "",
        project=project.id if project else "",
        project_name=project.name if project else "",
        run=run.id if run else "",
        role=project.role if project else "owner",
        sync=sync,
        version=__version__,
        message=message,
    )


def _connection(
    sync: model.SyncStatus, login: Login | None, expired: str, *, connecting: bool
) -> tuple[State, str]:
    if connecting:
        return "connecting", ""
    if login is None:
        return "local", ""
    if expired or sync.paused:  # sending pauses when the token is refused
        return "expired", expired or sync.paused
    if sync.parked:
        return "problem", sync.last_error
    if sync.last_error and sync.pending:
        return "paused", sync.last_error
    return ("sending" if sync.sending else "connected"), ""
