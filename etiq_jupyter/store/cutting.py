"""Cutting buffers into chunks, so that a small change leaves most chunks as they were."""

from __future__ import annotations

import functools
from typing import Any

from etiq_jupyter.objects.content import Buffer
from etiq_jupyter.objects.recipe import Part, packed_size, unpack_refs

PIECE = 1 << 20
"""Bytes of a piece of an array, cut on row borders."""
AVERAGE = 64 << 10
"""Average bytes of a chunk cut by content."""
_LARGE = 256 << 20  # from here on larger chunks, so that a recipe stays small

Cuts = list[tuple[int, int]]
"""Pieces as (start, end)."""


@functools.lru_cache(maxsize=4)
def _cutter(average: int) -> Any:
    from pyfastcdc import FastCDC

    return FastCDC(avg_size=average, min_size=average // 4, max_size=average * 4)


def by_content(data: memoryview, itemsize: int = 1) -> Cuts:
    """Cut where the content says so (FastCDC), at borders of items.

    Equal stretches of bytes are cut alike wherever they stand, so an insertion changes the chunks
    around it and no others.
    """
    average = AVERAGE
    while data.nbytes > _LARGE * (average // AVERAGE) and average < 1 << 20:
        average *= 4
    ends, end = [], 0
    for chunk in _cutter(average).cut_buf(data):
        end = chunk.offset + chunk.length
        ends.append(end - end % itemsize)
    ends[-1] = data.nbytes
    return _pieces(ends)


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


def cut(buffer: Buffer) -> Cuts:
    """Cut a buffer that has no earlier form."""
    if not buffer.data.nbytes:
        return []
    if buffer.row_bytes:
        return by_rows(buffer.data.nbytes, buffer.row_bytes)
    return by_content(buffer.data, buffer.itemsize)


def same_shape(buffer: Buffer, part: Part | None) -> bool:
    """Whether an earlier buffer can lend its cuts to this one."""
    return (
        part is not None
        and bool(part.chunks)
        and not part.selected
        and not buffer.row_bytes
        and part.itemsize == buffer.itemsize
        and part.size == buffer.data.nbytes == packed_size(part.chunks)
    )


def _pieces(ends: list[int]) -> Cuts:
    cuts, start = [], 0
    for end in ends:
        if end > start:
            cuts.append((start, end))
            start = end
    return cuts
