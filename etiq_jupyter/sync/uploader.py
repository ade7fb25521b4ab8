"""Sending what is in the outbox: lacking chunks in packs, manifests last, receipts verified.

Every call may be repeated: chunks and packs are named by their hash, snapshots by their id. Many
small snapshots cost few calls: one question for the chunks of all, one pack, one list of manifests
and one transaction for the receipts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from etiq_jupyter import errors, model
from etiq_jupyter.errors import Corrupt
from etiq_jupyter.objects.hashing import blake3_hex, is_hash
from etiq_jupyter.objects.recipe import decode_recipe, recipe_chunks
from etiq_jupyter.store import Store
from etiq_jupyter.store.database import DamagedIndex
from etiq_jupyter.store.outbox import Waiting, number_of
from etiq_jupyter.sync.chunk_sender import ChunkSender, Progress, decoded
from etiq_jupyter.sync.throttle import Throttle
from etiq_jupyter.sync.transport import Transport

SMALLEST_BATCH, FIRST_BATCH, LARGEST_BATCH = 8, 64, 256
"""Snapshots per look at the outbox."""
_SECONDS_PER_BATCH = 2.0  # so that a busy dashboard answers in time, and many clients take turns
_REFUSED = (errors.Forbidden, errors.Invalid, errors.UnsafeContent, Corrupt)
_FOR_GOOD = (*_REFUSED, errors.NotFound, errors.Conflict)

HeldBack = Callable[[], Mapping[str, str]]
"""For each run, the id of its first snapshot that is captured and about to be stored."""


class ReceiptsAnswer(msgspec.Struct):
    """Receipts of snapshots that were sent together; `made` are the ids that were new there."""

    receipts: list[model.Receipt]
    made: list[str] = []


@dataclass
class _Planned:
    """A snapshot about to be sent: its manifest for there, and the chunks it refers to."""

    waiting: Waiting
    project: str
    snapshot: model.Snapshot
    manifest: bytes
    chunks: list[str] = field(default_factory=list)

    @property
    def objects(self) -> list[str]:
        return list(dict.fromkeys(item.object for item in self.snapshot.items if item.object))

    def move(self, project: str) -> None:
        self.project = project
        if self.snapshot.project != project:
            self.snapshot.project = project
            self.manifest = msgspec.msgpack.encode(self.snapshot)


_Acknowledged = tuple[_Planned, model.Receipt, bool]
"""What was sent, the receipt, and whether it was new there."""


class Uploader:
    """Sends the outbox of one store to one destination.

    Parameters
    ----------
    store : Store
        The store.
    destination : int
        The destination's number in the outbox.
    transport : Transport
        The way to the dashboard.
    user : str
        Id of the user whose snapshots these are; another user's token sends nothing.
    throttle : Throttle, optional
        Bandwidth limit.
    on_progress : callable, optional
        Called with bytes sent and bytes to send.
    on_synced : callable, optional
        Called with how many snapshots got their receipt.
    held_back : callable, optional
        Says which snapshots are about to be stored: later ones of the same run wait for them, so
        that the dashboard's numbers follow the notebook.

    Attributes
    ----------
    waits : bool
        Whether the last `run` left snapshots behind that wait for an earlier one.
    """

    def __init__(
        self,
        store: Store,
        destination: int,
        transport: Transport,
        user: str = "",
        *,
        throttle: Throttle | None = None,
        on_progress: Progress | None = None,
        on_synced: Callable[[int], None] | None = None,
        held_back: HeldBack | None = None,
    ) -> None:
        self._store = store
        self._destination = destination
        self._transport = transport
        self._user = user
        self._on_synced = on_synced
        self._held_back = held_back
        self._chunks = ChunkSender(store, transport, throttle, on_progress)
        self._limits = model.Limits()
        self._greeted = False
        self._confirmed: dict[str, set[str]] = {}  # by project, objects of acknowledged snapshots
        self._remote: dict[str, str] = {}
        self._highest = 0
        self._again = False
        self._batch = FIRST_BATCH
        self.waits = False

    def run(self, stopped: Callable[[], bool] = lambda: False) -> int:
        """Send until nothing is left or something stops it.

        Returns
        -------
        int
            Snapshots that got their receipt.

        Raises
        ------
        AuthError
            When the token is not accepted: nothing more goes until the next login.
        Offline, ServerError, RateLimited, NotADashboard
            When it is worth trying again later.
        """
        sent = 0
        self.waits = False
        try:
            if not self._greeted:
                self._greet()
            while not stopped():
                batch = self._store.outbox.next(self._destination, self._batch)
                ready = self._in_turn(batch, lambda waiting: (waiting.run, waiting.id))
                if not ready:
                    break
                started = time.monotonic()
                sent += self._send(ready, stopped)
                self._fit_batch(len(ready), time.monotonic() - started)
        except errors.Offline:
            self._batch = max(SMALLEST_BATCH, self._batch // 4)
            self.look_again()
            raise
        self._again = False
        return sent

    def _fit_batch(self, count: int, took: float) -> None:
        """Choose how many go next: as many as are answered soon, at most twice as many as now."""
        fit = int(count * _SECONDS_PER_BATCH / max(took, 1e-3))
        if fit < self._batch or count == self._batch:
            self._batch = max(SMALLEST_BATCH, min(LARGEST_BATCH, 2 * self._batch, fit))

    def look_again(self) -> None:
        """Ask at the next `run` who is there: it may have been restored from a backup."""
        self._greeted = False

    def _in_turn(self, some: Sequence[Any], place: Callable[[Any], tuple[str, str]]) -> list[Any]:
        """Leave out what comes after a snapshot of its run that is about to be stored."""
        first = self._held_back() if self._held_back is not None else {}
        if not first:
            return list(some)
        ready = []
        for each in some:
            run, snapshot = place(each)
            if run in first and snapshot > first[run]:
                self.waits = True
            else:
                ready.append(each)
        return ready

    def _call(self, method: str, path: str, **options: Any) -> Any:
        return self._transport.request(method, f"/api/v1{path}", retries=0, **options)

    # --- who is there -----------------------------------------------------------------------

    def _greet(self) -> None:
        me = decoded(self._call("GET", "/me").content, model.Me, self._transport.url)
        if self._user and me.user.id != self._user:
            raise errors.AuthError(
                "These snapshots belong to another user of the dashboard",
                why=f"the token is that of {me.user.username}",
                hint="log in as the user who made them",
            )
        self._limits = self._chunks.limits = me.limits
        epoch = me.server.epoch
        known = self._store.outbox.epoch(self._destination)
        if epoch and known and epoch != known:
            self._send_again()
        if epoch and epoch != known:
            self._store.outbox.know_epoch(self._destination, epoch)
        self._highest = self._store.outbox.highest_number(self._destination)
        self._greeted = True

    def _send_again(self) -> None:
        """Offer everything again: the dashboard was restored from a backup.

        What it still has costs a short question; what it has forgotten is sent.
        """
        self._forget()
        self._remote.clear()
        self._again = True
        self._store.outbox.send_again(self._destination)

    def _forget(self) -> None:
        self._confirmed.clear()
        self._chunks.forget()

    def _notice_rewind(self, acknowledged: Sequence[_Acknowledged]) -> None:
        """Recognise by its numbers a dashboard that has forgotten what it had received.

        Short ids are never given twice, so a snapshot that is new there and gets a number that is
        not above all numbers seen before comes from a dashboard that was set back. One that is not
        new there says nothing: its first receipt was lost on the way.
        """
        before = self._highest
        for _, receipt, made in acknowledged:
            number = number_of(receipt.short_id)
            if not made or not number:
                continue
            if number <= before and not self._again:
                self._send_again()
            self._highest = max(self._highest, number)

    # --- one batch ------------------------------------------------------------------------

    def _send(self, batch: Sequence[Waiting], stopped: Callable[[], bool]) -> int:
        outbox = self._store.outbox
        outbox.mark((each.id for each in batch), "sending")
        done = 0
        try:
            planned = self._planned(batch)
            self._send_chunks(planned)
            # Looked at again: what was captured meanwhile may come before some of these.
            planned = self._in_turn(planned, lambda plan: (plan.waiting.run, plan.waiting.id))
            for group in self._groups(planned):
                if stopped():
                    break
                done += self._send_manifests(group, stopped)
        finally:
            outbox.mark_unsent((each.id for each in batch), "pending")
        return done

    def _planned(self, batch: Sequence[Waiting]) -> list[_Planned]:
        """Work out what snapshots need; parks those whose bytes here are damaged."""
        plans = []
        for waiting in batch:
            snapshot = msgspec.msgpack.decode(waiting.manifest, type=model.Snapshot)
            plan = _Planned(waiting, waiting.project, snapshot, waiting.manifest)
            remote = self._remote_of(waiting.project)
            if remote is not None:
                plan.move(remote)
            plans.append(plan)
        try:
            self._find_chunks(plans)
        except Corrupt:
            return [plan for plan in plans if self._is_whole(plan)]
        return plans

    def _is_whole(self, plan: _Planned) -> bool:
        try:
            self._find_chunks([plan])
        except Corrupt as error:
            self._park(plan, error)
            return False
        return True

    def _find_chunks(self, plans: Sequence[_Planned]) -> None:
        """Fill in which chunks the snapshots consist of, but for what is there already."""
        wanted: dict[str, list[str]] = {}
        for plan in plans:
            there = self._confirmed.get(plan.project, set())
            wanted[plan.waiting.id] = [name for name in plan.objects if name not in there]
        objects = list(dict.fromkeys(name for names in wanted.values() for name in names))
        raw = self._store.chunks.fetch(objects)
        parts = {name: recipe_chunks(decode_recipe(data)) for name, data in raw.items()}
        for plan in plans:
            chunks: dict[str, None] = {}
            for name in wanted[plan.waiting.id]:
                if name not in parts:
                    raise Corrupt(f"Object {name[:12]} is missing on this disk")
                chunks[name] = None
                chunks.update(dict.fromkeys(parts[name]))
            plan.chunks = list(chunks)

    def _remote_of(self, project: str) -> str | None:
        if project not in self._remote:
            found = self._store.outbox.remote_project(self._destination, project)
            if found is None:
                return None
            self._remote[project] = found
        return self._remote[project]

    def _send_chunks(self, planned: Sequence[_Planned]) -> None:
        by_project: dict[str, list[_Planned]] = {}
        for plan in planned:
            by_project.setdefault(plan.project, []).append(plan)
        for project, plans in by_project.items():
            hashes = list(dict.fromkeys(name for plan in plans for name in plan.chunks))
            try:
                self._chunks.send(project, hashes)
            except errors.NotFound:
                # Not there yet: the manifest's turn makes the project, then sends the chunks.
                continue
            except _REFUSED:
                continue  # the manifest's turn finds out which snapshot it is, and parks it

    # --- manifests ------------------------------------------------------------------------

    def _groups(self, planned: Sequence[_Planned]) -> Iterator[list[_Planned]]:
        """Cut into lists that fit one request, in order."""
        most = max(1, self._limits.snapshots_per_batch)
        group: list[_Planned] = []
        size = 0
        for plan in planned:
            length = len(plan.manifest) + 16
            if group and (len(group) >= most or size + length > self._limits.manifest_bytes // 2):
                yield group
                group, size = [], 0
            group.append(plan)
            size += length
        if group:
            yield group

    def _send_manifests(self, group: list[_Planned], stopped: Callable[[], bool]) -> int:
        if len(group) > 1:
            try:
                acknowledged = self._put_together(group)
            except _FOR_GOOD:
                pass  # one by one it becomes clear which snapshot it is, and what it needs
            else:
                self._keep(acknowledged)
                return len(group)
        acknowledged = []
        try:
            for plan in group:
                if stopped():
                    break
                try:
                    acknowledged.append(self._put_manifest(plan))
                except _FOR_GOOD as error:
                    self._park(plan, error)
        finally:
            self._keep(acknowledged)
        return len(acknowledged)

    def _park(self, plan: _Planned, error: errors.EtiqError) -> None:
        """Put aside what is refused for good, with the reason."""
        if isinstance(error, DamagedIndex):
            raise error  # it says nothing of this snapshot, and may be repaired any moment
        self._store.outbox.mark([plan.waiting.id], "parked", str(error))

    def _keep(self, acknowledged: Sequence[_Acknowledged]) -> None:
        """Write down receipts, in one transaction."""
        if not acknowledged:
            return
        self._store.outbox.synced(receipt for _, receipt, _ in acknowledged)
        for plan, _, _ in acknowledged:
            if self._remote_of(plan.waiting.project) != plan.project:
                self._know_project(plan.waiting.project, plan.project)
            self._confirmed.setdefault(plan.project, set()).update(plan.objects)
        self._notice_rewind(acknowledged)
        if self._on_synced is not None:
            self._on_synced(len(acknowledged))

    def _put_together(self, group: Sequence[_Planned]) -> list[_Acknowledged]:
        answer = self._call(
            "POST",
            "/snapshots/batch",
            data=msgspec.msgpack.encode([plan.manifest for plan in group]),
            headers={"Content-Type": "application/msgpack"},
        )
        found = decoded(answer.content, ReceiptsAnswer, self._transport.url)
        if len(found.receipts) != len(group):
            raise _not_for_this()
        made = set(found.made)
        pairs = list(zip(group, found.receipts, strict=True))
        for plan, receipt in pairs:
            _check(plan, receipt)
        return [(plan, receipt, receipt.id in made) for plan, receipt in pairs]

    def _put_manifest(self, plan: _Planned) -> _Acknowledged:
        made = False
        for _ in range(4):
            remote = self._remote_of(plan.waiting.project)
            if remote is not None and remote != plan.project:
                plan.move(remote)  # made for an earlier snapshot of this batch
            try:
                return self._put_alone(plan)
            except errors.Lacking as error:
                self._forget()
                self._find_chunks([plan])
                names = [name for name in error.lacking if is_hash(name)]
                self._chunks.send(plan.project, names or plan.chunks)
            except errors.NotFound:
                if made or remote is not None:
                    raise
                self._open_project(plan)
                made = True
        raise errors.ServerError(
            "The dashboard keeps asking for chunks that it was sent", hint="it will be tried again"
        )

    def _put_alone(self, plan: _Planned) -> _Acknowledged:
        answer = self._call(
            "PUT",
            f"/snapshots/{plan.waiting.id}",
            data=plan.manifest,
            headers={"Content-Type": "application/msgpack"},
        )
        receipt: model.Receipt = decoded(answer.content, model.Receipt, self._transport.url)
        _check(plan, receipt)
        return plan, receipt, answer.status_code == 201

    def _open_project(self, plan: _Planned) -> None:
        """Make the project of an offline snapshot there, or find it by name."""
        name = plan.waiting.project_name or plan.waiting.project
        answer = self._call(
            "POST", "/projects/open", json={"name": name, "id": plan.waiting.project}
        )
        project = decoded(answer.content, model.Project, self._transport.url)
        if project.role == "viewer":
            raise errors.Forbidden(
                f"You may look at project {name!r} but not add to it",
                hint="ask its owner to make you an editor, then run 'etiq sync'",
            )
        self._know_project(plan.waiting.project, project.id)
        plan.move(project.id)

    def _know_project(self, project: str, remote: str) -> None:
        self._store.outbox.know_project(self._destination, project, remote)
        self._remote[project] = remote


def _check(plan: _Planned, receipt: model.Receipt) -> None:
    if receipt.id != plan.waiting.id or receipt.manifest != blake3_hex(plan.manifest):
        raise _not_for_this()


def _not_for_this() -> errors.ServerError:
    return errors.ServerError(
        "The dashboard's receipt is not for what was sent", hint="it will be tried again"
    )
