"""Another place for snapshots while the store cannot take them: its disk is full, or it is damaged.

While the disk is full that is a temporary folder. Beside a damaged index it is the folder ``spare``
in the store itself.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from etiq_jupyter.errors import EtiqError, StorageFull
from etiq_jupyter.objects.hashing import blake3_hex
from etiq_jupyter.store.entries import insert, read_manifest
from etiq_jupyter.store.local_projects import LocalProjects
from etiq_jupyter.store.maintenance import add_frames, all_places, collect
from etiq_jupyter.store.store import Store

# fmt: off
_MOVED = (
    "destination", "manifest", "seal", "state", "reason", "attempts", "kept", "sent_hash",
    "receipt", "short_id", "url",
)
# fmt: on
"""The columns of a snapshot that do not follow from its manifest, after the manifest itself."""


def _candidates(store: Path) -> Iterator[Path]:
    """Name the places for a store's spare on other disks; another store has others."""
    owner = os.getuid() if hasattr(os, "getuid") else "user"
    which = blake3_hex(os.fsencode(store.expanduser().absolute()))[:12]
    for folder in (tempfile.gettempdir(), "/dev/shm"):  # noqa: S108 - checked to be ours below
        if Path(folder).is_dir():
            yield Path(folder) / f"etiq-{owner}-{which}"


def _places(store: Path) -> Iterator[Path]:
    """Name all places for a store's spare."""
    yield store / "spare"
    yield from _candidates(store)


def _ours(path: Path) -> bool:
    """Whether a folder in a public place is really this user's, and nobody else's to enter."""
    try:
        facts = path.lstat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    mine = not hasattr(os, "getuid") or facts.st_uid == os.getuid()
    return stat.S_ISDIR(facts.st_mode) and mine and not facts.st_mode & 0o077


def open_spare(store_path: Path, *, beside: bool = False) -> Store:
    """Open the spare of a store.

    Parameters
    ----------
    store_path : Path
        The store.
    beside : bool
        Whether its own disk can take it; else it is in a temporary folder.

    Raises
    ------
    StorageFull
        When there is no room anywhere.
    """
    last: EtiqError | None = None
    for path in _places(store_path) if beside else _candidates(store_path):
        if not _ours(path):
            continue
        try:
            store = Store.open(path)
            with store.database.write():
                pass
        except EtiqError as error:
            last = error
        else:
            return store
    raise StorageFull(
        "There is no room for the snapshot, neither in the store nor in the temporary folder",
        why=str(last) if last else "",
        hint="make room on the disk; until then nothing is kept",
    )


def bring_back(store: Store) -> int:
    """Move into a store what was kept in its spare; return how many snapshots."""
    count = 0
    for path in _places(store.path):
        if not (_ours(path) and (path / "index.sqlite").is_file()):
            continue
        with contextlib.suppress(EtiqError):
            spare = Store.open(path)
            try:
                count += _move(spare, store)
            finally:
                spare.close()
    return count


def _move(spare: Store, store: Store) -> int:
    rows = spare.database.rows(f"SELECT {', '.join(_MOVED)} FROM snapshots ORDER BY id")  # noqa: S608
    if not rows:
        return 0
    for places in all_places(spare):
        add_frames(store, [spare.chunks.frame(place) for place in places])
    numbers: dict[int | None, int | None] = {None: None}
    for number, url, user, name in spare.database.rows(
        "SELECT id, url, user, username FROM destinations"
    ):
        numbers[number] = store.outbox.destination(url, user, name)
    known = {project.name: project.id for project in LocalProjects(store).list()}
    with store.database.write() as connection:
        for destination, manifest, seal, *rest in rows:
            snapshot = read_manifest(destination, manifest, seal)
            project = known.get(snapshot.project_name, snapshot.project)
            if destination is None and project != snapshot.project:
                snapshot.project = project  # its id could not be looked up when it was kept
                manifest = msgspec.msgpack.encode(snapshot)
            more = dict(zip(_MOVED[3:], rest, strict=True))
            insert(connection, snapshot, manifest, numbers[destination], more)
    with spare.database.write() as connection:
        connection.executemany("DELETE FROM snapshots WHERE seal = ?", [(row[2],) for row in rows])
    collect(spare, patience=0.0)
    return len(rows)


def left_behind(store_path: Path) -> Store | None:
    """Open the spare of a store if something in it is still to be sent or moved."""
    for path in _places(store_path):
        if _ours(path) and (path / "index.sqlite").is_file():
            try:
                store = Store.open(path)
                found = store.outbox.status(None)
            except EtiqError:
                continue
            if found.pending or found.local or found.parked:
                return store
            store.close()
    return None
