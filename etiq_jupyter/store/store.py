"""The local store: snapshots kept on this disk, with their contents."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import msgspec

from etiq_jupyter import model
from etiq_jupyter.errors import Conflict, NotFound
from etiq_jupyter.objects.chunk import encode_chunk
from etiq_jupyter.objects.content import Content
from etiq_jupyter.objects.hashing import is_hash
from etiq_jupyter.objects.pack import Frame
from etiq_jupyter.objects.reader import StoredContent
from etiq_jupyter.objects.recipe import Recipe, decode_recipe
from etiq_jupyter.store import entries
from etiq_jupyter.store.chunks import ChunkStore
from etiq_jupyter.store.database import Database, failures
from etiq_jupyter.store.forks import on_fork
from etiq_jupyter.store.locks import Hold
from etiq_jupyter.store.outbox import Outbox, number_of
from etiq_jupyter.store.query import STATES, Query
from etiq_jupyter.store.sink import Sink
from etiq_jupyter.store.sources import ContentSource, HeldContent
from etiq_jupyter.store.writer import Draft, Writer


def default_path() -> Path:
    """Return the folder of the local store: ``ETIQ_HOME``, or the user's data folder."""
    named = os.environ.get("ETIQ_HOME")
    if named:
        return Path(named).expanduser()
    from platformdirs import user_data_path

    return user_data_path("etiq", appauthor=False)


class Store:
    """A store in a folder. Several processes may use it at once.

    Parameters
    ----------
    path : Path
        The folder; made when it does not exist.
    read_only : bool
        Never write, for looking into a store on a read-only disk.

    Attributes
    ----------
    outbox : Outbox
        What is to be sent.
    chunks : ChunkStore
        The bytes.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        if not read_only:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.database = Database(path / "index.sqlite", read_only=read_only)
        self.chunks = ChunkStore(self.database, path / "packs")
        self.outbox = Outbox(self.database)
        self.writer = Writer(self.database, self.chunks)
        self.hold = Hold(self.lock_path)
        self._lock = threading.Lock()
        self._generation = self.database.fact("generation", 0)
        on_fork(self)

    def after_fork(self) -> None:
        """Begin anew in a forked child, where no other thread of the parent goes on."""
        self._lock = threading.Lock()
        self.hold = Hold(self.lock_path)

    @classmethod
    def open(cls, path: str | os.PathLike[str] | None = None, *, read_only: bool = False) -> Store:
        """Open the store in a folder, by default that of `default_path`.

        Raises
        ------
        StorageFull
            When the folder cannot be written.
        Corrupt
            When the index is damaged.
        UnsafeContent
            When a newer version made the store.
        """
        folder = Path(path) if path is not None else default_path()
        with failures(folder / "index.sqlite"):
            return cls(folder, read_only=read_only)

    def __repr__(self) -> str:
        return f"Store({str(self.path)!r})"

    @property
    def lock_path(self) -> Path:
        """The file whose lock keeps cleaning up and handing over apart."""
        return self.path / "cleaning.lock"

    @property
    def quota(self) -> int:
        """Bytes that this store may take, 0 for no limit: synced copies give way, oldest first."""
        return int(self.database.fact("quota", 0))

    @quota.setter
    def quota(self, size: int) -> None:
        with self.database.write() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO facts (name, value) VALUES ('quota', ?)", (int(size),)
            )

    def size(self) -> int:
        """Return the bytes that the store takes on the disk."""
        total = 0
        for folder in (self.path, self.path / "packs"):
            with contextlib.suppress(OSError):
                total += sum(each.stat().st_size for each in folder.iterdir() if each.is_file())
        return total

    def close(self) -> None:
        """Close all files of this process."""
        self.chunks.close()
        self.database.close()

    # --- keeping --------------------------------------------------------------------------

    def record(
        self,
        snapshot: model.Snapshot,
        contents: Mapping[str, Content | ContentSource],
        destination: int | None = None,
        parents: Mapping[str, Sequence[str]] | None = None,
        *,
        durable: bool = True,
    ) -> int:
        """Keep a snapshot, as a whole; on the disk when this returns.

        Parameters
        ----------
        snapshot : Snapshot
            Its items get their ``object``, and it its ``new_bytes``.
        contents : mapping
            The contents of items, by the item's name.
        destination : int, optional
            Number of the destination it is to be sent to.
        parents : mapping, optional
            For an item's name, objects of which its content may be a later form.
        durable : bool
            False: the end of this process does not lose it, but a power cut may, until
            `Database.flush` has returned.

        Returns
        -------
        int
            Stored bytes that were new.

        Raises
        ------
        StorageFull
            When the disk does not take it; nothing of the snapshot is kept then.
        """
        return self.database.mending(
            lambda: self._record(snapshot, contents, destination, parents or {}, durable)
        )

    def _record(
        self,
        snapshot: model.Snapshot,
        contents: Mapping[str, Content | ContentSource],
        destination: int | None,
        parents: Mapping[str, Sequence[str]],
        durable: bool,
    ) -> int:
        with self._lock, failures(self.database.path):
            while True:
                # That of the last snapshot will do: an older one than today's is noticed too.
                generation = self._generation
                sink = Sink(self.chunks)
                drafts = {
                    name: self.writer.draft(
                        HeldContent(content) if isinstance(content, Content) else content,
                        parents.get(name, ()),
                        sink,
                    )
                    for name, content in contents.items()
                }
                if self._commit(snapshot, drafts, sink, destination, generation, durable):
                    return sink.size
                # Chunks that were taken as known were cleaned up meanwhile: work it out again.

    def _commit(
        self,
        snapshot: model.Snapshot,
        drafts: Mapping[str, Draft],
        sink: Sink,
        destination: int | None,
        generation: int,
        durable: bool,
    ) -> bool:
        snapshot.new_bytes = sink.size
        self._name_objects(snapshot, drafts)
        manifest = msgspec.msgpack.encode(snapshot)
        # Bytes first, index last: whatever stops this in between leaves the store as it was.
        sink.finish()
        with self.database.write(durable=durable) as connection:
            self._generation = self.database.fact("generation", 0)
            if self._generation != generation:
                return False
            if not entries.insert(connection, snapshot, manifest, destination):
                return True  # handed over twice, because somebody died in between
            self.chunks.index(connection, sink.kept)
            connection.executemany(
                "INSERT OR REPLACE INTO buffers (digest, size, chunks, seal) VALUES (?, ?, ?, ?)",
                [
                    (*row, entries.seal_list(row[2]))
                    for draft in drafts.values()
                    for row in draft.buffers
                ],
            )
        return True

    def _name_objects(self, snapshot: model.Snapshot, drafts: Mapping[str, Draft]) -> None:
        by_hash: dict[str, str] = {}
        for item in snapshot.items:
            if item.name in drafts:
                item.object = drafts[item.name].object
                by_hash[item.hash] = item.object
        for item in snapshot.items:
            if item.object or not item.hash or item.reason:
                continue
            item.object = by_hash.get(item.hash) or self.object_of(item.hash)

    # --- reading --------------------------------------------------------------------------

    def object_of(self, content_hash: str) -> str:
        """Return the object that holds a content known by its hash; empty when none does."""
        found = self.database.row("SELECT object FROM items WHERE hash = ?", (content_hash,))
        if found is None or not is_hash(found[0]):
            return ""
        return found[0] if self.chunks.known([bytes.fromhex(found[0])]) else ""

    def manifest(self, snapshot: str) -> model.Snapshot:
        """Return a snapshot by id or short id, as it was kept.

        Raises
        ------
        NotFound
            When it is not on this disk.
        Corrupt
            When it is damaged.
        """

        def read() -> model.Snapshot:
            found = self._find(snapshot, "destination, manifest, seal")
            if found is None:
                raise NotFound(f"Snapshot {snapshot} is not on this disk")
            return entries.read_manifest(*found)

        return self.database.mending(read)

    def has_snapshot(self, snapshot: str) -> bool:
        """Whether a snapshot, by id or short id, is on this disk."""
        return self._find(snapshot, "1") is not None

    def state_of(self, snapshot: str) -> model.State | None:
        """Return the state of a snapshot, by id or short id; None when it is not here."""
        found = self._find(snapshot, "state")
        if found is None:
            return None
        return STATES.get(found[0], "stored")

    def _find(self, snapshot: str, columns: str) -> tuple[Any, ...] | None:
        """Return columns of a snapshot by id or short id, None when it is not here."""
        select = f"SELECT {columns} FROM snapshots WHERE"  # noqa: S608 - our own names
        found: tuple[Any, ...] | None = self.database.row(f"{select} {entries.ROW}", (snapshot,))
        if found is None and number_of(short := snapshot.upper()):
            found = self.database.row(f"{select} {entries.SHORT}", (short,))
        return found

    def recipe(self, name: str) -> Recipe:
        """Return the recipe of an object.

        Raises
        ------
        NotFound
            When it is not on this disk.
        Corrupt
            When it is damaged.
        """
        raw = self.chunks.fetch([name]).get(name)
        if raw is None:
            raise NotFound(f"Object {name[:12]} is not on this disk")
        return decode_recipe(raw)

    def reader(self, name: str) -> StoredContent:
        """Return a reader of an object's content, by its hash."""
        return StoredContent(self.recipe(name), self.chunks.fetch)

    def put(self, chunks: Iterable[tuple[str, bytes]]) -> None:
        """Keep raw chunks that came from the dashboard, for the next time."""
        frames = []
        for name, raw in chunks:
            form, stored = encode_chunk(raw)
            frames.append(Frame(name, form, len(raw), "", stored))
        with self._lock, failures(self.database.path):
            sink = Sink(self.chunks)
            sink.add(frames)
            with self.database.write(durable=False) as connection:
                self.chunks.index(connection, sink.kept)

    def snapshots(
        self,
        project: str | None = None,
        q: str = "",
        tag: str = "",
        sort: str = "-created",
        offset: int = 0,
        limit: int | None = None,
        run: str | None = None,
    ) -> list[model.SnapshotSummary]:
        """List snapshots on this disk.

        Parameters
        ----------
        project : str, optional
            Id of the project.
        q : str
            Words that all occur in name, tags, note, source or names of variables; and
            ``tag:x``, ``failed:yes``, ``metric.acc>0.9``, ``run:ID``.
        tag : str
            Only with this tag.
        sort : str
            ``created``, ``name``, ``size`` or ``metric:NAME``; a leading minus turns it round.
        offset, limit : int
            Which part of the list.
        """
        query = Query(q, tag, project, run, sort)
        return self.database.mending(lambda: query.run(self.database, offset, limit))

    def unsent(self, project: str, q: str = "", tag: str = "") -> list[model.SnapshotSummary]:
        """List a project's snapshots that are on their way to a dashboard, newest first.

        Parameters
        ----------
        project : str
            Its id on the dashboard, or the one it was given here before it was there.
        q, tag : str
            As in `snapshots`.
        """
        rows = self.database.rows(
            "SELECT summary, seal, state, short_id FROM snapshots WHERE destination IS NOT NULL "
            "AND state != 'synced' AND (project = ?1 OR project IN "
            "(SELECT project FROM projects WHERE remote = ?1)) ORDER BY id DESC",
            (project,),
        )
        found = []
        for data, seal, state, short_id in rows:
            summary = entries.read_summary(data, seal)
            summary.state, summary.short_id = STATES.get(state, "stored"), short_id
            found.append(summary)
        if found and (q or tag):
            places = {summary.project for summary in found}
            wanted = {s.id for place in places for s in self.snapshots(place, q, tag)}
            found = [summary for summary in found if summary.id in wanted]
        return found

    def count(self, project: str | None = None, q: str = "", tag: str = "") -> int:
        """Count snapshots on this disk, as `snapshots` would list them."""
        return Query(q, tag, project, None, "created").count(self.database)

    def projects(self) -> list[model.Project]:
        """List the projects that have snapshots on this disk, the latest used first."""
        rows = self.database.rows(
            "SELECT project, max(project_name), count(*), min(created_at), max(created_at) "
            "FROM snapshots GROUP BY project ORDER BY max(created_at) DESC"
        )
        return [
            model.Project(
                id=project,
                name=name or project,
                snapshots=count,
                created_at=_time(first),
                last_activity=_time(last),
            )
            for project, name, count, first, last in rows
        ]

    def delete(self, snapshot: str) -> None:
        """Forget a snapshot that is local or synced; its bytes go with the next `gc`.

        Raises
        ------
        NotFound
            When it is not on this disk.
        Conflict
            When it is still to be sent.
        """
        entry = self.outbox.entry(snapshot)
        if entry is None:
            raise NotFound(f"Snapshot {snapshot} is not on this disk")
        if entry.state in ("pending", "sending"):
            raise Conflict(
                "This snapshot is still to be sent, so it cannot be removed here",
                hint="remove it on the dashboard once it is there",
            )
        with self.database.write() as connection:
            connection.execute("DELETE FROM snapshots WHERE id = ?", (snapshot,))


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)
