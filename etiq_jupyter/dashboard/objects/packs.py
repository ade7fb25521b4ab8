"""Taking packs in: every chunk is decoded and verified by its name before anything is visible."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from etiq_jupyter.dashboard.db import tables
from etiq_jupyter.dashboard.db.engine import Database, advisory_lock, now
from etiq_jupyter.dashboard.objects.holdings import COLLECTING, Holdings
from etiq_jupyter.dashboard.objects.storage import pack_key
from etiq_jupyter.errors import Corrupt, Invalid, Lacking, NotFound, UnsafeContent
from etiq_jupyter.objects.chunk import encode_chunk
from etiq_jupyter.objects.hashing import blake3_hex, is_hash
from etiq_jupyter.objects.pack import (
    HEADER,
    Frame,
    check_header,
    decode_frame,
    read_frame,
    whole_frames,
    write_pack,
)

MAX_FRAMES = 200_000
BASES_HELD = 64 << 20
"""Raw bytes of bases kept in memory while a pack is verified."""


class PackStored(msgspec.Struct, kw_only=True):
    """What became of a pack: chunks that are new, and chunks that were held already."""

    stored: int
    known: int


@dataclass(frozen=True, slots=True)
class _Place:
    """A verified chunk inside a pack."""

    hash: str
    offset: int
    length: int
    raw_size: int
    base: str


@dataclass(slots=True)
class _Verified:
    """What is in a pack. ``whole`` holds chunks that cannot stay changes to what they came as."""

    places: list[_Place] = field(default_factory=list)
    whole: dict[str, Frame] = field(default_factory=dict)


class Packs:
    """Stores packs for workspaces."""

    def __init__(self, database: Database, holdings: Holdings) -> None:
        self._database = database
        self._holdings = holdings

    def store(self, workspace_id: str, pack_hash: str, body: bytes) -> PackStored:
        """Verify a pack and add its chunks to the workspace.

        Raises
        ------
        Invalid
            When the body is not what the address says, or a chunk is not what its name says.
        Lacking
            When a chunk is a change to one that the workspace does not hold.
        """
        if not is_hash(pack_hash) or blake3_hex(body) != pack_hash:
            raise Invalid(
                "the body is not the pack that the address names",
                why="its BLAKE3 is another",
                hint="send it again",
                path="$.hash",
            )
        try:
            verified = self._verify(workspace_id, body)
        except (Corrupt, UnsafeContent) as error:
            raise Invalid(error.what, why=error.why, hint="the pack was not stored") from error
        names = {place.hash for place in verified.places}
        # New is new at this moment; if somebody else sends the same, both packs stay right.
        fresh = set(self._holdings.lacking(workspace_id, names))
        if not fresh:
            return PackStored(stored=0, known=len(names))
        places = verified.places
        if verified.whole.keys() & fresh:
            body, places = _rewritten(body, verified)
            pack_hash = blake3_hex(body)
        self._holdings.storage.put(pack_key(workspace_id, pack_hash), body)
        kept = [place for place in places if place.hash in fresh]
        self._index(workspace_id, pack_hash, body, kept)
        return PackStored(stored=len(fresh), known=len(names) - len(fresh))

    def store_part(self, workspace_id: str, received: bytes) -> PackStored:
        """Keep the whole chunks of a pack whose sender went away; raises as `store` does.

        Whoever sends it again asks first what is lacking, so these are not sent twice.
        """
        try:
            end = whole_frames(memoryview(received))
        except (Corrupt, UnsafeContent):
            return PackStored(stored=0, known=0)
        if end == len(HEADER):
            return PackStored(stored=0, known=0)
        body = received[:end]
        return self.store(workspace_id, blake3_hex(body), body)

    def _verify(self, workspace_id: str, body: bytes) -> _Verified:
        view = memoryview(body)
        check_header(view)
        verified = _Verified()
        bases = _Bases(self._holdings, workspace_id, view)
        offset = len(HEADER)
        while offset < len(view):
            frame, end = read_frame(view, offset)
            raw = decode_frame(frame, bases.get(frame.base) if frame.base else None)
            place = _Place(frame.hash, offset, end - offset, frame.raw_size, frame.base)
            if frame.base and bases.is_change(frame.base):
                # Stored like this, reading it would take three chunks, then four, and so on.
                encoding, stored = encode_chunk(raw)
                verified.whole[frame.hash] = Frame(frame.hash, encoding, len(raw), "", stored)
            verified.places.append(place)
            bases.add(place)
            if len(verified.places) > MAX_FRAMES:
                raise UnsafeContent(f"a pack has at most {MAX_FRAMES} chunks")
            offset = end
        return verified

    def _index(self, workspace_id: str, pack_hash: str, body: bytes, places: list[_Place]) -> None:
        moment = now()
        rows: dict[str, dict[str, Any]] = {}
        for place in places:
            rows[place.hash] = {
                "workspace_id": workspace_id,
                "hash": place.hash,
                "pack": pack_hash,
                "offset": place.offset,
                "length": place.length,
                "raw_size": place.raw_size,
                "base": place.base,
                "used": False,
                "touched_at": moment,
            }
        with self._database.write() as tx:
            advisory_lock(tx, COLLECTING, shared=True)
            key = pack_key(workspace_id, pack_hash)
            if not self._holdings.storage.has(key):
                # An old pack of the same bytes was collected since we found it there.
                self._holdings.storage.put(key, body)
            tx.execute(
                self._database.insert(tables.packs)
                .values(workspace_id=workspace_id, hash=pack_hash, size=len(body), stored_at=moment)
                .on_conflict_do_update(
                    index_elements=["workspace_id", "hash"], set_={"stored_at": moment}
                )
            )
            # In one order everywhere, so that two uploads cannot wait for each other.
            tx.execute(
                self._database.insert(tables.chunks).on_conflict_do_nothing(),
                [rows[name] for name in sorted(rows)],
            )


def _rewritten(body: bytes, verified: _Verified) -> tuple[bytes, list[_Place]]:
    """Return a pack with the same chunks, of which some are no longer changes to others."""
    view = memoryview(body)
    frames = [
        verified.whole.get(place.hash) or read_frame(view, place.offset)[0]
        for place in verified.places
    ]
    written = write_pack(frames)
    places = []
    offset = len(HEADER)
    for frame in frames:
        _, end = read_frame(memoryview(written), offset)
        places.append(_Place(frame.hash, offset, end - offset, frame.raw_size, frame.base))
        offset = end
    return written, places


class _Bases:
    """Raw bytes of chunks that others in the pack are changes to; a bounded number of them."""

    def __init__(self, holdings: Holdings, workspace_id: str, view: memoryview) -> None:
        self._holdings = holdings
        self._workspace_id = workspace_id
        self._view = view
        self._places: dict[str, _Place] = {}
        self._held: dict[str, bytes] = {}
        self._changes: dict[str, bool] = {}
        self._size = 0

    def add(self, place: _Place) -> None:
        """Remember where a verified chunk is."""
        self._places[place.hash] = place

    def is_change(self, name: str) -> bool:
        """Tell whether the workspace holds a base as a change to yet another chunk."""
        if name not in self._changes:
            self._changes[name] = self._holdings.is_change(self._workspace_id, name)
        return self._changes[name]

    def get(self, name: str) -> bytes:
        """Return the raw bytes of a base, from earlier in this pack or from the workspace."""
        found = self._held.get(name)
        if found is None:
            found = self._read(name)
            self._size += len(found)
            while self._held and self._size > BASES_HELD:
                oldest = next(iter(self._held))
                self._size -= len(self._held.pop(oldest))
            self._held[name] = found
        return found

    def _read(self, name: str) -> bytes:
        place = self._places.get(name)
        if place is None:
            try:
                return self._holdings.read(self._workspace_id, [name])[name]
            except NotFound:
                raise Lacking(
                    "a chunk is a change to another that the dashboard lacks",
                    hint="send that one first",
                    lacking=(name,),
                ) from None
        if place.base:
            raise Corrupt("a chunk is a change to one that is itself a change")
        frame, _ = read_frame(self._view, place.offset)
        return decode_frame(frame)
