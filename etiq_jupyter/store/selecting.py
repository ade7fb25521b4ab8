"""Finding out that a frame consists of rows of an earlier one, and which.

``df[df.x > 0]``, ``df.sample(...)``, ``df.dropna()``, ``df.sort_values(...)``: instead of the
columns again, the store keeps which rows were taken. Every column is checked; one that was changed
besides is kept as usual.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import xxhash

from etiq_jupyter.errors import Corrupt
from etiq_jupyter.objects import rows
from etiq_jupyter.objects.recipe import ChunkRef, Part, Recipe, Selection, packed_size, unpack_refs

FEWEST_ROWS = 1000
"""Smaller frames are not worth the search."""
_SMALLEST_SHARE = 0.1  # fewer rows than this are stored as they are: reading them stays cheap
_LEAST_GONE = 0.0005  # a few deleted rows cost next to nothing when cut by content
_KEYS = 3  # at most, columns that identify a row
_FACTOR = 0x9E3779B97F4A7C15  # spreads values over 64 bits (golden ratio)
_TABLE_BITS = 21  # of the table by which most frames that are no selection are told at once


class Named(Protocol):
    """A buffer as far as it is known without its bytes."""

    name: str
    size: int
    digest: bytes


Fetch = Callable[[list[str]], Mapping[str, bytes]]


@dataclass
class Column:
    """A buffer of the new frame, whole."""

    name: str
    layout: str
    itemsize: int
    size: int
    digest: bytes
    data: memoryview


@dataclass
class Selected:
    """What was found: the selection, its bytes, and for each part the earlier buffer's chunks."""

    selection: Selection
    raw: bytes
    chunks: dict[str, bytes]


@dataclass
class _Earlier:
    """The earlier frame whose buffers are stored whole."""

    rows: int
    parts: dict[str, Part]
    fetch: Fetch

    def read(self, part: Part) -> bytes:
        refs: list[ChunkRef] = list(unpack_refs(part.chunks))
        found = self.fetch(list(dict.fromkeys(ref.hash for ref in refs)))
        try:
            return b"".join(found[ref.hash] for ref in refs)
        except KeyError as error:
            raise Corrupt(f"Chunk {str(error)[:12]} is missing") from None


def find(columns: list[Column], count: int, recipe: Recipe, fetch: Fetch) -> Selected | None:
    """Look for a frame of `count` rows among the rows of an earlier one.

    Parameters
    ----------
    columns : list of Column
        The new frame's buffers.
    count : int
        Its rows.
    recipe : Recipe
        The earlier frame.
    fetch : callable
        Gives raw chunks.

    Returns
    -------
    Selected or None
        None when it is not, or when it would not be worth it.
    """
    earlier = _whole(recipe, fetch)
    if earlier is None:
        return None
    pairs = [
        (column, part)
        for column in columns
        if (part := earlier.parts.get(column.name)) is not None
        and part.layout == column.layout
        and part.itemsize == column.itemsize
    ]
    at = _positions(pairs, count, earlier)
    if at is None:
        return None
    chunks = _matching(pairs, at, earlier)
    if sum(column.size for column in columns if column.name in chunks) * 2 < sum(
        column.size for column in columns
    ):
        return None
    selection, raw = _describe(at, earlier.rows)
    return Selected(selection, raw, chunks)


def plausible(count: int, recipe: Recipe) -> bool:
    """Whether a frame of so many rows may consist of rows of an earlier one."""
    before = recipe.rows if recipe.selection is None else recipe.selection.base_rows
    if count < FEWEST_ROWS or count > before or count < _SMALLEST_SHARE * before:
        return False
    return count == before or before - count >= _LEAST_GONE * before


def stands_still(sources: Sequence[Named], count: int, recipe: Recipe) -> bool:
    """Whether rows stand where they stood, as half of the bytes unchanged tells."""
    if count != recipe.rows:
        return False
    parts = {part.name: part for part in recipe.parts}
    unchanged = 0
    for source in sources:
        part = parts.get(source.name)
        if part is None or part.digest != source.digest or part.size != source.size:
            continue
        names = [ref.hash for ref in unpack_refs(part.chunks)]
        # A column of few values could look alike after its rows were moved; its chunks repeat.
        if len(set(names)) == len(names):
            unchanged += part.size
    return unchanged * 2 >= sum(source.size for source in sources)


def _whole(recipe: Recipe, fetch: Fetch) -> _Earlier | None:
    """Return the buffers stored whole: of this frame, or of the one whose rows it consists of."""
    if recipe.rows < FEWEST_ROWS:
        return None
    if recipe.selection is None:
        parts = {p.name: p for p in recipe.parts if p.chunks and packed_size(p.chunks) == p.size}
        return _Earlier(recipe.rows, parts, fetch)
    parts = {p.name: p for p in recipe.parts if p.selected}
    return _Earlier(recipe.selection.base_rows, parts, fetch)


def _positions(pairs: list[tuple[Column, Part]], count: int, earlier: _Earlier) -> Any:
    """Return for each row the position of an equal row of the earlier frame, or None."""
    import numpy as np

    found = _keys(pairs, count)
    # As many rows and a column as before: then the rows stand as they stood.
    same = count == earlier.rows and any(c.digest == p.digest for c, p in found)
    if not found or same:
        return None
    new, old = np.zeros(count, np.uint64), np.zeros(earlier.rows, np.uint64)
    for column, part in found:
        whole = earlier.read(part)
        if len(whole) != earlier.rows * column.itemsize:
            return None
        mine = np.frombuffer(column.data, f"<u{column.itemsize}")
        theirs = np.frombuffer(whole, f"<u{column.itemsize}")
        if count == earlier.rows and mine.sum(dtype="u8") != theirs.sum(dtype="u8"):
            return None
        if column is found[0][0] and _rising(theirs):
            return _match_rising(mine, theirs)
        new = (new + mine) * np.uint64(_FACTOR)
        old = (old + theirs) * np.uint64(_FACTOR)
        if not _may_hold(new, old):
            return None
    return _match(new, old)


def _rising(values: Any) -> bool:
    return bool((values[1:] > values[:-1]).all())


def _match_rising(new: Any, old: Any) -> Any:
    """Find values among rising ones, as in a frame that has an id or a time."""
    import numpy as np

    at = np.searchsorted(old, new)
    at[at == len(old)] = 0
    return at if np.array_equal(old[at], new) else None


def _may_hold(new: Any, old: Any) -> bool:
    """Whether all new values may be among the old ones; wrong only in saying yes."""
    import numpy as np

    shift = np.uint64(64 - _TABLE_BITS)
    seen = np.zeros(1 << _TABLE_BITS, bool)
    seen[old >> shift] = True
    return bool(seen[new >> shift].all())


def _keys(pairs: list[tuple[Column, Part]], count: int) -> list[tuple[Column, Part]]:
    """Choose the columns by which rows can best be told apart."""
    import numpy as np

    scored = []
    for column, part in pairs:
        width = column.itemsize
        if column.layout != "rows" or width not in (4, 8) or column.size != count * width:
            continue
        values = np.frombuffer(column.data, f"<u{width}")
        sample = values[:: max(1, count // 2000)]
        # Rising values (an id, a time) are found without sorting; few columns are that.
        score = len(np.unique(sample)) / len(sample) + 0.5 * _rising(sample)
        scored.append((score, column, part))
    scored.sort(key=lambda entry: -entry[0])
    # Two that tell most rows apart: a number that is counted anew may fit by chance.
    some = 2 if scored and scored[0][0] >= 1.0 else _KEYS
    return [(column, part) for _, column, part in scored[:some]]


def _match(new: Any, old: Any) -> Any:
    import numpy as np

    # In the order of both, neighbours in one are neighbours in the other: quick for the caches.
    order, by_value = np.argsort(old), np.argsort(new)
    ranked, sorted_new = old[order], new[by_value]
    first = np.searchsorted(ranked, sorted_new)
    first[first == len(old)] = 0
    if not np.array_equal(ranked[first], sorted_new):
        return None
    if (ranked[1:] == ranked[:-1]).any():
        order, by_value = np.argsort(old, kind="stable"), np.argsort(new, kind="stable")
        return _in_order(order, ranked, first, by_value, sorted_new)
    found = np.empty(len(new), np.int64)
    found[by_value] = order[first]
    return found


def _in_order(order: Any, ranked: Any, first: Any, by_value: Any, new: Any) -> Any:
    """Among equal rows take the n-th for the n-th, so that a filter keeps its order.

    `order` and `by_value` sort the earlier and the new rows, `ranked` and `new` are their values
    sorted, `first` is where each new value begins in `ranked`.
    """
    import numpy as np

    begins = np.flatnonzero(np.concatenate(([True], new[1:] != new[:-1])))
    nth = np.arange(len(new)) - np.repeat(begins, np.diff(np.append(begins, len(new))))
    ranks = first + nth
    ranks[ranks >= len(ranked)] = first[ranks >= len(ranked)]
    off = ranked[ranks] != new
    ranks[off] = first[off]
    found = np.empty(len(new), np.int64)
    found[by_value] = order[ranks]
    return found


def _matching(pairs: list[tuple[Column, Part]], at: Any, earlier: _Earlier) -> dict[str, bytes]:
    """Return the chunks of those buffers that really are the rows of the earlier ones."""
    chunks: dict[str, bytes] = {}
    lengths: dict[str, tuple[bytes, int]] = {}
    for column, part in sorted(pairs, key=lambda pair: pair[0].layout == "payload"):
        stem = column.name.partition("/")[0]
        try:
            whole = earlier.read(part)
            taken = _take(column, whole, at, earlier.rows, lengths.get(stem))
        except Corrupt:
            continue
        if taken is not None and xxhash.xxh3_128_digest(taken) == column.digest:
            chunks[column.name] = part.chunks
            if column.layout == "lengths":
                lengths[stem] = (whole, column.itemsize)
    return chunks


def _take(
    column: Column, whole: bytes, at: Any, count: int, lengths: tuple[bytes, int] | None
) -> bytes | None:
    if column.layout == "bits":
        return rows.take_bits(whole, at, count)
    if column.layout == "payload":
        if lengths is None:
            return None
        return rows.take_payload(whole, lengths[0], lengths[1], at, count, column.size)
    if column.layout in ("rows", "lengths"):
        return rows.take_items(whole, at, count, column.size)
    return None


def _describe(at: Any, before: int) -> tuple[Selection, bytes]:
    import numpy as np

    if (np.diff(at) > 0).all():
        mask = np.zeros(before, bool)
        mask[at] = True
        raw = np.packbits(mask, bitorder="little").tobytes()
        form, width = "bitmap", 4
    else:
        width = 4 if before <= 0xFFFFFFFF else 8
        raw, form = at.astype(f"<u{width}").tobytes(), "indices"
    selection = Selection(form=form, base_rows=before, rows=len(at), size=len(raw), width=width)
    return selection, raw
