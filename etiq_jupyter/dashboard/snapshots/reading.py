"""One snapshot, whole: facts, neighbours in time and lineage, manifest, changes to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, or_, select, update

from etiq_jupyter.dashboard import audit
from etiq_jupyter.dashboard.db import tables
from etiq_jupyter.dashboard.db.engine import Database
from etiq_jupyter.dashboard.identity.people import Identity
from etiq_jupyter.dashboard.names import clean_name
from etiq_jupyter.dashboard.projects.access import RANKS, ROLES, snapshot_row
from etiq_jupyter.dashboard.snapshots.lineage import Lineage, unlink
from etiq_jupyter.dashboard.snapshots.listing import run_of, summary_columns, summary_fields
from etiq_jupyter.dashboard.snapshots.manifest import (
    check_note,
    clean_tags,
    read_body,
    read_brief,
    searchable,
    write_brief,
)
from etiq_jupyter.errors import Forbidden, NotFound
from etiq_jupyter.model import Item, Link, Snapshot, SnapshotDetail


@dataclass(slots=True)
class Opened:
    """A snapshot that the asker may see: its row, and its manifest."""

    row: Any
    snapshot: Snapshot

    def item(self, name: str) -> Item:
        """One item by name."""
        for item in self.snapshot.items:
            if item.name == name:
                return item
        names = ", ".join(item.name for item in self.snapshot.items[:8])
        raise NotFound(
            f"the snapshot SNP-{self.row.number} has no item {name[:80]!r}",
            why=f"it has {names}" if names else "it has none",
        )


class Reading:
    """Reads and changes single snapshots."""

    def __init__(self, database: Database, lineage: Lineage) -> None:
        self._database = database
        self._lineage = lineage

    def open(self, who: Identity, snapshot: str) -> Opened:
        """Return a snapshot by UUID or short id, as it was sent."""
        with self._database.read() as connection:
            row = snapshot_row(connection, who.user.id, snapshot)
            return Opened(row, manifest_of(connection, row.id))

    def detail(self, who: Identity, snapshot: str) -> SnapshotDetail:
        """Return a snapshot with its neighbours."""
        with self._database.read() as connection:
            row = snapshot_row(connection, who.user.id, snapshot)
        self._lineage.catch_up(row.project_id)
        with self._database.read() as connection:
            return self._detail(connection, row)

    def _detail(self, connection: Connection, row: Any) -> SnapshotDetail:
        full = connection.execute(summary_columns().where(tables.snapshots.c.id == row.id)).first()
        if full is None:
            raise NotFound("the snapshot has just been deleted")
        sent = manifest_of(connection, row.id)
        parents, children = self._lineage.links(connection, row.id)
        run = connection.execute(
            select(tables.runs).where(
                tables.runs.c.project_id == row.project_id, tables.runs.c.id == row.run_id
            )
        ).one()
        detail = SnapshotDetail(
            **summary_fields(full),
            format=sent.format,
            project_short_id=f"PRJ-{row.project_number}",
            role=ROLES[row.rank],
            run_detail=run_of(run),
            source=sent.source,
            execution_count=sent.execution_count,
            note=full.note,
            error=sent.error,
            items=sent.items,
            redactions=sent.redactions,
            parents=parents,
            children=children,
        )
        self._add_previous(connection, full, detail)
        return detail

    def _add_previous(self, connection: Connection, row: Any, detail: SnapshotDetail) -> None:
        previous = previous_of(connection, row)
        if previous is None:
            return
        detail.previous = Link(
            id=previous.id, short_id=f"SNP-{previous.number}", name=previous.name
        )
        detail.previous_source = manifest_of(connection, previous.id).source
        detail.previous_metrics = read_brief(previous.brief).metrics

    def change(
        self,
        who: Identity,
        snapshot: str,
        *,
        name: str | None,
        note: str | None,
        tags: list[str] | None,
    ) -> SnapshotDetail:
        """Rename, annotate or tag a snapshot; its manifest stays as it was sent."""
        with self._database.write() as tx:
            row = snapshot_row(tx, who.user.id, snapshot, "editor")
            brief = read_brief(row.brief)
            new_name = row.name if name is None else clean_name(name, "snapshot", empty=True)
            new_note = row.note if note is None else note.replace("\x00", "")
            check_note(new_note)
            if tags is not None:
                brief.tags = clean_tags(tags)
                _replace_tags(tx, row, brief.tags)
            tx.execute(
                update(tables.snapshots)
                .where(tables.snapshots.c.id == row.id)
                .values(name=new_name, note=new_note, brief=write_brief(brief))
            )
            text = searchable(manifest_of(tx, row.id), new_name, new_note, brief.tags)
            tx.execute(
                update(tables.manifests)
                .where(tables.manifests.c.snapshot_id == row.id)
                .values(text=text)
            )
        return self.detail(who, row.id)

    def delete(self, who: Identity, snapshot: str, address: str) -> Any:
        """Delete a snapshot; its author and owners of the project may. Returns its row."""
        with self._database.write() as tx:
            row = snapshot_row(tx, who.user.id, snapshot, "editor")
            if row.user_id != who.user.id and row.rank < RANKS["owner"]:
                raise Forbidden(
                    "you may not delete this snapshot",
                    why="it is somebody else's",
                    hint="its author or an owner of the project can",
                )
            unlink(tx, row)
            tx.execute(delete(tables.snapshots).where(tables.snapshots.c.id == row.id))
            _uncount(tx, row)
            audit.record(
                tx,
                "snapshot.delete",
                row.id,
                user_id=who.user.id,
                username=who.user.username,
                address=address,
                detail={"name": row.name, "number": row.number, "project": row.project_id},
            )
        return row


def manifest_of(connection: Connection, snapshot_id: str) -> Snapshot:
    """Return the manifest of a snapshot, as it was sent."""
    table = tables.manifests
    body = connection.execute(
        select(table.c.body).where(table.c.snapshot_id == snapshot_id)
    ).scalar()
    if body is None:
        raise NotFound("the snapshot has just been deleted")
    return read_body(body)


def previous_of(connection: Connection, row: Any) -> Any:
    """Return the snapshot before this one of the same cell, else of the same name."""
    table = tables.snapshots
    before = or_(
        table.c.created_at < row.created_at,
        (table.c.created_at == row.created_at) & (table.c.id < row.id),
    )
    for column, value in ((table.c.cell_id, row.cell_id), (table.c.name, row.name)):
        if not value:
            continue
        query = (
            select(table.c.id, table.c.number, table.c.name, table.c.brief)
            .where(
                table.c.project_id == row.project_id,
                column == value,
                table.c.created_at <= row.created_at,
                before,
            )
            .order_by(table.c.created_at.desc(), table.c.id.desc())
            .limit(1)
        )
        found = connection.execute(query).first()
        if found is not None:
            return found
    return None


def _replace_tags(tx: Connection, row: Any, tags: list[str]) -> None:
    table = tables.tags
    tx.execute(delete(table).where(table.c.snapshot_id == row.id))
    if tags:
        tx.execute(
            table.insert(),
            [{"snapshot_id": row.id, "project_id": row.project_id, "tag": tag} for tag in tags],
        )


def _uncount(tx: Connection, row: Any) -> None:
    projects, runs = tables.projects, tables.runs
    tx.execute(
        update(projects)
        .where(projects.c.id == row.project_id)
        .values(snapshots=projects.c.snapshots - 1)
    )
    tx.execute(
        update(runs)
        .where(runs.c.project_id == row.project_id, runs.c.id == row.run_id)
        .values(snapshots=runs.c.snapshots - 1)
    )
