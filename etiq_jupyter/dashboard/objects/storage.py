"""Where packs are: a folder, or an object store. Keys are made here only, from hashes and ids.

A pack is written once and never changed, so nothing is asked of the store but put, ranged get,
delete and list.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from etiq_jupyter.errors import ConfigError, Corrupt, StorageFull

_KEY = re.compile(r"packs/[0-9a-f-]{36}/[0-9a-f]{2}/[0-9a-f]{64}")


class Storage(Protocol):
    """What holds the packs."""

    def put(self, key: str, data: bytes) -> None:
        """Store durably; the same key is always the same bytes."""

    def has(self, key: str) -> bool:
        """Tell whether a key is there."""

    def get_ranges(self, key: str, ranges: list[tuple[int, int]]) -> list[bytes]:
        """Read (offset, length) pieces; raises `Corrupt` when they are not there."""

    def delete(self, key: str) -> None:
        """Delete; it is no fault when it is not there."""

    def stored(self) -> Iterator[tuple[str, float]]:
        """Return all keys, each with when it was written (seconds since 1970)."""


def pack_key(workspace_id: str, pack_hash: str) -> str:
    """Return the key of a pack."""
    return f"packs/{workspace_id}/{pack_hash[:2]}/{pack_hash}"


def open_storage(url: str) -> Storage:
    """Open a folder (a path or ``file://``) or an object store (``s3://``, ``gs://``, ``az://``)."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return Folder(Path(url))
    if scheme == "file":
        return Folder(Path(rest))
    return Bucket(url)


class Folder:
    """Packs as files of a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, key: str, data: bytes) -> None:
        """Write beside, flush to the disk, then rename: a reader sees all of it or nothing."""
        path = self._path(key)
        if path.is_file() and path.stat().st_size == len(data):
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".new-", delete=False) as file:
                temporary = Path(file.name)
                try:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                    temporary.replace(path)
                except BaseException:
                    temporary.unlink(missing_ok=True)
                    raise
            _sync_folder(path.parent)
        except OSError as error:
            raise StorageFull(
                "the dashboard cannot store objects",
                why=error.strerror or str(error),
                hint="make room on the dashboard's disk",
            ) from error

    def has(self, key: str) -> bool:
        """Tell whether a pack is there."""
        return self._path(key).is_file()

    def get_ranges(self, key: str, ranges: list[tuple[int, int]]) -> list[bytes]:
        """Read pieces of a file."""
        try:
            with self._path(key).open("rb") as file:
                pieces = [os.pread(file.fileno(), length, offset) for offset, length in ranges]
        except FileNotFoundError:
            raise _gone(key) from None
        if any(len(piece) != length for piece, (_, length) in zip(pieces, ranges, strict=True)):
            raise _gone(key)
        return pieces

    def delete(self, key: str) -> None:
        """Delete a file."""
        self._path(key).unlink(missing_ok=True)

    def stored(self) -> Iterator[tuple[str, float]]:
        """Return all packs."""
        for path in self._root.glob("packs/*/??/*"):
            key = path.relative_to(self._root).as_posix()
            if _KEY.fullmatch(key):
                yield key, path.stat().st_mtime

    def _path(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise ValueError(f"not a key of the objects: {key!r}")
        return self._root / key


class Bucket:
    """Packs as objects of S3, Google Cloud Storage or Azure, by obstore."""

    def __init__(self, url: str) -> None:
        try:
            from obstore.store import from_url
        except ImportError:
            raise ConfigError(
                f"objects at {url!r} need obstore", hint="pip install 'etiq_jupyter[dashboard]'"
            ) from None
        options: Any = {}
        endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
        if endpoint.startswith("http://"):
            options["client_options"] = {"allow_http": True}
        try:
            self._store = from_url(url, **options)
        except Exception as error:
            raise ConfigError(
                f"objects at {url!r} cannot be opened",
                why=str(error),
                hint="use s3://bucket/prefix, gs://..., az://... or a folder",
            ) from error

    def put(self, key: str, data: bytes) -> None:
        """Upload; large packs in parts."""
        import obstore

        obstore.put(self._store, key, data)

    def has(self, key: str) -> bool:
        """Tell whether a pack is there."""
        import obstore

        try:
            obstore.head(self._store, key)
        except FileNotFoundError:
            return False
        return True

    def get_ranges(self, key: str, ranges: list[tuple[int, int]]) -> list[bytes]:
        """Read pieces; neighbouring ones are asked for together."""
        import obstore

        starts, lengths = [r[0] for r in ranges], [r[1] for r in ranges]
        try:
            found = obstore.get_ranges(self._store, key, starts=starts, lengths=lengths)
        except FileNotFoundError:
            raise _gone(key) from None
        return [bytes(piece) for piece in found]

    def delete(self, key: str) -> None:
        """Delete an object."""
        import obstore

        try:
            obstore.delete(self._store, key)
        except FileNotFoundError:
            return

    def stored(self) -> Iterator[tuple[str, float]]:
        """Return all packs."""
        import obstore

        for page in obstore.list(self._store, prefix="packs"):
            for entry in page:
                if _KEY.fullmatch(entry["path"]):
                    yield entry["path"], entry["last_modified"].timestamp()


def _gone(key: str) -> Corrupt:
    return Corrupt(
        "stored bytes are missing on the dashboard",
        why=f"the pack {key.rsplit('/', 1)[-1][:12]} is not there or is cut short",
        hint="whoever runs the dashboard can check it: etiq dashboard --check",
    )


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
