# ruff: noqa: E501 - markup reads better unbroken
"""How a comparison looks in a notebook. Everything captured is escaped; colours never stand alone."""

from __future__ import annotations

import html
from typing import Any

import msgspec

from etiq_jupyter.model import Diff, EnvironmentChange, MetricChange, SourceLine, VariableChange

_STYLE = """
<style>
.etiq-diff{font:13px/1.5 var(--jp-ui-font-family,system-ui,sans-serif);color:var(--jp-ui-font-color1,#222)}
.etiq-diff h4{margin:12px 0 4px;font-size:13px}.etiq-diff table{border-collapse:collapse;font-size:13px}
.etiq-diff td,.etiq-diff th{padding:2px 8px;text-align:left;border-bottom:1px solid var(--jp-border-color2,#ddd)}
.etiq-diff .n{text-align:right;font-variant-numeric:tabular-nums}
.etiq-diff pre{margin:0;font:12px/1.4 var(--jp-code-font-family,monospace);background:none}
.etiq-diff .add{background:var(--jp-success-color3,#e6f4ea)}.etiq-diff .del{background:var(--jp-error-color3,#fde8e8)}
.etiq-diff img{max-width:45%;vertical-align:top;border:1px solid var(--jp-border-color2,#ddd)}
.etiq-diff .same{color:var(--jp-ui-font-color2,#666)}
</style>"""
_SHOWN = 20


class DiffView:
    """A comparison with a display.

    ``source``, ``metrics``, ``variables`` and ``environment`` are the parts of
    `etiq_jupyter.model.Diff`.
    """

    def __init__(self, diff: Diff) -> None:
        self.diff = diff

    @property
    def source(self) -> list[SourceLine]:
        """Lines of the source, marked ``" "``, ``"-"`` or ``"+"``; empty when it is the same."""
        return self.diff.source

    @property
    def metrics(self) -> list[MetricChange]:
        """Metrics that differ."""
        return self.diff.metrics

    @property
    def variables(self) -> list[VariableChange]:
        """All variables with their status."""
        return self.diff.variables

    @property
    def environment(self) -> list[EnvironmentChange]:
        """Facts of the environment that differ."""
        return self.diff.environment

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as JSON-able data, the same as the API gives."""
        found: dict[str, Any] = msgspec.to_builtins(self.diff)
        return found

    def __repr__(self) -> str:
        return as_text(self.diff)

    def _repr_html_(self) -> str:
        return as_html(self.diff)


def _label(summary: Any) -> str:
    return f"{summary.short_id or summary.id[:8]} {summary.name}".strip()


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _signed(value: float | None) -> str:
    return "" if value is None else f"{value:+.6g}"


def as_text(diff: Diff) -> str:
    """Return the comparison as text."""
    lines = [f"{_label(diff.a)}  ->  {_label(diff.b)}"]
    if diff.source_same:
        lines.append("source: the same")
    else:
        lines.append("source:")
        lines += [f"  {line.op} {line.text}" for line in diff.source if line.op != " "]
    for metric in diff.metrics:
        change = f" ({_signed(metric.change)})" if metric.change is not None else ""
        lines.append(
            f"metric {metric.name}: {_number(metric.a) or '-'} -> {_number(metric.b) or '-'}{change}"
        )
    lines.append(f"variables: {_counts(diff)}")
    lines += [f"  {v.status} {v.name}: {v.summary}" for v in diff.variables if v.status != "same"]
    lines += [
        f"environment {e.name}: {e.a or '-'} -> {e.b or '-'}" for e in diff.environment[:_SHOWN]
    ]
    return "\n".join(lines)


def _counts(diff: Diff) -> str:
    found = dict.fromkeys(("added", "removed", "changed", "same"), 0)
    for variable in diff.variables:
        found[variable.status] += 1
    return ", ".join(f"{count} {status}" for status, count in found.items() if count) or "none"


def as_html(diff: Diff) -> str:
    """Return the comparison as HTML without scripts."""
    e = html.escape
    parts = [
        _STYLE,
        '<div class="etiq-diff">',
        f"<b>{e(_label(diff.a))}</b> &rarr; <b>{e(_label(diff.b))}</b>",
    ]
    parts.append(_source(diff))
    if diff.metrics:
        rows = "".join(
            f'<tr><td>{e(m.name)}</td><td class="n">{_number(m.a) or "&ndash;"}</td>'
            f'<td class="n">{_number(m.b) or "&ndash;"}</td><td class="n">{_signed(m.change)}</td></tr>'
            for m in diff.metrics
        )
        parts.append(
            f"<h4>Metrics</h4><table><tr><th>name</th><th>before</th><th>after</th><th>change</th></tr>{rows}</table>"
        )
    parts.append(f"<h4>Variables: {e(_counts(diff))}</h4>")
    parts += [_variable(variable) for variable in diff.variables if variable.status != "same"]
    if diff.environment:
        rows = "".join(
            f"<tr><td>{e(c.name)}</td><td>{e(c.a or '–')}</td><td>{e(c.b or '–')}</td></tr>"
            for c in diff.environment[:200]
        )
        parts.append(
            f"<details><summary>Environment: {len(diff.environment)} differ</summary><table>{rows}</table></details>"
        )
    else:
        parts.append('<p class="same">Environment: the same</p>')
    return "".join([*parts, "</div>"])


def _source(diff: Diff) -> str:
    if diff.source_same:
        return '<p class="same">Source: the same</p>'
    kinds = {"+": "add", "-": "del", " ": ""}
    lines = "".join(
        f'<tr class="{kinds[line.op]}"><td class="n">{line.a or ""}</td><td class="n">{line.b or ""}</td>'
        f"<td><pre>{line.op} {html.escape(line.text)}</pre></td></tr>"
        for line in _near_changes(diff.source)
    )
    return f"<h4>Source</h4><table>{lines}</table>"


def _near_changes(lines: list[SourceLine], around: int = 3) -> list[SourceLine]:
    wanted = {
        n + k for n, line in enumerate(lines) if line.op != " " for k in range(-around, around + 1)
    }
    return [line for n, line in enumerate(lines) if n in wanted]


def _variable(change: VariableChange) -> str:
    e = html.escape
    head = f"<b>{e(change.name)}</b> {e(change.status)}: {e(change.summary)}"
    inside = _detail(change.detail)
    return (
        f"<details open><summary>{head}</summary>{inside}</details>" if inside else f"<p>{head}</p>"
    )


def _detail(detail: dict[str, Any]) -> str:
    form = detail.get("form")
    if form == "frame":
        return _frame(detail)
    if form == "plain":
        rows = [
            [c["what"], c["path"], c.get("a", ""), c.get("b", "")]
            for c in detail.get("changes", ())[:_SHOWN]
        ]
        return _table(["", "where", "before", "after"], rows) if rows else ""
    if form == "text":
        kinds = {"+": "add", "-": "del"}
        lines = detail.get("lines", ())[:200]
        return "".join(
            f'<pre class="{kinds.get(line[:1], "")}">{html.escape(line)}</pre>' for line in lines
        )
    if form == "picture":
        return "".join(_picture(detail[side]) for side in ("a", "b"))
    if form == "array" and detail.get("at") is not None:
        before, after = detail["values"]
        return f"<p>largest at {html.escape(str(detail['at']))}: {html.escape(before)} &rarr; {html.escape(after)}</p>"
    return ""


def _picture(side: dict[str, Any]) -> str:
    mime = side.get("mime")
    if side.get("form") == "picture" and mime in (
        "image/png",
        "image/jpeg",
        "image/gif",
        "image/webp",
    ):
        return f'<img alt="figure" src="data:{mime};base64,{html.escape(str(side["data"]))}"/> '
    return f"<p>{html.escape(str(side.get('reason') or mime or 'no picture'))}</p>"


def _frame(detail: dict[str, Any]) -> str:
    parts = []
    how = f"by {detail['matched_by']}" + (f" {detail['key']}" if detail.get("key") else "")
    schema = detail["schema"]
    told = [
        f"{what} {c['name']} ({c['type']})" for what in ("added", "removed") for c in schema[what]
    ]
    told += [f"{c['name']}: {c['a']} to {c['b']}" for c in schema["changed"]]
    if told:
        parts.append(f"<p>columns: {html.escape('; '.join(told[:_SHOWN]))}</p>")
    rows = [
        [row.get("key", row["row_b"]), cell["column"], cell["a"], cell["b"]]
        for row in detail["sample"][:_SHOWN]
        for cell in row["cells"]
    ]
    if rows:
        parts.append(_table([f"row ({how})", "column", "before", "after"], rows[: _SHOWN * 2]))
    changed = [[c["name"], f"{c['changed']:,}", *_means(c)] for c in detail["columns"][:_SHOWN]]
    if changed:
        parts.append(_table(["column", "cells changed", "mean before", "mean after"], changed))
    return "".join(parts)


def _means(column: dict[str, Any]) -> list[str]:
    means = column.get("mean")
    return [_number(value) for value in means] if isinstance(means, list) else ["", ""]


def _table(head: list[str], rows: list[list[Any]]) -> str:
    top = "".join(f"<th>{html.escape(name)}</th>" for name in head)
    body = "".join(
        "<tr>"
        + "".join(f"<td>{html.escape('' if cell is None else str(cell))}</td>" for cell in row)
        + "</tr>"
        for row in rows
    )
    return f"<table><tr>{top}</tr>{body}</table>"
