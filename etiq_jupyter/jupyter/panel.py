"""The panel in the notebook: connection, project picker, what is unsent.

Compositions of core ipywidgets, which VS Code, Colab, Binder and Voila already show. A password
widget's value is part of the saved widget state until it is cleared, so it is read, cleared, and
only then used.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING

import ipywidgets as widgets

from etiq_jupyter import credentials, model
from etiq_jupyter.api.display import status_display
from etiq_jupyter.errors import EtiqError
from etiq_jupyter.sessions import Session, subscribe

if TYPE_CHECKING:
    from etiq_jupyter.api.snapshot import Snapshot

_DOTS = {
    "local": "○",
    "connecting": "◌",
    "connected": "●",
    "sending": "◐",
    "paused": "‖",
    "expired": "✕",
    "problem": "!",
}
_WIDE = {"width": "100%"}


def _message(box: widgets.HTML, action: Callable[[], str | None]) -> bool:
    """Run an action; show what it says or why it failed. Returns whether it worked."""
    try:
        box.value = escape(action() or "")
    except EtiqError as error:
        box.value = (
            f'<span style="color:var(--jp-error-color1,#b71c1c)">{escape(str(error))}</span>'
        )
        return False
    return True


class ProjectPicker:
    """Search, pick and create projects.

    Attributes
    ----------
    widget : ipywidgets.VBox
        To display. ``widget.value`` is not used; picking sets the session's current project.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._filling = False
        self.search = widgets.Text(
            placeholder="search or type a new name", description="Project", layout=_WIDE
        )
        self.search.continuous_update = True
        self.choices = widgets.Select(options=[], rows=6, layout=_WIDE)
        self.create = widgets.Button(description="Create", disabled=True)
        self.note = widgets.HTML()
        self.search.observe(lambda _: self.fill(), "value")
        self.choices.observe(lambda change: self.pick(change["new"]), "value")
        self.create.on_click(lambda _: self.make())
        self.widget = widgets.VBox([self.search, self.choices, self.create, self.note])

    def fill(self) -> None:
        """Read the projects that match what is typed."""
        wanted = self.search.value.strip()

        def read() -> None:
            found = self._session.projects.list(q=wanted or None).page(0)
            current = self._session.current
            options = [(_label(project.facts), project.id) for project in found]
            ids = [project.id for project in found]
            self._filling = True
            try:
                self.choices.options = options
                self.choices.value = current.id if current and current.id in ids else None
            finally:
                self._filling = False
            self.create.disabled = not wanted or any(p.name == wanted for p in found)
            self.create.description = f"Create {wanted!r}" if wanted else "Create"

        _message(self.note, read)

    def pick(self, project: str | None) -> None:
        """Make a project the current one."""
        if project and not self._filling:
            _message(
                self.note, lambda: f"{self._session.projects.get(project).use().name} is current"
            )

    def make(self) -> None:
        """Create the project whose name is typed, and make it current."""
        name = self.search.value

        def create() -> str:
            return (
                f"{self._session.projects.find(name, create_if_missing=True).use().name} is current"
            )

        if _message(self.note, create):
            self.search.value = ""


def _label(project: model.Project) -> str:
    facts = [project.name]
    if project.short_id:
        facts.append(project.short_id)
    if project.role != "owner":
        facts.append(f"shared, {project.role}")
    return "  ·  ".join(facts)


class SnapshotPicker:
    """Search and pick a snapshot of the current project; ``widget.snapshot`` is the handle."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._found: dict[str, Snapshot] = {}
        self.search = widgets.Text(placeholder="filter", description="Snapshot", layout=_WIDE)
        self.choices = widgets.Select(options=[], rows=8, layout=_WIDE)
        self.note = widgets.HTML()
        self.search.observe(lambda _: self.fill(), "value")
        self.choices.observe(lambda change: self.pick(change["new"]), "value")
        self.widget = widgets.VBox([self.search, self.choices, self.note])
        self.widget.snapshot = None
        self.fill()

    def fill(self) -> None:
        """Read the snapshots that match what is typed."""

        def read() -> None:
            project = self._session.here()
            found = project.snapshots.list(q=self.search.value.strip() or None, page=0)
            self._found = {snapshot.id: snapshot for snapshot in found}
            self.choices.options = [(snapshot.label, snapshot.id) for snapshot in found]
            self.choices.value = None

        _message(self.note, read)

    def pick(self, id: str | None) -> None:  # noqa: A002
        """Choose a snapshot."""
        self.widget.snapshot = self._found.get(id or "")
        if self.widget.snapshot is not None:
            self.note.value = self.widget.snapshot._repr_html_()


def _known_url() -> str:
    """Return the address that a login without arguments would use, to show it."""
    try:
        found = credentials.find().credentials
    except EtiqError:
        return ""
    return found.url if found else ""


class Panel:
    """Connection state, log in and out, project picker, what is unsent.

    Attributes
    ----------
    widget : ipywidgets.VBox
        To display.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.state = widgets.HTML()
        self.url = widgets.Text(
            description="Dashboard",
            placeholder=credentials.DEFAULT_URL,
            value=_known_url(),
            layout=_WIDE,
        )
        self.token = widgets.Password(
            description="Token", placeholder="made on the Tokens page", layout=_WIDE
        )
        self.log_in = widgets.Button(description="Log in", button_style="primary")
        self.log_out = widgets.Button(description="Log out")
        self.send = widgets.Button(description="Send now")
        self.note = widgets.HTML()
        self.picker = ProjectPicker(session)
        self.log_in.on_click(lambda _: self.login())
        self.log_out.on_click(lambda _: self.logout())
        self.send.on_click(lambda _: self.sync())
        self._form = widgets.VBox([self.url, self.token, self.log_in])
        self._account = widgets.HBox([self.send, self.log_out])
        self.widget = widgets.VBox(
            [self.state, self._form, self._account, self.picker.widget, self.note],
            layout={"max_width": "480px"},
        )
        self.refresh(session.status())
        self.picker.fill()
        self._unsubscribe = subscribe(session, self.refresh)

    def refresh(self, status: model.Status) -> None:
        """Show a state."""
        text = status_display(status)
        self.state.value = f"{_DOTS[status.state]} {text.html}"
        outside = status.state in ("local", "expired")
        self._form.layout.display = None if outside else "none"
        self.send.layout.display = None if status.sync.pending else "none"
        self.log_out.layout.display = None if status.dashboard else "none"

    def login(self) -> None:
        """Log in with what is typed; without a token, with what is found."""
        token, self.token.value = self.token.value, ""
        url = self.url.value.strip()
        if token and not url:
            url = credentials.DEFAULT_URL

        def connect() -> None:
            self._session.login(url if token else None, token or None, quiet=True)

        if _message(self.note, connect):
            self.picker.fill()

    def logout(self) -> None:
        """Log out."""
        _message(self.note, lambda: self._session.logout(wait=1.0))
        self.picker.fill()

    def sync(self) -> None:
        """Send now."""
        _message(self.note, lambda: self._session.sync.now())
