"""Where new chunks go: small amounts into the index, larger ones into a pack as they come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from etiq_jupyter.objects.pack import Frame
from etiq_jupyter.store.chunks import ChunkStore

INLINE_LIMIT = 256 << 10
"""New bytes of a snapshot up to which they go into the index: one transaction, one sync."""


@dataclass(slots=True)
class Kept:
    """A new chunk, in memory or already in a pack, not yet in the index."""

    hash: bytes
    encoding: int
    raw_size: int
    stored_size: int
    base: bytes | None
    data: bytes | None
    pack: str | None = None
    offset: int = 0


class Sink:
    """Collects the new chunks of one snapshot.

    Attributes
    ----------
    kept : list of Kept
        All chunks, in order.
    size : int
        Their stored bytes.
    """

    def __init__(self, chunks: ChunkStore) -> None:
        self._chunks = chunks
        self.kept: list[Kept] = []
        self.hashes: set[bytes] = set()
        self.size = 0
        self._packed = False

    def add(self, frames: Sequence[Frame]) -> None:
        """Take chunks; raises OSError when a pack cannot be written."""
        self.hashes.update(bytes.fromhex(frame.hash) for frame in frames)
        self.size += sum(len(frame.data) for frame in frames)
        if self.size <= INLINE_LIMIT:
            self.kept += [_kept(frame, bytes(frame.data)) for frame in frames]
            return
        if not self._packed:
            self._packed = True
            self._move()
        self._pack([_kept(frame, None) for frame in frames], frames)

    def _move(self) -> None:
        """Bring what was held in memory into a pack."""
        held, self.kept = self.kept, []
        frames = [
            Frame(
                each.hash.hex(),
                each.encoding,
                each.raw_size,
                each.base.hex() if each.base else "",
                each.data or b"",
            )
            for each in held
        ]
        self._pack(held, frames)

    def _pack(self, some: Sequence[Kept], frames: Sequence[Frame]) -> None:
        for kept, (pack, offset) in zip(some, self._chunks.append(frames), strict=True):
            kept.pack, kept.offset, kept.data = pack, offset, None
        self.kept += some

    def finish(self) -> None:
        """Wait until what went into a pack is on the disk."""
        if self._packed:
            self._chunks.sync()


def _kept(frame: Frame, data: bytes | None) -> Kept:
    base = bytes.fromhex(frame.base) or None
    size = len(frame.data)
    return Kept(bytes.fromhex(frame.hash), frame.encoding, frame.raw_size, size, base, data)
