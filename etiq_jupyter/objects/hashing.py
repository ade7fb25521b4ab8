"""The names of bytes: BLAKE3 for what is stored and sent."""

from __future__ import annotations

import re

from blake3 import blake3

Data = bytes | bytearray | memoryview

HASH_BYTES = 32
_HEX = re.compile(r"[0-9a-f]{64}")
_THREADS_FROM = 1 << 20  # below this, starting threads costs more than it gives


def blake3_digest(data: Data) -> bytes:
    """Return the 32 bytes of BLAKE3 of the data; several cores are used from 1 MiB on."""
    if len(data) >= _THREADS_FROM:
        return blake3(data, max_threads=blake3.AUTO).digest()
    return blake3(data).digest()


def blake3_hex(data: Data) -> str:
    """Return BLAKE3 of the data as 64 hex digits: the name of a chunk, a recipe or a pack."""
    return blake3_digest(data).hex()


def is_hash(text: str) -> bool:
    """Whether the text is 64 lower-case hex digits. Checked before a name becomes a path or key."""
    return _HEX.fullmatch(text) is not None
