"""Keeping snapshots on this disk and bringing them to the dashboard."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from etiq_jupyter import model
from etiq_jupyter.errors import AuthError, StorageFull
from etiq_jupyter.objects.content import Content
from etiq_jupyter.objects.reader import StoredContent
from etiq_jupyter.store import Store
from etiq_jupyter.store.database import DamagedIndex
from etiq_jupyter.store.forks import on_fork
from etiq_jupyter.store.mending import open_mending
from etiq_jupyter.store.spare import left_behind, open_spare
from etiq_jupyter.store.writer import MERGE
from etiq_jupyter.sync.connection import Connection
from etiq_jupyter.sync.engine import Engine
from etiq_jupyter.sync.flusher import Flusher
from etiq_jupyter.sync.handover import HandOver
from etiq_jupyter.sync.jobs import FORMS
from etiq_jupyter.sync.process import NoCourier, allowed
from etiq_jupyter.sync.ticket import Destination, Ticket, together

SMALL = 1 << 20
"""New bytes up to which a snapshot is written by this process itself, before `record` returns."""
_log = logging.getLogger("etiq_jupyter")
_REMEMBERED = 10_000  # earlier forms of variables, by run and name
_LAST_MOMENT = 30.0  # seconds that closing waits for what only this process can store
_NOTICE_EVERY = 0.1  # seconds between two calls of on_change while sending


class Recorder:
    """Keeps snapshots and sends them in the background.

    Small snapshots are written by this process, in one transaction: when `record` returns, the end
    of this process, also by kill -9, does not lose them; a moment later, or as soon as their state
    is asked for, a power cut does not either, and they are called stored. Large ones, and all
    sending, are handed to a helper process (`courier`), started when first needed; where that is
    not possible this process does it all by itself, in threads.

    Parameters
    ----------
    store_path : path
        Folder of the store.
    on_change : callable, optional
        Called with the `SyncStatus` when it changed, from a background thread, about ten times a
        second at most.

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
        self._spare: Recorder | None = None
        self._elsewhere = ""  # why snapshots are not kept in the store that was meant
        self._is_spare = False
        self._path = Path(store_path)  # the spare is named after it
        self.store = self._open(self._path)
        self._flusher = Flusher(self.store.database)
        self._on_change = on_change
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._limit = 0
        self._earlier: OrderedDict[tuple[str, str], list[str]] = OrderedDict()
        self._told = 0.0
        self._courier: HandOver | None = None
        self._retired: HandOver | None = None
        self._engine: Engine | None = None
        self._choose()
        on_fork(self)

    def _open(self, path: Path) -> Store:
        try:
            store = open_mending(path)
            with store.database.write():
                pass
        except (StorageFull, DamagedIndex) as error:
            beside = isinstance(error, DamagedIndex)
            where = f"the folder {path / 'spare'}" if beside else "the temporary folder"
            self._elsewhere = f"{error} Kept in {where} for now."
            _log.warning("%s Snapshots are kept in %s for now.", error, where)
            return open_spare(path, beside=beside)
        return store

    def _use_spare(self, reason: StorageFull | DamagedIndex) -> Recorder:
        """Return a recorder in another folder; says so once.

        Raises
        ------
        StorageFull
            When there is no room either.
        """
        if self._is_spare:
            raise reason
        if self._spare is None:
            store = open_spare(self._path, beside=isinstance(reason, DamagedIndex))
            if store.path == self.store.path:
                store.close()
                raise reason
            _log.warning("%s Snapshots are kept in %s for now.", reason, store.path)
            self._spare = self._beside(store)
            self._spare._elsewhere = f"{reason} Kept in {store.path} for now."
            if self._connection is not None:
                self._spare.reconnect(self._connection)
        return self._spare

    def _beside(self, store: Store) -> Recorder:
        store.close()
        spare = Recorder(store.path, on_change=lambda _: self._changed())
        spare._is_spare = True
        return spare

    def reconnect(self, connection: Connection) -> None:
        """Connect to where another recorder is connected to."""
        self.connect(
            Destination(connection.url, connection.user),
            connection.token,
            verify=connection.verify,
            proxies=connection.proxies,
            timeout=connection.timeout,
        )

    def _choose(self) -> None:
        if allowed():
            self._courier, self._engine = HandOver(self.store, self._changed, self._alone), None
        else:
            self._courier, self._engine = None, Engine(self.store, self._changed)

    @property
    def _sender(self) -> HandOver | Engine:
        courier = self._courier
        if courier is not None:
            return courier
        if self._engine is None:
            self._engine = Engine(self.store, self._changed)
        return self._engine

    def _alone(self, reason: str) -> None:
        """Go on without a courier; says so once."""
        with self._lock:
            courier = self._courier
            if courier is None:
                return
            self._retired, self._courier = courier, None
            engine = self._engine = Engine(self.store, self._changed)
            connection = self._connection
        _log.warning(
            "etiq keeps and sends snapshots without its helper process (%s): "
            "large ones now take longer",
            reason,
        )
        engine.throttle.limit = self._limit
        if connection is not None:
            engine.connect(connection)
        courier.give_up(reason)
        engine.nudge()

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
            What was captured. Its items get their ``object`` when it is stored at once.
        contents : mapping
            Contents of its items, by name. Their buffers are not needed once this returns.
        destination : Destination, optional
            Where it is to go; None keeps it here until `push_local`.

        Raises
        ------
        StorageFull
            When neither the store nor the temporary folder has room.
        """
        try:
            return self._record(snapshot, contents, destination)
        except (StorageFull, DamagedIndex) as error:
            return self._use_spare(error).record(snapshot, contents, destination)

    def _record(
        self,
        snapshot: model.Snapshot,
        contents: Mapping[str, Content],
        destination: Destination | None,
    ) -> Ticket:
        started = time.perf_counter()
        number = self._number(destination) if destination is not None else None
        ticket = Ticket(self, snapshot.id)
        run = snapshot.run.id
        parents = self._parents(snapshot, contents)

        def done(objects: Mapping[str, str]) -> None:
            ticket.kept_since(started)
            self._remember(run, objects)

        if not self._handed_over(snapshot, contents, number, parents, done):
            # The outbox and the next snapshot may rely on it at once; "stored" is said when a power
            # cut does not lose it either.
            self.store.record(snapshot, contents, number, parents, durable=False)
            self._remember(
                run, {item.name: item.object for item in snapshot.items if item.name in contents}
            )
            self._flusher.add(snapshot.id, lambda: ticket.kept_since(started))
            if number is not None and number == self._sender.destination:
                self._sender.nudge()
        return ticket

    def _handed_over(
        self,
        snapshot: model.Snapshot,
        contents: Mapping[str, Content],
        number: int | None,
        parents: Mapping[str, Sequence[str]],
        done: Callable[[Mapping[str, str]], None],
    ) -> bool:
        courier = self._courier
        if courier is None or self._new_size(contents) <= SMALL:
            return False
        try:
            courier.record(snapshot, contents, number, parents, done)
        except NoCourier as reason:
            if reason.final:
                self._alone(str(reason))
            return self.store.has_snapshot(snapshot.id)
        return True

    def _new_size(self, contents: Mapping[str, Content]) -> int:
        """Return bytes of buffers that the store does not have, as soon as it is clearly much."""
        total = 0
        for content in contents.values():
            for buffer in content.buffers:
                size = buffer.data.nbytes
                if size < MERGE or not self.store.writer.same(buffer):
                    total += size
                if total > SMALL:
                    return total
        return total

    def _parents(
        self, snapshot: model.Snapshot, contents: Mapping[str, Content]
    ) -> dict[str, list[str]]:
        """Return for each content the objects of which it may be a later form."""
        run = snapshot.run.id
        read = [found for each in snapshot.reads if (found := self.store.object_of(each.hash))]
        parents: dict[str, list[str]] = {}
        for name, content in contents.items():
            some = list(self._earlier.get((run, name), ()))
            if content.rows >= 0:
                some += [each for each in read if each not in some]
            if some:
                parents[name] = some
        return parents

    def _remember(self, run: str, objects: Mapping[str, str]) -> None:
        with self._lock:
            for name, found in objects.items():
                others = [each for each in self._earlier.get((run, name), ()) if each != found]
                self._earlier[run, name] = [found, *others[: FORMS - 1]]
                self._earlier.move_to_end((run, name))
            while len(self._earlier) > _REMEMBERED:
                self._earlier.popitem(last=False)

    def _number(self, destination: Destination) -> int:
        return self.store.outbox.destination(
            destination.url, destination.user_id, destination.username
        )

    def warm(self, size: int = 0) -> None:
        """Get ready, in the background, so that the first large snapshot is quick.

        Parameters
        ----------
        size : int
            Bytes that a snapshot may have before long, as far as one can tell. So much memory is
            then held ready; it is given back two minutes after the last snapshot.
        """
        if self._courier is not None:
            self._courier.warm(size)

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
        connection = Connection(
            self._number(destination),
            destination.url,
            destination.user_id,
            token,
            verify,
            proxies,
            timeout,
        )
        self._connection = connection
        self._sender.connect(connection)
        self._empty_spare(connection)

    def _empty_spare(self, connection: Connection) -> None:
        """Send also what had to be kept in the temporary folder, perhaps by an earlier process."""
        if self._spare is None:
            store = left_behind(self._path)
            if store is None or store.path == self.store.path:
                return
            self._spare = self._beside(store)
        self._spare.reconnect(connection)

    def disconnect(self) -> None:
        """Forget the token; what is unsent stays on this disk."""
        self._connection = None
        self._sender.disconnect()
        if self._spare is not None:
            self._spare.disconnect()

    def limit_bandwidth(self, bytes_per_second: int) -> None:
        """Limit how fast is uploaded; 0 for no limit."""
        self._limit = bytes_per_second
        self._sender.limit(bytes_per_second)

    def wake(self) -> None:
        """Try to send now; also what was parked."""
        number = self._sender.destination
        if number is not None:
            self.store.outbox.retry_parked(number)
        self._sender.wake()
        if self._spare is not None:
            self._spare.wake()

    def push_local(self, project_id: str | None = None) -> int:
        """Send what was recorded in local mode, of one project or all; return how many.

        Raises
        ------
        AuthError
            When no dashboard is connected.
        """
        number = self._sender.destination
        if number is None:
            raise AuthError(
                "No dashboard is connected", hint="log in with %etiq_login, or etiq.login()"
            )
        count = self.store.outbox.adopt(number, project_id)
        self._sender.wake()
        return count + (self._spare.push_local(project_id) if self._spare is not None else 0)

    def wait(
        self, timeout: float | None = None, on_progress: Callable[[int, int], None] | None = None
    ) -> bool:
        """Wait until everything for the connected dashboard is there.

        Parameters
        ----------
        timeout : float, optional
            Seconds; None waits as long as there is hope.
        on_progress : callable, optional
            Called with bytes sent and bytes to send while waiting.

        Returns
        -------
        bool
            True when it is; False when the time is up, or sending is paused.
        """
        until = None if timeout is None else time.monotonic() + timeout
        self._flusher.flush()
        if self._spare is not None and not self._spare.wait(timeout, on_progress):
            return False
        while True:
            sender = self._sender
            number = sender.destination
            if not self.unstored and (number is None or not self.store.outbox.has_unsent(number)):
                return number is None or self.store.outbox.status(number).safe_to_close
            if sender.paused or (number is None and not self.unstored):
                return False
            left = 0.25 if until is None else min(0.25, until - time.monotonic())
            if left <= 0:
                return False
            if on_progress is not None:
                on_progress(*sender.progress)
            sender.wait_for_change(left)

    def reader(self, name: str, *, snapshot: str) -> StoredContent:
        """Return a reader of an object, from this disk as far as possible.

        Parameters
        ----------
        name : str
            The object: `Item.object`.
        snapshot : str
            Id of the snapshot to which it belongs; the dashboard is asked in its name.

        Raises
        ------
        NotFound
            When it is neither here nor on the connected dashboard.
        """
        from etiq_jupyter.sync.fetch import Fetcher

        connection = self._connection
        return Fetcher(self.store, connection, snapshot).reader(name)

    @property
    def unstored(self) -> int:
        """Snapshots that are captured and on their way to this disk."""
        couriers = (self._courier, self._retired)
        return len(self._flusher) + sum(each.unstored for each in couriers if each is not None)

    def status(self) -> model.SyncStatus:
        """Say what is unsent, and whether something stands in the way."""
        sender = self._sender
        self._flusher.flush()
        try:
            status = self.store.outbox.status(sender.destination)
        except DamagedIndex as error:
            status = model.SyncStatus(last_error=str(error), safe_to_close=False)
        status.sending = sender.sending and bool(status.pending)
        status.paused = sender.paused or status.paused
        status.last_error = sender.last_error or status.last_error
        if self.unstored:
            status.safe_to_close = False
        return status if self._spare is None else together(status, self._spare.status())

    @property
    def progress(self) -> tuple[int, int]:
        """Bytes sent and bytes to send, of the current work."""
        return self._sender.progress

    def close(self, timeout: float = 0.0) -> bool:
        """Wait for what is unsent, then let go; whether everything was sent.

        A helper process finishes what was handed over to it after this process has ended.
        """
        done = self.wait(timeout)
        self._flusher.flush()
        until = time.monotonic() + _LAST_MOMENT
        while self._retired is not None and self._retired.unstored and time.monotonic() < until:
            self._retired.wait_for_change(0.1)  # nobody else stores what that one had
        if self._spare is not None:
            self._spare.close()
        for courier in (self._courier, self._retired):
            if courier is not None:
                courier.close()
        if self._engine is not None:
            self._engine.close()
        self.store.close()
        return done

    # --- for tickets ----------------------------------------------------------------------

    def state_of(self, snapshot: str) -> model.State:
        """Return the state of a snapshot."""
        entry = self.store.outbox.entry(snapshot)
        if entry is None or (snapshot in self._flusher and not self._flusher.flush()):
            return "captured"
        if entry.state in ("synced", "parked"):
            return "synced" if entry.state == "synced" else "parked"
        if entry.destination is not None and self._paused_for(entry.destination):
            return "paused"
        return "stored"

    def reason_of(self, snapshot: str) -> str:
        """Return why a snapshot is not stored yet, not sent yet, paused, parked or elsewhere."""
        entry = self.store.outbox.entry(snapshot)
        if entry is None:
            some = (each.trouble(snapshot) for each in (self._courier, self._retired) if each)
            return next((trouble for trouble in some if trouble), "")
        if entry.state == "synced":
            return ""
        number, sender = entry.destination, self._sender
        why = entry.reason
        if not why and number is not None and number == sender.destination:
            why = sender.paused or sender.last_error
        elif not why and number is not None:
            why = "No login to the dashboard that it is meant for."
        return " ".join(part for part in (self._elsewhere, why) if part)

    def _paused_for(self, number: int) -> str:
        return self._sender.paused if number == self._sender.destination else ""

    def hopeless(self, snapshot: str) -> bool:
        """Whether waiting for a snapshot to be synced makes no sense now."""
        entry = self.store.outbox.entry(snapshot)
        return entry is not None and entry.destination != self._sender.destination

    def pause(self, seconds: float) -> None:
        """Wait a little, or until something changed."""
        self._sender.wait_for_change(seconds)

    def _changed(self) -> None:
        if self._on_change is None:
            return
        now = time.monotonic()
        if self._sender.sending and now - self._told < _NOTICE_EVERY:
            return
        self._told = now
        self._on_change(self.status())

    def after_fork(self) -> None:
        """Begin anew in a forked child: with a helper process of its own, when it needs one."""
        self._lock = threading.Lock()
        if self._courier is not None:
            self._courier.after_fork()
        if self._engine is not None:
            self._engine.after_fork()


__all__ = ["SMALL", "Destination", "Recorder", "Ticket"]
