"""Packs: many chunks in one stretch of bytes, on disk and on the wire.

A pack is 8 bytes of header (``ETIQPK``, a version byte, a zero byte), then one frame after another:

=======  =====================================================================
bytes    meaning, integers little-endian
=======  =====================================================================
4        ``ETQF``
32       BLAKE3 of the raw bytes: the chunk's name
1        encoding (see `objects.chunk`)
3        zero
4        size of the raw bytes
4        size of the stored bytes
32       name of the base; only for the encodings ``xor`` and ``prefix``
...      stored bytes
=======  =====================================================================
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from etiq_jupyter.errors import Corrupt, UnsafeContent
from etiq_jupyter.objects.chunk import DELTAS, decode_chunk
from etiq_jupyter.objects.hashing import Data
from etiq_jupyter.objects.recipe import MAX_RECIPE

VERSION = 1
HEADER = b"ETIQPK" + bytes((VERSION, 0))
MARK = b"ETQF"
_FRAME = struct.Struct("<4s32sBxxxII")
FRAME_BYTES = _FRAME.size


class Frame(NamedTuple):
    """One chunk in a pack. ``hash`` and ``base`` are 64 hex digits; ``base`` is empty if none."""

    hash: str
    encoding: int
    raw_size: int
    base: str
    data: Data


def frame_header(frame: Frame) -> bytes:
    """Return what precedes the stored bytes of a frame."""
    head = _FRAME.pack(
        MARK, bytes.fromhex(frame.hash), frame.encoding, frame.raw_size, len(frame.data)
    )
    return head + bytes.fromhex(frame.base) if frame.encoding in DELTAS else head


def write_pack(frames: Iterable[Frame]) -> bytes:
    """Return a pack of the frames. A base must come before what is kept as a change to it."""
    pieces: list[Data] = [HEADER]
    for frame in frames:
        pieces.append(frame_header(frame))
        pieces.append(frame.data)
    return b"".join(pieces)


def read_frame(buffer: memoryview, offset: int) -> tuple[Frame, int]:
    """Read the frame at an offset; return it and the offset after it.

    Raises
    ------
    Corrupt
        When no whole frame is there.
    """
    end = offset + FRAME_BYTES
    if end > len(buffer):
        raise Corrupt("A pack is cut short")
    mark, digest, encoding, raw_size, stored_size = _FRAME.unpack_from(buffer, offset)
    if mark != MARK:
        raise Corrupt("A pack holds something that is not a chunk", why=f"at byte {offset}")
    if raw_size > MAX_RECIPE or stored_size > MAX_RECIPE:
        raise UnsafeContent(f"A chunk of {max(raw_size, stored_size)} bytes is too large to read")
    base = ""
    if encoding in DELTAS:
        base = bytes(buffer[end : end + 32]).hex()
        end += 32
    if end + stored_size > len(buffer):
        raise Corrupt("A pack is cut short")
    data = buffer[end : end + stored_size]
    return Frame(digest.hex(), encoding, raw_size, base, data), end + stored_size


def whole_frames(buffer: memoryview) -> int:
    """Return how many bytes from the start are header and whole frames, of a pack cut short."""
    check_header(buffer)
    end = len(HEADER)
    while True:
        try:
            end = read_frame(buffer, end)[1]
        except Corrupt:
            return end


def check_header(buffer: Data) -> None:
    """Raise `Corrupt` or `UnsafeContent` unless the bytes begin like a pack of a known version."""
    if bytes(buffer[:6]) != HEADER[:6] or len(buffer) < len(HEADER):
        raise Corrupt("These bytes are not a pack")
    if not 1 <= buffer[6] <= VERSION:
        raise UnsafeContent(
            f"This pack has format {buffer[6]}",
            why=f"this version reads up to {VERSION}",
            hint="update etiq_jupyter",
        )


def read_pack(buffer: Data) -> Iterator[Frame]:
    """Read the frames of a pack in order, without copying: ``data`` are views on the buffer.

    Raises
    ------
    Corrupt
        When the bytes are not a pack or are cut short.
    UnsafeContent
        When a chunk is too large, or the pack is of a newer format.
    """
    view = memoryview(buffer)
    check_header(view)
    offset = len(HEADER)
    while offset < len(view):
        frame, offset = read_frame(view, offset)
        yield frame


def decode_frame(frame: Frame, base: Data | None = None) -> bytes:
    """Return the raw bytes of a frame, verified by name."""
    return decode_chunk(frame.encoding, frame.data, frame.raw_size, base, expected=frame.hash)
