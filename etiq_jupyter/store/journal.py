"""SQLite's write-ahead log, read without SQLite: what it holds, also after a damaged place.

When nobody has an index open, SQLite reads its log up to the first frame whose checksum is wrong,
and says nothing about what follows. Every frame's checksum begins with that of the frame before
it, as it is noted there; so frames after a damaged one can still be told from garbage.
"""

from __future__ import annotations

import struct
import time
from pathlib import Path
from typing import Any, NamedTuple

_HEADER = struct.Struct(">8I")  # magic, version, page size, sequence, salts, checksum
_FRAME = struct.Struct(">6I")  # page, pages after the commit (0: none), salts, checksum
_MAGIC = 0x377F0682  # the lowest bit says that checksums are over big-endian words
_FEW = 64  # frames up to which numpy is not worth importing
_AGAIN = 0.05  # seconds after which a log that somebody writes to is looked at again


class Frame(NamedTuple):
    """One page in the log. ``pages`` is the size of the index after a commit, 0 within one."""

    page: int
    pages: int
    sound: bool
    start: int


class Journal(NamedTuple):
    """A log that was read.

    Attributes
    ----------
    page_size : int
    frames : list of Frame
        Those of the current round, in order; the damaged ones among them are not ``sound``.
    reached : int
        Frames that SQLite would find.
    """

    page_size: int
    frames: list[Frame]
    reached: int


def read_journal(data: bytes | memoryview) -> Journal:
    """Read the log of an index; empty when there is none."""
    size, order, salts, seed = _header(data)
    if not size or len(data) < _HEADER.size + _FRAME.size + size:
        return Journal(size, [], 0)
    length = _FRAME.size + size
    count = (len(data) - _HEADER.size) // length
    heads = [_FRAME.unpack_from(data, _HEADER.size + n * length) for n in range(count)]
    sound_header = seed is not None
    if salts is None:
        salts = heads[0][2:4]
    # What is left of an earlier round has other salts; a frame whose salts alone are damaged is
    # followed by one that is not.
    last = max((n for n in range(count) if heads[n][2:4] == salts), default=-1)
    heads = heads[: last + 1]
    sums = _checksums(data, size, order, [seed or (0, 0), *(head[4:6] for head in heads)])
    frames = [
        Frame(
            head[0],
            head[1],
            head[2:4] == salts and head[0] > 0 and head[4:6] == found,
            _HEADER.size + n * length + _FRAME.size,
        )
        for n, (head, found) in enumerate(zip(heads, sums, strict=True))
    ]
    reached = next((n for n, frame in enumerate(frames) if not frame.sound), len(frames))
    return Journal(size, frames, reached if sound_header else 0)


def _header(
    data: bytes | memoryview,
) -> tuple[int, str, tuple[int, ...] | None, tuple[int, int] | None]:
    """Return page size, byte order, salts and checksum; without the last two when damaged."""
    if len(data) < _HEADER.size:
        return 0, "<", None, None
    magic, _, size, _, *salts, one, two = _HEADER.unpack_from(data)
    order = ">" if magic & 1 else "<"
    if magic & ~1 == _MAGIC and _sum(bytes(data[:24]), order, (0, 0)) == (one, two):
        return size, order, tuple(salts), (one, two)
    if size not in {1 << n for n in range(9, 17)}:
        size = 4096
    return size, "<", None, None


def _checksums(
    data: bytes | memoryview, size: int, order: str, seeds: list[tuple[int, ...]]
) -> list[tuple[int, int]]:
    """Return for each frame the checksum that it should have, given the one before it."""
    length, count = _FRAME.size + size, len(seeds) - 1
    if count > _FEW:
        return _many_checksums(data, size, order, seeds)
    found = []
    for n in range(count):
        at = _HEADER.size + n * length
        words = bytes(data[at : at + 8]) + bytes(data[at + _FRAME.size : at + length])
        found.append(_sum(words, order, (seeds[n][0], seeds[n][1])))
    return found


def _sum(data: bytes, order: str, seed: tuple[int, int]) -> tuple[int, int]:
    one, two = seed
    for first, second in struct.iter_unpack(f"{order}2I", data):
        one = (one + first + two) & 0xFFFFFFFF
        two = (two + second + one) & 0xFFFFFFFF
    return one, two


def _many_checksums(
    data: bytes | memoryview, size: int, order: str, seeds: list[tuple[int, ...]]
) -> list[tuple[int, int]]:
    """Do as `_checksums` for many frames: the checksum is linear in seed and words."""
    import numpy as np

    length, count = _FRAME.size + size, len(seeds) - 1
    view = memoryview(data)[_HEADER.size : _HEADER.size + count * length]
    frames = np.frombuffer(view, np.uint8).reshape(count, length)
    words = np.concatenate([frames[:, :8], frames[:, _FRAME.size :]], axis=1)
    numbers = words.view(f"{order}u4").astype(np.uint32)
    factors, of_seed = _factors(numbers.shape[1])
    before = np.array(seeds[:count], np.uint32)
    sums: Any = numbers @ factors + before @ of_seed
    return [(int(one), int(two)) for one, two in sums]


def _factors(count: int) -> tuple[Any, Any]:
    """Return how much each of `count` words, and each half of the seed, adds to the checksum."""
    import numpy as np

    mask = 0xFFFFFFFF
    # What one unit in either half becomes by the end: (to the first half, to the second half).
    one, two = (1, 0), (0, 1)
    factors = np.zeros((count, 2), np.uint32)
    for n in range(count - 2, -1, -2):
        # One step: one += first + two; two += second + one.
        both = (one[0] + two[0]) & mask, (one[1] + two[1]) & mask
        factors[n], factors[n + 1] = both, two
        one, two = both, ((both[0] + two[0]) & mask, (both[1] + two[1]) & mask)
    return factors, np.array([one, two], np.uint32)


def cut_short(path: Path) -> str:
    """Say why SQLite would not find all transactions of a log; empty when it would."""
    for attempt in range(2):
        if attempt:
            time.sleep(_AGAIN)  # somebody may be writing to it just now
        try:
            data = path.read_bytes()
        except OSError:
            return ""
        found = read_journal(data)
        lost = sum(frame.pages > 0 and frame.sound for frame in found.frames[found.reached :])
        if not lost:
            return ""
    return f"its journal has a damaged place, with {lost} later transactions behind it"
