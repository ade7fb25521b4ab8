"""A reader of crafted contents, and a witness that nothing ran and little memory was taken."""

# ruff: noqa: E501 - tables read better unbroken

from __future__ import annotations

import contextlib
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from etiq_jupyter import codecs
from etiq_jupyter.errors import Corrupt, EtiqError, NotKept, UnsafeContent

MEMORY = 64 << 20


class Crafted:
    """A content as a hostile snapshot may hold it: any meta, any buffers."""

    def __init__(
        self, codec: str, meta: Any, buffers: dict[str, bytes] | None = None, version: int = 1
    ) -> None:
        self.codec, self.meta, self.version = codec, meta, version
        self.buffers = buffers or {}

    def names(self) -> list[str]:
        return list(self.buffers)

    def read(self, name: str) -> memoryview:
        return memoryview(self.buffers[name])

    @classmethod
    def of(cls, value: Any) -> Crafted:
        content = codecs.encode(value).content
        return cls(content.codec, content.meta, {b.name: bytes(b.data) for b in content.buffers})


@pytest.fixture
def crafted() -> type[Crafted]:
    return Crafted


@pytest.fixture
def witness(tmp_path: Path) -> Path:
    """A file that only executed code would make."""
    return tmp_path / "executed"


class Payload:
    """Makes the witness when it is unpickled."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> Any:
        return (exec, (f"open({str(self.witness)!r}, 'w').close()",))


@pytest.fixture
def payload(witness: Path) -> Payload:
    return Payload(witness)


@pytest.fixture
def refused(witness: Path) -> Iterator[Callable[..., EtiqError]]:
    """Read a content in every way; it must be refused by name, without executing and within memory."""

    def read(content: Crafted, **options: Any) -> EtiqError:
        tracemalloc.start()
        try:
            with pytest.raises((Corrupt, UnsafeContent, NotKept)) as caught:
                codecs.decode(content, name="victim", stand_in=False, **options)
            for look in (codecs.preview, codecs.profile):
                with contextlib.suppress(EtiqError):
                    look(content)
            for form in ("json", "parquet", "raw", "png"):
                with contextlib.suppress(EtiqError):
                    codecs.export(content, form)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert "victim" in str(caught.value)
        assert peak < MEMORY + 20 * sum(map(len, content.buffers.values()))
        return caught.value

    yield read
    assert not witness.exists(), "the content executed code"
