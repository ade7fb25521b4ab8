"""The one quiet line under a cell: what was kept, and how far it got."""

from __future__ import annotations

import sys
import threading
from html import escape
from typing import TYPE_CHECKING, Any

from etiq_jupyter import model
from etiq_jupyter.api import words
from etiq_jupyter.errors import EtiqError
from etiq_jupyter.ids import new_id

if TYPE_CHECKING:
    from etiq_jupyter.jupyter.cells import Kept
    from etiq_jupyter.sessions import Session

_STYLE = (
    "font-size:var(--jp-ui-font-size1,13px);font-family:var(--jp-ui-font-family,sans-serif);"
    "color:var(--jp-ui-font-color2,#616161);font-variant-numeric:tabular-nums"
)


class Lines:
    """Shows a line for each snapshot and updates it when its state changes.

    Parameters
    ----------
    session : Session
        Its state changes are the moments to look at the tickets again.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._open: dict[str, tuple[Kept, Any]] = {}
        self._lock = threading.Lock()
        session.observe(self._changed, "state")

    def close(self) -> None:
        """Stop updating."""
        self._session.unobserve(self._changed, "state")

    def show(self, kept: Kept | Exception) -> None:
        """Show the line of a snapshot, or why there is none."""
        if isinstance(kept, Exception):
            print(failure_text(kept), file=sys.stderr)
            return
        from IPython.display import display

        display_id = f"etiq-{new_id()}"
        text, html = describe(kept)
        display({"text/plain": text, "text/html": html}, raw=True, display_id=display_id)
        if kept.ticket is not None and kept.ticket.state in ("captured", "stored", "paused"):
            with self._lock:
                self._open[display_id] = (kept, text)

    def _changed(self, _change: Any) -> None:
        from IPython.display import update_display

        with self._lock:
            pending = list(self._open.items())
        for display_id, (kept, shown) in pending:
            text, html = describe(kept)
            final = kept.ticket is None or kept.ticket.state in ("synced", "parked")
            with self._lock:
                if final:
                    self._open.pop(display_id, None)
                elif display_id in self._open:
                    self._open[display_id] = (kept, text)
            if text != shown:
                bundle = {"text/plain": text, "text/html": html}
                update_display(bundle, raw=True, display_id=display_id)


def failure_text(error: Exception) -> str:
    """Say that a cell's snapshot failed, and why."""
    if isinstance(error, EtiqError):
        return f"etiq: this cell has no snapshot. {error}"
    if isinstance(error, RuntimeError):
        return f"etiq: {error}."
    return (
        f"etiq: this cell has no snapshot, because capturing it failed "
        f"({type(error).__name__}: {error}). The cell itself is not affected."
    )


def describe(kept: Kept) -> tuple[str, str]:
    """Return the line as text and as HTML."""
    snapshot, ticket = kept.captured.snapshot, kept.ticket
    made = [item for item in snapshot.items if item.role == "variable"]
    held = [item for item in made if not item.reason]
    size = sum(item.size for item in snapshot.items if not item.same_as)
    label = " ".join(part for part in (ticket.short_id if ticket else "", snapshot.name) if part)
    facts = f"{words.count(len(held), 'variable')}, {words.size(size)}"
    if ticket is not None and ticket.state != "captured":
        facts += f" ({words.size(ticket.new_bytes)} new)"
    state = _state(kept)
    text = f"{label or 'snapshot'}: {facts}, {state}"
    address = ticket.url if ticket is not None else ""
    shown = escape(label or "snapshot")
    if address:
        shown = f'<a href="{escape(address)}" target="_blank" rel="noopener">{shown}</a>'
    html = f'<div class="etiq-line" style="{_STYLE}">{shown}: {escape(facts)}, {escape(state)}'
    details = _details(snapshot, kept.captured.problems)
    if kept.ticket is None:
        details = [*_contents(snapshot), *details]
    if details:
        text += "".join(f"\n  {line}" for line in details)
        lines = "".join(f"<li>{escape(line)}</li>" for line in details)
        opened = " open" if kept.ticket is None else ""
        html += f"<details{opened}><summary>Details</summary><ul>{lines}</ul></details>"
    return text, f"{html}</div>"


def _contents(snapshot: model.Snapshot) -> list[str]:
    """List what a dry run would keep and send, with sizes."""
    lines = [f"source: {words.size(len(snapshot.source.encode()))}"]
    for item in snapshot.items:
        if not item.reason:
            alias = f" (the same as {item.same_as})" if item.same_as else ""
            what = f"{item.name}: {item.type}, {item.summary}, {words.size(item.size)}{alias}"
            lines.append(what.replace(", , ", ", "))
    return lines


def _state(kept: Kept) -> str:
    ticket = kept.ticket
    if ticket is None:
        return kept.note
    took = f"kept in {words.duration(kept.took)}"
    if kept.note:
        return f"{took}; {kept.note}"
    if ticket.state == "synced":
        return f"{took}; on the dashboard"
    if ticket.state == "parked":
        return f"{took}; not accepted by the dashboard: {ticket.reason}"
    if ticket.state == "paused":
        return f"{took}; waiting: {ticket.reason}"
    if kept.local:
        return f"{took}, here (not logged in)"
    return f"{took}; sending"


def _details(snapshot: model.Snapshot, problems: list[str]) -> list[str]:
    lines = [
        f"{item.name} ({item.type}) is not kept, but can be recomputed: {item.reason}"
        for item in snapshot.items
        if item.reason
    ]
    lines += [
        f"redacted: {words.count(found.count, found.kind)} in {found.where or 'the cell'}"
        for found in snapshot.redactions
    ]
    return lines + [str(problem) for problem in problems]
