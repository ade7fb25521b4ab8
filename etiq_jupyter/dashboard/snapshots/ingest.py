"""Takes manifests in: many requests, one transaction (group commit).

A commit waits for the disk, and a dozen statements cost the same for one snapshot as for a
hundred. So requests queue here, one thread takes all that wait and writes them together: tokens,
roles, numbers and rows are asked for once per batch, inside the transaction, which also makes a
token that was deleted a moment ago dead for the whole batch.

Threads hand over once per round of the event loop and once per batch, not once per request: waking
a thread costs more than anything else that is done for a small snapshot.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Sequence

from sqlalchemy.exc import DBAPIError

from etiq_jupyter.dashboard.db.engine import Database
from etiq_jupyter.dashboard.db.writer import Writer
from etiq_jupyter.dashboard.snapshots.batch import Batch, Entry, Taken
from etiq_jupyter.errors import Offline

log = logging.getLogger(__name__)

LARGEST_BATCH = 256
REPEATS = 3
"""Times that a snapshot is tried again which the database refuses: what another process writes at
the same moment may be in its way, or the connection was lost."""
_Waiting = tuple[Entry, "asyncio.Future[Taken]", asyncio.AbstractEventLoop]
_Outcome = tuple["asyncio.Future[Taken]", Taken | BaseException]


class Ingest:
    """The writer of snapshots.

    Parameters
    ----------
    database : Database
        Where to.
    """

    def __init__(self, database: Database) -> None:
        self._writer = Writer(database)
        self._waiting: list[_Waiting] = []
        self._woken = False
        self._wakes: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False

    def submit(self, entry: Entry) -> asyncio.Future[Taken]:
        """Queue a snapshot; called on a running event loop.

        Returns
        -------
        Future of Taken
            Done when the snapshot is durable. Fails with a typed error, or with `NeedObjects` when
            the manifest refers to objects that have not been looked through yet.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Taken] = loop.create_future()
        if self._thread is None or not self._thread.is_alive():
            self._start()
        with self._lock:
            self._waiting.append((entry, future, loop))
            wake, self._woken = not self._woken, True
        if wake:
            # Not at once, so that all requests read in this round of the loop go together.
            loop.call_soon(self._wakes.put, None)
        return future

    def close(self) -> None:
        """Write what is queued, then stop."""
        with self._lock:
            self._closed = True
            thread = self._thread
        if thread is not None:
            self._wakes.put(None)
            thread.join()

    def _start(self) -> None:
        with self._lock:
            if self._closed:
                raise Offline("the dashboard is stopping", hint="try again when it is back")
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name="etiq-ingest", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while True:
            self._wakes.get()
            while batch := self._next():
                self._write(batch)
            if self._closed:
                self._writer.close()
                return

    def _next(self) -> list[_Waiting]:
        """Take what waits; when that is nothing, the next one to come wakes this thread."""
        with self._lock:
            batch = self._waiting[:LARGEST_BATCH]
            del self._waiting[:LARGEST_BATCH]
            self._woken = bool(batch)
            return batch

    def _write(self, waiting: list[_Waiting]) -> None:
        try:
            results = self._commit([entry for entry, _, _ in waiting])
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever
            if len(waiting) > 1:
                # One of them may be at fault: the others are no worse for it.
                log.info("A batch of %d is written one by one: %s", len(waiting), error)
                for one in waiting:
                    self._write([one])
            elif isinstance(error, DBAPIError) and waiting[0][0].repeats < REPEATS:
                waiting[0][0].repeats += 1
                self._write(waiting)
            else:
                _answer(waiting, [error])
            return
        _answer(waiting, results)

    def _commit(self, entries: list[Entry]) -> list[Taken | Exception]:
        with self._writer.begin() as tx:
            return Batch(tx, entries).write()


def _answer(waiting: list[_Waiting], results: Sequence[Taken | BaseException]) -> None:
    """Tell those who wait how it went, each loop once."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Outcome]] = {}
    for (_, future, loop), result in zip(waiting, results, strict=True):
        by_loop.setdefault(loop, []).append((future, result))
    for loop, outcomes in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle, outcomes)
        except RuntimeError:  # the loop has ended, and with it whoever waited
            log.debug("Nobody waits any more for %d snapshots.", len(outcomes))


def _settle(outcomes: list[_Outcome]) -> None:
    for future, result in outcomes:
        if future.done():  # whoever asked has gone
            continue
        if isinstance(result, BaseException):
            future.set_exception(result)
        else:
            future.set_result(result)
