"""The magics: parse, call one plain function, display. None returns what holds a secret."""

from __future__ import annotations

import functools
import getpass
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring
from IPython.display import display
from traitlets import Bool, Float

from etiq_jupyter import credentials, sessions
from etiq_jupyter.api import words
from etiq_jupyter.errors import AuthError, ConfigError, EtiqError
from etiq_jupyter.jupyter import arguments
from etiq_jupyter.jupyter.cells import CellHooks
from etiq_jupyter.jupyter.line import Lines

F = TypeVar("F", bound=Callable[..., Any])


def readable(magic: F) -> F:
    """Show our own errors as their three sentences instead of a traceback. They still raise."""

    @functools.wraps(magic)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return magic(*args, **kwargs)
        except EtiqError as error:
            text = f"{type(error).__name__}: {error}"
            error._render_traceback_ = lambda: [text]  # type: ignore[attr-defined]
            raise

    return wrapped  # type: ignore[return-value]


@magics_class
class EtiqMagics(Magics):
    """The magics of one shell.

    Configurable, for example in ``ipython_config.py``: ``c.EtiqMagics.autosnapshot = True``.
    """

    autosnapshot = Bool(False, help="Keep a snapshot of every cell from the start.").tag(
        config=True
    )
    logout_wait = Float(5.0, help="Seconds that %etiq_logout lets unsent snapshots arrive.").tag(
        config=True
    )

    def __init__(self, shell: Any, session: sessions.Session) -> None:
        super().__init__(shell, parent=shell)
        self.session = session
        self.lines = Lines(session)
        self.hooks = CellHooks(shell, session, self.lines.show)
        self.hooks.automatic = self.autosnapshot
        self.hooks.install()

    def close(self) -> None:
        """Take hooks and magics away."""
        self.hooks.remove()
        self.lines.close()
        registered = self.shell.magics_manager.magics
        for kind, names in self.magics.items():
            for name in names:
                registered[kind].pop(name, None)

    # --- session ------------------------------------------------------------------------------

    @magic_arguments()
    @argument("url", nargs="?", help="the dashboard's address")
    @argument("--token-file", help="a file that holds only the token")
    @argument("--token-env", help="name of an environment variable that holds the token")
    @argument("--config", help="a configuration file, as downloaded when the token was made")
    @argument("--device", action="store_true", help="approve at a browser; no token is typed")
    @argument("--ca", help="a CA bundle to verify the dashboard's certificate with")
    @argument("--explain", action="store_true", help="only show where credentials come from")
    @line_magic
    @no_var_expand
    @readable
    def etiq_login(self, line: str) -> None:
        """Log in to a dashboard. Prompts for what is not found, where someone can answer."""
        given = parse_argstring(self.etiq_login, line)
        token = self._token(given)
        if given.device and token:
            raise UsageError("give --device or a token, not both")
        if given.device and not given.explain:
            from etiq_jupyter.jupyter.device import log_in

            address = credentials.find_address(given.url, config=given.config)
            log_in(self.session, address.url, verify=given.ca or address.verify)
            return
        walk = credentials.find(given.url, token, config=given.config)
        if given.explain:
            print(walk.explain())
            return
        url = given.url
        if walk.credentials is None:
            if not self._can_ask():
                walk.require()
            url = (
                url or input(f"Dashboard [{credentials.DEFAULT_URL}]: ") or credentials.DEFAULT_URL
            )
            token = token or getpass.getpass("Access token: ")
        self.session.login(url, token, config=given.config, verify=given.ca or True)

    @staticmethod
    def _token(given: Any) -> str | None:
        if given.token_file and given.token_env:
            raise UsageError("give --token-file or --token-env, not both")
        if given.token_env:
            value = os.environ.get(given.token_env, "")
            if not value.strip():
                raise AuthError(f"The environment variable {given.token_env} is not set or empty")
            return value
        if given.token_file:
            try:
                return Path(given.token_file).expanduser().read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                why = getattr(error, "strerror", None) or "it is not text"
                raise ConfigError(
                    f"Cannot read the token file {given.token_file}", why=why
                ) from None
        return None

    def _can_ask(self) -> bool:
        kernel = getattr(self.shell, "kernel", None)
        if kernel is not None:
            return bool(getattr(kernel, "_allow_stdin", False))
        return bool(sys.stdin and sys.stdin.isatty())

    @line_magic
    @readable
    def etiq_logout(self, line: str) -> None:  # noqa: ARG002
        """Forget the token; work goes on locally."""
        self.session.logout(wait=self.logout_wait)

    @line_magic
    @readable
    def etiq_status(self, line: str) -> None:  # noqa: ARG002
        """Show connection, project, and what is unsent."""
        from etiq_jupyter.api.display import status_display

        display(status_display(self.session.status()))

    @magic_arguments()
    @argument("name", nargs="*", help="name or id of the project; without it, show the current one")
    @argument("--no-create", action="store_true", help="fail when there is no such project")
    @line_magic
    @no_var_expand
    @readable
    def etiq_project(self, line: str) -> None:
        """Show or set the current project."""
        given = parse_argstring(self.etiq_project, line)
        if not given.name:
            current = self.session.projects.current
            print("No project is open yet." if current is None else "", end="")
            if current is not None:
                display(current)
            return
        project = self.session.projects.find(
            " ".join(given.name), create_if_missing=not given.no_create
        )
        display(project.use())

    # --- snapshots ----------------------------------------------------------------------------

    @cell_magic
    @no_var_expand
    def snapshot(self, line: str, cell: str = "") -> None:
        """Run the cell and keep what it did.

        %%snapshot [NAME] [--project P] [--tag T]... [--note N]
                   [--vars a,b | --all | --no-vars] [--dry-run] [--wait]

        The cell runs exactly as it would without this line.
        """
        arguments.parse(line)
        if not cell.strip():
            raise UsageError("%%snapshot: the cell is empty")
        # Only reached when another magic or run_cell_magic calls it: a cell that begins with
        # %%snapshot is run by IPython itself, see `cells`.
        self.shell.run_cell(f"%%snapshot {line}\n{cell}").raise_error()

    @magic_arguments()
    @argument("query", nargs="*", help="words, tag:x, metric.acc>0.9, failed:yes, run:RUN-3")
    @line_magic
    @no_var_expand
    @readable
    def etiq_snapshots(self, line: str) -> None:
        """Show a table of the project's snapshots."""
        from etiq_jupyter.api.display import snapshots_display

        query = " ".join(parse_argstring(self.etiq_snapshots, line).query)
        project = self.session.here()
        display(snapshots_display(project.snapshots.list(q=query or None)))

    @magic_arguments()
    @argument("id", help="id or name of the snapshot")
    @argument("names", nargs="*", help="only these variables")
    @argument("--into", help="prefix of the names that are set")
    @argument("--force", action="store_true", help="overwrite variables that differ")
    @argument("--dry-run", action="store_true", help="only show what would be restored")
    @line_magic
    @no_var_expand
    @readable
    def etiq_restore(self, line: str) -> None:
        """Bring a snapshot's variables back into this kernel."""
        given = parse_argstring(self.etiq_restore, line)
        if given.into and not given.into.isidentifier():
            raise UsageError(f"--into takes a prefix for variable names, got {given.into!r}")
        snapshot = self.session.here().snapshots.get(given.id)
        report = snapshot.restore(
            into=self.shell.user_ns,
            only=given.names or None,
            overwrite=given.force,
            dry_run=given.dry_run,
            prefix=given.into or "",
        )
        display(report)

    @magic_arguments()
    @argument("a", help="id or name of a snapshot")
    @argument("b", help="id or name of another")
    @line_magic
    @no_var_expand
    @readable
    def etiq_diff(self, line: str) -> None:
        """Compare two snapshots."""
        from etiq_jupyter.api.snapshot import diff

        given = parse_argstring(self.etiq_diff, line)
        snapshots = self.session.here().snapshots
        display(diff(snapshots.get(given.a), snapshots.get(given.b)))

    @line_magic
    def etiq_autosnapshot(self, line: str) -> None:
        """Keep a snapshot of every cell: on or off."""
        word = line.strip().lower()
        if word not in ("on", "off", ""):
            raise UsageError(f"%etiq_autosnapshot takes on or off, got {word!r}")
        if word:
            self.hooks.automatic = word == "on"
        print(f"Automatic snapshots are {'on' if self.hooks.automatic else 'off'}.")

    @magic_arguments()
    @argument("--local", action="store_true", help="also what was recorded in local mode")
    @argument("--wait", action="store_true", help="wait until all is sent")
    @line_magic
    @readable
    def etiq_sync(self, line: str) -> None:
        """Send now."""
        given = parse_argstring(self.etiq_sync, line)
        self.session.require_login()
        if given.local:
            count = self.session.sync.push_local()
            print(f"{words.count(count, 'local snapshot')} will be sent.")
        self.session.sync.now()
        if given.wait:
            self.session.sync.wait()
        self.etiq_status("")

    @line_magic
    def etiq_panel(self, line: str) -> None:  # noqa: ARG002
        """Show the panel: connection, projects, what is unsent."""
        from etiq_jupyter.jupyter.panel import Panel

        display(Panel(self.session).widget)
