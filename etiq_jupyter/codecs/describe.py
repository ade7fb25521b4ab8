"""One-line descriptions that never run the user's code and never look at more than a little."""

from __future__ import annotations

import dataclasses
from typing import Any

from etiq_jupyter.codecs.base import type_name

WIDTH = 80
"""Characters of a description."""
_PARTS = 6
_OPEN: dict[Any, tuple[str, str]] = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    set: ("{", "}"),
    frozenset: ("frozenset({", "})"),
}
_SAFE_REPR = frozenset(
    ("datetime", "decimal", "fractions", "uuid", "pathlib", "builtins", "re", "zoneinfo", "numpy")
)


def describe(value: Any, width: int = WIDTH) -> str:
    """Return one line about a plain value: its start, and its length when that was cut."""
    text = _one(value, width, 3)
    text = "".join(c if c.isprintable() else "\ufffd" for c in text)
    if len(text) > width:
        text = text[: width - 1] + "…"
    kind = type(value)
    if kind in (list, tuple, set, frozenset, dict) and len(value) > _PARTS:
        text = f"{len(value):,} {'entries' if kind is dict else 'elements'}: {text}"
    elif kind in (str, bytes, bytearray) and len(value) > width:
        text = f"{len(value):,} {'characters' if kind is str else 'bytes'}: {text}"
    return text


def _one(value: Any, width: int, depth: int) -> str:
    kind = type(value)
    if kind is int and value.bit_length() > 400:
        return f"integer of {value.bit_length():,} bits"
    if kind in (int, float, complex, bool, type(None)):
        return repr(value)
    if kind in (str, bytes, bytearray):
        return repr(value[:width])
    if kind in _OPEN or kind is dict:
        return _container(value, kind, width, depth)
    if dataclasses.is_dataclass(kind):
        return f"{kind.__qualname__}(...)"
    module = kind.__module__ if isinstance(kind.__module__, str) else ""
    if module.partition(".")[0] in _SAFE_REPR and not hasattr(kind, "__array__"):
        return repr(value)[:width]
    if hasattr(kind, "__len__") and module.startswith("collections"):
        return f"{type_name(kind)} of {len(value):,}"
    if module == "numpy" and getattr(value, "ndim", 1) == 0:
        return str(value)[:width]
    return f"<{type_name(kind)}>"


def _container(value: Any, kind: type, width: int, depth: int) -> str:
    if depth == 0 and value:
        return "{...}" if kind is dict else "...".join(_OPEN[kind])
    shown: list[str] = []
    for part in value:
        if len(shown) == _PARTS:
            shown.append("…")
            break
        text = _one(part, width, depth - 1)
        shown.append(f"{text}: {_one(value[part], width, depth - 1)}" if kind is dict else text)
    left, right = ("{", "}") if kind is dict else _OPEN[kind]
    tail = "," if kind is tuple and len(value) == 1 else ""
    return left + ", ".join(shown) + tail + right
