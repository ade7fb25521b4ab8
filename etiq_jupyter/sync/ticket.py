"""Where a snapshot goes, and what became of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from etiq_jupyter import model

if TYPE_CHECKING:
    from etiq_jupyter.sync.recorder import Recorder


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

    def kept_since(self, started: float) -> None:
        """Note that the snapshot is safe on this disk now; `started` by `time.perf_counter`."""
        self.stored_in = time.perf_counter() - started

    @property
    def state(self) -> model.State:
        """``captured``, ``stored``, ``synced``, ``paused`` or ``parked``."""
        return self._recorder.state_of(self.id)

    @property
    def reason(self) -> str:
        """Why it is not there yet, where that has a reason; empty otherwise.

        What stands in the way of storing it, of sending it (the dashboard cannot be reached, wants
        a login, has refused it), or why it is kept in another folder than usual.
        """
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


def together(one: model.SyncStatus, other: model.SyncStatus) -> model.SyncStatus:
    """Add up what two stores still have to send."""
    return model.SyncStatus(
        pending=one.pending + other.pending,
        pending_bytes=one.pending_bytes + other.pending_bytes,
        sent=one.sent + other.sent,
        parked=one.parked + other.parked,
        local=one.local + other.local,
        oldest=min((each for each in (one.oldest, other.oldest) if each), default=None),
        paused=one.paused or other.paused,
        last_error=one.last_error or other.last_error,
        sending=one.sending or other.sending,
        safe_to_close=one.safe_to_close and other.safe_to_close,
    )
