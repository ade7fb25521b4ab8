"""HTTP as uvicorn speaks it, with an answer's head and body sent together.

uvicorn writes them one after the other, which is two system calls and two packets, and wakes the
client twice: for small answers that is a good part of what a request costs.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LARGE = 64 << 10
"""Bytes that are sent at once; less waits for the end of this round of the event loop."""


class Protocol(HttpToolsProtocol):
    """One connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to use a connection."""
        super().connection_made(Joined(transport, self.loop))  # type: ignore[arg-type]


class Joined:
    """A transport that joins what is written in one round of the event loop.

    Parameters
    ----------
    transport : Transport
        What it is written to; does all else itself.
    loop : AbstractEventLoop
        The running one.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []
        self._size = 0
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        """Write, at the latest when this round of the loop ends."""
        self._parts.append(data)
        self._size += len(data)
        if self._size > LARGE:
            self._flush()
        elif len(self._parts) == 1:
            self._loop.call_soon(self._flush)

    def close(self) -> None:
        """Close the connection when all is written."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._parts:
            parts, self._parts, self._size = self._parts, [], 0
            self._transport.write(b"".join(parts))

    def __getattr__(self, name: str) -> Any:
        """Return what only the transport itself has."""
        return getattr(self._transport, name)
