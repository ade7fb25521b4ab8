"""Looking after a store: verify, clean up, compact, keep within a size."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from etiq_jupyter import model
from etiq_jupyter.errors import Conflict, Corrupt, EtiqError, UnsafeContent
from etiq_jupyter.objects.pack import Frame
from etiq_jupyter.objects.recipe import decode_recipe, recipe_chunks
from etiq_jupyter.store.chunks import ChunkStore, Place, in_parallel
from etiq_jupyter.store.database import REPAIR, DamagedIndex
from etiq_jupyter.store.locks import cleaning
from etiq_jupyter.store.packs import in_use
from etiq_jupyter.store.sink import Kept
from etiq_jupyter.store.store import Store

_BATCH = 256
_COMPACT_BELOW = 0.5  # a pack with a smaller share of living bytes is rewritten


class Damage(msgspec.Struct, kw_only=True):
    """A chunk that cannot be read, and what it takes with it."""

    chunk: str
    where: str
    why: str
    items: list[str] = []


class Report(msgspec.Struct, kw_only=True):
    """What `verify` found.

    ``index`` says what is wrong with the index, and in which part of it; ``items`` of a damage are
    written ``SNAPSHOT/ITEM``; ``labels`` are the names of these snapshots, and whether they are on
    the dashboard too.
    """

    path: str
    snapshots: int = 0
    chunks: int = 0
    bytes: int = 0
    index: list[str] = []
    damaged: list[Damage] = []
    missing: list[Damage] = []
    labels: dict[str, str] = {}

    @property
    def sound(self) -> bool:
        """Whether everything can be read."""
        return not (self.damaged or self.missing or self.index)

    def __str__(self) -> str:
        lines = [
            f"{self.path}: {self.snapshots:,} snapshots, {self.chunks:,} chunks, "
            f"{self.bytes / 1e6:,.1f} MB read"
        ]
        damages = [*self.damaged, *self.missing]
        if self.index:
            lines += [f"The index is damaged: {each}" for each in self.index]
            if damages:
                items = len({item for damage in damages for item in damage.items})
                lines.append(f"{len(damages):,} chunks cannot be read now, of {items:,} items.")
            lines.append("'etiq verify --repair' brings back everything that can still be read.")
            return "\n".join(lines)
        for damage in damages:
            lines.append(f"Chunk {damage.chunk[:12]} in {damage.where}: {damage.why}")
            lines += [
                f"  cannot be read: {item} ({self.labels.get(item.partition('/')[0], '')})"
                for item in damage.items
            ]
        lines.append("Everything can be read." if self.sound else "The rest can be read.")
        return "\n".join(lines)


def verify(store: Store, on_progress: Callable[[int, int], None] | None = None) -> Report:
    """Read every stored byte, compare it with its name, and say what is affected.

    Parameters
    ----------
    store : Store
        The store; only read.
    on_progress : callable, optional
        Called with chunks done and chunks in all.
    """
    from etiq_jupyter.store.checking import check_form, check_snapshots

    report = Report(path=str(store.path), index=check_form(store.database), damaged=[], missing=[])
    bad = _bad_chunks(store, report, on_progress)
    lost: dict[str, Damage] = {}
    for name, label, snapshot, wrong in check_snapshots(store.database):
        report.snapshots += 1
        which = f"{name} ({label})" if label else name
        report.index += [f"snapshot {which}: {each}" for each in wrong]
        for item in snapshot.items if snapshot else ():
            for chunk in _unreadable(store, item.object, bad, lost) if item.object else ():
                (bad.get(chunk) or lost[chunk]).items.append(f"{name}/{item.name}")
                report.labels[name] = label
    report.damaged, report.missing = list(bad.values()), list(lost.values())
    return report


def _bad_chunks(
    store: Store, report: Report, on_progress: Callable[[int, int], None] | None
) -> dict[str, Damage]:
    """Read all chunks; return by name those that are damaged."""
    bad: dict[str, Damage] = {}
    try:
        total = store.database.row("SELECT count(*) FROM chunks")[0]
        batches = list(all_places(store))
    except DamagedIndex:
        return bad  # some rows cannot be reached; which chunks these are, nobody can tell
    for batch in batches:
        for place, error in in_parallel(lambda p: _check(store.chunks, p), batch):
            report.chunks += 1
            report.bytes += place.stored_size
            if error:
                where = f"pack {place.pack} at byte {place.offset}" if place.pack else "the index"
                name, error = place.hash.hex(), error.removeprefix(f"in {where}: ")
                bad[name] = Damage(chunk=name, where=where, why=error, items=[])
        if on_progress is not None:
            on_progress(report.chunks, total)
    return bad


def all_places(store: Store) -> Iterator[list[Place]]:
    """Return where all chunks are, some at a time."""
    last = 0
    while True:
        rows = store.database.rows(
            "SELECT c.id, hash, encoding, raw_size, stored_size, p.name, offset, base "
            "FROM chunks c LEFT JOIN packs p ON p.id = c.pack WHERE c.id > ? ORDER BY c.id LIMIT ?",
            (last, _BATCH),
        )
        if not rows:
            return
        last = rows[-1][0]
        yield [Place(*row) for row in rows]


def _check(chunks: ChunkStore, place: Place) -> tuple[Place, str]:
    try:
        found = chunks.fetch([place.hash.hex()])
    except EtiqError as error:
        return place, error.why or error.what
    return place, "" if found else "missing"


def _manifests(store: Store) -> Iterator[model.Snapshot]:
    # What has no receipt is kept, whatever the row says of it.
    for (snapshot,) in store.database.rows(
        "SELECT id FROM snapshots NOT INDEXED WHERE kept = 1 OR state != 'synced' ORDER BY id"
    ):
        yield store.manifest(snapshot)


def _unreadable(
    store: Store, name: str, bad: dict[str, Damage], lost: dict[str, Damage]
) -> list[str]:
    """Return the chunks of an object that are damaged or missing."""
    if name in bad:
        return [name]
    try:
        raw = store.chunks.fetch([name]).get(name)
        names = recipe_chunks(decode_recipe(raw)) if raw is not None else None
        known = store.chunks.known(bytes.fromhex(each) for each in names or ())
    except (Corrupt, UnsafeContent):
        names = None
    if names is None:
        lost.setdefault(name, Damage(chunk=name, where="the store", why="missing", items=[]))
        return [name]
    here = {digest.hex() for digest in known}
    for each in names:
        if each not in here:
            lost.setdefault(each, Damage(chunk=each, where="the store", why="missing", items=[]))
    return [each for each in names if each in bad or each not in here]


# --- cleaning up ------------------------------------------------------------------------------


def collect(
    store: Store, *, quota: int | None = None, dry_run: bool = False, patience: float = 10.0
) -> int:
    """Free what nothing refers to; return the bytes freed on the disk.

    Frees nothing while the index is damaged: what cannot be read now may be read after its repair.

    Parameters
    ----------
    store : Store
        The store. Other processes may go on using it.
    quota : int, optional
        Also drop local copies of synced snapshots, oldest first, until the store has at most so
        many bytes. What is unsent or local is never dropped.
    dry_run : bool
        Only say how many stored bytes would be freed.
    patience : float
        Seconds to wait for other processes that are storing just now.

    Raises
    ------
    Conflict
        When another process does not stop storing for so long.
    Corrupt
        When the index is damaged.
    """
    store.database.mending(lambda: _require_sound(store))
    with cleaning(store.lock_path, patience):
        if quota is not None and not dry_run:
            _evict(store, quota)
        dead, freed = _unreferenced(store)
        if dry_run:
            return freed
        before = store.size()
        store.chunks.finish_pack()
        _forget(store, dead)
        _compact(store)
        _remove_packs(store)
        with contextlib.suppress(EtiqError):
            store.database.shrink()
        return max(0, before - store.size())


def _require_sound(store: Store) -> None:
    """Raise `DamagedIndex` when what is referred to may not be found."""
    from etiq_jupyter.store.checking import check_form

    wrong = check_form(store.database)
    if wrong:
        raise DamagedIndex(
            f"The index of the store at {store.path} is damaged", why=wrong[0], hint=REPAIR
        )


def forget_chunks(store: Store, names: Sequence[str]) -> int:
    """Take chunks out of the index whose bytes are damaged; return how many.

    Else a later snapshot with the same content would rely on them.
    """
    gone = {bytes.fromhex(name) for name in names}
    if not gone:
        return 0
    with store.database.write() as connection:
        rows = connection.execute("SELECT id, hash FROM chunks").fetchall()
        _drop(connection, {number: name for number, name in rows if name in gone})
    return len(gone)


def keep_within_quota(store: Store) -> int:
    """Bring a store back below its quota, if it has one and nobody is storing; bytes freed."""
    quota = store.quota
    if not quota or store.size() <= quota:
        return 0
    try:
        return collect(store, quota=quota, patience=0.0)
    except Conflict:
        return 0  # somebody is storing just now: the next quiet moment will do


def _living(store: Store) -> set[bytes]:
    """Return all chunks that some kept snapshot needs, with the bases of these."""
    objects = {
        item.object for snapshot in _manifests(store) for item in snapshot.items if item.object
    }
    living: set[bytes] = set()
    for name in objects:
        living.add(bytes.fromhex(name))
        # An object that cannot be read keeps nothing else alive that could be read by it.
        with contextlib.suppress(Corrupt, UnsafeContent):
            raw = store.chunks.fetch([name]).get(name)
            if raw is not None:
                living.update(bytes.fromhex(each) for each in recipe_chunks(decode_recipe(raw)))
    bases = store.database.rows("SELECT hash, base FROM chunks WHERE base IS NOT NULL")
    living.update(base for digest, base in bases if digest in living)
    return living


def _unreferenced(store: Store) -> tuple[list[int], int]:
    living = _living(store)
    rows = store.database.rows("SELECT id, hash, stored_size FROM chunks")
    dead = [(number, size) for number, digest, size in rows if digest not in living]
    return [number for number, _ in dead], sum(size for _, size in dead)


def _forget(store: Store, dead: list[int]) -> None:
    if not dead:
        return
    with store.database.write() as connection:
        # A snapshot stored since the look refers to chunks that were taken as known: look again.
        living = _living(store)
        rows = connection.execute("SELECT id, hash FROM chunks").fetchall()
        names: dict[int, bytes] = dict(rows)
        sure = (number for number in dead if names.get(number) not in living)
        _drop(connection, {number: names[number] for number in sure})


def _drop(connection: sqlite3.Connection, gone: dict[int, bytes]) -> None:
    """Take chunks (by number, with their names) out of the index."""
    numbers = [(number,) for number in gone]
    connection.executemany("DELETE FROM chunks WHERE id = ?", numbers)
    connection.executemany("DELETE FROM blobs WHERE id = ?", numbers)
    _forget_traces(connection, set(gone.values()))
    connection.execute(
        "INSERT INTO facts (name, value) VALUES ('generation', 1) "
        "ON CONFLICT (name) DO UPDATE SET value = value + 1"
    )


def _forget_traces(connection: sqlite3.Connection, gone: set[bytes]) -> None:
    """Drop what would lead back to chunks that are gone."""
    buffers = connection.execute("SELECT digest, size, chunks FROM buffers").fetchall()
    stale = [
        (digest, size)
        for digest, size, packed in buffers
        if any(packed[at : at + 32] in gone for at in range(0, len(packed), 36))
    ]
    connection.executemany("DELETE FROM buffers WHERE digest = ? AND size = ?", stale)
    connection.executemany(
        "DELETE FROM items WHERE object = ?", [(digest.hex(),) for digest in gone]
    )


def _evict(store: Store, quota: int) -> None:
    """Mark synced snapshots as no longer kept here, oldest first, until the rest fits."""
    excess = store.size() - quota
    if excess <= 0:
        return
    rows = store.database.rows(
        "SELECT id, new_bytes FROM snapshots WHERE state = 'synced' AND kept = 1 ORDER BY id"
    )
    drop: list[tuple[str]] = []
    for snapshot, size in rows:
        if excess <= 0:
            break
        drop.append((snapshot,))
        excess -= size
    with store.database.write() as connection:
        connection.executemany("UPDATE snapshots SET kept = 0 WHERE id = ?", drop)


# --- packs ------------------------------------------------------------------------------------


def _compact(store: Store) -> None:
    """Copy the living chunks of packs that are mostly dead into a new pack."""
    rows = store.database.rows(
        "SELECT p.id, p.name, coalesce(sum(c.stored_size), 0) FROM packs p "
        "LEFT JOIN chunks c ON c.pack = p.id GROUP BY p.id"
    )
    for number, name, living in rows:
        path = store.chunks.folder / name
        with contextlib.suppress(FileNotFoundError):
            size = path.stat().st_size
            if living and living < _COMPACT_BELOW * size and not in_use(path):
                _move(store, number)
    store.chunks.finish_pack()


def _move(store: Store, pack: int) -> None:
    rows = store.database.rows(
        "SELECT c.id, hash, encoding, raw_size, stored_size, p.name, offset, base "
        "FROM chunks c JOIN packs p ON p.id = c.pack WHERE c.pack = ? ORDER BY offset",
        (pack,),
    )
    for start in range(0, len(rows), _BATCH):
        places = [Place(*row) for row in rows[start : start + _BATCH]]
        frames = [_readable(store.chunks, place) for place in places]
        kept = [
            (place, frame) for place, frame in zip(places, frames, strict=True) if frame is not None
        ]
        targets = store.chunks.append([frame for _, frame in kept])
        store.chunks.sync()
        with store.database.write() as connection:
            for (place, _), (name, offset) in zip(kept, targets, strict=True):
                connection.execute("INSERT OR IGNORE INTO packs (name) VALUES (?)", (name,))
                connection.execute(
                    "UPDATE chunks SET pack = (SELECT id FROM packs WHERE name = ?), offset = ? "
                    "WHERE id = ?",
                    (name, offset, place.id),
                )


def _readable(chunks: ChunkStore, place: Place) -> Frame | None:
    try:
        return chunks.frame(place)
    except Corrupt:
        return None  # it stays where it is, damaged; `verify` names it


def _remove_packs(store: Store) -> None:
    """Delete pack files in which nothing is left, also those that never got into the index."""
    folder: Path = store.chunks.folder
    if not folder.is_dir():
        return
    for path in folder.glob("*.pack"):
        if in_use(path):
            continue
        with store.database.write() as connection:
            living = connection.execute(
                "SELECT 1 FROM chunks c JOIN packs p ON p.id = c.pack WHERE p.name = ? LIMIT 1",
                (path.name,),
            ).fetchone()
            if living:
                continue
            connection.execute("DELETE FROM packs WHERE name = ?", (path.name,))
        store.chunks.forget(path.name)
        with contextlib.suppress(OSError):
            path.unlink()


def add_frames(store: Store, frames: Iterable[Frame]) -> None:
    """Put chunks into the store as they are, already verified."""
    kept: list[Kept] = []
    batch: list[Frame] = list(frames)
    for frame, (pack, offset) in zip(batch, store.chunks.append(batch), strict=True):
        base = bytes.fromhex(frame.base) or None
        digest = bytes.fromhex(frame.hash)
        size = len(frame.data)
        kept.append(Kept(digest, frame.encoding, frame.raw_size, size, base, None, pack, offset))
    store.chunks.sync()
    with store.database.write() as connection:
        store.chunks.index(connection, kept)
