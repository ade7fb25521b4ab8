"""Garbage collection: chunks that no snapshot needs, after a time in which an upload may end.

A chunk that was promised to an uploader ("you need not send this") is kept for the grace period,
and everything is decided again under a lock that uploads share, so nothing that a manifest relies
on goes away between a promise and the manifest.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, exists, select, update

from etiq_jupyter.dashboard.db import tables
from etiq_jupyter.dashboard.db.engine import Database, advisory_lock, now
from etiq_jupyter.dashboard.objects.holdings import COLLECTING, Holdings
from etiq_jupyter.dashboard.objects.storage import pack_key
from etiq_jupyter.objects.hashing import blake3_hex
from etiq_jupyter.objects.pack import HEADER, read_frame, write_pack
from etiq_jupyter.objects.recipe import recipe_chunks

GRACE = 24 * 3600.0
"""Seconds for which unreferenced chunks are kept; several times `holdings.TOUCH_STEP`."""
WORTH_REWRITING = 0.5
"""Share of a pack that must be dead before the rest is written anew."""


class Collected(msgspec.Struct, kw_only=True):
    """What a collection has freed."""

    chunks: int = 0
    packs: int = 0
    bytes: int = 0


class Collector:
    """Frees what no snapshot needs.

    Parameters
    ----------
    database : Database
        The index.
    holdings : Holdings
        For reading recipes, and the packs themselves.
    grace : float
        Seconds for which unreferenced chunks are kept.
    """

    def __init__(self, database: Database, holdings: Holdings, grace: float = GRACE) -> None:
        self._database = database
        self._holdings = holdings
        self._grace = grace

    def collect(self) -> Collected:
        """Go through all workspaces once."""
        done = Collected()
        with self._database.read() as connection:
            workspaces = list(connection.execute(select(tables.workspaces.c.id)).scalars())
        for workspace_id in workspaces:
            self._collect(workspace_id, done)
            self._rewrite(workspace_id, done)
        self._remove_strays(done)
        return done

    def _collect(self, workspace_id: str, done: Collected) -> None:
        cutoff = now() - int(self._grace * 1_000_000)
        with self._database.write() as tx:
            advisory_lock(tx, COLLECTING)
            _forget_objects(tx, workspace_id, cutoff)
        with self._database.read() as connection:
            objects = set(connection.execute(_objects(workspace_id)).scalars())
        # Reading recipes takes long, so it happens outside the lock; what came since is added.
        live = self._needed(workspace_id, objects)
        with self._database.write() as tx:
            advisory_lock(tx, COLLECTING)
            since = set(tx.execute(_objects(workspace_id)).scalars()) - objects
            live |= self._needed(workspace_id, since)
            live |= _bases(tx, workspace_id, live)
            done.chunks += _sweep(tx, workspace_id, live, cutoff)
            for pack in _empty_packs(tx, workspace_id, cutoff):
                # Inside the lock: an upload of the same bytes looks again before it is indexed.
                self._holdings.storage.delete(pack_key(workspace_id, pack.hash))
                done.packs += 1
                done.bytes += pack.size

    def _needed(self, workspace_id: str, objects: set[str]) -> set[str]:
        """Return the chunks of these objects, their recipes included."""
        needed = set(objects)
        names = list(objects)
        for start in range(0, len(names), 100):
            part = names[start : start + 100]
            for recipe in self._holdings.recipes(workspace_id, part).values():
                needed.update(recipe_chunks(recipe))
        return needed

    def _rewrite(self, workspace_id: str, done: Collected) -> None:
        """Write what lives of mostly dead packs into new ones."""
        cutoff = now() - int(self._grace * 1_000_000)
        packs, chunks = tables.packs, tables.chunks
        with self._database.read() as connection:
            candidates = list(
                connection.execute(
                    select(packs).where(
                        packs.c.workspace_id == workspace_id, packs.c.stored_at < cutoff
                    )
                )
            )
        for pack in candidates:
            with self._database.write() as tx:
                advisory_lock(tx, COLLECTING)
                rows = list(
                    tx.execute(
                        select(chunks)
                        .where(chunks.c.workspace_id == workspace_id, chunks.c.pack == pack.hash)
                        .order_by(chunks.c.offset)
                    )
                )
                kept = sum(row.length for row in rows) + len(HEADER)
                if rows and kept < pack.size * (1 - WORTH_REWRITING):
                    self._move(tx, workspace_id, pack, rows)
                    done.bytes += pack.size - kept
                    done.packs += 1

    def _move(self, tx: Connection, workspace_id: str, pack: Any, rows: list[Any]) -> None:
        packs, chunks = tables.packs, tables.chunks
        storage = self._holdings.storage
        pieces = storage.get_ranges(
            pack_key(workspace_id, pack.hash), [(row.offset, row.length) for row in rows]
        )
        body = write_pack(read_frame(memoryview(piece), 0)[0] for piece in pieces)
        name = blake3_hex(body)
        storage.put(pack_key(workspace_id, name), body)
        tx.execute(
            self._database.insert(packs)
            .values(workspace_id=workspace_id, hash=name, size=len(body), stored_at=now())
            .on_conflict_do_nothing()
        )
        offset = len(HEADER)
        for row in rows:
            tx.execute(
                update(chunks)
                .where(chunks.c.workspace_id == workspace_id, chunks.c.hash == row.hash)
                .values(pack=name, offset=offset)
            )
            offset += row.length
        tx.execute(
            delete(packs).where(packs.c.workspace_id == workspace_id, packs.c.hash == pack.hash)
        )
        # A reader that has just looked up the old place asks again: see `Holdings.frames`.
        storage.delete(pack_key(workspace_id, pack.hash))

    def _remove_strays(self, done: Collected) -> None:
        """Delete packs that were written but never indexed, as the process ended between."""
        table = tables.packs
        cutoff = time.time() - self._grace
        for key, written in self._holdings.storage.stored():
            if written >= cutoff:
                continue
            _, workspace_id, _, name = key.split("/")
            with self._database.write() as tx:
                advisory_lock(tx, COLLECTING)
                known = tx.execute(
                    select(table.c.hash).where(
                        table.c.workspace_id == workspace_id, table.c.hash == name
                    )
                ).first()
                if known is None:
                    self._holdings.storage.delete(key)
                    done.packs += 1


def _objects(workspace_id: str) -> Any:
    table = tables.objects
    return select(table.c.hash).where(table.c.workspace_id == workspace_id)


def _forget_objects(tx: Connection, workspace_id: str, cutoff: int) -> None:
    """Forget objects that no snapshot refers to any more."""
    table, held = tables.objects, tables.snapshot_objects
    referred = exists(
        select(held.c.object).where(
            held.c.workspace_id == table.c.workspace_id, held.c.object == table.c.hash
        )
    )
    tx.execute(
        delete(table).where(
            table.c.workspace_id == workspace_id, table.c.stored_at < cutoff, ~referred
        )
    )


def _bases(tx: Connection, workspace_id: str, live: set[str]) -> set[str]:
    """Return the chunks that live ones are changes to, and what those are changes to."""
    table = tables.chunks
    query = select(table.c.hash, table.c.base).where(
        table.c.workspace_id == workspace_id, table.c.base != ""
    )
    base_of = {row.hash: row.base for row in tx.execute(query)}
    found: set[str] = set()
    waiting = [name for name in live if name in base_of]
    while waiting:
        base = base_of.get(waiting.pop())
        if base and base not in found:
            found.add(base)
            waiting.append(base)
    return found


def _sweep(tx: Connection, workspace_id: str, live: set[str], cutoff: int) -> int:
    table = tables.chunks
    mine = table.c.workspace_id == workspace_id
    query = select(table.c.hash).where(mine, table.c.touched_at < cutoff)
    dead = [name for name in tx.execute(query).scalars() if name not in live]
    for start in range(0, len(dead), 500):
        tx.execute(delete(table).where(mine, table.c.hash.in_(dead[start : start + 500])))
    return len(dead)


def _empty_packs(tx: Connection, workspace_id: str, cutoff: int) -> Iterator[Any]:
    table, chunks = tables.packs, tables.chunks
    used = exists(
        select(chunks.c.hash).where(
            chunks.c.workspace_id == table.c.workspace_id, chunks.c.pack == table.c.hash
        )
    )
    return iter(
        tx.execute(
            delete(table)
            .where(table.c.workspace_id == workspace_id, table.c.stored_at < cutoff, ~used)
            .returning(table.c.hash, table.c.size)
        ).all()
    )
