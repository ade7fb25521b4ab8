"""Keeping cleaning up and handing over apart, between processes."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from etiq_jupyter.errors import Conflict

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows: there is no handing over there
    fcntl = None  # type: ignore[assignment]


class Hold:
    """Says that bytes which the store has now must stay, while somebody relies on them.

    Counted: held from the first `take` to the last `give_back`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._count = 0
        self._fd = -1

    def take(self) -> bool:
        """Hold on; False while somebody cleans up."""
        with self._lock:
            if self._count == 0 and not self._acquire():
                return False
            self._count += 1
            return True

    def _acquire(self) -> bool:
        if fcntl is None:  # pragma: no cover
            return True
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            os.close(fd)
            return False
        self._fd = fd
        return True

    def give_back(self) -> None:
        """Let go."""
        with self._lock:
            self._count = max(0, self._count - 1)
            if self._count == 0 and self._fd >= 0:
                os.close(self._fd)
                self._fd = -1


@contextlib.contextmanager
def cleaning(path: Path, patience: float) -> Iterator[None]:
    """Be the only one who cleans up, with nobody relying on what may be removed.

    Raises
    ------
    Conflict
        When that is not so within `patience` seconds.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        until = time.monotonic() + patience
        while fcntl is not None:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > until:
                    raise Conflict(
                        "The store is being written to by another process",
                        hint="try again when its snapshot is stored",
                    ) from None
                time.sleep(0.05)
        yield
    finally:
        os.close(fd)
