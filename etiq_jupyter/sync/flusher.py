"""Making small snapshots safe against a power cut, several with one wait for the disk."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from etiq_jupyter.errors import StorageFull
from etiq_jupyter.store.database import Database
from etiq_jupyter.store.forks import on_fork

_log = logging.getLogger("etiq_jupyter")
_TOGETHER = 0.002  # seconds in which more may come that one wait for the disk serves
_RETRY = 2.0


class Flusher:
    """Brings committed transactions onto the disk, from a thread of its own.

    A committed transaction is the operating system's: the end of this process, kill -9 too, does
    not lose it. A power cut may, until `flush` has returned.

    Parameters
    ----------
    database : Database
        The index that was written with ``durable=False``.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._changed = threading.Condition()
        self._flushing = threading.Lock()
        self._waiting: dict[str, Callable[[], None]] = {}
        self._thread: threading.Thread | None = None
        on_fork(self)

    def after_fork(self) -> None:
        """Begin anew in a forked child; the parent looks after what it has written."""
        self._changed, self._flushing = threading.Condition(), threading.Lock()
        self._waiting, self._thread = {}, None

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, snapshot: str) -> bool:
        return snapshot in self._waiting

    def add(self, snapshot: str, done: Callable[[], None]) -> None:
        """Have a snapshot that was committed made safe; `done` is called when it is."""
        with self._changed:
            self._waiting[snapshot] = done
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="etiq-flush", daemon=True)
                self._thread.start()
            self._changed.notify()

    def flush(self) -> bool:
        """Make everything committed so far safe now; whether the disk took it."""
        with self._flushing:
            with self._changed:
                some = dict(self._waiting)
            if not some:
                return True
            try:
                self._database.flush()
            except StorageFull as error:
                _log.warning("%s What was captured last is not yet safe from a power cut.", error)
                return False
            with self._changed:
                for snapshot in some:
                    self._waiting.pop(snapshot, None)
        for done in some.values():
            done()
        return True

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            with self._changed:
                while not self._waiting:
                    self._changed.wait()
            pause.wait(_TOGETHER)
            if not self.flush():
                pause.wait(_RETRY)
