"""The courier: a helper process that hashes, compresses, writes and uploads for one kernel.

Started by `handover.HandOver` as ``python -m etiq_jupyter.sync.courier FD``; everything else,
the access token too, comes over the socket ``FD``. It outlives its kernel until what was handed
over is on the disk and, as far as the dashboard can be reached, sent.
"""

from __future__ import annotations

import contextlib
import importlib
import mmap
import os
import queue
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

from etiq_jupyter.errors import EtiqError, StorageFull
from etiq_jupyter.store import Store
from etiq_jupyter.store.maintenance import keep_within_quota
from etiq_jupyter.store.mending import open_mending
from etiq_jupyter.sync.connection import Connection
from etiq_jupyter.sync.engine import Engine
from etiq_jupyter.sync.incoming import Abandoned, Incoming
from etiq_jupyter.sync.jobs import FORMS
from etiq_jupyter.sync.wire import Channel

IDLE = 120.0
"""Seconds without work after which the courier ends."""
ORPHAN = 60.0
"""Seconds of failing to reach the dashboard after which a courier without kernel ends."""
LAST_RESORT = 3600.0
"""Seconds for which a courier without kernel goes on trying to write to a disk that is full."""
_RETRY = 2.0  # seconds until a snapshot is tried again that the disk did not take
LONGEST_HOLD = 10.0
"""Seconds for which snapshots wait for an earlier one of their run that is not stored yet."""
_HEARING = 2.0  # seconds for messages that wait to be heard, before anything is sent
_STATE_EVERY = 0.1
_IMPORTANT = ("turn", "paused", "error", "sending")
_QUIET = 5.0


class Courier:
    """The helper's life."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._store: Store | None = None
        self._engine: Engine | None = None
        self._arena: memoryview | None = None
        self._jobs: dict[int, Incoming] = {}
        self._queue: queue.Queue[Incoming] = queue.Queue()
        self._earlier: dict[tuple[str, str], list[str]] = {}
        self._last_work = time.monotonic()
        self._last_state = 0.0
        self._turn = 0
        self._untidy = False
        self._told: dict[str, Any] = {}
        self._failing_since: float | None = None
        self._orphaned_at = 0.0
        self.orphaned = False

    @property
    def store(self) -> Store:
        """The store; known from the first message on."""
        if self._store is None:
            raise StorageFull("The courier was given no store")
        return self._store

    def run(self) -> None:
        """Work until there is nothing left to do."""
        threading.Thread(target=self._receive, name="etiq-receive", daemon=True).start()
        while not self._finished():
            try:
                job = self._queue.get(timeout=0.25)
            except queue.Empty:
                self._tidy()
                continue
            self._untidy = True
            self._last_work = time.monotonic()
            self._keep(job)
            self._last_work = time.monotonic()
        self.tell({"op": "bye"})

    def _tidy(self) -> None:
        """In a quiet moment after work, bring the store back below its quota."""
        if self._untidy and not self._jobs and time.monotonic() - self._last_work > _QUIET:
            self._untidy = False
            with contextlib.suppress(EtiqError):
                keep_within_quota(self.store)

    # --- from the kernel --------------------------------------------------------------------

    def _receive(self) -> None:
        try:
            while (received := self._channel.receive()) is not None:
                message, fd = received
                self._last_work = time.monotonic()
                try:
                    self._handle(message, fd)
                except EtiqError as error:
                    self.tell({"op": "trouble", "what": str(error)})
        finally:
            # Also after a fault of this thread: the kernel then starts another courier.
            self._orphaned_at = self._last_work = time.monotonic()
            self.orphaned = True

    def _handle(self, message: dict[str, Any], fd: int) -> None:
        op = message["op"]
        if op == "hello":
            self._store = open_mending(
                Path(message["store"]), lambda text: self.tell({"op": "trouble", "what": text})
            )
        elif op == "arena":
            self._arena = memoryview(mmap.mmap(fd, message["size"], prot=mmap.PROT_READ))
            os.close(fd)
            importlib.import_module(
                "numpy"
            )  # now, rather than when the first snapshot waits for it
        elif op == "job" and self._arena is not None:
            self.store.hold.take()
            made = Incoming(message, self._arena, self)
            self._jobs[made.id] = made
            self._queue.put(made)
        elif op in ("sections", "end"):
            job = self._jobs.get(message["job"])
            if job is None:
                return  # stored already: the bytes were complete before the word that they are
            if op == "end":
                job.end()
            else:
                job.add(message["sections"])
        else:
            self._handle_sync(op, message)

    def _handle_sync(self, op: str, message: dict[str, Any]) -> None:
        if op == "connect":
            if self._engine is None:
                self._engine = Engine(self.store, self._engine_changed, held_back=self.captured)
            self._engine.limit(message["limit"])
            self._turn = message["turn"]
            self._engine.connect(Connection.read(message))
        elif self._engine is None:
            return
        elif op == "disconnect":
            self._engine.disconnect()
            self._engine_changed()
        elif op == "wake":
            self._engine.wake()
        elif op == "nudge":
            self._engine.nudge()
        elif op == "limit":
            self._engine.limit(message["limit"])

    # --- storing ----------------------------------------------------------------------------

    def _keep(self, job: Incoming) -> None:
        run = job.snapshot.run.id
        parents = {}
        for name in job.contents:
            told, own = job.parents.get(name, []), self._earlier.get((run, name), [])
            both = [*own, *told] if name in job.newer else [*told, *own]
            parents[name] = list(dict.fromkeys(both))
        try:
            if not self.store.has_snapshot(job.snapshot.id):
                self.store.record(job.snapshot, job.contents, job.destination, parents)
        except Abandoned:
            self._done(job)
            return
        except EtiqError as error:
            self._try_again(job, error)
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, the snapshot stays handed over
            self._try_again(job, EtiqError(f"Storing failed: {type(error).__name__}: {error}"))
            return
        objects = {}
        for item in job.snapshot.items:
            if item.name in job.contents:
                objects[item.name] = item.object
                others = [o for o in self._earlier.get((run, item.name), []) if o != item.object]
                self._earlier[run, item.name] = [item.object, *others[: FORMS - 1]]
        self._done(job)
        self.tell({"op": "stored", "job": job.id, "objects": objects})

    def captured(self) -> dict[str, str]:
        """Return for each run the first snapshot that is about to be stored.

        What failed, or takes too long, holds nothing up.
        """
        # A snapshot is handed over before a later one is in the outbox: hear of it first.
        patience = time.monotonic() + _HEARING
        while not self.orphaned and self._channel.pending() and time.monotonic() < patience:
            time.sleep(0.001)
        first: dict[str, str] = {}
        until = time.monotonic() - LONGEST_HOLD
        for job in list(self._jobs.values()):
            if job.destination is None or job.failed or job.since < until:
                continue
            run, snapshot = job.snapshot.run.id, job.snapshot.id
            first[run] = min(snapshot, first.get(run, snapshot))
        return first

    def _done(self, job: Incoming) -> None:
        self._jobs.pop(job.id, None)
        self.store.hold.give_back()
        self._go_on(job)

    def _go_on(self, job: Incoming) -> None:
        """Send what was stored, or what waited for it."""
        if self._engine is not None and job.destination == self._engine.destination:
            self._engine.nudge()

    def _try_again(self, job: Incoming, error: EtiqError) -> None:
        job.failed = True
        self._go_on(job)
        self.tell({"op": "failed", "job": job.id, "what": str(error)})
        if job.streamed:  # its first sections are gone; the kernel still has the whole
            self._done(job)
            return
        timer = threading.Timer(_RETRY, self._queue.put, (job,))
        timer.daemon = True
        timer.start()

    # --- to the kernel ----------------------------------------------------------------------

    def consumed(self, job: int, start: int) -> None:
        """Give a section's memory back."""
        self.tell({"op": "free", "job": job, "start": start})

    def tell(self, message: dict[str, Any]) -> None:
        """Send a message, if there is still somebody to hear it."""
        if not self.orphaned:
            with contextlib.suppress(OSError):
                self._channel.send(message)

    def _engine_changed(self) -> None:
        engine = self._engine
        if engine is None:
            return
        state = {
            "op": "state",
            "turn": self._turn,
            "paused": engine.paused,
            "error": engine.last_error,
            "sending": engine.sending,
            "progress": list(engine.progress),
        }
        now = time.monotonic()
        if not engine.last_error:
            self._failing_since = None
        elif self._failing_since is None:
            self._failing_since = now
        important = any(state[key] != self._told.get(key) for key in _IMPORTANT)
        if important or now - self._last_state > _STATE_EVERY:
            self._last_state, self._told = now, state
            self._last_work = now
            self.tell(state)

    # --- the end ----------------------------------------------------------------------------

    def _finished(self) -> bool:
        quiet = time.monotonic() - self._last_work
        if self.orphaned and self._store is not None and not self._store.path.exists():
            return True  # the store was removed: there is nothing to write to and nothing to send
        if self._jobs or not self._queue.empty():
            return self.orphaned and time.monotonic() - self._orphaned_at > LAST_RESORT
        engine = self._engine
        sending = engine is not None and not engine.paused and not engine.idle()
        if not self.orphaned:
            return quiet > IDLE and not sending
        if not sending or engine is None:
            return True
        since = self._failing_since
        return since is not None and time.monotonic() - max(since, self._orphaned_at) > ORPHAN


def main() -> None:
    """Run a courier on the socket whose descriptor is the first argument."""
    end = socket.socket(fileno=int(sys.argv[1]))
    with contextlib.suppress(OSError, AttributeError):
        os.nice(5)  # the notebook goes first
    Courier(Channel(end)).run()


if __name__ == "__main__":
    main()
