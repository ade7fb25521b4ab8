"""Chunks on this disk: in pack files, small ones in the index itself."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from etiq_jupyter.errors import Corrupt
from etiq_jupyter.objects.chunk import decode_chunk
from etiq_jupyter.objects.pack import Frame
from etiq_jupyter.store.database import Database
from etiq_jupyter.store.packs import PackReader, PackWriter

if TYPE_CHECKING:
    from etiq_jupyter.store.sink import Kept

_BATCH = 500  # values in one SQL statement
_GROUP = 1 << 20  # bytes per parallel task
_AHEAD = 2

A = TypeVar("A")
B = TypeVar("B")


class Place(NamedTuple):
    """Where the stored form of a chunk is."""

    id: int
    hash: bytes
    encoding: int
    raw_size: int
    stored_size: int
    pack: str | None
    offset: int
    base: bytes | None


_workers: ThreadPoolExecutor | None = None
_workers_lock = threading.Lock()


def in_parallel(function: Callable[[A], B], work: Sequence[A]) -> Iterator[B]:
    """Map over work that spends its time outside the interpreter, on all cores."""
    if len(work) < 2 or (os.cpu_count() or 1) < 2:
        return map(function, work)
    return _pool().map(function, work)


def ahead(function: Callable[[A], B], work: Iterable[A]) -> Iterator[B]:
    """Map over work, on another core while the results before are used.

    The function must not use `in_parallel` itself: it would wait for the core that it occupies.
    """
    if (os.cpu_count() or 1) < 2:
        yield from map(function, work)
        return
    waiting: deque[Future[B]] = deque()
    for entry in work:
        waiting.append(_pool().submit(function, entry))
        if len(waiting) > _AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _pool() -> ThreadPoolExecutor:
    global _workers
    with _workers_lock:
        if _workers is None:
            cores = min(os.cpu_count() or 1, 8)
            _workers = ThreadPoolExecutor(cores, thread_name_prefix="etiq-chunks")
        return _workers


def in_groups(work: Sequence[A], size: Callable[[A], int]) -> list[list[A]]:
    """Divide work into groups of about a megabyte, each a task for `in_parallel`."""
    groups: list[list[A]] = []
    filled = _GROUP
    for entry in work:
        if filled >= _GROUP:
            groups.append([])
            filled = 0
        groups[-1].append(entry)
        filled += size(entry)
    return groups


def _after_fork() -> None:
    # The pool's threads do not run in the child.
    global _workers, _workers_lock
    _workers, _workers_lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class ChunkStore:
    """The chunks of one store.

    Parameters
    ----------
    database : Database
        The index.
    folder : Path
        Where pack files are.
    """

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._reader = PackReader(folder)
        self._writer = PackWriter(folder)
        self.folder = folder

    def known(self, hashes: Iterable[bytes]) -> set[bytes]:
        """Return those of the hashes (32 bytes each) that are in the store."""
        wanted = list(dict.fromkeys(hashes))
        found: set[bytes] = set()
        for start in range(0, len(wanted), _BATCH):
            some = wanted[start : start + _BATCH]
            marks = ",".join("?" * len(some))
            found.update(
                row[0]
                for row in self._database.rows(
                    f"SELECT hash FROM chunks WHERE hash IN ({marks})",  # noqa: S608
                    some,
                )
            )
        return found

    def places(self, hashes: Iterable[bytes]) -> dict[bytes, Place]:
        """Return where chunks are; those that are not here are left out."""
        wanted = list(dict.fromkeys(hashes))
        found: dict[bytes, Place] = {}
        for start in range(0, len(wanted), _BATCH):
            some = wanted[start : start + _BATCH]
            marks = ",".join("?" * len(some))
            rows = self._database.rows(
                "SELECT c.id, hash, encoding, raw_size, stored_size, p.name, offset, base "  # noqa: S608
                f"FROM chunks c LEFT JOIN packs p ON p.id = c.pack WHERE hash IN ({marks})",
                some,
            )
            found.update((row[1], Place(*row)) for row in rows)
        return found

    def append(self, frames: Sequence[Frame]) -> list[tuple[str, int]]:
        """Append frames to this process's pack; return pack and offset of each."""
        offsets = self._writer.append(frames)
        return [(self._writer.name, offset) for offset in offsets]

    def sync(self) -> None:
        """Wait until what was appended is on the disk."""
        self._writer.sync()

    @staticmethod
    def index(connection: sqlite3.Connection, kept: Sequence[Kept]) -> None:
        """Add chunks to the index; those that are in no pack with their bytes."""
        packs: dict[str | None, int | None] = {None: None}
        for each in kept:
            if each.pack not in packs:
                connection.execute("INSERT OR IGNORE INTO packs (name) VALUES (?)", (each.pack,))
                found = connection.execute("SELECT id FROM packs WHERE name = ?", (each.pack,))
                packs[each.pack] = found.fetchone()[0]
            made = connection.execute(
                "INSERT OR IGNORE INTO chunks "
                "(hash, encoding, raw_size, stored_size, pack, offset, base) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    each.hash,
                    each.encoding,
                    each.raw_size,
                    each.stored_size,
                    packs[each.pack],
                    each.offset,
                    each.base,
                ),
            )
            if each.data is not None and made.rowcount:
                connection.execute(
                    "INSERT INTO blobs (id, data) VALUES (?, ?)", (made.lastrowid, each.data)
                )

    def stored(self, place: Place) -> bytes:
        """Return the stored form of a chunk, not yet verified."""
        if place.pack is not None:
            return self._reader.read(place.pack, place.offset, place.stored_size)
        row = self._database.row("SELECT data FROM blobs WHERE id = ?", (place.id,))
        if row is None:
            raise Corrupt(f"Chunk {place.hash.hex()[:12]} is missing from the index")
        return bytes(row[0])

    def frame(self, place: Place) -> Frame:
        """Return a chunk as it is stored, to be put into a pack."""
        base = place.base.hex() if place.base else ""
        return Frame(place.hash.hex(), place.encoding, place.raw_size, base, self.stored(place))

    def fetch(self, hashes: list[str]) -> dict[str, bytes]:
        """Return raw bytes of chunks, each verified by its name; missing ones are left out.

        Raises
        ------
        Corrupt
            When stored bytes do not match their name; the message says where they are.
        """
        places = self.places(bytes.fromhex(each) for each in hashes)
        bases = self._bases(places)

        def read(some: Sequence[Place]) -> list[tuple[str, bytes]]:
            return [(place.hash.hex(), self._decode(place, bases)) for place in some]

        work = in_groups(list(places.values()), lambda place: place.raw_size)
        return {name: raw for found in in_parallel(read, work) for name, raw in found}

    def _bases(self, places: dict[bytes, Place]) -> dict[bytes, bytes]:
        wanted = {place.base for place in places.values() if place.base}
        return {base: self._decode(place, {}) for base, place in self.places(wanted).items()}

    def _decode(self, place: Place, bases: dict[bytes, bytes]) -> bytes:
        base = bases.get(place.base) if place.base else None
        name = place.hash.hex()
        try:
            stored = self.stored(place)
            return decode_chunk(place.encoding, stored, place.raw_size, base, expected=name)
        except Corrupt as error:
            moved = self.places([place.hash]).get(place.hash)
            if moved is not None and moved[5:7] != place[5:7]:
                return self._decode(moved, bases)  # cleaned up into another pack meanwhile
            where = f"pack {place.pack} at byte {place.offset}" if place.pack else "the index"
            raise Corrupt(
                f"Chunk {place.hash.hex()[:12]} is damaged",
                why=f"in {where}: {error.what}",
                hint="'etiq verify' lists what is affected; everything else stays readable",
            ) from error

    def read_raw(self, digest: bytes) -> bytes | None:
        """Return the raw bytes of one chunk, or None when it is not here or damaged."""
        try:
            return self.fetch([digest.hex()]).get(digest.hex())
        except Corrupt:
            return None

    def forget(self, pack: str) -> None:
        """Close a pack that was removed."""
        self._reader.forget(pack)

    def finish_pack(self) -> None:
        """Append no more to the current pack, so that it can be cleaned up."""
        self._writer.close()

    def close(self) -> None:
        """Close all files."""
        self._writer.close()
        self._reader.close()
