"""The row of a snapshot in the index, and the seal that tells when it was damaged.

SQLite notices damage to the form of its pages, not to what stands in them. So every snapshot's row
carries a seal: xxh3-64 over its manifest, with the number of its destination as the seed, then
xxh3-64 over its summary, then four bytes over these two. A flipped byte is an error, never another
name, another metric, or another dashboard to send to.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

import msgspec
from xxhash import xxh3_64_digest

from etiq_jupyter import model
from etiq_jupyter.store.database import REPAIR, DamagedIndex

_ONE = 8  # bytes of a checksum
_BOTH = 2 * _ONE
ROW = "rowid = (SELECT rowid FROM snapshots WHERE id = ?1) AND +id = ?1"
"""The row of the snapshot ``?1``, and only if it really is that snapshot's.

By its number, so that the id is compared with the one in the row: an index that is damaged could
lead to another snapshot's.
"""
SHORT = (
    "rowid = (SELECT rowid FROM snapshots WHERE short_id = ?1 AND short_id != '') "
    "AND +short_id = ?1"
)
"""In the same way, the row of the snapshot whose short id is ``?1``."""
_NOWHERE = 2**64 - 1  # in place of a destination's number
_MOST_WORDS = 20_000  # characters that a search looks into
_decode_manifest = msgspec.msgpack.Decoder(model.Snapshot).decode
_decode_summary = msgspec.msgpack.Decoder(model.SnapshotSummary).decode


def describe(snapshot: model.Snapshot) -> dict[str, Any]:
    """Return the columns of the index that follow from a snapshot."""
    return {
        "id": snapshot.id,
        "project": snapshot.project,
        "project_name": snapshot.project_name,
        "run": snapshot.run.id,
        "sequence": snapshot.sequence,
        "name": snapshot.name,
        "created_at": snapshot.created_at.timestamp(),
        "summary": msgspec.msgpack.encode(model.summarise(snapshot)),
        "words": _words(snapshot),
        "new_bytes": snapshot.new_bytes,
    }


def insert(
    connection: sqlite3.Connection,
    snapshot: model.Snapshot,
    manifest: bytes,
    destination: int | None,
    more: Mapping[str, Any] | None = None,
) -> bool:
    """Put a snapshot into the index, with its seal; False when it is there already.

    Parameters
    ----------
    connection : sqlite3.Connection
        In a transaction.
    snapshot, manifest : Snapshot, bytes
        The same, as a struct and as it is kept.
    destination : int, optional
        Number of the destination it is to be sent to.
    more : mapping, optional
        Further columns; without it the snapshot is local or pending.
    """
    row = describe(snapshot)
    row |= {"manifest": manifest, "destination": destination}
    row["seal"] = seal(destination, manifest, row["summary"])
    row |= more or {"state": "local" if destination is None else "pending"}
    names, marks = ", ".join(row), ", ".join("?" * len(row))
    made = connection.execute(
        f"INSERT INTO snapshots ({names}) VALUES ({marks}) ON CONFLICT (id) DO NOTHING",  # noqa: S608
        tuple(row.values()),
    )
    connection.executemany(
        "INSERT OR IGNORE INTO items (hash, object) VALUES (?, ?)",
        [(item.hash, item.object) for item in snapshot.items if item.hash and item.object],
    )
    return bool(made.rowcount)


def seal(destination: int | None, manifest: bytes, summary: bytes) -> bytes:
    """Return the seal of a row: 20 bytes."""
    both = _of_manifest(destination, manifest) + xxh3_64_digest(summary)
    return both + xxh3_64_digest(both)[:4]


def is_seal(given: object) -> bool:
    """Whether a seal is itself whole."""
    if not isinstance(given, bytes):
        return False
    return len(given) == _BOTH + 4 and xxh3_64_digest(given[:_BOTH])[:4] == given[_BOTH:]


def _of_manifest(destination: int | None, manifest: bytes) -> bytes:
    return xxh3_64_digest(manifest, seed=_NOWHERE if destination is None else destination)


def check_manifest(destination: int | None, manifest: bytes, given: bytes | None) -> bytes:
    """Return a manifest as it is, if its seal says that it is whole.

    Raises
    ------
    DamagedIndex
        When it is not, or is meant for another destination.
    """
    if given is None:
        return manifest  # kept by a version that made no seals
    try:
        whole = _of_manifest(destination, manifest) == given[:_ONE]
    except (TypeError, ValueError):  # what stands there is not even of the right type
        whole = False
    if not whole:
        raise _damaged("A manifest in the index is not what was kept")
    return manifest


def read_manifest(destination: int | None, manifest: bytes, given: bytes | None) -> model.Snapshot:
    """Return a checked manifest as a struct; raises `DamagedIndex`."""
    try:
        return _decode_manifest(check_manifest(destination, manifest, given))
    except (msgspec.MsgspecError, TypeError) as error:
        raise _damaged("A manifest in the index cannot be read", str(error)) from error


def read_summary(summary: bytes, given: bytes | None) -> model.SnapshotSummary:
    """Return a checked summary as a struct; raises `DamagedIndex`."""
    try:
        if given is not None and xxh3_64_digest(summary) != given[_ONE:_BOTH]:
            raise _damaged("A snapshot's summary in the index is not what was kept")
        return _decode_summary(summary)
    except (msgspec.MsgspecError, TypeError) as error:
        raise _damaged("A snapshot's summary in the index cannot be read", str(error)) from error


def seal_list(packed: bytes) -> bytes:
    """Return the seal of a list of chunks, 8 bytes."""
    return xxh3_64_digest(packed)


def is_sound_list(packed: bytes, given: bytes | None) -> bool:
    """Whether a list of chunks is as it was kept; what is not is not used."""
    return given is None or (isinstance(packed, bytes) and seal_list(packed) == given)


def _damaged(what: str, why: str = "its bytes differ from their checksum") -> DamagedIndex:
    return DamagedIndex(what, why=why, hint=REPAIR)


def _words(snapshot: model.Snapshot) -> str:
    """Everything that a search by words looks into."""
    names = [item.name for item in model.variables(snapshot)]
    return "\n".join([snapshot.name, *snapshot.tags, snapshot.note, *names, snapshot.source])[
        :_MOST_WORDS
    ].casefold()
