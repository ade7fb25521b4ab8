"""Pixels to PNG with the standard library, so that a server shows pictures without Pillow."""

from __future__ import annotations

import struct
import zlib
from typing import Any

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Mode -> bits per sample, PNG colour type, bytes per pixel.
_MODES = {
    "1": (1, 0, 0),
    "L": (8, 0, 1),
    "LA": (8, 4, 2),
    "RGB": (8, 2, 3),
    "RGBA": (8, 6, 4),
    "P": (8, 3, 1),
}


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def encode_png(
    mode: str, width: int, height: int, pixels: Any, palette: Any = None
) -> bytes | None:
    """Return a PNG of raw pixels, None for a mode that PNG does not have.

    Parameters
    ----------
    pixels : bytes-like
        Rows from the top, without padding.
    palette : bytes-like, optional
        RGB triples, for mode ``P``.
    """
    if mode not in _MODES or (mode == "P" and palette is None) or not width or not height:
        return None
    bits, colour, size = _MODES[mode]
    stride = width * size if size else (width + 7) // 8
    data = bytes(pixels)
    rows = b"".join(b"\0" + data[n * stride : (n + 1) * stride] for n in range(height))
    parts = [
        _SIGNATURE,
        _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)),
    ]
    if mode == "P":
        parts.append(_chunk(b"PLTE", bytes(palette)[: 256 * 3]))
    parts += [_chunk(b"IDAT", zlib.compress(rows, 1)), _chunk(b"IEND", b"")]
    return b"".join(parts)
