"""The loop that empties the outbox: one thread, one destination at a time."""

from __future__ import annotations

import contextlib
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from etiq_jupyter import errors
from etiq_jupyter.errors import AuthError, EtiqError
from etiq_jupyter.store import Store
from etiq_jupyter.sync.connection import Connection
from etiq_jupyter.sync.throttle import Throttle
from etiq_jupyter.sync.words import CHECK_ADDRESS, KEPT

if TYPE_CHECKING:
    from etiq_jupyter.sync.uploader import HeldBack, Uploader

FIRST_WAIT, LONGEST_WAIT = 0.5, 60.0
"""Seconds before the second try, and at most between two tries."""
_LOOK_AGAIN = 0.5  # seconds, while another process sends there, or an earlier snapshot is awaited

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows: two processes may send the same, harmlessly
    fcntl = None  # type: ignore[assignment]


class Engine:
    """Sends to the connected destination in the background until told to stop.

    Parameters
    ----------
    store : Store
        Whose outbox is sent.
    on_change : callable, optional
        Called, from the engine's thread, when something changed; must be quick.
    throttle : Throttle, optional
        Bandwidth limit.
    held_back : callable, optional
        For each run, the id of its first snapshot that is captured and about to be stored. Later
        ones of the run wait for it; `nudge` says that it may have changed.
    """

    def __init__(
        self,
        store: Store,
        on_change: Callable[[], None] | None = None,
        throttle: Throttle | None = None,
        held_back: HeldBack | None = None,
    ) -> None:
        self._store = store
        self._on_change = on_change
        self.throttle = throttle or Throttle()
        self._held_back = held_back
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._uploader: Uploader | None = None
        self.destination: int | None = None
        self._failures = 0
        self._next_try = self._look_at = 0.0
        self._asked = self._nudged = False
        self._closed = False
        self.paused = ""
        self.last_error = ""
        self.sending = False
        self.progress = (0, 0)

    # --- from outside -----------------------------------------------------------------------

    def connect(self, connection: Connection) -> None:
        """Send to a destination from now on; ends a pause."""
        from etiq_jupyter.sync.uploader import Uploader

        with self._changed:
            self._store.outbox.pause(connection.number, "")
            self.destination = connection.number
            self._uploader = Uploader(
                self._store,
                connection.number,
                connection.transport(),
                connection.user,
                throttle=self.throttle,
                on_progress=self._progressed,
                on_synced=lambda _: self._tell(),
                held_back=self._held_back,
            )
            self.paused = self.last_error = ""
            self._failures, self._next_try = 0, 0.0
        self.wake()

    def disconnect(self) -> None:
        """Forget the destination and the token; what is unsent stays."""
        with self._changed:
            self._uploader = None
            self.destination = None
            self.paused = self.last_error = ""
            self._changed.notify_all()

    def wake(self) -> None:
        """Look at the outbox now, without waiting for the next try."""
        with self._changed:
            if self._uploader is None or self._closed:
                return
            self._asked = True
            self._uploader.look_again()
            self._next_try = 0.0
            self._start()
            self._changed.notify_all()

    def nudge(self) -> None:
        """Say that there is something new; does not shorten a wait that a failure asked for."""
        with self._changed:
            if self._uploader is None or self._closed:
                return
            self._nudged = True
            self._start()
            self._changed.notify_all()

    def idle(self) -> bool:
        """Whether nothing is left to be sent to the connected destination."""
        destination = self.destination
        return destination is None or not self._store.outbox.has_unsent(destination)

    def wait_for_change(self, seconds: float) -> None:
        """Wait until something changed, at most so long."""
        with self._changed:
            self._changed.wait(seconds)

    def limit(self, bytes_per_second: int) -> None:
        """Limit the bandwidth of uploads; 0 for no limit."""
        self.throttle.limit = bytes_per_second

    def close(self) -> None:
        """Stop; what is unsent stays for the next time."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(2.0)

    # --- the thread -------------------------------------------------------------------------

    def _start(self) -> None:
        if self._thread is not None and self._thread.is_alive():
            return
        self._thread = threading.Thread(target=self._loop, name="etiq-sync", daemon=True)
        self._thread.start()

    def _loop(self) -> None:
        while True:
            with self._changed:
                while not self._closed and (wait := self._pause_for()) > 0:
                    self._changed.wait(None if wait == float("inf") else wait)
                if self._closed:
                    return
                uploader, destination = self._uploader, self.destination
                self._asked = self._nudged = False
                self._look_at = 0.0
            if uploader is not None and destination is not None:
                self._try(uploader, destination)

    def _pause_for(self) -> float:
        if self._uploader is None or self.paused:
            return float("inf")
        if self._asked:
            return 0.0
        if self._next_try:
            return max(0.0, self._next_try - time.monotonic())
        if self._nudged:
            return 0.0
        return max(0.0, self._look_at - time.monotonic()) if self._look_at else float("inf")

    def _try(self, uploader: Uploader, destination: int) -> None:
        def stopped() -> bool:
            return self._closed or self._uploader is not uploader

        try:
            with self._lease(destination) as mine:
                if not mine:
                    self._later(_LOOK_AGAIN)
                    return
                self._sending(True)
                self._store.database.mending(lambda: uploader.run(stopped))
        except AuthError as error:
            self._paused(uploader, destination, str(error))
        except EtiqError as error:
            self._failed(error)
        except Exception as error:  # noqa: BLE001 - a fault here must not end the sending
            self._failed(
                errors.ServerError(f"Sending failed: {type(error).__name__}", why=str(error)[:200])
            )
        else:
            with self._changed:
                self._failures, self._next_try, self.last_error = 0, 0.0, ""
                if uploader.waits:
                    self._look_at = time.monotonic() + _LOOK_AGAIN
        finally:
            self._sending(False)

    @contextlib.contextmanager
    def _lease(self, destination: int) -> Iterator[bool]:
        """Hold the right to send to a destination: one process of a store at a time."""
        if fcntl is None:  # pragma: no cover
            yield True
            return
        path: Path = self._store.path / f"sending-{destination}.lock"
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            yield True  # a store that cannot be written can still be sent
            return
        try:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                yield False
                return
            yield True
        finally:
            os.close(fd)

    def _later(self, seconds: float) -> None:
        with self._changed:
            self._next_try = time.monotonic() + seconds

    def _failed(self, error: EtiqError) -> None:
        asked = getattr(error, "retry_after", None)
        with self._changed:
            self._failures += 1
            wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(self._failures - 1, 10))
            wait *= random.uniform(0.5, 1.0)  # noqa: S311 - so that many do not come back at once
            if asked is not None:
                wait = max(wait, float(asked) * random.uniform(1.0, 1.2))  # noqa: S311
            self._next_try = time.monotonic() + wait
            self.last_error = _said(error)

    def _paused(self, uploader: Uploader, destination: int, reason: str) -> None:
        with self._changed:
            if self._uploader is not uploader:
                return  # somebody has logged in again meanwhile
            self.paused = reason
            with contextlib.suppress(EtiqError):
                self._store.outbox.pause(destination, reason)

    def _sending(self, on: bool) -> None:
        self.sending = on
        self._tell()

    def _progressed(self, done: int, total: int) -> None:
        self.progress = (done, total)
        self._tell()

    def _tell(self) -> None:
        with self._changed:
            self._changed.notify_all()
        if self._on_change is not None:
            self._on_change()

    def after_fork(self) -> None:
        """Begin anew in a forked child: its copy of the thread does not run."""
        self._changed = threading.Condition()
        self._thread = None
        self.sending = False


def _said(error: EtiqError) -> str:
    """Return what to say of a failure to send: nothing has to be done about a lost connection."""
    if isinstance(error, errors.Offline) and error.hint == CHECK_ADDRESS:
        return str(errors.Offline(error.what, why=error.why, hint=KEPT))
    return str(error)
