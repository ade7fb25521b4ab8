"""Cutting buffers into chunks, so that a small change leaves most chunks as they were."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from etiq_jupyter.objects.hashing import blake3_digest
from etiq_jupyter.objects.recipe import ChunkRef, Part, packed_size, unpack_refs

PIECE = 1 << 20
"""Bytes of a piece of an array, cut on row borders."""
AVERAGE = 64 << 10
"""Average bytes of a chunk cut by content."""
SECTION = 256 << 20
"""Bytes of a section: buffers larger than this are taken in section by section."""
_LARGE = 64 << 20  # from here on larger chunks, so that a recipe stays small

Cuts = list[tuple[int, int]]
"""Pieces as (start, end)."""


@functools.lru_cache(maxsize=4)
def _cutter(average: int) -> Any:
    from pyfastcdc import FastCDC

    return FastCDC(avg_size=average, min_size=average // 4, max_size=average * 4)


def _average(size: int) -> int:
    average = AVERAGE
    while size > _LARGE * (average // AVERAGE) and average < 1 << 20:
        average *= 4
    return average


def by_content(data: memoryview, itemsize: int = 1, *, of: int = 0) -> Cuts:
    """Cut where the content says so (FastCDC), at borders of items.

    Equal stretches of bytes are cut alike wherever they stand, so an insertion changes the chunks
    around it and no others. Part of a buffer is cut as in the whole with `of`, the bytes of that.
    """
    ends = []
    for chunk in _cutter(_average(of or data.nbytes)).cut_buf(data):
        end = chunk.offset + chunk.length
        ends.append(end - end % itemsize)
    ends[-1] = data.nbytes
    return _pieces(ends)


def middle(data: memoryview, itemsize: int) -> memoryview:
    """Return so much out of the middle of a buffer that some chunks by content lie in it."""
    length = min(data.nbytes, 32 * _average(data.nbytes))
    start = (data.nbytes - length) // 2
    start -= start % itemsize
    return data[start : start + length]


def following(
    data: memoryview, itemsize: int, earlier: Sequence[ChunkRef]
) -> tuple[Cuts, list[bytes]]:
    """Cut by content beside an earlier form, and return the digests of the pieces, too.

    As long as the bytes are those of the earlier form, its cuts are taken over, which only costs
    the digests that are needed anyway. From the first difference on the content is cut anew, until
    a chunk of the earlier form is met again.
    """
    cutter, size = _cutter(_average(data.nbytes)), data.nbytes
    places = {ref.hash: number for number, ref in enumerate(earlier)}
    # Where the earlier form ended may be in the middle of this one: no reason to cut so small.
    usable = len(earlier) - bool(earlier and earlier[-1].size < _average(size) // 4)
    cuts: Cuts = []
    digests: list[bytes] = []
    at, number = 0, 0
    while at < size:
        while number < len(earlier):
            end = at + earlier[number].size
            if end > size or (number >= usable and end < size):
                break
            digest = blake3_digest(data[at:end])
            if digest.hex() != earlier[number].hash:
                break
            cuts.append((at, end))
            digests.append(digest)
            at, number = end, number + 1
        begin = at
        for chunk in cutter.cut_buf(data[begin:]) if at < size else ():
            end = begin + chunk.offset + chunk.length
            end -= end % itemsize if end < size else 0
            if end <= at:
                continue
            digest = blake3_digest(data[at:end])
            cuts.append((at, end))
            digests.append(digest)
            at, number = end, places.get(digest.hex(), -1) + 1
            if number:
                break
        else:
            break
    return cuts, digests


def by_rows(size: int, row_bytes: int) -> Cuts:
    """Cut into pieces of whole rows of about `PIECE` bytes; longer rows are cut inside."""
    step = max(1, PIECE // row_bytes) * row_bytes if row_bytes <= PIECE else PIECE
    return _pieces([*range(step, size, step), size])


def like(part: Part) -> Cuts:
    """Cut as an earlier buffer of the same size was cut."""
    ends, end = [], 0
    for ref in unpack_refs(part.chunks):
        end += ref.size
        ends.append(end)
    return _pieces(ends)


def cut(data: memoryview, itemsize: int, row_bytes: int) -> Cuts:
    """Cut a section of a buffer that has no earlier form."""
    if not data.nbytes:
        return []
    return by_rows(data.nbytes, row_bytes) if row_bytes else by_content(data, itemsize)


def sections(size: int, itemsize: int, row_bytes: int) -> Cuts:
    """Divide a very large buffer into sections that are cut each for itself.

    So a buffer can be taken in piece by piece, in bounded memory, and comes out the same.
    """
    unit = itemsize
    if row_bytes:
        unit = max(1, PIECE // row_bytes) * row_bytes if row_bytes <= PIECE else PIECE
    step = max(1, SECTION // unit) * unit
    return _pieces([*range(step, size, step), size])


def same_shape(part: Part, size: int, itemsize: int, row_bytes: int) -> bool:
    """Whether an earlier buffer can lend its cuts to one of this shape."""
    return (
        bool(part.chunks)
        and not part.selected
        and part.itemsize == itemsize
        and part.row_bytes == row_bytes
        and part.size == size == packed_size(part.chunks)
    )


def _pieces(ends: list[int]) -> Cuts:
    cuts, start = [], 0
    for end in ends:
        if end > start:
            cuts.append((start, end))
            start = end
    return cuts
