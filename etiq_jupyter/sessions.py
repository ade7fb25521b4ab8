"""A session: this process's login, its current project, and what it keeps and sends.

Everything a user touches (the Python API, magics, the panel, the JupyterLab sidebar, the command
line) adapts one `Session`. It lives in memory only. Several can live in one process; the
module-level functions of the package act on the default one. The module is called ``sessions``
because ``etiq_jupyter.session`` is that default session.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from traitlets import HasTraits, Instance

from etiq_jupyter import credentials, model
from etiq_jupyter.errors import AuthError, EtiqError, Forbidden
from etiq_jupyter.ids import new_id
from etiq_jupyter.process import default_project, describe_run, exit_wait, is_interactive
from etiq_jupyter.session_state import describe

if TYPE_CHECKING:
    from etiq_jupyter.api.projects import Project, Projects
    from etiq_jupyter.api.sync import Sync
    from etiq_jupyter.capture import Captured, Memory
    from etiq_jupyter.handshake import Login
    from etiq_jupyter.store import Store
    from etiq_jupyter.sync.recorder import Recorder, Ticket

WELCOME = "Connection successful. Projects and pipelines will be displayed in the dashboard. 😀"


class Session(HasTraits):
    """This process's connection to a dashboard, or local mode.

    Parameters
    ----------
    home : path, optional
        Folder of the local store; by default ``ETIQ_HOME`` or the user's data folder.

    Attributes
    ----------
    state : model.Status
        What fronts show; observable: ``session.observe(callback, "state")``.
    """

    state = Instance(model.Status)

    def __init__(self, home: str | os.PathLike[str] | None = None) -> None:
        super().__init__()
        self._home = Path(home) if home is not None else None
        self._lock = threading.RLock()
        self._login: Login | None = None
        self._expired = ""
        self._connecting = False
        self._project: model.Project | None = None
        self._recorder: Recorder | None = None
        self._runs: dict[str, model.Run] = {}
        self._opened: dict[str, model.Project] = {}
        self.state = self._describe(model.SyncStatus())

    def __repr__(self) -> str:
        if self._login is None:
            return "Session(local)"
        return f"Session({self._login.me.user.username} @ {self._login.url})"

    @property
    def sync(self) -> Sync:
        """What is unsent, and ways to hurry it."""
        from etiq_jupyter.api.sync import Sync

        return Sync(self)

    # --- login ----------------------------------------------------------------------------

    def login(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        config: str | os.PathLike[str] | Mapping[str, Any] | None = None,
        verify: bool | str = True,
        proxies: Mapping[str, str] | None = None,
        timeout: float = 30.0,
        workspace: str | None = None,
        project: str | None = None,
        quiet: bool = False,
    ) -> Session:
        """Connect to a dashboard; from here on all snapshots are synchronised to it.

        Parameters
        ----------
        url, token : str, optional
            The dashboard's address and an access token made on it. What is missing is looked for
            as `etiq_jupyter.credentials` describes.
        config : path or mapping, optional
            Explicit configuration; missing or malformed is an error.
        verify : bool or str, default True
            Verify TLS; a path names a CA bundle; False is warned about.
        proxies : mapping, optional
            As in requests; by default from the environment.
        timeout : float, default 30.0
            Seconds for connecting and for each read.
        workspace, project : str, optional
            Name of a project to open at once.
        quiet : bool, default False
            Print nothing, also where a person sees it.

        Returns
        -------
        Session
            This session.

        Raises
        ------
        AuthError
            When no token is found or the dashboard does not accept it.
        NotADashboard, Offline
            When the URL is wrong or nothing answers.
        Invalid, ConfigError
            When URL, token or configuration cannot be right.
        """
        walk = credentials.find(url, token, config=config, workspace=workspace, project=project)
        found = walk.require()
        verify = found.verify if verify is True else verify
        made = self._handshake(found, verify=verify, proxies=proxies, timeout=timeout)
        with self._lock:
            before = self._login.destination if self._login else None
            self._login, self._expired = made, ""
            if before != made.destination:  # the same user again goes on where they were
                self._project = None
                self._opened.clear()
        self.recorder.connect(
            made.destination, found.token, verify=verify, proxies=proxies, timeout=timeout
        )
        self.refresh()
        if found.project:
            self.projects.open(found.project, workspace=found.workspace or None).use()
        if is_interactive() and not quiet:
            print(WELCOME)
            if found.source != "keywords":
                print(f"{made.me.user.username} @ {made.url}, token from {found.source}")
        return self

    def _handshake(self, found: credentials.Credentials, **options: Any) -> Login:
        from etiq_jupyter.handshake import handshake

        self._connecting = True
        self.refresh()
        try:
            return handshake(found, **options)
        finally:
            self._connecting = False
            self.refresh()

    def logout(self, wait: float = 5.0) -> None:
        """Forget the token; work goes on locally.

        Parameters
        ----------
        wait : float, default 5.0
            Seconds to let what is unsent arrive first. What stays is kept and sent after the next
            login of the same user.
        """
        if self._login is None:
            return
        url = self._login.url
        if not self._expired:
            self.recorder.wait(wait)
        left = self.recorder.status()
        with self._lock:
            self._login, self._expired, self._project = None, "", None
            self._runs.clear()
            self._opened.clear()
        self.recorder.disconnect()
        self.refresh()
        if left.pending:
            many = "1 snapshot stays" if left.pending == 1 else f"{left.pending} snapshots stay"
            text = f"{many} on this disk, to be sent to {url} after the next login there."
            print(text, file=sys.stdout if is_interactive() else sys.stderr)

    def is_logged_in(self) -> bool:
        """Whether there is a login that the dashboard has not refused since."""
        return self._login is not None and not self._expired

    def require_login(self) -> Login:
        """Return the login.

        Raises
        ------
        AuthError
            In local mode, or when the token was refused.
        """
        login = self._login
        if login is None or self._expired:
            raise AuthError(
                self._expired or "This session is not logged in",
                hint="log in with %etiq_login, or etiq.login(url, token)",
            )
        return login

    @property
    def user(self) -> model.User | None:
        """Who is logged in; None in local mode."""
        return self._login.me.user if self._login else None

    @property
    def url(self) -> str:
        """The dashboard's address; empty in local mode."""
        return self._login.url if self._login else ""

    # --- talking to the dashboard ------------------------------------------------------------

    def request(
        self, method: str, path: str, *, response_as_json: bool = True, **options: Any
    ) -> Any:
        """Call the dashboard with this session's authentication.

        Parameters
        ----------
        method : str
            ``GET``, ``POST``, ...
        path : str
            Below the dashboard's address, for example ``/api/v1/projects``; a path that does not
            begin with ``/api`` is taken below ``/api/v1``. Other hosts are refused.
        response_as_json : bool, default True
            False returns the `requests.Response`.
        **options
            ``json``, ``data``, ``params``, ``headers``, ``stream``.

        Raises
        ------
        EtiqError
            Typed by what went wrong: AuthError, Forbidden, NotFound, Invalid, Offline, ...
        """
        login = self.require_login()
        if not path.startswith("/"):
            path = f"/{path}"
        if not path.startswith("/api/"):
            path = f"/api/v1{path}"
        try:
            answer = login.transport.request(method, path, **options)
        except AuthError as error:
            self._refused(login, error)
            raise
        if not response_as_json:
            return answer
        return answer.json() if answer.content else None

    def _refused(self, login: Login, error: EtiqError) -> None:
        with self._lock:
            if self._login is login:
                self._expired = error.what
        self.refresh()

    # --- projects ----------------------------------------------------------------------------

    @property
    def projects(self) -> Projects:
        """The projects made by me or shared with me; locally, those of this disk."""
        from etiq_jupyter.api.projects import Projects

        return Projects(self)

    def use(self, project: model.Project | None) -> None:
        """Make a project the current one."""
        self._project = project
        self.refresh()

    @property
    def current(self) -> model.Project | None:
        """The current project, or None before one is opened."""
        return self._project

    def target(self, name: str | None = None) -> model.Project:
        """Return the project that a new snapshot goes to: named, current, or the default one.

        Never waits for the dashboard. A project that was not opened yet gets an id here, with
        which it is found or made on the dashboard in the background.
        """
        if name is None:
            if self._project is not None:
                return self._project
            found = self.target(default_project())
            self.use(found)
            return found
        from etiq_jupyter.api.projects import check_name

        name = check_name(name)
        login = self._login
        if login is None:
            from etiq_jupyter.store.database import DamagedIndex
            from etiq_jupyter.store.local_projects import LocalProjects

            try:
                return LocalProjects(self.store).open(name, create=True)
            except DamagedIndex:  # the snapshot is kept all the same, in the spare store
                with self._lock:
                    fresh = model.Project(id=new_id(), name=name)
                    return self._opened.setdefault(name, fresh)
        with self._lock:
            known = self._opened.get(name)
            if known is not None:
                return known
            provisional = self._opened[name] = model.Project(id=new_id(), name=name)
        if not self._expired:
            threading.Thread(
                target=self._open_behind, args=(login, provisional), name="etiq-open", daemon=True
            ).start()
        return provisional

    def _open_behind(self, login: Login, provisional: model.Project) -> None:
        body = {"name": provisional.name, "id": provisional.id}
        try:
            answer = login.transport.request("POST", "/api/v1/projects/open", json=body)
            opened = msgspec.json.decode(answer.content, type=model.Project)
        except (EtiqError, msgspec.MsgspecError):
            return  # the uploader opens it before it sends the first snapshot
        if self._login is login:
            self.know(opened)

    def know(self, project: model.Project) -> None:
        """Remember an opened project, also in place of the provisional one of its name."""
        with self._lock:
            earlier = self._opened.get(project.name)
            self._opened[project.name] = project
            current = self._project
            if earlier is not None and earlier.id in self._runs:
                self._runs.setdefault(project.id, self._runs.pop(earlier.id))
            if current is not None and earlier is not None and current.id == earlier.id:
                self._project = project
        self.refresh()

    def here(self) -> Project:
        """Return the current project for reading, opened on the dashboard when it must be."""
        current = self._project
        if current is not None and (current.short_id or self._login is None):
            return self.projects.handle(current)
        opened = self.projects.find(
            current.name if current else default_project(), create_if_missing=True
        )
        return opened.use()

    # --- keeping -----------------------------------------------------------------------------

    @property
    def recorder(self) -> Recorder:
        """What keeps snapshots on this disk and sends them; started when first needed."""
        with self._lock:
            if self._recorder is None:
                from etiq_jupyter.store import default_path
                from etiq_jupyter.sync.recorder import Recorder

                self._recorder = Recorder(
                    self._home or default_path(), on_change=self._sync_changed
                )
                atexit.register(self._at_exit)
            return self._recorder

    @property
    def store(self) -> Store:
        """The local store, for reading."""
        return self.recorder.store

    @functools.cached_property
    def memory(self) -> Memory:
        """What capture remembers from snapshot to snapshot."""
        from etiq_jupyter.capture import Memory

        return Memory()

    def run_in(self, project: model.Project) -> model.Run:
        """Return this process's run in a project."""
        with self._lock:
            run = self._runs.get(project.id)
            if run is None:
                run = self._runs[project.id] = describe_run()
            return run

    def record(self, captured: Captured, project: model.Project) -> Ticket:
        """Keep a captured snapshot on this disk and, when logged in, send it in the background.

        Never raises for trouble with the network or the dashboard. A viewer's snapshot is kept
        here and not sent.
        """
        snapshot = captured.snapshot
        run = self.run_in(project)
        with self._lock:
            run.snapshots += 1
            snapshot.sequence = run.snapshots
        snapshot.run = run
        return self.keep(captured, project)

    def keep(self, captured: Captured, project: model.Project) -> Ticket:
        """Do as `record` does, for a snapshot that already belongs to a run."""
        captured.snapshot.project = project.id
        captured.snapshot.project_name = project.name
        login = self._login
        destination = login.destination if login and project.role != "viewer" else None
        ticket = self.recorder.record(captured.snapshot, captured.contents, destination)
        self.refresh()
        return ticket

    @staticmethod
    def check_may_write(project: model.Project) -> None:
        """Raise `Forbidden` when snapshots cannot be added to the project."""
        if project.role == "viewer":
            raise Forbidden(
                f"You may look at project {project.name!r}, but not add to it",
                why="your role in it is viewer",
                hint="ask its owner to make you an editor",
            )

    # --- state -------------------------------------------------------------------------------

    def status(self) -> model.Status:
        """Say what the session's state is: connection, user, project, and what is unsent."""
        return self.refresh()

    def refresh(self) -> model.Status:
        """Read the state anew and tell those who observe it."""
        recorder = self._recorder
        sync = recorder.status() if recorder is not None else model.SyncStatus()
        self.state = state = self._describe(sync)
        return state

    def _sync_changed(self, sync: model.SyncStatus) -> None:
        self.state = self._describe(sync)

    def _describe(self, sync: model.SyncStatus) -> model.Status:
        project = self._project
        run = self._runs.get(project.id) if project else None
        return describe(
            sync,
            login=self._login,
            project=project,
            run=run,
            connecting=self._connecting,
            expired=self._expired,
        )

    def close(self) -> None:
        """Stop sending and close the store. What is unsent stays on this disk."""
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            atexit.unregister(self._at_exit)
            recorder.close(0.0)

    def _at_exit(self) -> None:
        """Let a script's last snapshots arrive, for a bounded time, and say what is left."""
        recorder = self._recorder
        if recorder is None:
            return
        with contextlib.suppress(Exception):
            in_kernel = "ipykernel" in sys.modules and is_interactive()
            wait = 0.0 if in_kernel or not self.is_logged_in() else exit_wait()
            left = recorder.status().pending
            if left and wait and not recorder.wait(wait):
                left = recorder.status().pending
                print(
                    f"etiq: {left} snapshot{'s' if left != 1 else ''} not on the dashboard yet. "
                    f"They are safe in {recorder.store.path} and will be sent by the next "
                    "login there, or by `etiq sync`.",
                    file=sys.stderr,
                )
            self.close()


_default: Session | None = None
_default_lock = threading.Lock()


def default() -> Session:
    """Return the session that the module-level functions act on."""
    global _default
    with _default_lock:
        if _default is None:
            _default = Session()
        return _default


Observer = Callable[[model.Status], None]


def subscribe(session: Session, callback: Observer) -> Callable[[], None]:
    """Call back with every new state; returns what ends the subscription."""

    def changed(change: Any) -> None:
        callback(change["new"])

    session.observe(changed, "state")
    return lambda: session.unobserve(changed, "state")
