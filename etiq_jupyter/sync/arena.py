"""Memory shared by a kernel and its courier, reused so that its pages stay warm.

Copying into fresh pages costs ten times as much as into pages that are there already, so the arena
hands out low addresses first, and a background thread touches the first stretch in advance.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

_PAGE = 4096
_POPULATE_WRITE = 23  # MADV_POPULATE_WRITE, since Linux 5.14
_STEP = 2 << 20
_COPY = 8 << 20
_TOGETHER = 64 << 20  # from here on two threads copy

WARM = 160 << 20
"""Bytes touched in advance."""


_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""Where a container finds what it may use: version 2 and version 1 of control groups."""


def default_size() -> int:
    """Return how much may be held at once: a quarter of the memory, at most 1.25 GiB."""
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        memory = 4 << 30
    for path in _LIMITS:
        # (Without a limit the files are missing, say "max", or name more than there is.)
        with contextlib.suppress(OSError, ValueError):
            memory = min(memory, int(path.read_text()))
    return max(64 << 20, min(5 << 28, memory // 4)) // _PAGE * _PAGE


class Arena:
    """One stretch of shared memory with an allocator. Only the kernel allocates.

    Parameters
    ----------
    size : int
        Bytes; only what is used takes memory.

    Attributes
    ----------
    view : memoryview
        The bytes.

    Raises
    ------
    OSError
        When the system gives no shared memory.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.fd = _segment(size)
        try:
            self._map = mmap.mmap(self.fd, size)
        except BaseException:
            os.close(self.fd)
            raise
        self.view = memoryview(self._map)
        self._free: list[tuple[int, int]] = [(0, size)]  # (start, end), in order
        self._used: dict[int, int] = {}
        self._changed = threading.Condition()
        self._closed = False
        self._warm = 0

    def allocate(self, size: int, timeout: float = 0.0) -> int | None:
        """Reserve bytes at the lowest address that fits; None when there is none in time."""
        size = -(-size // _PAGE) * _PAGE
        until = time.monotonic() + timeout
        with self._changed:
            while True:
                for number, (start, end) in enumerate(self._free):
                    if end - start >= size:
                        if end - start == size:
                            del self._free[number]
                        else:
                            self._free[number] = (start + size, end)
                        self._used[start] = start + size
                        return start
                left = until - time.monotonic()
                if left <= 0 or self._closed:
                    return None
                self._changed.wait(left)

    def release(self, start: int) -> None:
        """Give a reservation back."""
        with self._changed:
            end = self._used.pop(start, None)
            if end is None:
                return
            spans: list[tuple[int, int]] = []
            for span in sorted([*self._free, (start, end)]):
                if spans and spans[-1][1] == span[0]:
                    spans[-1] = (spans[-1][0], span[1])
                else:
                    spans.append(span)
            self._free = spans
            self._changed.notify_all()

    def write(self, start: int, data: memoryview) -> None:
        """Copy bytes into a reservation; other threads of the kernel get their turn meanwhile."""
        target = self.view[start : start + data.nbytes]
        if data.nbytes < _COPY or "numpy" not in sys.modules:
            # In steps, because this kind of copy holds the interpreter.
            for at in range(0, data.nbytes, _COPY):
                target[at : at + _COPY] = data[at : at + _COPY]
            return
        half = data.nbytes // 2 // _PAGE * _PAGE if data.nbytes >= _TOGETHER else 0
        other = threading.Thread(target=_copy, args=(target[:half], data[:half]))
        if half:
            other.start()
        _copy(target[half:], data[half:])
        if half:
            other.join()

    def warm(self, size: int = WARM) -> None:
        """Touch the first stretch, from a thread of its own, in small steps.

        The first use of memory costs ten times as much as the copy itself.
        """
        if size > self._warm:
            threading.Thread(
                target=self._touch, args=(size,), name="etiq-warm", daemon=True
            ).start()

    def _touch(self, size: int) -> None:
        if not hasattr(self._map, "madvise"):
            return
        # Only advice: where it is refused, the first snapshot pays for its pages itself.
        with contextlib.suppress(OSError, ValueError):
            while self._warm < min(size, self.size) and not self._closed:
                self._map.madvise(_POPULATE_WRITE, self._warm, min(_STEP, self.size - self._warm))
                self._warm += _STEP
                time.sleep(0.0005)

    def close(self) -> None:
        """Give the memory back."""
        self._closed = True
        with contextlib.suppress(BufferError, ValueError):
            self.view.release()
            self._map.close()
        with contextlib.suppress(OSError):
            os.close(self.fd)


def _copy(target: memoryview, data: memoryview) -> None:
    import numpy as np

    np.copyto(np.frombuffer(target, np.uint8), np.frombuffer(data, np.uint8))


def _segment(size: int) -> int:
    """Make an unnamed stretch of memory: it is gone when the last process that has it is gone."""
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("etiq-arena", os.MFD_CLOEXEC)
    else:  # pragma: no cover - macOS: a file that has no name any more
        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    try:
        os.ftruncate(fd, size)
    except BaseException:
        os.close(fd)
        raise
    return fd
