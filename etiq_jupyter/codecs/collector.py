"""Python's garbage collector, paused while one value becomes thousands of containers or is made."""

from __future__ import annotations

import contextlib
import gc
import os
import threading
from collections.abc import Iterator

_lock = threading.Lock()
_pauses = 0
_was_on = False


@contextlib.contextmanager
def collector_paused() -> Iterator[None]:
    """Keep the collector from going through all that is being made again and again.

    A list of many lists, dicts or arrays takes twice the time with it, and none of what is made is
    garbage. Where the user has turned it off, it stays off.
    """
    global _pauses, _was_on
    with _lock:
        if not _pauses:
            _was_on = gc.isenabled()
            gc.disable()
        _pauses += 1
    try:
        yield
    finally:
        with _lock:
            _pauses -= 1
            if not _pauses and _was_on:
                gc.enable()


def _after_fork() -> None:
    """End, in a forked child, the pauses of threads that it does not have."""
    global _lock, _pauses
    _lock = threading.Lock()
    if _pauses and _was_on:
        gc.enable()
    _pauses = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
