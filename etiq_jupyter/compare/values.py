"""Comparing arrays, plain values, texts and pictures."""

from __future__ import annotations

import difflib
from typing import Any

from etiq_jupyter import codecs
from etiq_jupyter.codecs.base import need
from etiq_jupyter.codecs.describe import describe
from etiq_jupyter.codecs.previews import preview
from etiq_jupyter.objects.content import ContentReader

MAX_CHANGES = 100
"""Changed entries of a plain value that are listed."""
MAX_LINES = 2_000
Change = tuple[str, dict[str, Any]]
_PIECE = 1 << 22


def array_change(a: ContentReader, b: ContentReader) -> Change:
    """Compare two arrays: shape, type, how many elements differ.

    The largest difference and where.
    """
    detail: dict[str, Any] = {
        "form": "array",
        "shape": [need(a.meta, "shape", list), need(b.meta, "shape", list)],
        "dtype": [str(a.meta.get("dtype")), str(b.meta.get("dtype"))],
    }
    shapes = [" x ".join(f"{n:,}" for n in shape) or "scalar" for shape in detail["shape"]]
    if detail["shape"][0] != detail["shape"][1]:
        return f"{shapes[0]} -> {shapes[1]}", detail
    left, right = codecs.decode(a), codecs.decode(b)
    if left.dtype.kind in "biufc" and right.dtype.kind in "biufc":
        _numbers(left, right, detail)
    else:
        _elements(left, right, detail)
    count, total = detail["changed"], left.size
    text = (
        f"{count:,} of {total:,} elements changed"
        if count
        else "same elements, other type or layout"
    )
    if detail.get("largest") is not None and count:
        text += f", largest difference {detail['largest']:g}"
    return text, detail


def _numbers(a: Any, b: Any, detail: dict[str, Any]) -> None:
    """In pieces, so that two arrays of 1 GB do not need a third."""
    import numpy as np

    left, right = np.ma.getdata(a).reshape(-1), np.ma.getdata(b).reshape(-1)
    changed, largest, place, total, gone = 0, None, None, 0.0, 0
    kind = np.complex128 if "c" in (left.dtype.kind, right.dtype.kind) else np.float64
    for start in range(0, left.size, _PIECE):
        one, other = left[start : start + _PIECE], right[start : start + _PIECE]
        differ = one != other
        nan_one, nan_other = one != one, other != other
        differ &= ~(nan_one & nan_other)
        changed += int(differ.sum())
        gone += int((nan_one ^ nan_other).sum())
        if not differ.any():
            continue
        with np.errstate(all="ignore"):
            away = np.abs(other.astype(kind) - one.astype(kind))
        away = np.where(differ & np.isfinite(away), away, 0.0)
        total += float(away.sum())
        top = int(away.argmax())
        if largest is None or float(away[top]) > largest:
            largest, place = float(away[top]), start + top
    detail |= {"changed": changed, "largest": largest, "missing_changed": gone}
    if changed:
        detail["mean"] = total / left.size
    if place is not None:
        detail["at"] = [int(n) for n in np.unravel_index(place, a.shape)]
        detail["values"] = [describe(left[place].item()), describe(right[place].item())]


def _elements(a: Any, b: Any, detail: dict[str, Any]) -> None:
    left, right = a.reshape(-1).tolist(), b.reshape(-1).tolist()
    differ = [
        n for n, (one, other) in enumerate(zip(left, right, strict=True)) if not same(one, other)
    ]
    detail |= {"changed": len(differ), "largest": None}
    if differ:
        import numpy as np

        detail["at"] = [int(n) for n in np.unravel_index(differ[0], a.shape)]
        detail["values"] = [describe(left[differ[0]]), describe(right[differ[0]])]


def same(a: Any, b: Any) -> bool:
    """Say whether two plain values are equal, NaN being equal to NaN; never raises."""
    try:
        return type(a) is type(b) and (bool(a == b) or (a != a and b != b))
    except (TypeError, ValueError, RecursionError):
        return False


# --- plain values -----------------------------------------------------------------------------


def plain_change(a: Any, b: Any) -> Change:
    """Compare two plain values by their entries."""
    if isinstance(a, str) and isinstance(b, str):
        return text_change(a, b)
    if _number(a) and _number(b):
        detail: dict[str, Any] = {"form": "plain", "a": describe(a), "b": describe(b)}
        if not isinstance(a, complex) and not isinstance(b, complex):
            detail["change"] = _finite(b - a)
        return f"{describe(a)} -> {describe(b)}", detail
    entries: list[dict[str, Any]] = []
    counts = {"added": 0, "removed": 0, "changed": 0}
    _entries(a, b, "", entries, counts, 0)
    detail = {
        "form": "plain",
        "counts": counts,
        "changes": entries,
        "truncated": sum(counts.values()) > len(entries),
    }
    parts = [f"{count:,} {what}" for what, count in counts.items() if count]
    if len(entries) == 1 and entries[0]["path"] == "":
        return f"{describe(a, 40)} -> {describe(b, 40)}", detail
    return ("entries: " + ", ".join(parts)) if parts else "", detail


def _number(value: Any) -> bool:
    return isinstance(value, (int, float, complex)) and not isinstance(value, bool)


def _finite(value: Any) -> float | None:
    try:
        number = float(value)
    except (OverflowError, TypeError):
        return None
    return number if number == number and abs(number) != float("inf") else None


def _entries(
    a: Any, b: Any, path: str, entries: list[dict[str, Any]], counts: dict[str, int], depth: int
) -> None:
    if depth < 20 and isinstance(a, dict) and isinstance(b, dict):
        for key in [*a, *(key for key in b if key not in a)]:
            place = f"{path}[{describe(key, 40)}]"
            if key not in b:
                _note("removed", place, a[key], None, entries, counts)
            elif key not in a:
                _note("added", place, None, b[key], entries, counts)
            elif not same(a[key], b[key]):
                _entries(a[key], b[key], place, entries, counts, depth + 1)
        return
    if depth < 20 and type(a) is type(b) and isinstance(a, (list, tuple)):
        for n in range(max(len(a), len(b))):
            place = f"{path}[{n}]"
            if n >= len(b):
                _note("removed", place, a[n], None, entries, counts)
            elif n >= len(a):
                _note("added", place, None, b[n], entries, counts)
            elif not same(a[n], b[n]):
                _entries(a[n], b[n], place, entries, counts, depth + 1)
        return
    if type(a) is type(b) and isinstance(a, (set, frozenset)):
        for value in a - b:
            _note("removed", path, value, None, entries, counts)
        for value in b - a:
            _note("added", path, None, value, entries, counts)
        return
    if not same(a, b):
        _note("changed", path, a, b, entries, counts)


def _note(
    what: str, path: str, a: Any, b: Any, entries: list[dict[str, Any]], counts: dict[str, int]
) -> None:
    counts[what] += 1
    if len(entries) < MAX_CHANGES:
        made = {"what": what, "path": path}
        if what != "added":
            made["a"] = describe(a)
        if what != "removed":
            made["b"] = describe(b)
        entries.append(made)


def text_change(a: str, b: str) -> Change:
    """Compare two texts by lines."""
    left, right = a.splitlines(), b.splitlines()
    if len(left) + len(right) > 20_000:
        return f"{len(left):,} -> {len(right):,} lines", {"form": "text", "lines": []}
    lines = [
        line
        for line in difflib.unified_diff(left, right, lineterm="", n=2)
        if not line.startswith(("---", "+++"))
    ]
    added = sum(line.startswith("+") for line in lines)
    removed = sum(line.startswith("-") for line in lines)
    shown = [line[:500] for line in lines[:MAX_LINES]]
    detail = {"form": "text", "lines": shown, "truncated": len(lines) > MAX_LINES}
    if len(left) <= 1 and len(right) <= 1:
        return f"{describe(a, 40)} -> {describe(b, 40)}", detail
    return f"{added:,} lines added, {removed:,} removed", detail


# --- pictures ---------------------------------------------------------------------------------


def picture_change(a: ContentReader, b: ContentReader) -> Change:
    """Return both pictures, to be shown side by side."""
    sides = []
    for reader in (a, b):
        shown = preview(reader)
        sides.append(
            {"form": shown.form, "mime": shown.mime, "data": shown.data, "reason": shown.reason}
        )
    return "figures differ", {"form": "picture", "a": sides[0], "b": sides[1]}
