"""Keeping snapshots on this disk and bringing them to the dashboard."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from etiq_jupyter import model
from etiq_jupyter.errors import AuthError
from etiq_jupyter.objects.content import Content
from etiq_jupyter.store import Store
from etiq_jupyter.sync.engine import Engine
from etiq_jupyter.sync.transport import Transport

_REMEMBERED = 10_000  # earlier forms of variables, by run and name
_NOTICE_EVERY = 0.1  # seconds between two calls of on_change while sending


@dataclass(frozen=True)
class Destination:
    """Where snapshots go: a dashboard, and a user there."""

    url: str
    user_id: str
    username: str = ""


class Ticket:
    """What became of one recorded snapshot.

    Attributes
    ----------
    id : str
        The snapshot's id.
    stored_in : float
        Seconds from the call until the snapshot was safe on this disk; 0.0 until it is.
    """

    def __init__(self, recorder: Recorder, snapshot: str) -> None:
        self._recorder = recorder
        self.id = snapshot
        self.stored_in = 0.0

    def __repr__(self) -> str:
        return f"Ticket({self.id!r}, {self.state!r})"

    @property
    def state(self) -> model.State:
        """``captured``, ``stored``, ``synced``, ``paused`` or ``parked``."""
        return self._recorder.state_of(self.id)

    @property
    def reason(self) -> str:
        """Why it is paused or parked; empty otherwise."""
        return self._recorder.reason_of(self.id)

    @property
    def short_id(self) -> str:
        """The dashboard's short id; empty before it is there."""
        entry = self._recorder.store.outbox.entry(self.id)
        return entry.short_id if entry else ""

    @property
    def url(self) -> str:
        """Address of its page on the dashboard; empty before it is there."""
        entry = self._recorder.store.outbox.entry(self.id)
        return entry.url if entry else ""

    @property
    def new_bytes(self) -> int:
        """Bytes that this snapshot added to the store; 0 until it is stored."""
        entry = self._recorder.store.outbox.entry(self.id)
        return entry.new_bytes if entry else 0

    def wait(self, timeout: float | None = None, until: str = "synced") -> bool:
        """Wait until the snapshot is stored or synced.

        Parameters
        ----------
        timeout : float, optional
            Seconds; None waits as long as there is hope: a paused or parked snapshot ends it.
        until : str
            ``stored`` or ``synced``.

        Returns
        -------
        bool
            Whether it got there.
        """
        goals = ("synced",) if until == "synced" else ("stored", "synced", "paused", "parked")
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            state = self.state
            if state in goals:
                return True
            if state in ("paused", "parked") or self._recorder.hopeless(self.id):
                return False
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                return False
            self._recorder.pause(min(0.1, left) if left is not None else 0.1)


class Recorder:
    """Keeps snapshots and sends them in the background.

    Parameters
    ----------
    store_path : path
        Folder of the store.
    on_change : callable, optional
        Called with the `SyncStatus` when it changed, from a background thread, at most ten times a
        second.

    Notes
    -----
    Safe to use from several threads, and after a fork.
    """

    def __init__(
        self,
        store_path: str | os.PathLike[str],
        *,
        on_change: Callable[[model.SyncStatus], None] | None = None,
    ) -> None:
        self.store = Store.open(Path(store_path))
        self._on_change = on_change
        self._engine = Engine(self.store, self._changed)
        self._lock = threading.Lock()
        self._destination: Destination | None = None
        self._earlier: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._told = 0.0
        _recorders.add(self)

    # --- keeping --------------------------------------------------------------------------

    def record(
        self,
        snapshot: model.Snapshot,
        contents: Mapping[str, Content],
        destination: Destination | None = None,
    ) -> Ticket:
        """Keep a snapshot, and send it when its destination is the connected one.

        Parameters
        ----------
        snapshot : Snapshot
            What was captured; its items get their ``object``.
        contents : mapping
            Contents of its items, by name. Their buffers are not needed once this returns.
        destination : Destination, optional
            Where it is to go; None keeps it here until `push_local`.

        Raises
        ------
        StorageFull
            When the disk does not take it.
        """
        started = time.perf_counter()
        number = self._number(destination) if destination is not None else None
        run = snapshot.run.id
        parents = {
            name: (earlier,)
            for name in contents
            if (earlier := self._earlier.get((run, name))) is not None
        }
        self.store.record(snapshot, contents, number, parents)
        ticket = Ticket(self, snapshot.id)
        ticket.stored_in = time.perf_counter() - started
        with self._lock:
            for item in snapshot.items:
                if item.name in contents:
                    self._earlier[run, item.name] = item.object
                    self._earlier.move_to_end((run, item.name))
            while len(self._earlier) > _REMEMBERED:
                self._earlier.popitem(last=False)
        if number is not None and number == self._engine.destination:
            self._engine.wake()
        return ticket

    def _number(self, destination: Destination) -> int:
        return self.store.outbox.destination(
            destination.url, destination.user_id, destination.username
        )

    # --- the connection -------------------------------------------------------------------

    def connect(
        self,
        destination: Destination,
        token: str,
        *,
        verify: bool | str = True,
        proxies: Mapping[str, str] | None = None,
        timeout: float = 30.0,
    ) -> None:
        """Send to a destination from now on, first what is left from before."""
        transport = Transport(
            destination.url, token, verify=verify, proxies=proxies, timeout=timeout
        )
        self._destination = destination
        self._engine.connect(self._number(destination), transport, destination.user_id)

    def disconnect(self) -> None:
        """Forget the token; what is unsent stays on this disk."""
        self._destination = None
        self._engine.disconnect()

    def wake(self) -> None:
        """Try to send now; also what was parked."""
        number = self._engine.destination
        if number is not None:
            self.store.outbox.retry_parked(number)
        self._engine.wake()

    def push_local(self, project_id: str | None = None) -> int:
        """Send what was recorded in local mode, of one project or all; return how many.

        Raises
        ------
        AuthError
            When no dashboard is connected.
        """
        number = self._engine.destination
        if number is None:
            raise AuthError(
                "No dashboard is connected", hint="log in with %etiq_login, or etiq.login()"
            )
        count = self.store.outbox.adopt(number, project_id)
        self._engine.wake()
        return count

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until everything for the connected dashboard is there.

        Returns
        -------
        bool
            True when it is; False when the time is up, or sending is paused.
        """
        return self._engine.wait(timeout)

    def status(self) -> model.SyncStatus:
        """Say what is unsent, and whether something stands in the way."""
        engine = self._engine
        status = self.store.outbox.status(engine.destination)
        status.sending = engine.sending and bool(status.pending)
        status.paused = engine.paused or status.paused
        status.last_error = engine.last_error or status.last_error
        return status

    @property
    def progress(self) -> tuple[int, int]:
        """Bytes sent and bytes to send, of the current work."""
        return self._engine.progress

    def close(self, timeout: float = 0.0) -> bool:
        """Wait for what is unsent, stop, and close the store; whether everything was sent."""
        done = self.wait(timeout) if timeout else self._engine.idle()
        self._engine.close()
        self.store.close()
        return done

    # --- for tickets ----------------------------------------------------------------------

    def state_of(self, snapshot: str) -> model.State:
        """Return the state of a snapshot."""
        entry = self.store.outbox.entry(snapshot)
        if entry is None:
            return "captured"
        if entry.state in ("synced", "parked"):
            return "synced" if entry.state == "synced" else "parked"
        if entry.destination is not None and self._paused_for(entry.destination):
            return "paused"
        return "stored"

    def reason_of(self, snapshot: str) -> str:
        """Return why a snapshot is paused or parked."""
        entry = self.store.outbox.entry(snapshot)
        if entry is None or entry.destination is None:
            return ""
        return entry.reason or self._paused_for(entry.destination)

    def _paused_for(self, number: int) -> str:
        return self._engine.paused if number == self._engine.destination else ""

    def hopeless(self, snapshot: str) -> bool:
        """Whether waiting for a snapshot to be synced makes no sense now."""
        entry = self.store.outbox.entry(snapshot)
        return entry is not None and entry.destination != self._engine.destination

    def pause(self, seconds: float) -> None:
        """Wait a little, or until something changed."""
        self._engine.wait_for_change(seconds)

    def _changed(self) -> None:
        if self._on_change is None:
            return
        now = time.monotonic()
        if self._engine.sending and now - self._told < _NOTICE_EVERY:
            return
        self._told = now
        self._on_change(self.status())

    def _after_fork(self) -> None:
        self._lock = threading.Lock()
        self._engine.after_fork()


_recorders: weakref.WeakSet[Recorder] = weakref.WeakSet()


def _after_fork() -> None:
    for recorder in list(_recorders):
        recorder._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
