"""Cheap witnesses that a value has not changed, for values that are slow to write.

A fingerprint is of one object in one process: equal fingerprints mean that it has not changed
since;
different ones mean that it has to be written to know. It is never stored and nothing is read from
it.
"""

from __future__ import annotations

import io
import pickle
import sys
from typing import Any

import xxhash

_MODELS = frozenset(
    ("sklearn", "xgboost", "lightgbm", "torch", "imblearn", "catboost", "statsmodels")
)
BIG = 2_000
"""Elements from which a builtin container gets a fingerprint."""


def fingerprint(value: Any) -> bytes:
    """Return a witness of the value's state.

    ``b""`` when writing it is as cheap or there is none.
    """
    kind = type(value)
    if kind in (list, dict, set, tuple):
        return _pickled(value) if len(value) >= BIG else b""
    for parent in kind.__mro__:
        module = parent.__module__
        root = module.partition(".")[0] if isinstance(module, str) else ""
        if root in _MODELS:
            return _pickled(value)
        if root == "matplotlib":
            return _figure(value)
    return b""


def _pickled(value: Any) -> bytes:
    """Hash of the value's pickle, its big buffers hashed where they lie."""
    state = xxhash.xxh3_128()

    def big(buffer: pickle.PickleBuffer) -> None:
        with buffer.raw() as data:
            state.update(data)

    out = io.BytesIO()
    try:
        # The user's own live object, in the user's own process: nothing foreign is read.
        pickle.Pickler(out, protocol=5, buffer_callback=big).dump(value)
    except Exception:  # noqa: BLE001 - not everything can be pickled
        return b""
    state.update(out.getbuffer())
    return state.digest()


def _figure(value: Any) -> bytes:
    """Ask a Matplotlib figure whether it was changed since it was drawn."""
    module = sys.modules.get("matplotlib.figure")
    if module is None or not isinstance(value, module.Figure) or value.stale:
        return b""
    if any(axes.stale for axes in value.axes):
        return b""
    return b"drawn"
