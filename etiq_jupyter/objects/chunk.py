"""Chunks: how raw bytes are kept smaller, and read back safely.

A chunk is named by BLAKE3 of its raw bytes; how it is kept is not part of its name. Forms whose
number is in `DELTAS` need the raw bytes of one other chunk, their *base*, which is never itself
kept as a delta.

===========  ======  ======================================================================
form         number  stored bytes
===========  ======  ======================================================================
raw          0       the raw bytes
zstd         1       one zstd frame
shuffle      2       item size (1 byte), zstd frame of the byte planes
difference   3       item size (1 byte), zstd frame of the byte planes of the differences
                     between neighbouring items (little-endian, modulo 2^bits)
xor          4       item size (1 byte), zstd frame of the byte planes of raw XOR base
prefix       5       one zstd frame made with the base as raw dictionary
===========  ======  ======================================================================

Byte planes: first byte of every item, then second byte of every item, and so on; what is left over
after the last whole item follows unchanged. The base of XOR is cut or filled with zeros to the
raw size.
"""

from __future__ import annotations

import threading
from typing import Any

import zstandard

from etiq_jupyter.errors import Corrupt, UnsafeContent
from etiq_jupyter.objects.hashing import Data, blake3_hex
from etiq_jupyter.objects.recipe import MAX_RECIPE

RAW, ZSTD, SHUFFLE, DIFFERENCE, XOR, PREFIX = range(6)
NAMES = ("raw", "zstd", "shuffle", "difference", "xor", "prefix")
DELTAS = frozenset((XOR, PREFIX))
"""Forms that need a base."""

SAMPLE = 32 << 10
GAIN = 0.9
"""A form must save a tenth, else reading it back costs more than it gives."""
_SPLIT_FROM = 8 << 10
_PREFIX_LEVEL = 3  # level 1 finds few of the matches: ten times the size in half the time
_WIDTHS = (2, 4, 8)
_local = threading.local()


def _compressor() -> zstandard.ZstdCompressor:
    found: zstandard.ZstdCompressor | None = getattr(_local, "compressor", None)
    if found is None:
        found = _local.compressor = zstandard.ZstdCompressor(level=1, write_checksum=False)
    return found


def _decompressor() -> zstandard.ZstdDecompressor:
    found: zstandard.ZstdDecompressor | None = getattr(_local, "decompressor", None)
    if found is None:
        found = _local.decompressor = zstandard.ZstdDecompressor(max_window_size=MAX_RECIPE)
    return found


def shuffle(data: Data, itemsize: int) -> bytes:
    """Return the byte planes of the items."""
    import numpy as np

    array = np.frombuffer(data, np.uint8)
    whole = len(array) - len(array) % itemsize
    planes: bytes = array[:whole].reshape(-1, itemsize).T.tobytes()
    return planes + array[whole:].tobytes() if whole < len(array) else planes


def unshuffle(data: Data, itemsize: int) -> Any:
    """Return the items of byte planes, as a writable array of bytes."""
    import numpy as np

    array = np.frombuffer(data, np.uint8)
    whole = len(array) - len(array) % itemsize
    out = np.empty(len(array), np.uint8)
    items, planes = out[:whole].reshape(-1, itemsize), array[:whole].reshape(itemsize, -1)
    for place in range(itemsize):  # one by one: several times as fast as the whole turned round
        items[:, place] = planes[place]
    out[whole:] = array[whole:]
    return out


def _differences(data: Data, itemsize: int) -> bytes:
    import numpy as np

    whole = len(data) - len(data) % itemsize
    items = np.frombuffer(data, f"<u{itemsize}", count=whole // itemsize)
    out = np.empty_like(items)
    out[:1] = items[:1]
    np.subtract(items[1:], items[:-1], out=out[1:])
    return out.tobytes() + bytes(memoryview(data)[whole:])


def _undo_differences(raw: Any, itemsize: int) -> bytes:
    import numpy as np

    whole = len(raw) - len(raw) % itemsize
    items = raw[:whole].view(f"<u{itemsize}")
    np.add.accumulate(items, out=items, dtype=items.dtype)
    return bytes(raw)


def _xor(data: Data, base: Data) -> bytes:
    import numpy as np

    out = np.frombuffer(data, np.uint8).copy()
    common = min(len(out), len(base))
    out[:common] ^= np.frombuffer(base, np.uint8, count=common)
    return bytes(out)


def _planes(data: Data, form: int, itemsize: int) -> bytes:
    if form == DIFFERENCE:
        return shuffle(_differences(data, itemsize), itemsize)
    return shuffle(data, itemsize)


def _compress_planes(planes: bytes, itemsize: int) -> bytes:
    """Compress byte planes into one frame, the two highest ones in blocks of their own.

    These (sign, exponent, high digits) have few values, the others often all: with a table of
    codes of their own, noise becomes a tenth smaller.
    """
    if len(planes) < _SPLIT_FROM:
        return _compressor().compress(planes)
    view, plane = memoryview(planes), len(planes) // itemsize
    stream = _compressor().compressobj(size=len(planes))
    pieces, start = [], 0
    for end in (plane * (itemsize - 2), plane * (itemsize - 1)):
        if end > start:
            pieces += [
                stream.compress(view[start:end]),
                stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK),
            ]
            start = end
    pieces += [stream.compress(view[start:]), stream.flush()]
    return b"".join(pieces)


def choose_form(sample: Data, itemsize: int, *, gain: float = GAIN) -> int:
    """Choose among raw, zstd, shuffle and difference by trying them on a sample.

    Parameters
    ----------
    sample : bytes-like
        Some bytes of the buffer, a multiple of `itemsize`; `SAMPLE` bytes are enough.
    itemsize : int
        Bytes per element; byte planes are tried for 2, 4 and 8.
    gain : float
        At most this part of the bytes must be left, else they are kept as they are.
    """
    if len(sample) < 64:
        return RAW
    compress = _compressor().compress
    sizes = {ZSTD: len(compress(sample))}
    if itemsize in _WIDTHS:
        for form in (SHUFFLE, DIFFERENCE):
            sizes[form] = len(_compress_planes(_planes(sample, form, itemsize), itemsize)) + 1
    best = min(sizes, key=lambda form: (sizes[form], form))
    return best if sizes[best] < gain * len(sample) else RAW


def encode_chunk(
    data: Data, form: int = ZSTD, itemsize: int = 1, base: Data | None = None
) -> tuple[int, bytes]:
    """Make the stored form of a chunk.

    Parameters
    ----------
    data : bytes-like
        The raw bytes.
    form : int
        The form to try; `XOR` and `PREFIX` need `base`.
    itemsize : int
        Bytes per element, 1 to 255.

    Returns
    -------
    tuple of (int, bytes)
        The form used and the stored bytes. Raw when the form would not be smaller.
    """
    if form in DELTAS and base is None:
        raise ValueError("a change to another chunk needs that chunk")
    if form == RAW:
        return RAW, bytes(data)
    if form == ZSTD:
        stored = _compressor().compress(data)
    elif form == PREFIX:
        prefix = zstandard.ZstdCompressionDict(
            bytes(base or b""), dict_type=zstandard.DICT_TYPE_RAWCONTENT
        )
        stored = zstandard.ZstdCompressor(level=_PREFIX_LEVEL, dict_data=prefix).compress(data)
    else:
        if form == XOR:
            packed = _compressor().compress(shuffle(_xor(data, base or b""), itemsize))
        else:
            packed = _compress_planes(_planes(data, form, itemsize), itemsize)
        stored = bytes((itemsize,)) + packed
    if len(stored) >= len(data):
        return RAW, bytes(data)
    return form, stored


def _inflate(
    stored: Data, raw_size: int, decompressor: zstandard.ZstdDecompressor | None = None
) -> bytes:
    # The size in the frame's header is what gets allocated, so it is compared before.
    try:
        if zstandard.frame_content_size(stored) != raw_size:
            raise Corrupt("A chunk is not as long as it should be")
        return (decompressor or _decompressor()).decompress(stored)
    except zstandard.ZstdError as error:
        raise Corrupt("A chunk cannot be decompressed", why=str(error)) from error


def decode_chunk(
    encoding: int, stored: Data, raw_size: int, base: Data | None = None, *, expected: str = ""
) -> bytes:
    """Return the raw bytes of a chunk that may come from anybody.

    Parameters
    ----------
    encoding : int
        The stored form.
    stored : bytes-like
        The stored bytes.
    raw_size : int
        How long the raw bytes must be; never more is allocated.
    base : bytes-like, optional
        Raw bytes of the base, for `XOR` and `PREFIX`.
    expected : str
        The chunk's name; what is returned has it.

    Raises
    ------
    Corrupt
        When the bytes are not the form they claim, or do not have the expected name.
    UnsafeContent
        When the chunk is larger than any chunk may be.
    """
    if not 0 <= raw_size <= MAX_RECIPE:
        raise UnsafeContent(f"A chunk of {raw_size} bytes is too large to read")
    if encoding in DELTAS and base is None:
        raise Corrupt("A chunk is kept as a change to another one, which is missing")
    raw = _decode(encoding, stored, raw_size, base)
    if len(raw) != raw_size:
        raise Corrupt("A chunk is not as long as it should be")
    if expected and blake3_hex(raw) != expected:
        raise Corrupt(f"Chunk {expected[:12]} does not have the bytes that its name promises")
    return raw


def _decode(encoding: int, stored: Data, raw_size: int, base: Data | None) -> bytes:
    if encoding == RAW:
        return bytes(stored)
    if encoding == ZSTD:
        return _inflate(stored, raw_size)
    if encoding == PREFIX:
        prefix = zstandard.ZstdCompressionDict(
            bytes(base or b""), dict_type=zstandard.DICT_TYPE_RAWCONTENT
        )
        reader = zstandard.ZstdDecompressor(dict_data=prefix, max_window_size=MAX_RECIPE)
        return _inflate(stored, raw_size, reader)
    if encoding not in (SHUFFLE, DIFFERENCE, XOR):
        raise Corrupt(f"A chunk is kept in form {encoding}, which this version does not know")
    if len(stored) < 2 or stored[0] == 0:
        raise Corrupt("A chunk is cut short")
    itemsize = stored[0]
    if encoding == DIFFERENCE and itemsize not in _WIDTHS:
        raise Corrupt("A chunk has items of an unknown width")
    raw = unshuffle(_inflate(memoryview(stored)[1:], raw_size), itemsize)
    if encoding == DIFFERENCE:
        return _undo_differences(raw, itemsize)
    return _xor(raw, base or b"") if encoding == XOR else bytes(raw)
