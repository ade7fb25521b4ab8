"""Locks and connections in forked children (joblib, multiprocessing).

A lock that another thread held at the time of the fork would stay locked in the child for ever.
"""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class _Forkable(Protocol):
    def after_fork(self) -> None: ...


_things: weakref.WeakSet[_Forkable] = weakref.WeakSet()


def on_fork(thing: _Forkable) -> None:
    """Have ``thing.after_fork()`` called in every forked child, as long as the thing lives."""
    _things.add(thing)


def _after_fork() -> None:
    for thing in list(_things):
        thing.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
