"""What is to be kept, as the store takes it: contents whose buffers come section by section."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from etiq_jupyter.objects.content import Buffer, Content, Layout
from etiq_jupyter.store import cutting


class BufferSource(Protocol):
    """A buffer to be kept, whose bytes come section by section (`cutting.sections`)."""

    name: str
    layout: Layout
    itemsize: int
    row_bytes: int
    size: int
    digest: bytes

    @property
    def lasting(self) -> bool:
        """Whether the bytes of a section stay when the next one is asked for."""
        ...

    def sections(self) -> Iterator[memoryview]:
        """Return the bytes, section by section."""
        ...


class ContentSource(Protocol):
    """A content to be kept."""

    codec: str
    version: int
    meta: dict[str, Any]
    rows: int

    @property
    def sources(self) -> Sequence[BufferSource]: ...


class HeldBuffer:
    """A buffer that is whole in memory."""

    lasting = True

    def __init__(self, buffer: Buffer) -> None:
        self.name, self.layout = buffer.name, buffer.layout
        self.itemsize, self.row_bytes = buffer.itemsize, buffer.row_bytes
        self.size, self.digest = buffer.data.nbytes, buffer.digest
        self._data = buffer.data

    def sections(self) -> Iterator[memoryview]:
        """Return the bytes, in sections."""
        for start, end in cutting.sections(self.size, self.itemsize, self.row_bytes):
            yield self._data[start:end]


class HeldContent:
    """A content that is whole in memory."""

    def __init__(self, content: Content) -> None:
        self.codec, self.version = content.codec, content.version
        self.meta, self.rows = content.meta, content.rows
        self.sources: list[BufferSource] = [HeldBuffer(each) for each in content.buffers]
