"""Messages between a kernel and its courier: MessagePack over a socket pair, with descriptors."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
import threading
from typing import Any

import msgspec

_LENGTH = struct.Struct("<I")
_PATIENCE = 30  # seconds for the other side to take a message


class Channel:
    """One end of the line. Sending is safe from several threads; one thread receives."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._lock = threading.Lock()
        self._handling = self._ended = False
        # A stopped process on the other side must not hold a cell for ever.
        timeval = struct.pack("@ll", _PATIENCE, 0)
        with contextlib.suppress(OSError):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeval)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)

    def send(self, message: dict[str, Any], fd: int = -1) -> None:
        """Send a message; raises OSError when the other side is gone."""
        body = msgspec.msgpack.encode(message)
        data = memoryview(_LENGTH.pack(len(body)) + body)
        with self._lock:
            if fd >= 0:
                done = socket.send_fds(self._socket, [data], [fd])
                data = data[done:]
            self._socket.sendall(data)

    def receive(self) -> tuple[dict[str, Any], int] | None:
        """Return the next message and a descriptor (-1 when none came); None at the end."""
        received = self._receive()
        self._ended = received is None
        return received

    def _receive(self) -> tuple[dict[str, Any], int] | None:
        self._handling = False
        try:
            self._wait()
            self._handling = True  # before it is taken: see `pending`
            head, fds, _, _ = socket.recv_fds(self._socket, _LENGTH.size, 1)
            while 0 < len(head) < _LENGTH.size:
                more = self._socket.recv(_LENGTH.size - len(head))
                if not more:
                    return None
                head += more
            if not head:
                return None
            (size,) = _LENGTH.unpack(head)
            body = bytearray(size)
            view, at = memoryview(body), 0
            while at < size:
                count = self._socket.recv_into(view[at:])
                if not count:
                    return None
                at += count
        except (OSError, ValueError):  # the other side is gone, or this end was closed
            return None
        return msgspec.msgpack.decode(body), (fds[0] if fds else -1)

    def _wait(self, milliseconds: int | None = None) -> bool:
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(milliseconds))

    def pending(self) -> bool:
        """Whether something was sent to this end that has not been handled yet.

        Handled is what came before the last call of `receive`.
        """
        with contextlib.suppress(OSError, ValueError):
            # In this order: what is no longer on the line is being handled, or was.
            return not self._ended and (self._wait(0) or self._handling)
        return False

    def close(self) -> None:
        """Hang up."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def abandon(self) -> None:
        """Close only this process's copy, in a forked child."""
        with contextlib.suppress(OSError):
            os.close(self._socket.detach())
