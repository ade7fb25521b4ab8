"""Taking packs in: every chunk is decoded and verified by its name before anything is visible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from etiq_jupyter.dashboard.db import tables
from etiq_jupyter.dashboard.db.engine import Database, advisory_lock, now
from etiq_jupyter.dashboard.objects.holdings import COLLECTING, Holdings
from etiq_jupyter.dashboard.objects.storage import pack_key
from etiq_jupyter.errors import Corrupt, Invalid, Lacking, NotFound, UnsafeContent
from etiq_jupyter.objects.hashing import blake3_hex, is_hash
from etiq_jupyter.objects.pack import HEADER, check_header, decode_frame, read_frame

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
            places = self._verify(workspace_id, body)
        except (Corrupt, UnsafeContent) as error:
            raise Invalid(error.what, why=error.why, hint="the pack was not stored") from error
        names = {place.hash for place in places}
        # New is new at this moment; if somebody else sends the same, both packs stay right.
        fresh = set(self._holdings.lacking(workspace_id, names))
        if fresh:
            self._holdings.storage.put(pack_key(workspace_id, pack_hash), body)
            stored = self._index(workspace_id, pack_hash, body, places, fresh)
        else:
            stored = 0
        return PackStored(stored=stored, known=len(names) - stored)

    def _verify(self, workspace_id: str, body: bytes) -> list[_Place]:
        view = memoryview(body)
        check_header(view)
        places: list[_Place] = []
        bases = _Bases(self._holdings, workspace_id, view)
        offset = len(HEADER)
        while offset < len(view):
            frame, end = read_frame(view, offset)
            base = bases.get(frame.base) if frame.base else None
            decode_frame(frame, base)
            place = _Place(frame.hash, offset, end - offset, frame.raw_size, frame.base)
            places.append(place)
            bases.add(place)
            if len(places) > MAX_FRAMES:
                raise UnsafeContent(f"a pack has at most {MAX_FRAMES} chunks")
            offset = end
        return places

    def _index(
        self,
        workspace_id: str,
        pack_hash: str,
        body: bytes,
        places: list[_Place],
        fresh: set[str],
    ) -> int:
        moment = now()
        rows: dict[str, dict[str, Any]] = {}
        for place in places:
            if place.hash in fresh:
                rows.setdefault(
                    place.hash,
                    {
                        "workspace_id": workspace_id,
                        "hash": place.hash,
                        "pack": pack_hash,
                        "offset": place.offset,
                        "length": place.length,
                        "raw_size": place.raw_size,
                        "base": place.base,
                        "touched_at": moment,
                    },
                )
        with self._database.write() as tx:
            advisory_lock(tx, COLLECTING, shared=True)
            tx.execute(
                self._database.insert(tables.packs)
                .values(workspace_id=workspace_id, hash=pack_hash, size=len(body), stored_at=moment)
                .on_conflict_do_update(
                    index_elements=["workspace_id", "hash"], set_={"stored_at": moment}
                )
            )
            tx.execute(
                self._database.insert(tables.chunks).on_conflict_do_nothing(),
                [rows[name] for name in sorted(rows)],
            )
        return len(rows)


class _Bases:
    """Raw bytes of chunks that others in the pack are changes to; a bounded number of them."""

    def __init__(self, holdings: Holdings, workspace_id: str, view: memoryview) -> None:
        self._holdings = holdings
        self._workspace_id = workspace_id
        self._view = view
        self._places: dict[str, _Place] = {}
        self._held: dict[str, bytes] = {}
        self._size = 0

    def add(self, place: _Place) -> None:
        """Remember where a verified chunk is."""
        self._places[place.hash] = place

    def get(self, name: str) -> bytes:
        """The raw bytes of a base, from earlier in this pack or from what the workspace holds."""
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
