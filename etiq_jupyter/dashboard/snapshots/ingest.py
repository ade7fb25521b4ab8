"""Takes manifests in: many requests, one transaction (group commit).

A commit waits for the disk, and a dozen statements cost the same for one snapshot as for a
hundred. So requests queue here, one thread takes all that wait and writes them together: tokens,
roles, numbers and rows are asked for once per batch, inside the transaction, which also makes a
token that was deleted a moment ago dead for the whole batch.
"""

from __future__ import annotations

import logging
import queue
import threading
from concurrent.futures import Future

from sqlalchemy.exc import IntegrityError, OperationalError

from etiq_jupyter.dashboard.db.engine import Database
from etiq_jupyter.dashboard.snapshots.batch import Batch, Entry, Taken
from etiq_jupyter.errors import Offline

log = logging.getLogger(__name__)

LARGEST_BATCH = 256


class Ingest:
    """The writer of snapshots.

    Parameters
    ----------
    database : Database
        Where to.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queue: queue.SimpleQueue[tuple[Entry, Future[Taken]] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False

    def submit(self, entry: Entry) -> Future[Taken]:
        """Queue a snapshot.

        Returns
        -------
        Future of Taken
            Done when the snapshot is durable. Fails with a typed error, or with `NeedObjects` when
            the manifest refers to objects that have not been looked through yet.
        """
        future: Future[Taken] = Future()
        if self._thread is None or not self._thread.is_alive():
            self._start()
        self._queue.put((entry, future))
        return future

    def close(self) -> None:
        """Write what is queued, then stop."""
        with self._lock:
            self._closed = True
            thread = self._thread
        if thread is not None:
            self._queue.put(None)
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
            first = self._queue.get()
            if first is None:
                return
            waiting = [first]
            stop = False
            while len(waiting) < LARGEST_BATCH and not stop:
                try:
                    more = self._queue.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    stop = True
                else:
                    waiting.append(more)
            self._write(waiting)
            if stop:
                return

    def _write(self, waiting: list[tuple[Entry, Future[Taken]]]) -> None:
        try:
            results = self._commit([entry for entry, _ in waiting])
        except (IntegrityError, OperationalError) as error:
            self._write_one_by_one(waiting, error)
            return
        except BaseException as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever
            for _, future in waiting:
                future.set_exception(error)
            return
        for (_, future), result in zip(waiting, results, strict=True):
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)

    def _write_one_by_one(
        self, waiting: list[tuple[Entry, Future[Taken]]], error: Exception
    ) -> None:
        """Repeat a batch that ran into what another process wrote at the same moment."""
        if len(waiting) > 1:
            log.info("A batch of %d is written one by one: %s", len(waiting), error)
            for one in waiting:
                self._write([one])
            return
        entry, future = waiting[0]
        if entry.repeats >= 3:
            future.set_exception(error)
            return
        entry.repeats += 1
        self._write(waiting)

    def _commit(self, entries: list[Entry]) -> list[Taken | Exception]:
        with self._database.write() as tx:
            return Batch(self._database, tx, entries).write()
