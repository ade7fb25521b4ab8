"""How handles look in a notebook. Everything captured is escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from etiq_jupyter import model
from etiq_jupyter.api import words

if TYPE_CHECKING:
    from etiq_jupyter.api.listing import Listing
    from etiq_jupyter.api.snapshot import Snapshot

_STATES = {
    "local": "Local",
    "connecting": "Connecting",
    "connected": "Connected",
    "sending": "Sending",
    "paused": "Paused",
    "expired": "Expired",
    "problem": "Problem",
}


class Shown:
    """A text and its HTML, for `IPython.display.display`."""

    def __init__(self, text: str, html: str) -> None:
        self.text = text
        self.html = html

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.html


def unsent_text(sync: model.SyncStatus) -> str:
    """Say in a sentence what is unsent and whether one may close."""
    if sync.pending == 0 and sync.parked == 0:
        return "All sent. Safe to close." if sync.sent else "Nothing to send."
    parts = []
    if sync.pending:
        oldest = f", oldest {words.ago(sync.oldest)}" if sync.oldest else ""
        parts.append(f"{sync.pending:,} waiting, {words.size(sync.pending_bytes)}{oldest}")
    if sync.parked:
        parts.append(f"{sync.parked:,} not accepted by the dashboard")
    return "; ".join(parts) + ". Kept on this disk."


def status_display(status: model.Status) -> Shown:
    """Show the session's state as a few lines."""
    lines = [_STATES[status.state]]
    if status.dashboard:
        lines[0] += f": {status.user} @ {status.dashboard}"
    else:
        lines[0] += ": snapshots are kept on this disk. %etiq_login connects to a dashboard."
    if status.project_name:
        lines.append(f"Project {status.project_name}")
    if status.dashboard or status.sync.pending:
        lines.append(unsent_text(status.sync))
    if status.message:
        lines.append(status.message)
    if status.sync.last_error and status.sync.last_error != status.message:
        lines.append(status.sync.last_error)
    return Shown("\n".join(lines), "<br>".join(escape(line) for line in lines))


def snapshots_display(listing: Listing[Snapshot], shown: int = 20) -> Shown:
    """Show the newest snapshots as a table."""
    found = listing.page(0)[:shown]
    if not found:
        text = "No snapshots here yet. Begin a cell with %%snapshot and run it."
        return Shown(text, escape(text))
    names = list(dict.fromkeys(name for s in found for name in s.metrics))[:4]
    head = ["id", "name", "made", "ran", *names]
    rows = [
        [
            s.short_id or s.state,
            s.name,
            words.ago(s.created_at),
            words.duration(s.duration),
            *(words.number(s.metrics[n]) if n in s.metrics else "" for n in names),
        ]
        for s in found
    ]
    more = len(listing) - len(found)
    return _table(head, rows, f"and {more:,} more" if more > 0 else "")


def _table(head: list[str], rows: list[list[str]], foot: str = "") -> Shown:
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    text = "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [head, *rows]
    )
    cells = "".join(f"<th style='text-align:left'>{escape(cell)}</th>" for cell in head)
    body = "".join(
        "<tr>" + "".join(f"<td style='text-align:left'>{escape(c)}</td>" for c in row) + "</tr>"
        for row in rows
    )
    html = f"<table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table>{escape(foot)}"
    return Shown(f"{text}\n{foot}".rstrip(), html)


def snapshot_html(snapshot: Snapshot) -> str:
    """Show one snapshot: who, when, metrics, variables."""
    title = escape(snapshot.label)
    if snapshot.url:
        title = f'<a href="{escape(snapshot.url)}" target="_blank" rel="noopener">{title}</a>'
    facts = [words.ago(snapshot.created_at), f"ran {words.duration(snapshot.duration)}"]
    facts.append(snapshot.state)
    metrics: list[Any] = [f"{escape(k)} {words.number(v)}" for k, v in snapshot.metrics.items()]
    rows = [
        [item.name, item.kind, item.type, item.reason or item.summary, words.size(item.size)]
        for item in snapshot.variables.values()
    ]
    table = _table(["name", "kind", "type", "value", "size"], rows).html if rows else ""
    return f"<b>{title}</b> · {escape(' · '.join(facts))}<br>{' · '.join(metrics)}{table}"
