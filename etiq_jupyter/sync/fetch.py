"""Reading contents: from this disk, and what it lacks from the dashboard."""

from __future__ import annotations

from collections.abc import Iterator

from etiq_jupyter.errors import Corrupt, EtiqError, NotFound
from etiq_jupyter.objects.pack import decode_frame, read_pack
from etiq_jupyter.objects.reader import StoredContent
from etiq_jupyter.objects.recipe import Recipe, decode_recipe, unpack_refs
from etiq_jupyter.store import Store
from etiq_jupyter.sync.connection import Connection
from etiq_jupyter.sync.transport import Transport

_ASK = 16 << 20  # raw bytes asked for in one call
_UNKNOWN = 1 << 20  # taken as the size of a chunk of which only the name is known


class Fetcher:
    """Gets chunks of one snapshot, keeping what came from the dashboard for the next time.

    Parameters
    ----------
    store : Store
        Asked first; keeps what was fetched.
    connection : Connection or None
        The dashboard; None reads from this disk only.
    snapshot : str
        The snapshot in whose name the dashboard is asked.
    """

    def __init__(self, store: Store, connection: Connection | None, snapshot: str) -> None:
        self._store = store
        self._snapshot = snapshot
        self._sizes: dict[str, int] = {}
        self._transport = None if connection is None else connection.transport()

    def reader(self, name: str) -> StoredContent:
        """Return a reader of an object; only the buffers that are read are fetched.

        Raises
        ------
        NotFound
            When the object is neither here nor there.
        """
        raw = self.fetch([name]).get(name)
        if raw is None:
            raise NotFound(
                f"Object {name[:12]} is not on this disk",
                hint="log in to the dashboard that has it"
                if self._transport is None
                else "its snapshot may have been deleted",
            )
        recipe = decode_recipe(raw)
        self._remember_sizes(recipe)
        return StoredContent(recipe, self.fetch)

    def _remember_sizes(self, recipe: Recipe) -> None:
        blobs = [part.chunks for part in recipe.parts]
        blobs.append(recipe.merged)
        if recipe.selection is not None:
            blobs.append(recipe.selection.chunks)
        self._sizes.update((ref.hash, ref.size) for blob in blobs for ref in unpack_refs(blob))

    def fetch(self, hashes: list[str]) -> dict[str, bytes]:
        """Return raw bytes of chunks, verified; those that are nowhere are left out."""
        here = self._here(hashes)
        lacking = [name for name in dict.fromkeys(hashes) if name not in here]
        if self._transport is not None:
            for batch in self._batches(lacking):
                found = self._ask(self._transport, batch)
                self._keep(found)
                here.update(found)
        return here

    def _here(self, hashes: list[str]) -> dict[str, bytes]:
        try:
            return self._store.chunks.fetch(hashes)
        except Corrupt:
            if self._transport is None:
                raise
        # Something is damaged here: what is sound is used, the rest comes from the dashboard.
        found: dict[str, bytes] = {}
        for name in hashes:
            raw = self._store.chunks.read_raw(bytes.fromhex(name))
            if raw is not None:
                found[name] = raw
        return found

    def _batches(self, names: list[str]) -> Iterator[list[str]]:
        batch: list[str] = []
        size = 0
        for name in names:
            more = self._sizes.get(name, _UNKNOWN)
            if batch and size + more > _ASK:
                yield batch
                batch, size = [], 0
            batch.append(name)
            size += more
        if batch:
            yield batch

    def _ask(self, transport: Transport, names: list[str]) -> dict[str, bytes]:
        body = {"snapshot": self._snapshot, "hashes": names}
        answer = transport.request("POST", "/api/v1/chunks/read", json=body)
        wanted = set(names)
        held: dict[str, bytes] = {}
        for frame in read_pack(answer.content):
            base = held.get(frame.base) if frame.base else None
            if frame.base and base is None:
                base = self._store.chunks.read_raw(bytes.fromhex(frame.base))
            held[frame.hash] = decode_frame(frame, base)
        return {name: raw for name, raw in held.items() if name in wanted}

    def _keep(self, found: dict[str, bytes]) -> None:
        # A disk that is full or cannot be written does not stand in the way of reading.
        try:
            self._store.put(found.items())
        except EtiqError:
            return
