"""Reading a stored content: only the buffers asked for, everything verified."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import xxhash

from etiq_jupyter.errors import Corrupt, UnsafeContent
from etiq_jupyter.objects.hashing import Data
from etiq_jupyter.objects.recipe import ChunkRef, Part, Recipe, unpack_refs

Fetch = Callable[[list[str]], Mapping[str, bytes]]
"""Gives the raw, verified bytes of the named chunks."""

_BATCH = 16 << 20  # raw bytes asked for at once, so that memory holds the content and little more


class StoredContent:
    """A content that is read from chunks on demand (a `content.ContentReader`).

    Parameters
    ----------
    recipe : Recipe
        What the content consists of.
    fetch : callable
        ``fetch(hashes) -> {hash: raw bytes}``; must verify each chunk by its name.
    max_bytes : int, optional
        Refuse to read a buffer larger than this; unlimited by default.
    """

    def __init__(self, recipe: Recipe, fetch: Fetch, *, max_bytes: int | None = None) -> None:
        self.recipe = recipe
        self._fetch = fetch
        self._max_bytes = max_bytes
        self._parts = {part.name: part for part in recipe.parts}
        self._merged: bytes | None = None
        self._rows: Any = None

    @property
    def codec(self) -> str:
        """Name of the codec that made the content."""
        return self.recipe.codec

    @property
    def version(self) -> int:
        """Version of the codec's form."""
        return self.recipe.version

    @property
    def meta(self) -> dict[str, Any]:
        """The codec's small structure."""
        return self.recipe.meta

    @property
    def size(self) -> int:
        """Bytes of all buffers together."""
        return self.recipe.size

    def names(self) -> Iterable[str]:
        """Names of the buffers, in order."""
        return self._parts.keys()

    def chunks(self, names: Iterable[str] | None = None) -> list[str]:
        """Names of the chunks that reading these buffers (all by default) needs, each once."""
        wanted = [self._parts[name] for name in names] if names is not None else self.recipe.parts
        packed = [part.chunks for part in wanted]
        if any(part.at >= 0 for part in wanted):
            packed.append(self.recipe.merged)
        if any(part.selected for part in wanted) and self.recipe.selection is not None:
            packed.append(self.recipe.selection.chunks)
            packed += [self._lengths_of(p).chunks for p in wanted if p.layout == "payload"]
        return list(dict.fromkeys(ref.hash for blob in packed for ref in unpack_refs(blob)))

    def prefetch(self, names: Iterable[str] | None = None) -> None:
        """Ask once for all that these buffers (all by default) need.

        Worth it only where `fetch` keeps what it got; the bytes themselves are not held here.
        """
        hashes = self.chunks(names)
        if hashes:
            self._fetch(hashes)

    def read(self, name: str) -> memoryview:
        """Return one buffer's bytes, verified.

        Raises
        ------
        KeyError
            When the content has no such buffer.
        Corrupt
            When bytes are missing or do not match their hash.
        UnsafeContent
            When the buffer is larger than the reader allows.
        """
        part = self._parts[name]
        if self._max_bytes is not None and max(part.size, part.base_size) > self._max_bytes:
            raise UnsafeContent(
                f"{name!r} has {part.size:,} bytes, more than can be read here",
                hint="read fewer columns, or restore it in a session of your own",
            )
        data = self._read(part)
        if xxhash.xxh3_128_digest(data) != part.digest:
            raise Corrupt(f"The bytes of {name!r} do not match their hash")
        return memoryview(data)

    def _read(self, part: Part) -> Data:
        if part.inline is not None:
            return part.inline
        if part.at >= 0:
            if self._merged is None:
                self._merged = bytes(self._join(list(unpack_refs(self.recipe.merged))))
            return memoryview(self._merged)[part.at : part.at + part.size]
        if part.selected:
            return self._select(part)
        return self._join(part.refs())

    def _join(self, refs: list[ChunkRef]) -> Data:
        if len(refs) == 1:
            return self._chunks(refs)[refs[0].hash]
        out = bytearray(sum(ref.size for ref in refs))
        offset, batch, pending = 0, 0, list[ChunkRef]()
        for index, ref in enumerate(refs):
            pending.append(ref)
            batch += ref.size
            if batch >= _BATCH or index == len(refs) - 1:
                found = self._chunks(pending)
                for each in pending:
                    out[offset : offset + each.size] = found[each.hash]
                    offset += each.size
                batch, pending = 0, []
        return out

    def _chunks(self, refs: list[ChunkRef]) -> Mapping[str, bytes]:
        found = self._fetch(list(dict.fromkeys(ref.hash for ref in refs)))
        for ref in refs:
            data = found.get(ref.hash)
            if data is None:
                raise Corrupt(f"Chunk {ref.hash[:12]} is missing")
            if len(data) != ref.size:
                raise Corrupt(f"Chunk {ref.hash[:12]} is not as long as it should be")
        return found

    def _select(self, part: Part) -> Data:
        from etiq_jupyter.objects import rows

        selection = self.recipe.selection
        if selection is None:
            raise Corrupt(f"{part.name!r} is a selection of rows, but none are named")
        if self._rows is None:
            raw = selection.inline
            if raw is None:
                raw = bytes(self._join(list(unpack_refs(selection.chunks))))
            self._rows = rows.positions(selection, raw)
        base = self._join(part.refs())
        if part.layout == "payload":
            lengths = self._lengths_of(part)
            sizes = self._join(lengths.refs())
            return rows.take_payload(
                base, sizes, lengths.itemsize, self._rows, selection.base_rows, part.size
            )
        if part.layout == "bits":
            return rows.take_bits(base, self._rows, selection.base_rows)
        return rows.take_items(base, self._rows, selection.base_rows, part.size)

    def _lengths_of(self, payload: Part) -> Part:
        stem = payload.name.partition("/")[0]
        for part in self.recipe.parts:
            if part.layout == "lengths" and part.selected and part.name.partition("/")[0] == stem:
                return part
        raise Corrupt(f"The lengths of {payload.name!r} are missing")
