"""A bandwidth limit shared by all uploads of a process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_BLOCK = 16 << 10


class Throttle:
    """Lets through so many bytes per second.

    Parameters
    ----------
    bytes_per_second : int
        The limit; 0 for none.
    """

    def __init__(
        self,
        bytes_per_second: int = 0,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.limit = bytes_per_second
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._free_at = 0.0

    def take(self, size: int) -> None:
        """Wait until that many more bytes may go."""
        if self.limit <= 0:
            return
        with self._lock:
            now = self._clock()
            start = max(now, self._free_at)
            self._free_at = start + size / self.limit
        if start > now:
            self._sleep(start - now)

    def wrap(self, data: bytes) -> bytes | Body:
        """Return the data as a body that is read slowly; itself where there is no limit."""
        return Body(data, self) if self.limit > 0 else data


class Body:
    """Bytes that are read in small blocks, each after its turn."""

    def __init__(self, data: bytes, throttle: Throttle) -> None:
        self._data = memoryview(data)
        self._throttle = throttle
        self._at = 0

    def __len__(self) -> int:
        return self._data.nbytes

    def read(self, size: int = -1) -> bytes:
        """Return the next block."""
        left = self._data.nbytes - self._at
        size = min(left, _BLOCK if size < 0 else min(size, _BLOCK))
        if size:
            self._throttle.take(size)
        block = bytes(self._data[self._at : self._at + size])
        self._at += size
        return block

    def tell(self) -> int:
        """Return how far it has been read."""
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go back, for sending again."""
        start = {0: 0, 1: self._at, 2: self._data.nbytes}[whence]
        self._at = min(max(start + offset, 0), self._data.nbytes)
        return self._at
