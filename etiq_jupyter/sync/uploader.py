"""Sending what is in the outbox: lacking chunks in packs, manifests last, receipts verified.

Every call may be repeated: chunks and packs are named by their hash, snapshots by their id.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import msgspec

from etiq_jupyter import errors, model
from etiq_jupyter.errors import Corrupt
from etiq_jupyter.objects.chunk import encode_chunk
from etiq_jupyter.objects.hashing import blake3_hex, is_hash
from etiq_jupyter.objects.pack import Frame, write_pack
from etiq_jupyter.objects.recipe import decode_recipe, recipe_chunks
from etiq_jupyter.store import Store
from etiq_jupyter.store.chunks import Place
from etiq_jupyter.store.outbox import Waiting, number_of
from etiq_jupyter.sync.throttle import Throttle
from etiq_jupyter.sync.transport import Transport

BATCH = 64
"""Snapshots per look at the outbox."""
_FIRST_PACK = 4 << 20
_SMALLEST_PACK, _LARGEST_PACK = 256 << 10, 16 << 20
_SECONDS_PER_PACK = 2.0  # so that a cut line loses little
_PARALLEL = 3
_PARALLEL_FROM = 16 << 20
_REFUSED = (errors.Forbidden, errors.Invalid, errors.UnsafeContent, Corrupt)

Progress = Callable[[int, int], None]
"""Called with bytes sent and bytes to send."""


@dataclass
class _Planned:
    """A snapshot about to be sent: its manifest for there, and the chunks it refers to."""

    waiting: Waiting
    project: str
    snapshot: model.Snapshot
    manifest: bytes
    chunks: list[str] = field(default_factory=list)


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
    ) -> None:
        self._store = store
        self._destination = destination
        self._transport = transport
        self._user = user
        self._throttle = throttle
        self._on_progress = on_progress
        self._on_synced = on_synced
        self._limits = model.Limits()
        self._greeted = False
        self._confirmed: set[str] = set()
        self._highest = 0
        self._again = False
        self._pack_bytes = _FIRST_PACK
        self._done = self._total = 0

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
        if not self._greeted:
            self._greet()
        sent = 0
        while not stopped():
            batch = self._store.outbox.next(self._destination, BATCH)
            if not batch:
                break
            sent += self._send(batch, stopped)
        self._again = False
        return sent

    def _call(self, method: str, path: str, **options: Any) -> Any:
        return self._transport.request(method, f"/api/v1{path}", retries=0, **options)

    def _greet(self) -> None:
        me = _decoded(self._call("GET", "/me").content, model.Me, self._transport.url)
        if self._user and me.user.id != self._user:
            raise errors.AuthError(
                "These snapshots belong to another user of the dashboard",
                why=f"the token is that of {me.user.username}",
                hint="log in as the user who made them",
            )
        self._limits = me.limits
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
        self._confirmed.clear()
        self._again = True
        self._store.outbox.send_again(self._destination)

    def _notice_rewind(self, receipt: model.Receipt, before: str) -> None:
        """Recognise by its numbers a dashboard that has forgotten what it had received.

        Short ids are never given twice, so a new snapshot with a number that is not above all
        numbers seen before comes from a dashboard that was set back.
        """
        number = number_of(receipt.short_id)
        if before or not number:
            return
        if number <= self._highest and not self._again:
            self._send_again()
        self._highest = max(self._highest, number)

    # --- one batch ------------------------------------------------------------------------

    def _send(self, batch: Sequence[Waiting], stopped: Callable[[], bool]) -> int:
        outbox = self._store.outbox
        outbox.mark((each.id for each in batch), "sending")
        done = 0
        try:
            planned = [plan for each in batch if (plan := self._planned(each)) is not None]
            self._send_chunks(planned)
            for plan in planned:
                if stopped():
                    break
                if self._send_manifest(plan):
                    done += 1
        finally:
            outbox.mark_unsent((each.id for each in batch), "pending")
        return done

    def _planned(self, waiting: Waiting) -> _Planned | None:
        """Work out what a snapshot needs; park it when its bytes here are damaged."""
        remote = self._store.outbox.remote_project(self._destination, waiting.project)
        snapshot = msgspec.msgpack.decode(waiting.manifest, type=model.Snapshot)
        plan = _Planned(waiting, waiting.project, snapshot, waiting.manifest)
        if remote is not None:
            self._move(plan, remote)
        try:
            plan.chunks = self._chunks_of(snapshot)
        except (Corrupt, errors.NotFound) as error:
            self._store.outbox.mark([waiting.id], "parked", str(error))
            return None
        return plan

    @staticmethod
    def _move(plan: _Planned, project: str) -> None:
        plan.project = project
        if plan.snapshot.project != project:
            plan.snapshot.project = project
            plan.manifest = msgspec.msgpack.encode(plan.snapshot)

    def _chunks_of(self, snapshot: model.Snapshot) -> list[str]:
        objects = dict.fromkeys(item.object for item in snapshot.items if item.object)
        wanted = [name for name in objects if name not in self._confirmed]
        raw = self._store.chunks.fetch(wanted)
        names: list[str] = []
        for name in wanted:
            if name not in raw:
                raise errors.NotFound(f"Object {name[:12]} is missing on this disk")
            names.append(name)
            names += recipe_chunks(decode_recipe(raw[name]))
        return list(dict.fromkeys(names))

    def _send_chunks(self, planned: Iterable[_Planned]) -> None:
        by_project: dict[str, dict[str, None]] = {}
        names = {}
        for plan in planned:
            by_project.setdefault(plan.project, {}).update(dict.fromkeys(plan.chunks))
            names[plan.project] = plan
        for project, hashes in by_project.items():
            if not hashes:
                continue
            try:
                self._send_lacking(project, list(hashes))
            except errors.NotFound:
                # Not there yet: the manifest's turn makes the project, then sends the chunks.
                continue
            except _REFUSED:
                continue  # the manifest's turn finds out which snapshot it is, and parks it

    # --- chunks ---------------------------------------------------------------------------

    def _send_lacking(self, project: str, hashes: list[str]) -> None:
        places = self._store.chunks.places(bytes.fromhex(each) for each in hashes)
        bases = {place.base.hex() for place in places.values() if place.base}
        asked = list(dict.fromkeys([*sorted(bases), *hashes]))
        lacking: list[str] = []
        step = max(1, self._limits.chunks_per_query)
        for start in range(0, len(asked), step):
            lacking += self._ask_lacking(project, asked[start : start + step])
        self._send_packs(project, lacking, set(hashes))

    def _ask_lacking(self, project: str, hashes: list[str]) -> list[str]:
        answer = self._call("POST", "/chunks/lacking", json={"project": project, "hashes": hashes})
        found = _decoded(answer.content, _LackingAnswer, self._transport.url).lacking
        return [name for name in found if is_hash(name)]

    def _send_packs(self, project: str, lacking: list[str], wanted: set[str]) -> None:
        if not lacking:
            return
        absent = set(lacking)
        send = [name for name in lacking if name in wanted]
        places = self._store.chunks.places(bytes.fromhex(name) for name in send)
        missing = [name for name in send if bytes.fromhex(name) not in places]
        if missing:
            raise errors.NotFound(f"Chunk {missing[0][:12]} is missing on this disk")
        self._total += sum(place.stored_size for place in places.values())
        self._report()
        # All that needs no base goes first, so that a base is there before what needs it.
        for deltas in (False, True):
            group = [place for place in places.values() if (place.base is not None) == deltas]
            size = sum(place.stored_size for place in group)
            self._put_all(project, self._frames(group, absent - wanted), size)

    def _frames(self, places: list[Place], baseless: set[str]) -> Iterator[Frame]:
        for place in places:
            if place.base is not None and place.base.hex() in baseless:
                yield self._whole(place.hash.hex())
            else:
                yield self._store.chunks.frame(place)

    def _whole(self, name: str) -> Frame:
        """Return a chunk that is kept as a change in a form that needs no base."""
        raw = self._store.chunks.fetch([name])[name]
        form, stored = encode_chunk(raw)
        return Frame(name, form, len(raw), "", stored)

    def _put_all(self, project: str, frames: Iterator[Frame], total: int) -> None:
        if total < _PARALLEL_FROM:
            for pack in self._packs(frames):
                self._put(project, pack)
            return
        with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="etiq-upload") as pool:
            running: list[Any] = []
            try:
                for pack in self._packs(frames):
                    running.append(pool.submit(self._put, project, pack))
                    if len(running) > _PARALLEL:
                        running.pop(0).result()
                for each in running:
                    each.result()
            finally:
                for each in running:
                    each.cancel()

    def _packs(self, frames: Iterator[Frame]) -> Iterator[bytes]:
        pending: list[Frame] = []
        size = 0
        for frame in frames:
            length = len(frame.data) + 128
            limit = min(self._pack_bytes, self._limits.pack_bytes // 2)
            if pending and size + length > limit:
                yield write_pack(pending)
                pending, size = [], 0
            pending.append(frame)
            size += length
        if pending:
            yield write_pack(pending)

    def _put(self, project: str, pack: bytes) -> None:
        started = time.monotonic()
        body = self._throttle.wrap(pack) if self._throttle else pack
        try:
            self._call(
                "PUT",
                f"/packs/{blake3_hex(pack)}",
                params={"project": project},
                data=body,
                headers={"Content-Type": "application/octet-stream"},
            )
        except errors.Offline:
            # On a line that breaks, smaller packs lose less: what has arrived is not sent again.
            self._pack_bytes = max(_SMALLEST_PACK, self._pack_bytes // 4)
            raise
        took = max(time.monotonic() - started, 1e-3)
        fit = int(len(pack) / took * _SECONDS_PER_PACK)
        self._pack_bytes = max(_SMALLEST_PACK, min(_LARGEST_PACK, fit))
        self._done += len(pack)
        self._report()

    def _report(self) -> None:
        if self._on_progress is not None:
            self._on_progress(min(self._done, self._total), self._total)

    # --- manifests ------------------------------------------------------------------------

    def _send_manifest(self, plan: _Planned) -> bool:
        """Send one manifest; park it when the dashboard refuses it for good."""
        outbox = self._store.outbox
        try:
            receipt = self._put_manifest(plan)
        except _REFUSED as error:
            outbox.mark([plan.waiting.id], "parked", str(error))
            return False
        except errors.NotFound as error:
            outbox.mark([plan.waiting.id], "parked", str(error))
            return False
        except errors.Conflict as error:
            outbox.mark([plan.waiting.id], "parked", str(error))
            return False
        before = outbox.entry(plan.waiting.id)
        outbox.synced([receipt])
        self._notice_rewind(receipt, before.short_id if before else "")
        outbox.know_project(self._destination, plan.waiting.project, plan.project)
        self._confirmed.update(item.object for item in plan.snapshot.items if item.object)
        if self._on_synced is not None:
            self._on_synced(1)
        return True

    def _put_manifest(self, plan: _Planned) -> model.Receipt:
        made = False
        for _ in range(4):
            try:
                return self._receipt(plan)
            except errors.Lacking as error:
                self._confirmed.clear()
                names = [name for name in error.lacking if is_hash(name)]
                self._send_lacking(plan.project, names or self._chunks_of(plan.snapshot))
            except errors.NotFound:
                known = self._store.outbox.remote_project(self._destination, plan.waiting.project)
                if known is not None and known != plan.project:
                    self._move(plan, known)  # made for an earlier snapshot of this batch
                elif made or known is not None:
                    raise
                else:
                    self._open_project(plan)
                    made = True
        raise errors.ServerError(
            "The dashboard keeps asking for chunks that it was sent", hint="it will be tried again"
        )

    def _receipt(self, plan: _Planned) -> model.Receipt:
        answer = self._call(
            "PUT",
            f"/snapshots/{plan.waiting.id}",
            data=plan.manifest,
            headers={"Content-Type": "application/msgpack"},
        )
        receipt: model.Receipt = _decoded(answer.content, model.Receipt, self._transport.url)
        if receipt.id != plan.waiting.id or receipt.manifest != blake3_hex(plan.manifest):
            raise errors.ServerError(
                "The dashboard's receipt is not for what was sent", hint="it will be tried again"
            )
        return receipt

    def _open_project(self, plan: _Planned) -> None:
        """Make the project of an offline snapshot there, or find it by name."""
        name = plan.waiting.project_name or plan.waiting.project
        answer = self._call(
            "POST", "/projects/open", json={"name": name, "id": plan.waiting.project}
        )
        project = _decoded(answer.content, model.Project, self._transport.url)
        if project.role == "viewer":
            raise errors.Forbidden(
                f"You may look at project {name!r} but not add to it",
                hint="ask its owner to make you an editor, then run 'etiq sync'",
            )
        self._store.outbox.know_project(self._destination, plan.waiting.project, project.id)
        self._move(plan, project.id)


class _LackingAnswer(msgspec.Struct):
    lacking: list[str]


def _decoded(content: bytes, kind: Any, url: str) -> Any:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise errors.NotADashboard(
            f"What answers at {url} does not speak like a dashboard", why=str(error)[:200]
        ) from None
