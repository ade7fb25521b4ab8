"""Sending the chunks that a dashboard lacks, in packs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec

from etiq_jupyter import errors, model
from etiq_jupyter.errors import Corrupt
from etiq_jupyter.objects.chunk import encode_chunk
from etiq_jupyter.objects.hashing import blake3_hex, is_hash
from etiq_jupyter.objects.pack import Frame, write_pack
from etiq_jupyter.store import Store
from etiq_jupyter.store.chunks import Place
from etiq_jupyter.sync.throttle import Throttle
from etiq_jupyter.sync.transport import Transport

_FIRST_PACK = 4 << 20
_SMALLEST_PACK, _LARGEST_PACK = 256 << 10, 16 << 20
_SECONDS_PER_PACK = 2.0  # so that a cut line loses little
_PARALLEL = 3
_PARALLEL_FROM = 16 << 20
_REMEMBERED = 500_000  # chunks known to be there, 100 bytes each

Progress = Callable[[int, int], None]
"""Called with bytes sent and bytes to send."""


class LackingAnswer(msgspec.Struct):
    """Chunks that have to be sent."""

    lacking: list[str]


class ChunkSender:
    """Brings chunks of one store to one dashboard; remembers what is there.

    Parameters
    ----------
    store : Store
        Where the chunks are.
    transport : Transport
        The way to the dashboard.
    throttle : Throttle, optional
        Bandwidth limit.
    on_progress : callable, optional
        Called with bytes sent and bytes to send.

    Attributes
    ----------
    limits : Limits
        What the dashboard accepts.
    """

    def __init__(
        self,
        store: Store,
        transport: Transport,
        throttle: Throttle | None = None,
        on_progress: Progress | None = None,
    ) -> None:
        self._store = store
        self._transport = transport
        self._throttle = throttle
        self._on_progress = on_progress
        self.limits = model.Limits()
        self._there: dict[str, set[str]] = {}
        self._pack_bytes = _FIRST_PACK
        self._done = self._total = 0

    def forget(self) -> None:
        """Believe nothing any more of what is there: the dashboard says that it lacks some."""
        self._there.clear()

    def send(self, project: str, hashes: list[str]) -> None:
        """Send those of the chunks that the project's workspace lacks.

        Raises
        ------
        Corrupt
            When one is missing or damaged on this disk.
        NotFound
            When there is no such project there.
        """
        there = self._there.setdefault(project, set())
        unsure = [name for name in hashes if name not in there]
        if not unsure:
            return
        places = self._store.chunks.places(bytes.fromhex(each) for each in unsure)
        bases = {place.base.hex() for place in places.values() if place.base}
        asked = list(dict.fromkeys([*sorted(bases), *unsure]))
        lacking: list[str] = []
        step = max(1, self.limits.chunks_per_query)
        for start in range(0, len(asked), step):
            lacking += self._ask(project, asked[start : start + step])
        self._send_lacking(project, lacking, set(unsure))
        if len(there) > _REMEMBERED:
            there.clear()
        there.update(unsure)

    def _ask(self, project: str, hashes: list[str]) -> list[str]:
        answer = self._transport.request(
            "POST",
            "/api/v1/chunks/lacking",
            json={"project": project, "hashes": hashes},
            retries=0,
        )
        found = decoded(answer.content, LackingAnswer, self._transport.url).lacking
        return [name for name in found if is_hash(name)]

    def _send_lacking(self, project: str, lacking: list[str], wanted: set[str]) -> None:
        if not lacking:
            return
        absent = set(lacking)
        send = [name for name in lacking if name in wanted]
        places = self._store.chunks.places(bytes.fromhex(name) for name in send)
        missing = [name for name in send if bytes.fromhex(name) not in places]
        if missing:
            raise Corrupt(f"Chunk {missing[0][:12]} is missing on this disk")
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
            limit = min(self._pack_bytes, self.limits.pack_bytes // 2)
            if pending and size + length > limit:
                yield write_pack(pending)
                pending, size = [], 0
            pending.append(frame)
            size += length
        if pending:
            yield write_pack(pending)

    def _put(self, project: str, pack: bytes) -> None:
        started = time.monotonic()
        try:
            self._transport.request(
                "PUT",
                f"/api/v1/packs/{blake3_hex(pack)}",
                params={"project": project},
                data=self._throttle.wrap(pack) if self._throttle else pack,
                headers={"Content-Type": "application/octet-stream"},
                retries=0,
            )
        except errors.Offline:
            # On a line that breaks, smaller packs lose less: what has arrived is not sent again.
            self._pack_bytes = max(_SMALLEST_PACK, self._pack_bytes // 4)
            raise
        took = max(time.monotonic() - started, 1e-3)
        # A small pack says little of the line: most of its time is spent on waiting.
        if len(pack) >= _SMALLEST_PACK:
            fit = int(len(pack) / took * _SECONDS_PER_PACK)
            self._pack_bytes = max(_SMALLEST_PACK, min(_LARGEST_PACK, fit))
        self._done += len(pack)
        self._report()

    def _report(self) -> None:
        if self._on_progress is not None:
            self._on_progress(min(self._done, self._total), self._total)


def decoded(content: bytes, kind: Any, url: str) -> Any:
    """Decode an answer in JSON.

    Raises
    ------
    NotADashboard
        When it does not have the form that a dashboard's answer has.
    """
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
        raise errors.NotADashboard(
            f"What answers at {url} does not speak like a dashboard", why=str(error)[:200]
        ) from None
