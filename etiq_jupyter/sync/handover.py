"""The kernel's side of the courier: start it, hand work over, notice its end."""

from __future__ import annotations

import contextlib
import itertools
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from etiq_jupyter import model
from etiq_jupyter.errors import EtiqError
from etiq_jupyter.objects.content import Buffer, Content
from etiq_jupyter.store import Store, cutting
from etiq_jupyter.store.writer import MERGE
from etiq_jupyter.sync.arena import WARM, Arena, default_size
from etiq_jupyter.sync.connection import Connection
from etiq_jupyter.sync.incoming import Incoming
from etiq_jupyter.sync.jobs import Job, describe
from etiq_jupyter.sync.process import NoCourier, allowed, spawn
from etiq_jupyter.sync.wire import Channel

_ALIGN = 64
_LIVES = 5  # ends in a row without anything stored, after which this process works by itself
_PATIENCE = 120.0  # seconds for the courier to make room in the arena


class HandOver:
    """Hands snapshots and the connection over to a courier, started when first needed.

    Parameters
    ----------
    store : Store
        The store both write to.
    on_change : callable, optional
        Called from a background thread when something changed.
    on_end : callable, optional
        Called with a reason when no courier can be had any more.
    """

    def __init__(
        self,
        store: Store,
        on_change: Callable[[], None] | None = None,
        on_end: Callable[[str], None] | None = None,
        *,
        arena_size: int = 0,
    ) -> None:
        self._store = store
        self._on_change = on_change
        self._on_end = on_end
        self._arena_size = arena_size or default_size()
        self._lock = threading.RLock()
        self._changed = threading.Condition()
        self._channel: Channel | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._arena: Arena | None = None
        self._jobs: dict[int, Job] = {}
        self._numbers = itertools.count(1)
        self._connection: Connection | None = None
        self._limit = 0
        self._turn = 0  # of the connection: news of an earlier one is not believed
        self._ends = 0
        self._rescue = threading.RLock()
        self._given_up = False
        self._closed = False
        self.paused = ""
        self.last_error = ""
        self.sending = False
        self.progress = (0, 0)

    # --- the connection -----------------------------------------------------------------------

    @property
    def destination(self) -> int | None:
        """Number of the connected destination."""
        return self._connection.number if self._connection else None

    @property
    def pid(self) -> int | None:
        """Process id of the courier, while it runs."""
        process = self._process
        return process.pid if process is not None and self._channel is not None else None

    def connect(self, connection: Connection) -> None:
        """Send to a destination from now on."""
        self._store.outbox.pause(connection.number, "")
        with self._lock:
            self._connection = connection
            self._turn += 1
            self.paused = self.last_error = ""
            if self._channel is not None:
                self._tell(self._connect_message(connection))
                return
        self._in_background()

    def disconnect(self) -> None:
        """Forget the destination and the token."""
        with self._lock:
            self._connection = None
            self.paused = self.last_error = ""
            self.sending = False
            self._tell({"op": "disconnect"})

    def wake(self) -> None:
        """Have the outbox looked at now."""
        self._ask("wake")

    def nudge(self) -> None:
        """Say that there is something new in the outbox."""
        self._ask("nudge")

    def _ask(self, what: str) -> None:
        with self._lock:
            if self._connection is None or self._closed:
                return
            if self._channel is not None:
                self._tell({"op": what})
                return
        self._in_background()

    def limit(self, bytes_per_second: int) -> None:
        """Limit the bandwidth of uploads; 0 for no limit."""
        with self._lock:
            self._limit = bytes_per_second
            self._tell({"op": "limit", "limit": bytes_per_second})

    def warm(self, size: int = 0) -> None:
        """Start the courier and touch the arena in advance, in the background."""
        threading.Thread(target=self._warm, args=(size,), name="etiq-warm-up", daemon=True).start()

    def _warm(self, size: int) -> None:
        with contextlib.suppress(NoCourier):
            with self._lock:
                self._start()
                arena = self._ready_arena()
            arena.warm(max(size, WARM))

    # --- handing over -------------------------------------------------------------------------

    def record(
        self,
        snapshot: model.Snapshot,
        contents: Mapping[str, Content],
        destination: int | None,
        parents: Mapping[str, Sequence[str]],
        done: Callable[[dict[str, str]], None],
    ) -> None:
        """Hand a snapshot over; when this returns, the end of this process does not lose it.

        Parameters
        ----------
        snapshot, contents, destination, parents
            As for `Store.record`. Buffers that the store has already are not copied.
        done : callable
            Called, from a background thread, with the objects of the items when it is stored.

        Raises
        ------
        NoCourier
            When nothing was handed over: the caller has to store it.
        """
        with self._lock:
            waiting = list(self._jobs.values())
            number = next(self._numbers)
            job = describe(number, snapshot, contents, destination, parents, waiting)
            job.done = done
            self._start()
            arena = self._ready_arena()
            # Buffers that the store has are not copied, so they must stay until this is stored.
            if not self._store.hold.take():
                raise NoCourier("the store is being cleaned up")
            self._jobs[job.id] = job
        try:
            self._hand_over(job, contents, arena)
            self._check_given_up()
        except BaseException:
            self._forget(job.id)
            raise
        if job.streamed:
            self._wait_stored(job)

    def _hand_over(self, job: Job, contents: Mapping[str, Content], arena: Arena) -> None:
        wanted = [
            (name, number, buffer)
            for name, content in contents.items()
            for number, buffer in enumerate(content.buffers)
            if buffer.data.nbytes and not self._known(buffer)
        ]
        total = sum(-(-buffer.data.nbytes // _ALIGN) * _ALIGN for _, _, buffer in wanted)
        job.streamed = job.header["streamed"] = total > arena.size - arena.size // 8
        with self._lock:
            job.begun = True
            self._say(job.header)
        small = [entry for entry in wanted if entry[2].data.nbytes < MERGE]
        if small:
            self._copy_small(job, small, arena)
        for name, number, buffer in wanted:
            if buffer.data.nbytes >= MERGE:
                self._copy(job, name, number, buffer, arena)
        with self._lock:
            job.complete = True
            self._say({"op": "end", "job": job.id})

    def _known(self, buffer: Buffer) -> bool:
        return buffer.data.nbytes >= MERGE and bool(self._store.writer.same(buffer))

    def _copy_small(self, job: Job, small: list[tuple[str, int, Buffer]], arena: Arena) -> None:
        """Copy small buffers side by side into one region."""
        sizes = [-(-buffer.data.nbytes // _ALIGN) * _ALIGN for _, _, buffer in small]
        start = self._room(job, sum(sizes), arena)
        sections = []
        for (name, number, buffer), size in zip(small, sizes, strict=True):
            arena.write(start, buffer.data)
            sections.append([name, number, start, buffer.data.nbytes])
            start += size
        self._announce(job, sections)

    def _copy(self, job: Job, name: str, number: int, buffer: Buffer, arena: Arena) -> None:
        size = buffer.data.nbytes
        for begin, end in cutting.sections(size, buffer.itemsize, buffer.row_bytes):
            start = self._room(job, end - begin, arena)
            arena.write(start, buffer.data[begin:end])
            self._announce(job, [[name, number, start, end - begin]])

    def _room(self, job: Job, size: int, arena: Arena) -> int:
        until = time.monotonic() + _PATIENCE
        while (start := arena.allocate(size, 0.25)) is None:
            if job.trouble or size > arena.size or time.monotonic() > until:
                raise NoCourier(job.trouble or "there is no room in the shared memory")
        with self._lock:
            job.regions.append(start)
        return start

    def _announce(self, job: Job, sections: list[list[Any]]) -> None:
        with self._lock:
            job.sections += sections
            self._say({"op": "sections", "job": job.id, "sections": sections})

    def _say(self, message: dict[str, Any]) -> None:
        channel = self._channel
        if channel is None:
            return  # it ended meanwhile; the next one gets the whole job again
        with contextlib.suppress(OSError):
            channel.send(message)

    def _wait_stored(self, job: Job) -> None:
        """Wait for a snapshot that does not fit into the arena: its memory was used again."""
        with self._changed:
            while job.id in self._jobs:
                if job.trouble:
                    break
                self._changed.wait(0.5)
        if job.trouble:
            self._forget(job.id)
            raise NoCourier(job.trouble)

    # --- what is handed over ------------------------------------------------------------------

    @property
    def unstored(self) -> int:
        """How many snapshots are handed over and not yet stored."""
        return len(self._jobs)

    def trouble(self, snapshot: str) -> str:
        """Return why a handed-over snapshot is not stored yet; empty when all is well."""
        jobs = list(self._jobs.values())
        return next((job.trouble for job in jobs if job.snapshot == snapshot), "")

    def wait_for_change(self, seconds: float) -> None:
        """Wait until something changed, at most so long."""
        with self._changed:
            self._changed.wait(seconds)

    def _forget(self, number: int) -> Job | None:
        with self._lock:
            job = self._jobs.pop(number, None)
            if job is None:
                return None
            self._store.hold.give_back()
            if self._arena is not None:
                for start in job.regions:
                    self._arena.release(start)
                job.regions.clear()
            return job

    # --- the process --------------------------------------------------------------------------

    def _in_background(self) -> None:
        threading.Thread(target=self._start_quietly, name="etiq-start", daemon=True).start()

    def _start_quietly(self) -> None:
        try:
            with self._lock:
                self._start()
        except NoCourier as error:
            if error.final and not self._closed:
                self._gone(str(error))

    def _start(self) -> None:
        """Start a courier unless one runs. Needs the lock."""
        if self._channel is not None:
            return
        if self._closed or self._given_up or not allowed():
            raise NoCourier("not possible or not wanted here", final=True)
        if self._ends >= _LIVES:
            raise NoCourier("it ends again and again", final=True)
        try:
            here, there = socket.socketpair()
        except OSError as error:
            raise NoCourier(f"no sockets: {error.strerror}", final=True) from error
        with there:
            try:
                self._process = spawn(there.fileno(), self._store.path)
            except OSError as error:
                here.close()
                raise NoCourier(f"cannot be started: {error.strerror}", final=True) from error
        channel = self._channel = Channel(here)
        threading.Thread(
            target=self._listen, args=(channel, self._process), name="etiq-courier", daemon=True
        ).start()
        self._say({"op": "hello", "store": str(self._store.path.absolute())})
        if self._arena is not None:
            self._send_arena(self._arena)
        for job in list(self._jobs.values()):
            self._hand_over_again(job)
        # Only now: what is not stored yet holds back later snapshots of its run.
        if self._connection is not None and not self.paused:
            self._say(self._connect_message(self._connection))

    def _hand_over_again(self, job: Job) -> None:
        if job.streamed:  # part of its bytes is gone; whoever waits for it starts over
            job.trouble = "the helper process ended"
        if job.streamed or not job.begun:
            return
        self._say(job.header)
        self._say({"op": "sections", "job": job.id, "sections": job.sections})
        if job.complete:
            self._say({"op": "end", "job": job.id})

    def _connect_message(self, connection: Connection) -> dict[str, Any]:
        turn = {"op": "connect", "turn": self._turn, "limit": self._limit}
        return turn | connection.message()

    def _ready_arena(self) -> Arena:
        if self._arena is None:
            try:
                self._arena = Arena(self._arena_size)
            except (OSError, ValueError) as error:
                raise NoCourier(f"no shared memory: {error}", final=True) from error
            self._send_arena(self._arena)
        return self._arena

    def _send_arena(self, arena: Arena) -> None:
        if self._channel is not None:
            with contextlib.suppress(OSError):
                self._channel.send({"op": "arena", "size": arena.size}, arena.fd)

    def _tell(self, message: dict[str, Any]) -> None:
        if self._channel is not None:
            with contextlib.suppress(OSError):
                self._channel.send(message)

    def _listen(self, channel: Channel, process: subprocess.Popen[bytes]) -> None:
        while (received := channel.receive()) is not None:
            message = received[0]
            if message["op"] == "bye":
                break
            self._heard(message)
        self._ended(channel, process)

    def _heard(self, message: dict[str, Any]) -> None:
        op = message["op"]
        if op == "stored":
            self._ends = 0
            job = self._forget(message["job"])
            if job is not None and job.done is not None:
                job.done(message["objects"])
        elif op == "free":
            with self._lock:
                job = self._jobs.get(message["job"])
                if job is not None and self._arena is not None:
                    if message["start"] in job.regions:
                        job.regions.remove(message["start"])
                    self._arena.release(message["start"])
        elif op == "failed":
            job = self._jobs.get(message["job"])
            if job is not None:
                job.trouble = self.last_error = message["what"]
        elif op == "trouble":
            self.last_error = message["what"]
        elif op == "state" and self._connection is not None and message["turn"] == self._turn:
            self.paused, self.last_error = message["paused"], message["error"]
            self.sending = message["sending"]
            self.progress = (message["progress"][0], message["progress"][1])
        self._notify()

    def _ended(self, channel: Channel, process: subprocess.Popen[bytes]) -> None:
        """React to the courier's end: start another if there is something left to do."""
        with self._lock:
            if self._channel is not channel:
                return
            self._channel = None
            self.sending = False
            channel.close()
            self._ends += 1
            left = bool(self._jobs)
            if not left and self._arena is not None:
                self._arena.close()
                self._arena = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
        if self._closed:
            return
        number = self.destination
        unsent = number is not None and not self.paused and self._store.outbox.has_unsent(number)
        if left or unsent:
            time.sleep(min(0.05 * 2 ** (self._ends - 1), 2.0))
            self._start_quietly()
        self._notify()

    def _gone(self, reason: str) -> None:
        """No courier can be had any more: what was handed over is stored by this process."""
        self.give_up(reason)
        if self._on_end is not None:
            self._on_end(reason)
        self._notify()

    def _check_given_up(self) -> None:
        """Have the caller store it, when nobody else will."""
        if self._given_up:
            raise NoCourier("it ends again and again", final=True)

    def give_up(self, reason: str) -> None:
        """Hand nothing over any more, and store in this process what was handed over."""
        with self._rescue:
            self._given_up = True
            for job in list(self._jobs.values()):
                job.trouble = reason
                if job.complete and not job.streamed and self._arena is not None:
                    self._store_here(job, self._arena)

    def _store_here(self, job: Job, arena: Arena) -> None:
        incoming = Incoming(job.header, arena.view)
        incoming.add(job.sections)
        incoming.end()
        while True:
            try:
                if not self._store.has_snapshot(incoming.snapshot.id):
                    self._store.record(
                        incoming.snapshot,
                        incoming.contents,
                        incoming.destination,
                        incoming.parents,
                    )
            except EtiqError as error:
                job.trouble = self.last_error = str(error)
                self._notify()
                time.sleep(2.0)
            else:
                break
        objects = {item.name: item.object for item in incoming.snapshot.items}
        done = job.done
        self._forget(job.id)
        if done is not None:
            done(objects)

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()
        if self._on_change is not None:
            self._on_change()

    def close(self) -> None:
        """Let go of the courier; it finishes what it has."""
        with self._lock:
            self._closed = True
            channel, self._channel = self._channel, None
            arena, self._arena = self._arena, None
        if channel is not None:
            channel.close()
        if arena is not None:
            arena.close()

    def after_fork(self) -> None:
        """Let go of the parent's courier in a forked child."""
        channel, self._channel = self._channel, None
        self._lock, self._rescue = threading.RLock(), threading.RLock()
        self._changed = threading.Condition()
        self._process = None
        if channel is not None:
            channel.abandon()
        if self._arena is not None:
            self._arena.close()
            self._arena = None
        self._jobs.clear()
        self.sending = False
