"""What a workspace holds: the index of its chunks, and the objects that are complete.

Nothing of one workspace counts as held for another, so nobody can find out by asking what others
have. Within a workspace a chunk is stored once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, select, update

from etiq_jupyter.dashboard.db import tables
from etiq_jupyter.dashboard.db.engine import Database, advisory_lock, now
from etiq_jupyter.dashboard.objects.storage import Storage, pack_key
from etiq_jupyter.errors import Corrupt, Invalid, Lacking, NotFound
from etiq_jupyter.objects.pack import Frame, decode_frame, read_frame
from etiq_jupyter.objects.reader import StoredContent
from etiq_jupyter.objects.recipe import Recipe, decode_recipe, recipe_chunks

COLLECTING = 0x6574_6763
"""Lock: shared by who relies on chunks being there, exclusive for who deletes them."""
TOUCH_STEP = 3600 * 1_000_000
"""Microseconds after which a promise that a chunk stays is written again."""
ASKED_AT_ONCE = 500
LONGEST_CHAIN = 8
LARGEST_OBJECT = 1 << 30
"""Bytes of one buffer that the dashboard itself reads, for previews and exports."""


class Holdings:
    """The chunks and objects of all workspaces.

    Parameters
    ----------
    database : Database
        The index.
    storage : Storage
        The packs.
    """

    def __init__(self, database: Database, storage: Storage) -> None:
        self._database = database
        self.storage = storage

    # --- what is there ----------------------------------------------------------------------

    def lacking(self, workspace_id: str, hashes: Iterable[str]) -> list[str]:
        """Which of these chunks the workspace does not hold.

        The others are promised to stay for the time that an upload may take.
        """
        wanted = list(dict.fromkeys(hashes))
        moment = now()
        held: set[str] = set()
        stale: list[str] = []
        with self._database.read() as connection:
            for row in _rows(connection, workspace_id, wanted):
                held.add(row.hash)
                if row.touched_at < moment - TOUCH_STEP:
                    stale.append(row.hash)
        if stale:
            held -= set(stale) - self._touch(workspace_id, stale, moment)
        return [name for name in wanted if name not in held]

    def _touch(self, workspace_id: str, hashes: list[str], moment: int) -> set[str]:
        """Promise chunks to stay; returns those that are still there."""
        table = tables.chunks
        kept: set[str] = set()
        with self._database.write() as tx:
            advisory_lock(tx, COLLECTING, shared=True)
            for part in _parts(hashes):
                kept.update(
                    tx.execute(
                        update(table)
                        .where(table.c.workspace_id == workspace_id, table.c.hash.in_(part))
                        .values(touched_at=moment)
                        .returning(table.c.hash)
                    ).scalars()
                )
        return kept

    def complete(self, workspace_id: str, objects: list[str]) -> None:
        """Look through objects, so that manifests may refer to them.

        Reads each recipe and makes sure that every chunk it names is held.

        Raises
        ------
        Lacking
            With the hashes of recipes and chunks that have to be sent.
        Invalid, UnsafeContent
            When an object is no recipe, or one that cannot be taken in.
        """
        missing = self.lacking(workspace_id, objects)
        if missing:
            raise _lacks(missing)
        chunks = {}
        for name, data in self.read(workspace_id, objects).items():
            try:
                chunks[name] = recipe_chunks(decode_recipe(data))
            except Corrupt as error:
                raise Invalid(
                    f"the object {name[:12]} cannot be taken in", why=error.why or error.what
                ) from error
        missing = self.lacking(workspace_id, [one for names in chunks.values() for one in names])
        if missing:
            raise _lacks(missing)
        self._register(workspace_id, chunks)

    def look_through(self, workspace_id: str, objects: list[str]) -> None:
        """Look through those of the objects that have not been yet; raises as `complete` does."""
        table = tables.objects
        known: set[str] = set()
        with self._database.read() as connection:
            for part in _parts(objects):
                query = select(table.c.hash).where(
                    table.c.workspace_id == workspace_id, table.c.hash.in_(part)
                )
                known.update(connection.execute(query).scalars())
        new = [name for name in objects if name not in known]
        if new:
            self.complete(workspace_id, new)

    def _register(self, workspace_id: str, chunks: Mapping[str, list[str]]) -> None:
        table = tables.objects
        moment = now()
        needed = list(
            dict.fromkeys(one for name, parts in chunks.items() for one in (name, *parts))
        )
        with self._database.write() as tx:
            advisory_lock(tx, COLLECTING, shared=True)
            there = {row.hash: row for row in _rows(tx, workspace_id, needed)}
            if len(there) < len(needed):
                raise _lacks(sorted(set(needed) - there.keys()))
            fresh = {name: row.length for name, row in there.items() if not row.used}
            _use(tx, workspace_id, list(fresh))
            rows = [
                {
                    "workspace_id": workspace_id,
                    "hash": name,
                    # Bytes of a chunk are counted once, for the first object that consists of it.
                    "unclaimed": sum(fresh.pop(one, 0) for one in dict.fromkeys([name, *parts])),
                    "stored_at": moment,
                }
                for name, parts in chunks.items()
            ]
            if rows:
                tx.execute(self._database.insert(table).on_conflict_do_nothing(), rows)

    # --- reading ----------------------------------------------------------------------------

    def recipes(self, workspace_id: str, objects: Iterable[str]) -> dict[str, Recipe]:
        """Read the recipes of objects.

        Raises
        ------
        Corrupt, UnsafeContent
            When one is not what its name says, or cannot be a recipe.
        """
        raw = self.read(workspace_id, objects)
        return {name: decode_recipe(data) for name, data in raw.items()}

    def content(self, workspace_id: str, name: str) -> StoredContent:
        """Open an object for reading; only the buffers asked for are fetched."""

        def fetch(hashes: list[str]) -> dict[str, bytes]:
            return self.read(workspace_id, hashes)

        recipe = self.recipes(workspace_id, [name])[name]
        return StoredContent(recipe, fetch, max_bytes=LARGEST_OBJECT)

    def read(self, workspace_id: str, hashes: Iterable[str]) -> dict[str, bytes]:
        """Return the raw bytes of chunks, verified by name.

        Raises
        ------
        NotFound
            When the workspace does not hold one of them.
        Corrupt
            When stored bytes are not what they should be.
        """
        wanted = list(dict.fromkeys(hashes))
        frames = {frame.hash: frame for frame in self.frames(workspace_id, wanted)}
        # Bases are whole when they are stored; two uploads at once can make one a change itself.
        for _ in range(LONGEST_CHAIN):
            bases = {frame.base for frame in frames.values() if frame.base} - frames.keys()
            if not bases:
                break
            frames |= {frame.hash: frame for frame in self.frames(workspace_id, bases)}
        raw: dict[str, bytes] = {}
        return {name: _decoded(name, frames, raw) for name in wanted}

    def is_change(self, workspace_id: str, name: str) -> bool:
        """Tell whether a chunk is held as a change to another."""
        table = tables.chunks
        query = select(table.c.base).where(
            table.c.workspace_id == workspace_id, table.c.hash == name
        )
        with self._database.read() as connection:
            return bool(connection.execute(query).scalar())

    def frames(self, workspace_id: str, hashes: Iterable[str]) -> Iterator[Frame]:
        """Chunks in their stored form, pack by pack.

        Raises
        ------
        NotFound
            When the workspace does not hold one of them.
        """
        wanted = list(dict.fromkeys(hashes))
        yield from self._frames(workspace_id, wanted, again=True)

    def _frames(self, workspace_id: str, wanted: list[str], *, again: bool) -> Iterator[Frame]:
        by_pack: dict[str, list[Any]] = {}
        with self._database.read() as connection:
            found = 0
            for row in _rows(connection, workspace_id, wanted):
                by_pack.setdefault(row.pack, []).append(row)
                found += 1
        if found < len(wanted):
            raise NotFound("the dashboard does not hold these chunks")
        for pack, rows in by_pack.items():
            rows.sort(key=lambda row: row.offset)
            places = [(row.offset, row.length) for row in rows]
            try:
                pieces = self.storage.get_ranges(pack_key(workspace_id, pack), places)
            except Corrupt:
                if not again:
                    raise
                # A collection may have moved these chunks to another pack since we looked.
                moved = [row.hash for row in rows]
                yield from self._frames(workspace_id, moved, again=False)
                continue
            for row, piece in zip(rows, pieces, strict=True):
                frame, _ = read_frame(memoryview(piece), 0)
                if frame.hash != row.hash:
                    raise Corrupt(f"chunk {row.hash[:12]} is not where it should be")
                yield frame


def _rows(connection: Connection, workspace_id: str, hashes: list[str]) -> Iterator[Any]:
    table = tables.chunks
    for part in _parts(hashes):
        query = select(table).where(table.c.workspace_id == workspace_id, table.c.hash.in_(part))
        yield from connection.execute(query)


def _use(tx: Connection, workspace_id: str, hashes: list[str]) -> None:
    """Write down that objects consist of these chunks."""
    table = tables.chunks
    for part in _parts(hashes):
        tx.execute(
            update(table)
            .where(table.c.workspace_id == workspace_id, table.c.hash.in_(part))
            .values(used=True)
        )


def _parts(hashes: list[str]) -> Iterator[list[str]]:
    """Pieces of a list that fit one query."""
    for start in range(0, len(hashes), ASKED_AT_ONCE):
        yield hashes[start : start + ASKED_AT_ONCE]


def _decoded(
    name: str, frames: Mapping[str, Frame], raw: dict[str, bytes], depth: int = 0
) -> bytes:
    """Return the raw bytes of a chunk, and keep what was decoded on the way."""
    found = raw.get(name)
    if found is None:
        frame = frames.get(name)
        if frame is None or depth > LONGEST_CHAIN:
            raise Corrupt(f"chunk {name[:12]} is a change to a chunk that cannot be read")
        base = _decoded(frame.base, frames, raw, depth + 1) if frame.base else None
        found = raw[name] = decode_frame(frame, base)
    return found


def _lacks(missing: list[str]) -> Lacking:
    return Lacking(
        f"the dashboard lacks {len(missing)} of the chunks",
        why="they have not been sent, or were collected meanwhile",
        hint="send them and then the manifest again",
        lacking=tuple(missing),
    )
