"""The comparison of two snapshots: source, metrics, variables, figures, environment."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Callable
from typing import Any

from etiq_jupyter import codecs
from etiq_jupyter.codecs.frame_meta import is_table
from etiq_jupyter.compare.values import array_change, picture_change, plain_change, text_change
from etiq_jupyter.errors import EtiqError
from etiq_jupyter.model import (
    Diff,
    EnvironmentChange,
    Item,
    MetricChange,
    Snapshot,
    SnapshotDetail,
    SnapshotSummary,
    SourceLine,
    VariableChange,
    summarise,
)
from etiq_jupyter.objects.content import ContentReader

Open = Callable[[Item], ContentReader]
MAX_COMPARED = 4 << 30
"""Bytes of two values together above which only their facts are compared."""
MAX_SOURCE_LINES = 20_000


def diff(
    a: Snapshot | SnapshotDetail,
    b: Snapshot | SnapshotDetail,
    open_a: Open,
    open_b: Open | None = None,
) -> Diff:
    """Compare two snapshots.

    Parameters
    ----------
    a, b : Snapshot or SnapshotDetail
        The earlier and the later one, as the reader sees it.
    open_a, open_b : callable
        Open the stored content of an item of ``a`` and of ``b``; one serves both when only one is
        given. Contents are read only where hashes differ.

    Returns
    -------
    Diff
        Variables that are the same are listed as such; sections without difference are empty.
    """
    open_b = open_b or open_a
    return Diff(
        a=_summary(a),
        b=_summary(b),
        source_same=a.source == b.source,
        source=[] if a.source == b.source else source_lines(a.source, b.source),
        metrics=_metrics(a.metrics, b.metrics),
        variables=_variables(a, b, open_a, open_b),
        environment=_environment(a, b, open_a, open_b),
    )


def _summary(snapshot: Snapshot | SnapshotDetail) -> SnapshotSummary:
    if isinstance(snapshot, Snapshot):
        return summarise(snapshot)
    return SnapshotSummary(
        **{name: getattr(snapshot, name) for name in SnapshotSummary.__struct_fields__}
    )


def source_lines(a: str, b: str) -> list[SourceLine]:
    """Return the lines of both sources, marked as common, removed or added."""
    left, right = a.splitlines()[:MAX_SOURCE_LINES], b.splitlines()[:MAX_SOURCE_LINES]
    made: list[SourceLine] = []
    for op, i, i2, j, j2 in difflib.SequenceMatcher(
        None, left, right, autojunk=False
    ).get_opcodes():
        if op == "equal":
            made += [
                SourceLine(op=" ", text=left[n], a=n + 1, b=j + n - i + 1) for n in range(i, i2)
            ]
        else:
            made += [SourceLine(op="-", text=left[n], a=n + 1) for n in range(i, i2)]
            made += [SourceLine(op="+", text=right[n], b=n + 1) for n in range(j, j2)]
    return made


def _metrics(a: dict[str, float], b: dict[str, float]) -> list[MetricChange]:
    made = []
    for name in dict.fromkeys([*a, *b]):
        left, right = a.get(name), b.get(name)
        if left != right:
            change = right - left if left is not None and right is not None else None
            made.append(MetricChange(name=name, a=left, b=right, change=change))
    return made


# --- variables and figures --------------------------------------------------------------------


def _variables(
    a: Snapshot | SnapshotDetail, b: Snapshot | SnapshotDetail, open_a: Open, open_b: Open
) -> list[VariableChange]:
    left = {item.name: item for item in a.items if item.role in ("variable", "figure")}
    right = {item.name: item for item in b.items if item.role in ("variable", "figure")}
    made = []
    for name in dict.fromkeys([*left, *right]):
        one, other = left.get(name), right.get(name)
        if one is None or other is None:
            held = one or other
            if held is not None:
                status: Any = "removed" if other is None else "added"
                summary = f"{held.type} {held.summary}".strip()
                made.append(
                    VariableChange(
                        name=name, status=status, kind=held.kind, a=one, b=other, summary=summary
                    )
                )
        elif one.hash and one.hash == other.hash:
            made.append(VariableChange(name=name, status="same", kind=other.kind, a=one, b=other))
        else:
            read = functools.partial(_read, open_a, _owner(one, left), open_b, _owner(other, right))
            made.append(_changed(name, one, other, read))
    return made


def _read(open_a: Open, a: Item, open_b: Open, b: Item) -> tuple[ContentReader, ContentReader]:
    return open_a(a), open_b(b)


def _owner(item: Item, items: dict[str, Item]) -> Item:
    return items.get(item.same_as, item) if item.same_as else item


def _changed(
    name: str, a: Item, b: Item, read: Callable[[], tuple[ContentReader, ContentReader]]
) -> VariableChange:
    change = VariableChange(name=name, status="changed", kind=b.kind, a=a, b=b)
    if not a.hash or not b.hash:
        if not a.hash and not b.hash and (a.type, a.summary) == (b.type, b.summary):
            change.status = "same"
            change.summary = "not kept on either side; type and summary are the same"
        else:
            change.summary = _facts(a, b) or "not kept on one side"
        return change
    if a.size + b.size > MAX_COMPARED:
        change.summary = _facts(a, b) or "too large to compare here; the contents differ"
        return change
    try:
        left, right = read()
        change.summary, change.detail = compare_contents(left, right)
    except EtiqError as error:
        change.summary = _facts(a, b) or "the contents differ"
        change.detail = {"error": str(error)}
    except (ImportError, KeyError) as error:
        change.summary = _facts(a, b) or "the contents differ"
        change.detail = {"error": f"{type(error).__name__}: {error}"}
    change.summary = change.summary or _facts(a, b) or "the contents differ"
    return change


def _facts(a: Item, b: Item) -> str:
    parts = []
    if a.type != b.type:
        parts.append(f"{a.type} -> {b.type}")
    if a.summary != b.summary:
        parts.append(f"{a.summary} -> {b.summary}")
    return "; ".join(parts)


def compare_contents(a: ContentReader, b: ContentReader) -> tuple[str, dict[str, Any]]:
    """Compare two stored contents by their family.

    Returns
    -------
    tuple of (str, dict)
        One line, and a JSON-able detail with ``form``: ``frame``, ``array``, ``plain``, ``text``,
        ``picture`` or ``facts``.
    """
    if a.codec == b.codec == "numpy.array":
        return array_change(a, b)
    if is_table(a) and is_table(b):
        from etiq_jupyter.compare.frames import frame_change

        return frame_change(a, b)
    pictures = ("picture", "matplotlib.figure", "picture.pixels", "plotly.figure", "altair.chart")
    if a.codec in pictures and b.codec in pictures:
        return picture_change(a, b)
    if a.codec == b.codec == "source":
        return text_change(str(codecs.decode(a)), str(codecs.decode(b)))
    if a.codec == b.codec == "plain":
        return plain_change(codecs.decode(a), codecs.decode(b))
    return "", {"form": "facts"}


# --- environment ------------------------------------------------------------------------------


def _environment(
    a: Snapshot | SnapshotDetail, b: Snapshot | SnapshotDetail, open_a: Open, open_b: Open
) -> list[EnvironmentChange]:
    left = next((item for item in a.items if item.role == "environment"), None)
    right = next((item for item in b.items if item.role == "environment"), None)
    if left is None or right is None or left.hash == right.hash:
        return []
    try:
        one, other = codecs.decode(open_a(left)), codecs.decode(open_b(right))
    except EtiqError:
        return []
    return environment_changes(one, other)


def environment_changes(a: dict[str, Any], b: dict[str, Any]) -> list[EnvironmentChange]:
    """Return the facts that differ: Python, platform, git, then packages by name."""
    made: list[EnvironmentChange] = []
    for name in ("python", "implementation", "platform", "machine"):
        _fact(made, name, a.get(name), b.get(name))
    left, right = _part(a, "git"), _part(b, "git")
    for name in ("commit", "branch", "dirty"):
        _fact(made, f"git {name}", left.get(name), right.get(name))
    if left.get("diff") != right.get("diff"):
        _fact(made, "git diff", _lines(left.get("diff")), _lines(right.get("diff")), always=True)
    packages = _part(a, "packages"), _part(b, "packages")
    for name in sorted({*packages[0], *packages[1]}, key=str.lower):
        _fact(made, name, packages[0].get(name), packages[1].get(name))
    return made


def _part(environment: dict[str, Any], name: str) -> dict[str, Any]:
    found = environment.get(name)
    return found if isinstance(found, dict) else {}


def _lines(text: Any) -> str:
    return f"{len(text.splitlines()):,} lines" if isinstance(text, str) else "none"


def _fact(made: list[EnvironmentChange], name: str, a: Any, b: Any, always: bool = False) -> None:
    if a != b or always:
        made.append(
            EnvironmentChange(
                name=name, a=None if a is None else str(a), b=None if b is None else str(b)
            )
        )
