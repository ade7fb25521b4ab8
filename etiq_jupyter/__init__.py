"""Keep what a notebook just did, and bring it to the team.

>>> import etiq_jupyter as etiq
>>> etiq.login("https://dashboard.example.org", token)  # doctest: +SKIP
>>> project = etiq.projects.open("Churn model")  # doctest: +SKIP
>>> snapshot = project.snapshots.create("baseline", data=df, acc=0.91)  # doctest: +SKIP

In a notebook, ``%load_ext etiq_jupyter`` and then ``%%snapshot`` at the top of a cell. Everything
here is imported when it is first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etiq_jupyter.version import __version__

if TYPE_CHECKING:
    from etiq_jupyter.api.projects import Projects
    from etiq_jupyter.functions import (
        browse,
        connect,
        diff,
        export_project,
        import_project,
        is_logged_in,
        issue_token,
        login,
        logout,
        panel,
        pick_project,
        pick_snapshot,
        register,
        request,
        status,
    )
    from etiq_jupyter.sessions import Session

    session: Session
    projects: Projects

__all__ = [
    "Session",
    "__version__",
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
    "projects",
    "register",
    "request",
    "session",
    "status",
]

_FUNCTIONS = frozenset(__all__) - {"Session", "__version__", "projects", "session"}


def __getattr__(name: str) -> Any:
    if name in _FUNCTIONS:
        from etiq_jupyter import functions

        return getattr(functions, name)
    if name in ("session", "projects"):
        from etiq_jupyter import sessions

        current = sessions.default()
        return current if name == "session" else current.projects
    if name == "Session":
        from etiq_jupyter.sessions import Session

        return Session
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


def load_ipython_extension(shell: Any) -> None:
    """Make the magics, the cell hooks and the kernel bridge; called by ``%load_ext``."""
    from etiq_jupyter.jupyter.extension import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Take them away again."""
    from etiq_jupyter.jupyter.extension import unload

    unload(shell)


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "etiq_jupyter"}]


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "etiq_jupyter.jupyter.server_extension"}]
