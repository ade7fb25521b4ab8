"""Snapshots handed over in shared memory, as the store takes them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any, Protocol

import msgspec

from etiq_jupyter import model
from etiq_jupyter.errors import Corrupt
from etiq_jupyter.objects.content import Layout


class Abandoned(Exception):
    """The kernel died before it had handed over everything of a snapshot."""


class Keeper(Protocol):
    """Who stores what comes in."""

    orphaned: bool

    def consumed(self, job: int, start: int) -> None: ...


class IncomingBuffer:
    """A buffer whose sections lie in the arena, or are still to come."""

    def __init__(self, job: Incoming, facts: list[Any]) -> None:
        self.name: str = facts[0]
        self.layout: Layout = facts[1]
        self.itemsize: int = facts[2]
        self.row_bytes: int = facts[3]
        self.size: int = facts[4]
        self.digest: bytes = facts[5]
        self._job = job
        self._places: list[tuple[int, int]] = []

    @property
    def lasting(self) -> bool:
        """Whether a section's bytes stay when the next one is asked for."""
        return not self._job.streamed

    def add(self, start: int, length: int) -> None:
        self._places.append((start, length))

    def sections(self) -> Iterator[memoryview]:
        """Return the bytes, waiting for what is still to come."""
        done, number = 0, 0
        while done < self.size:
            start, length = self._job.place(self._places, number, self.name)
            yield self._job.arena[start : start + length]
            done, number = done + length, number + 1
            self._job.consumed(start)


class IncomingContent:
    """A content that was handed over."""

    def __init__(self, job: Incoming, facts: dict[str, Any]) -> None:
        self.codec: str = facts["codec"]
        self.version: int = facts["version"]
        self.meta: dict[str, Any] = facts["meta"]
        self.rows: int = facts["rows"]
        self.sources = [IncomingBuffer(job, each) for each in facts["buffers"]]


class Incoming:
    """One snapshot to be stored, as its kernel described it.

    Parameters
    ----------
    message : dict
        The description (`handover.HandOver`).
    arena : memoryview
        Where its bytes are.
    keeper : Keeper, optional
        Who hears which memory is free again, and knows whether more can come.
    """

    def __init__(
        self, message: dict[str, Any], arena: memoryview, keeper: Keeper | None = None
    ) -> None:
        self.id: int = message["job"]
        self.snapshot = msgspec.msgpack.decode(message["snapshot"], type=model.Snapshot)
        self.destination: int | None = message["destination"]
        self.parents: dict[str, list[str]] = message["parents"]
        self.newer: list[str] = message["newer"]
        self.streamed: bool = message["streamed"]
        self.since = time.monotonic()
        self.failed = False
        self.arena = arena
        self.contents = {
            name: IncomingContent(self, each) for name, each in message["contents"].items()
        }
        self._keeper = keeper
        self._complete = False
        self._changed = threading.Condition()

    def add(self, sections: list[list[Any]]) -> None:
        """Take note of sections that are in the arena now."""
        with self._changed:
            for name, number, start, length in sections:
                self.contents[name].sources[number].add(start, length)
            self._changed.notify_all()

    def end(self) -> None:
        """Take note that everything is in the arena."""
        with self._changed:
            self._complete = True
            self._changed.notify_all()

    def place(self, places: list[tuple[int, int]], number: int, name: str) -> tuple[int, int]:
        """Return where a section is."""
        with self._changed:
            while number >= len(places):
                if self._complete:
                    raise Corrupt(f"The bytes of {name!r} were not handed over")
                if self._keeper is None or self._keeper.orphaned:
                    raise Abandoned
                self._changed.wait(0.5)
            return places[number]

    def consumed(self, start: int) -> None:
        """Give a section's memory back while the rest of the snapshot is still coming."""
        if self.streamed and self._keeper is not None:
            self._keeper.consumed(self.id, start)
