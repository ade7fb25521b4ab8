"""Who listens, and what they are told. Across processes by PostgreSQL's NOTIFY."""

from __future__ import annotations

import asyncio
import logging
import threading
import uuid
from collections.abc import Iterator
from typing import Any

import msgspec

from etiq_jupyter.dashboard.db.engine import Database
from etiq_jupyter.dashboard.db.statement import array, execute
from etiq_jupyter.dashboard.db.writer import Writer

log = logging.getLogger(__name__)
CHANNEL = "etiq_events"
MOMENT = 0.05
"""Seconds for which events of other processes are collected."""
LONGEST = 7_000
"""Bytes of one notification; PostgreSQL carries up to 8,000."""
QUEUED = 200
"""Events kept for a slow listener; then its stream is ended."""


class Event(msgspec.Struct, kw_only=True):
    """Something has changed: ``kind`` is snapshot, project or token.

    It goes to the members of ``project``, or to ``user``.
    """

    kind: str
    id: str = ""
    project: str = ""
    user: str = ""


class Listener:
    """One open page's stream."""

    def __init__(self, user_id: str, loop: asyncio.AbstractEventLoop) -> None:
        self.user_id = user_id
        self._loop = loop
        self._queue: asyncio.Queue[Event | None] = asyncio.Queue(QUEUED)

    async def next(self, timeout: float) -> Event | None:
        """Return the next event; None when the stream ends.

        Raises
        ------
        asyncio.TimeoutError
            When nothing happened for ``timeout`` seconds.
        """
        return await asyncio.wait_for(self._queue.get(), timeout)

    def put(self, event: Event | None) -> None:
        """Hand over an event, from any thread."""
        try:
            self._loop.call_soon_threadsafe(self._put, event)
        except RuntimeError:  # the loop has ended, and with it whoever listened
            log.debug("A listener's loop has ended.")

    def _put(self, event: Event | None) -> None:
        if self._queue.full():
            # Ending the stream makes the page connect again, and ask anew for what it shows.
            while not self._queue.empty():
                self._queue.get_nowait()
            event = None
        self._queue.put_nowait(event)


class Hub:
    """Passes events to the listeners of this process and to the other processes.

    Parameters
    ----------
    database : Database
        PostgreSQL carries the events between processes; with SQLite there is only one.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._listeners: set[Listener] = set()
        self._lock = threading.Lock()
        self._waiting: list[Event] = []
        self._writer = Writer(database)
        self._telling = threading.Lock()
        self._origin = f'"{uuid.uuid4().hex}"'
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to hear what other processes announce."""
        if not self._database.is_sqlite:
            self._thread = threading.Thread(target=self._hear, name="etiq-events", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Let all listeners go."""
        self._stop.set()
        with self._lock:
            for listener in self._listeners:
                listener.put(None)
        if self._thread is not None:
            self._thread.join(5)
        with self._telling:
            self._writer.close()

    def listen(self, user_id: str) -> Listener:
        """Begin to listen, on the running loop."""
        listener = Listener(user_id, asyncio.get_running_loop())
        with self._lock:
            self._listeners.add(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        """Stop to listen."""
        with self._lock:
            self._listeners.discard(listener)

    @property
    def quiet(self) -> bool:
        """Whether nobody could hear an event, here or elsewhere."""
        return self._database.is_sqlite and not self._listeners

    def publish(self, event: Event) -> None:
        """Tell everybody."""
        if self.quiet:
            return
        self._deliver(event)
        if not self._database.is_sqlite:
            self._notify([event])

    def publish_soon(self, event: Event) -> None:
        """Tell everybody; other processes with all that happens within a moment.

        Called on a running event loop, which it does not hold up.
        """
        if self.quiet:
            return
        self._deliver(event)
        if not self._database.is_sqlite:
            self._waiting.append(event)
            if len(self._waiting) == 1:
                asyncio.get_running_loop().call_later(MOMENT, self._send_waiting)

    def _send_waiting(self) -> None:
        events, self._waiting = self._waiting, []
        asyncio.get_running_loop().run_in_executor(None, self._notify_if_possible, events)

    def _notify_if_possible(self, events: list[Event]) -> None:
        try:
            self._notify(events)
        except Exception:
            # A page that misses an event shows what is new when it is next asked for.
            log.warning(
                "Other processes could not be told of %d events.", len(events), exc_info=True
            )

    def _notify(self, events: list[Event]) -> None:
        messages = [f"[{self._origin},{part}]" for part in _in_parts(events)]
        told = "SELECT pg_notify($1, m) FROM unnest($2::text[]) AS m"
        with self._telling:
            if self._stop.is_set():
                return
            with self._writer.begin() as tx:
                # Nothing that must last is written: nobody needs to wait for the disk.
                execute(tx, "SET LOCAL synchronous_commit = off")
                execute(tx, told, [CHANNEL, array(messages)])

    def _deliver(self, event: Event) -> None:
        with self._lock:
            for listener in self._listeners:
                listener.put(event)

    def _hear(self) -> None:
        while not self._stop.is_set():
            try:
                self._hear_until_cut()
            except Exception:
                if not self._stop.is_set():
                    log.warning("Listening for events was cut off; trying again.", exc_info=True)
                self._stop.wait(1)

    def _hear_until_cut(self) -> None:
        import psycopg

        url = self._database.engine.url.set(drivername="postgresql")
        address = url.render_as_string(hide_password=False)
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(f"LISTEN {CHANNEL}")
            while not self._stop.is_set():
                for notice in connection.notifies(timeout=0.5):
                    self._pass_on(notice)

    def _pass_on(self, notice: Any) -> None:
        if notice.payload.startswith(f"[{self._origin},"):
            return
        _, events = msgspec.json.decode(notice.payload, type=tuple[str, list[Event]])
        for event in events:
            self._deliver(event)


def _in_parts(events: list[Event]) -> Iterator[str]:
    """Return events as JSON lists that a notification carries: one costs as much as many."""
    part: list[str] = []
    size = 0
    for event in events:
        text = msgspec.json.encode(event).decode()
        if part and size + len(text) > LONGEST:
            yield f"[{','.join(part)}]"
            part, size = [], 0
        part.append(text)
        size += len(text) + 1
    if part:
        yield f"[{','.join(part)}]"
