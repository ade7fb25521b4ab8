"""Pack files of the local store: each process appends to its own."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterable
from pathlib import Path

from etiq_jupyter.errors import Corrupt
from etiq_jupyter.ids import new_id
from etiq_jupyter.objects.pack import HEADER, Frame, frame_header
from etiq_jupyter.store.database import sync_folder
from etiq_jupyter.store.forks import on_fork

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows: an open file cannot be deleted there anyway
    fcntl = None  # type: ignore[assignment]

FULL = 256 << 20
"""A pack is closed and another begun from this size on."""
_AHEAD = 8 << 20  # bytes appended after which the disk begins to write
_MANY = 512  # pieces per writev


class PackWriter:
    """Appends frames to a pack file of this process.

    The file is locked while this process may append to it, so that others leave it alone when they
    clean up; the lock ends with the process.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._fd = -1
        self._size = 0
        self._new = 0  # bytes that no sync was begun for
        self._sync_ahead: threading.Thread | None = None
        self._trouble: OSError | None = None
        self.name = ""
        on_fork(self)

    def after_fork(self) -> None:
        """Close the child's copy of the file: the parent goes on appending to it."""
        self._sync_ahead = None
        self.abandon()

    def append(self, frames: Iterable[Frame]) -> list[int]:
        """Write frames at the end; return the offset of each one's stored bytes.

        The bytes are on their way, not yet safe: `sync` makes them so. After an error nothing of
        this call counts, and the next call begins a new file.
        """
        try:
            return self._append(frames)
        except OSError:
            self.abandon()
            self._trouble = None
            raise

    def _append(self, frames: Iterable[Frame]) -> list[int]:
        self._ready()
        offsets, pieces, at = [], [], self._size
        for frame in frames:
            head = frame_header(frame)
            offsets.append(at + len(head))
            pieces += [head, frame.data]
            at += len(head) + len(frame.data)
        self._write(pieces)
        self._new += at - self._size
        self._size = at
        if self._new >= _AHEAD and not (self._sync_ahead and self._sync_ahead.is_alive()):
            self._begin_sync()
        return offsets

    def sync(self) -> None:
        """Wait until everything appended is on the disk."""
        self._end_sync()
        if self._trouble is not None:
            # The system tells of a failed write only once, and it may have told the thread.
            trouble, self._trouble = self._trouble, None
            self.abandon()
            raise trouble
        if self._fd >= 0:
            _fdatasync(self._fd)
        self._new = 0

    def _begin_sync(self) -> None:
        """Let the disk write while the next chunks are being compressed."""
        self._new = 0
        self._sync_ahead = threading.Thread(
            target=self._write_ahead, args=(self._fd,), name="etiq-sync", daemon=True
        )
        self._sync_ahead.start()

    def _write_ahead(self, fd: int) -> None:
        try:
            _fdatasync(fd)
        except OSError as error:
            self._trouble = error

    def _end_sync(self) -> None:
        if self._sync_ahead is not None:
            self._sync_ahead.join()
            self._sync_ahead = None

    def abandon(self) -> None:
        """Append no more to the current file."""
        self._end_sync()
        self._new = 0
        if self._fd >= 0:
            with contextlib.suppress(OSError):
                os.close(self._fd)
        self._fd = -1

    close = abandon

    def _ready(self) -> None:
        if self._size >= FULL:
            if self._fd >= 0:
                self.sync()  # nobody else will: later syncs are of the next file
            self.abandon()
        if self._fd >= 0:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        self.name = f"{new_id()}.pack"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        self._fd = os.open(self._folder / self.name, flags, 0o600)
        if fcntl is not None:
            fcntl.flock(self._fd, fcntl.LOCK_SH)
        os.write(self._fd, HEADER)
        self._size = len(HEADER)
        sync_folder(self._folder)

    def _write(self, pieces: list[bytes | bytearray | memoryview]) -> None:
        for start in range(0, len(pieces), _MANY):
            batch = [memoryview(piece) for piece in pieces[start : start + _MANY]]
            while batch:
                done = (
                    os.writev(self._fd, batch)
                    if hasattr(os, "writev")
                    else os.write(self._fd, batch[0])
                )
                while batch and done >= len(batch[0]):
                    done -= len(batch.pop(0))
                if batch and done:
                    batch[0] = batch[0][done:]


def _fdatasync(fd: int) -> None:
    getattr(os, "fdatasync", os.fsync)(fd)


class PackReader:
    """Reads stored bytes out of pack files. Safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._open: dict[str, int] = {}
        on_fork(self)

    def after_fork(self) -> None:
        """Begin anew in a forked child."""
        self._lock = threading.Lock()

    def read(self, name: str, offset: int, size: int) -> bytes:
        """Return ``size`` bytes at an offset of a pack.

        Raises
        ------
        Corrupt
            When the pack is missing or too short.
        """
        with self._lock:  # else another thread might close the file meanwhile
            try:
                data = _pread(self._file(name), size, offset)
            except OSError as error:
                raise Corrupt(f"Pack {name} cannot be read", why=error.strerror or "") from error
        if len(data) != size:
            raise Corrupt(f"Pack {name} is cut short", why=f"{size} bytes wanted at {offset}")
        return data

    def _file(self, name: str) -> int:
        fd = self._open.get(name)
        if fd is None:
            if len(self._open) >= 64:
                os.close(self._open.pop(next(iter(self._open))))
            try:
                flags = os.O_RDONLY | getattr(os, "O_BINARY", 0)
                fd = self._open[name] = os.open(self._folder / name, flags)
            except OSError as error:
                raise Corrupt(f"Pack {name} is missing", why=error.strerror or "") from error
        return fd

    def forget(self, name: str) -> None:
        """Close a pack that was removed."""
        with self._lock:
            fd = self._open.pop(name, None)
            if fd is not None:
                os.close(fd)

    def close(self) -> None:
        """Close all files."""
        with self._lock:
            for fd in self._open.values():
                os.close(fd)
            self._open.clear()


def _pread(fd: int, size: int, offset: int) -> bytes:
    if hasattr(os, "pread"):
        return os.pread(fd, size, offset)
    os.lseek(fd, offset, os.SEEK_SET)  # pragma: no cover - Windows
    return os.read(fd, size)  # pragma: no cover


def in_use(path: Path) -> bool:
    """Whether some process may still append to a pack."""
    if fcntl is None:  # pragma: no cover
        return False
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(fd)
    return False
