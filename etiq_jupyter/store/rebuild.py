"""A new index out of what a damaged one still says, and out of the packs.

Nothing is believed unchecked: a snapshot is compared with its seal, a chunk with its frame in the
pack or with its name. What cannot be sure of its receipt is sent again: the dashboard knows it.
"""

from __future__ import annotations

import contextlib
import mmap
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from etiq_jupyter import model
from etiq_jupyter.errors import Corrupt, UnsafeContent
from etiq_jupyter.objects.chunk import DELTAS, decode_chunk
from etiq_jupyter.objects.hashing import blake3_digest, is_hash
from etiq_jupyter.objects.pack import FRAME_BYTES, HEADER, MARK, Frame, frame_header, read_frame
from etiq_jupyter.objects.recipe import unpack_refs
from etiq_jupyter.store import entries
from etiq_jupyter.store.database import DamagedIndex
from etiq_jupyter.store.salvage import Found

STATES = ("local", "pending", "sending", "synced", "parked")


class Lost(msgspec.Struct, kw_only=True):
    """A snapshot that could not be brought back.

    ``state`` is ``synced`` (it is safe on the dashboard), ``unsent``, or empty when nothing in the
    index says which of the two it was.
    """

    id: str
    name: str = ""
    short_id: str = ""
    state: str = ""


class Outcome(msgspec.Struct, kw_only=True):
    """What a new index was made of.

    Attributes
    ----------
    snapshots, chunks : int
        What came back.
    found : int
        Chunks among them that only the packs, or their own bytes, still told of.
    homeless : int
        Snapshots that were to be sent to a dashboard which the index no longer names.
    lost : list of Lost
    """

    snapshots: int = 0
    chunks: int = 0
    found: int = 0
    homeless: int = 0
    lost: list[Lost] = []


class Rebuilder:
    """Writes what was found into the empty tables of a new index.

    Parameters
    ----------
    found : Found
    packs : Path
        The folder of the packs.
    connection : sqlite3.Connection
        To the new index, in a transaction.
    """

    def __init__(self, found: Found, packs: Path, connection: sqlite3.Connection) -> None:
        self._found = found
        self._folder = packs
        self._connection = connection
        self._sizes: dict[bytes, int] = {}  # of the raw bytes, by name
        self._pack_ids: dict[str, int] = {}
        self._inner: dict[bytes, tuple[int, int, int, bytes]] = {}  # kept in the index itself
        self.outcome = Outcome(lost=[])

    def run(self) -> Outcome:
        """Write all tables."""
        self._chunks()
        self._destinations()
        self._snapshots()
        self._rest()
        self.outcome.chunks = len(self._sizes)
        return self.outcome

    # --- chunks -----------------------------------------------------------------------------

    def _chunks(self) -> None:
        in_packs: dict[str, list[tuple[int, tuple[Any, ...]]]] = {}
        for number, row in self._found.chunks.items():
            pack = self._found.packs.get(row[4])
            if row[4] is None:
                self._add_inner(number, row)
            elif pack is not None:
                in_packs.setdefault(pack, []).append((number, row))
        for path in sorted(self._folder.glob("*.pack")):
            with _mapped(path) as data:
                known = in_packs.get(path.name, [])
                self._add_known(path.name, data, known)
                self._add_found(path.name, data)
        self._add_orphans()
        self._drop_baseless()

    def _drop_baseless(self) -> None:
        """Forget changes to chunks that are gone: what cannot be read must not seem known."""
        rows = self._connection.execute("SELECT id, hash, base FROM chunks WHERE base IS NOT NULL")
        for number, name, base in rows.fetchall():
            if base not in self._sizes:
                self._connection.execute("DELETE FROM chunks WHERE id = ?", (number,))
                self._connection.execute("DELETE FROM blobs WHERE id = ?", (number,))
                del self._sizes[name]

    def _add(self, number: int | None, name: bytes, *rest: Any) -> int | None:
        """Add the row of a chunk; None when there is one of that name."""
        made = self._connection.execute(
            "INSERT OR IGNORE INTO chunks "
            "(id, hash, encoding, raw_size, stored_size, pack, offset, base) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (number, name, *rest),
        )
        if not made.rowcount:
            return None
        self._sizes[name] = rest[1]
        return made.lastrowid

    def _add_inner(self, number: int, row: tuple[Any, ...]) -> None:
        """Add a chunk whose bytes are in the index itself."""
        name, form, raw_size, stored_size, _, _, base = row
        data = self._found.blobs.get(number)
        if data is None or len(data) != stored_size or (form in DELTAS) != (base is not None):
            return
        if form not in DELTAS and not _is(name, form, data, raw_size):
            return
        if self._add(number, name, form, raw_size, stored_size, None, 0, base) is not None:
            self._inner[name] = (form, raw_size, number, data)
            self._keep_bytes(number, data)

    def _keep_bytes(self, number: int, data: bytes) -> None:
        self._connection.execute("INSERT INTO blobs (id, data) VALUES (?, ?)", (number, data))

    def _pack(self, name: str) -> int:
        if name not in self._pack_ids:
            made = self._connection.execute("INSERT INTO packs (name) VALUES (?)", (name,))
            self._pack_ids[name] = int(made.lastrowid or 0)
        return self._pack_ids[name]

    def _add_known(
        self, pack: str, data: memoryview, rows: list[tuple[int, tuple[Any, ...]]]
    ) -> None:
        """Add those chunks of a pack whose frames say the same as the index."""
        for number, (name, form, raw_size, stored_size, _, offset, base) in rows:
            frame = Frame(name.hex(), form, raw_size, (base or b"").hex(), b"")
            try:
                head = bytearray(frame_header(frame))
                head[FRAME_BYTES - 4 : FRAME_BYTES] = stored_size.to_bytes(4, "little")
            except (ValueError, OverflowError):
                continue
            begin = offset - len(head)
            if begin >= len(HEADER) and data[begin:offset] == head:
                self._add(number, name, form, raw_size, stored_size, self._pack(pack), offset, base)

    def _add_found(self, pack: str, data: memoryview) -> None:
        """Add chunks of a pack that the index does not tell of, if they are whole."""
        for frame, offset in _frames(data):
            name = bytes.fromhex(frame.hash)
            if name in self._sizes or (
                not frame.base and not _is(name, frame.encoding, frame.data, frame.raw_size)
            ):
                continue
            base, size = bytes.fromhex(frame.base) or None, len(frame.data)
            place = (self._pack(pack), offset, base)
            if self._add(None, name, frame.encoding, frame.raw_size, size, *place) is not None:
                self.outcome.found += 1

    def _add_orphans(self) -> None:
        """Add bytes in the index whose row is lost, if an index tells their name."""
        for number, data in self._found.blobs.items():
            if number in self._found.chunks and self._found.chunks[number][0] in self._sizes:
                continue
            told = self._found.names.get(number, set())
            for form, raw in _readings(data, [self._raw(name) for name in told]):
                name = blake3_digest(raw)
                if name not in told or name in self._sizes:
                    continue
                base = next((each for each in told if each != name), None)
                base = base if form in DELTAS else None
                made = self._add(None, name, form, len(raw), len(data), None, 0, base)
                if made is not None:
                    self._keep_bytes(made, data)
                    self.outcome.found += 1
                break

    def _raw(self, name: bytes) -> bytes | None:
        """Return the raw bytes of a chunk that may be the base of one in the index."""
        known = self._inner.get(name)
        if known is None or known[0] in DELTAS:
            return None
        return decode_chunk(known[0], known[3], known[1])

    # --- snapshots --------------------------------------------------------------------------

    def _destinations(self) -> None:
        known = self._found.destinations
        for number, (url, user) in self._found.accounts.items():
            known.setdefault(number, (url, user, "", "", ""))
        self._connection.executemany(
            "INSERT OR IGNORE INTO destinations (id, url, user, username, epoch, paused) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            [(number, *row) for number, row in known.items()],
        )

    def _snapshots(self) -> None:
        found = self._found
        for number, row in sorted(found.snapshots.items()):
            snapshot = self._checked(row, found.ids.get(number))
            if snapshot is None:
                self._lose(number, row)
                continue
            row["destination"] = row["destination"] if self._knows(row["destination"]) else None
            more = self._outbox(snapshot.id, row)
            entries.insert(
                self._connection, snapshot, row["manifest"], more.pop("destination"), more
            )
            self.outcome.snapshots += 1
        for number, snapshot_id in found.ids.items():
            if number not in found.snapshots and not self._is_back(snapshot_id):
                self._lose(number, {"id": snapshot_id})

    def _knows(self, destination: object) -> bool:
        return destination is None or destination in self._found.destinations

    def _checked(self, row: dict[str, Any], told: str | None) -> model.Snapshot | None:
        """Return a row's snapshot if it is whole; finds its destination when that was damaged."""
        seal = row.get("seal")
        seal = seal if entries.is_seal(seal) else None
        for destination in (row["destination"], None, *self._found.destinations):
            if destination is not None and not isinstance(destination, int):
                continue
            with contextlib.suppress(DamagedIndex, OverflowError):
                snapshot = entries.read_manifest(destination, row["manifest"], seal)
                row["destination"] = destination
                return snapshot if seal or snapshot.id in (row["id"], told) else None
        return None

    def _is_back(self, snapshot: str) -> bool:
        found = self._connection.execute("SELECT 1 FROM snapshots WHERE id = ?", (snapshot,))
        return found.fetchone() is not None

    def _outbox(self, snapshot: str, row: dict[str, Any]) -> dict[str, Any]:
        """Return what the outbox is to say of a snapshot; in doubt it is sent again."""
        receipt = _receipt(snapshot, row)
        reason = row["reason"] if isinstance(row["reason"], str) else ""
        if receipt is not None and row["state"] == "synced":
            return {
                "destination": row["destination"],
                "state": "synced",
                "kept": 0 if row["kept"] == 0 else 1,
                "receipt": row["receipt"],
                "sent_hash": receipt.manifest,
                "short_id": receipt.short_id,
                "url": receipt.url,
            }
        if row["destination"] is None:
            self.outcome.homeless += row["state"] != "local"
            return {"destination": None, "state": "local"}
        parked = row["state"] == "parked"
        return {
            "destination": row["destination"],
            "state": "parked" if parked else "pending",
            "reason": reason if parked else "",
        }

    def _lose(self, number: int, row: dict[str, Any]) -> None:
        found = self._found
        identity = found.ids.get(number) or row["id"]
        name = row.get("name", "")
        short = row.get("short_id") or found.short_ids.get(number, "")
        state = "unsent" if identity in found.unsent else "synced" if short else ""
        if row.get("state") in STATES:
            state = "synced" if row["state"] == "synced" else "unsent"
        self.outcome.lost.append(
            Lost(id=str(identity), name=str(name), short_id=str(short), state=state)
        )

    # --- what else there is -------------------------------------------------------------------

    def _rest(self) -> None:
        found, connection = self._found, self._connection
        projects = found.local_projects
        connection.executemany(
            "INSERT OR IGNORE INTO buffers (digest, size, chunks, seal) VALUES (?, ?, ?, ?)",
            [
                (*key, packed, entries.seal_list(packed))
                for key, packed in found.buffers.items()
                if self._holds(key[1], packed)
            ],
        )
        connection.executemany(
            "INSERT OR IGNORE INTO projects (destination, project, remote) VALUES (?, ?, ?)",
            [(*key, remote) for key, remote in found.projects.items() if self._knows(key[0])],
        )
        connection.executemany(
            "INSERT OR IGNORE INTO local_projects (id, name, created_at) VALUES (?, ?, ?)",
            [(key, name, made or time.time()) for key, (name, made) in projects.items()],
        )
        facts = [("generation", found.facts.get("generation", 0) + 1)]
        if found.facts.get("quota", 0) > 0:
            facts.append(("quota", found.facts["quota"]))
        connection.executemany("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", facts)
        objects = connection.execute("SELECT DISTINCT object FROM items").fetchall()
        connection.executemany(
            "DELETE FROM items WHERE object = ?",
            [
                (name,)
                for (name,) in objects
                if not is_hash(name) or bytes.fromhex(name) not in self._sizes
            ],
        )

    def _holds(self, size: int, packed: bytes) -> bool:
        """Whether a list of chunks makes up a buffer of that size, and all of them are here."""
        if len(packed) % 36:
            return False
        refs = list(unpack_refs(packed))
        return sum(ref.size for ref in refs) == size and all(
            self._sizes.get(bytes.fromhex(ref.hash)) == ref.size for ref in refs
        )


def _receipt(snapshot: str, row: dict[str, Any]) -> model.Receipt | None:
    """Return a row's receipt if it is whole: it stands in several columns."""
    try:
        found = msgspec.msgpack.decode(row["receipt"] or b"", type=model.Receipt)
    except (msgspec.MsgspecError, TypeError):
        return None
    same = (found.id, found.short_id) == (snapshot, row["short_id"])
    return found if same and found.manifest == row["sent_hash"] else None


def _is(name: bytes, form: int, data: Any, raw_size: int) -> bool:
    """Whether stored bytes are those of a chunk that needs no other one."""
    try:
        decode_chunk(form, data, raw_size, expected=name.hex())
    except (Corrupt, UnsafeContent):
        return False
    return True


def _readings(data: bytes, bases: list[bytes | None]) -> Iterator[tuple[int, bytes]]:
    """Read stored bytes in every form in which they may be kept."""
    import zstandard

    for form in range(6):
        stored = data if form in (0, 1, 5) else data[1:]
        try:
            size = len(data) if form == 0 else zstandard.frame_content_size(stored)
        except zstandard.ZstdError:
            continue
        for base in bases if form in DELTAS else [None]:
            with contextlib.suppress(Corrupt, UnsafeContent):
                yield form, decode_chunk(form, data, size, base)


def _frames(data: memoryview) -> Iterator[tuple[Frame, int]]:
    """Read the frames of a pack with the offset of their bytes, past what is damaged."""
    at = len(HEADER)
    while at < len(data):
        try:
            frame, end = read_frame(data, at)
        except (Corrupt, UnsafeContent):
            at = _next_mark(data, at + 1)
            continue
        yield frame, end - len(frame.data)
        at = end


def _next_mark(data: memoryview, at: int) -> int:
    """Return where the next frame may begin, the end when there is none."""
    step = 1 << 20
    while at < len(data):
        found = bytes(data[at : at + step]).find(MARK)
        if found >= 0:
            return at + found
        at += step - len(MARK) + 1
    return len(data)


@contextlib.contextmanager
def _mapped(path: Path) -> Iterator[memoryview]:
    try:
        with path.open("rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError):  # it is gone, cannot be read, or is empty
        yield memoryview(b"")
        return
    yield memoryview(data)
