"""Content: what a codec makes of a value and reads back, before it is cut, hashed and stored."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import msgspec
import xxhash

Layout = Literal["bytes", "rows", "lengths", "payload", "bits"]


@dataclass(slots=True)
class Buffer:
    """One stretch of raw bytes of a content.

    Attributes
    ----------
    name : str
        Unique within the content. Buffers of one frame column share the part before the first
        slash: ``c3/values``, ``c3/lengths``, ``c3/validity``.
    data : memoryview
        C-contiguous, format ``B``. A view on the user's memory; copied by whoever keeps it.
    layout : str
        ``bytes``: no row structure. ``rows``: fixed-width elements, one per row. ``lengths``:
        unsigned lengths, one per row, of what the column's ``payload`` buffer concatenates.
        ``bits``: one bit per row, least significant first (Arrow validity and booleans).
    itemsize : int
        Bytes per element, for byte shuffle and XOR deltas; 1 where it has no meaning.
    row_bytes : int
        For arrays: bytes per row of the first axis, so that pieces can be cut on row borders.
        0 means: cut by content.
    """

    name: str
    data: memoryview
    layout: Layout = "bytes"
    itemsize: int = 1
    row_bytes: int = 0
    _digest: bytes = b""

    def __post_init__(self) -> None:
        if self.data.format != "B" or self.data.ndim != 1:
            self.data = self.data.cast("B")

    @property
    def digest(self) -> bytes:
        """16 bytes of xxh3-128 of the data, computed once."""
        if not self._digest:
            self._digest = xxhash.xxh3_128_digest(self.data)
        return self._digest


@dataclass(slots=True)
class Content:
    """A value as its codec wrote it.

    Attributes
    ----------
    codec : str
        Name of the codec in the registry, for example ``pandas.frame``.
    version : int
        Version of that codec's form. A codec reads all its earlier versions.
    meta : dict
        Small structure: str, int, float, bool, None, bytes, list and str-keyed dict only.
    buffers : list of Buffer
        The bytes.
    rows : int
        Rows of a frame whose buffers have row layouts; -1 for everything else. Lets the store keep
        a row selection of an earlier frame as the selection.
    """

    codec: str
    version: int
    meta: dict[str, Any]
    buffers: list[Buffer] = field(default_factory=list)
    rows: int = -1
    _by_name: dict[str, Buffer] = field(default_factory=dict, repr=False, compare=False)

    @property
    def size(self) -> int:
        """Bytes of all buffers together."""
        return sum(buffer.data.nbytes for buffer in self.buffers)

    @property
    def hash(self) -> str:
        """The content hash: 32 hex digits of xxh3-128 over codec, version, meta and buffers."""
        state = xxhash.xxh3_128(canonical([self.codec, self.version, self.meta]))
        for buffer in self.buffers:
            state.update(canonical([buffer.name, buffer.data.nbytes]))
            state.update(buffer.digest)
        return state.hexdigest()

    def names(self) -> Iterable[str]:
        """Names of the buffers, in order."""
        return (buffer.name for buffer in self.buffers)

    def read(self, name: str) -> memoryview:
        """Return one buffer's bytes."""
        if len(self._by_name) != len(self.buffers):
            self._by_name = {buffer.name: buffer for buffer in self.buffers}
        return self._by_name[name].data.toreadonly()


class ContentReader(Protocol):
    """What a codec decodes from: a `Content`, or a stored one whose buffers are fetched on demand.

    ``read`` verifies what it returns and raises `Corrupt` for bytes that do not match their hash.
    What it returns is the caller's own memory when it is writable; otherwise it may be anybody's.
    """

    @property
    def codec(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def meta(self) -> dict[str, Any]: ...
    def names(self) -> Iterable[str]: ...
    def read(self, name: str) -> memoryview: ...


_encoder = msgspec.msgpack.Encoder(order="deterministic")


def canonical(value: Any) -> bytes:
    """MessagePack with sorted keys: equal structures give equal bytes."""
    return _encoder.encode(value)
