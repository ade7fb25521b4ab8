"""Snapshots on their way to the courier."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from etiq_jupyter import model
from etiq_jupyter.objects.content import Buffer, Content

FORMS = 3
"""Earlier forms of one variable that are looked through for a selection of rows."""


@dataclass
class Job:
    """A snapshot that was handed over and is not yet stored."""

    id: int
    header: dict[str, Any]
    sections: list[list[Any]] = field(default_factory=list)
    regions: list[int] = field(default_factory=list)
    streamed: bool = False
    begun: bool = False
    complete: bool = False
    done: Callable[[dict[str, str]], None] | None = None
    snapshot: str = ""
    trouble: str = ""


def describe(
    number: int,
    snapshot: model.Snapshot,
    contents: Mapping[str, Content],
    destination: int | None,
    parents: Mapping[str, Sequence[str]],
    waiting: Sequence[Job],
) -> Job:
    """Describe a snapshot for the courier; `waiting` are those it has not stored yet."""
    described = {
        name: {
            "codec": content.codec,
            "version": content.version,
            "meta": content.meta,
            "rows": content.rows,
            "buffers": [_buffer(buffer) for buffer in content.buffers],
        }
        for name, content in contents.items()
    }
    header = {
        "op": "job",
        "job": number,
        "snapshot": msgspec.msgpack.encode(snapshot),
        "destination": destination,
        "parents": {name: list(some) for name, some in parents.items()},
        "contents": described,
        # For these the courier will know a later form than this process does now.
        "newer": [n for n in contents if any(n in j.header["contents"] for j in waiting)],
        "streamed": False,
    }
    return Job(number, header, snapshot=snapshot.id)


def _buffer(buffer: Buffer) -> list[Any]:
    return [
        buffer.name,
        buffer.layout,
        buffer.itemsize,
        buffer.row_bytes,
        buffer.data.nbytes,
        buffer.digest,
    ]
