"""Edges and pipelines in the tables; `compare.joining` has the rule that joins readers to writers.

Taking a snapshot in stays cheap: its edges are worked out when somebody looks at the lineage of its
project for the first time after, for all that wait, in bulk. Late arrivals are put right then too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, select, update

from etiq_jupyter import ids
from etiq_jupyter.compare.joining import Holder, maker_of, nearest
from etiq_jupyter.dashboard.db import tables
from etiq_jupyter.dashboard.db.engine import Database, advisory_lock, next_numbers
from etiq_jupyter.dashboard.snapshots.manifest import TRIVIAL, contents, read_body
from etiq_jupyter.model import Link

AT_ONCE = 400
_LINKING = 0x6574_6C69


class Lineage:
    """Edges and pipelines of projects."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def catch_up(self, project_id: str) -> None:
        """Work out the edges of all snapshots of a project that have none yet."""
        table = tables.snapshots
        waiting = select(table.c.id).where(
            table.c.project_id == project_id, table.c.linked.is_(False)
        )
        with self._database.read() as connection:
            if connection.execute(waiting.limit(1)).first() is None:
                return
        more = True
        while more:
            with self._database.write() as tx:
                advisory_lock(tx, _LINKING)
                batch = list(
                    tx.execute(
                        waiting.order_by(table.c.created_at, table.c.id).limit(AT_ONCE)
                    ).scalars()
                )
                if batch:
                    self._note_contents(tx, project_id, batch)
                    _Linker(tx, project_id, batch).link()
                more = len(batch) == AT_ONCE

    def _note_contents(self, tx: Connection, project_id: str, batch: list[str]) -> None:
        """Write down what these snapshots wrote and read.

        Hashes are spread all over their index: in bulk, here, that costs a fraction of what it
        would when each snapshot is taken in.
        """
        manifests, rows = tables.manifests, []
        query = select(manifests).where(manifests.c.snapshot_id.in_(batch))
        for row in tx.execute(query):
            for wrote, pairs in zip((True, False), contents(read_body(row.body)), strict=True):
                rows += [
                    {
                        "snapshot_id": row.snapshot_id,
                        "project_id": project_id,
                        "wrote": wrote,
                        "name": name,
                        "hash": content,
                    }
                    for name, content in pairs
                ]
        if rows:
            tx.execute(self._database.insert(tables.lineage).on_conflict_do_nothing(), rows)

    def links(self, connection: Connection, snapshot_id: str) -> tuple[list[Link], list[Link]]:
        """Parents and children of a snapshot, each with the names of the items that join them."""
        edges = tables.edges
        parents = _grouped(connection, edges.c.source_id, edges.c.target_id == snapshot_id)
        children = _grouped(connection, edges.c.target_id, edges.c.source_id == snapshot_id)
        return parents, children


def unlink(tx: Connection, row: Any) -> None:
    """Before a snapshot is deleted: let its pipeline be worked out again without it."""
    table, edges = tables.snapshots, tables.edges
    readers = select(edges.c.target_id).where(edges.c.source_id == row.id)
    tx.execute(update(table).where(table.c.id.in_(readers)).values(linked=False))
    if row.pipeline_id is not None:
        pipelines = tables.pipelines
        heir = (
            select(table.c.id)
            .where(table.c.pipeline_id == row.pipeline_id, table.c.id != row.id)
            .order_by(table.c.created_at, table.c.id)
            .limit(1)
        )
        tx.execute(
            update(pipelines)
            .where(pipelines.c.id == row.pipeline_id, pipelines.c.anchor_id == row.id)
            .values(anchor_id=func.coalesce(heir.scalar_subquery(), ""))
        )
        # Without this snapshot the pipeline may fall apart, so all of it is looked at again.
        tx.execute(
            update(table)
            .where(table.c.pipeline_id == row.pipeline_id)
            .values(linked=False, pipeline_id=None)
        )


class _Linker:
    """Works out the edges of some snapshots of a project, and of later ones that they change."""

    def __init__(self, tx: Connection, project_id: str, batch: list[str]) -> None:
        self._tx = tx
        self._project_id = project_id
        self._batch = batch

    def link(self) -> None:
        """Write edges and pipelines."""
        # A reader that came before its writer, or was bound to an earlier one, is bound anew.
        readers = list(dict.fromkeys([*self._batch, *self._affected(), *self._passed_by()]))
        facts = self._facts(readers)
        reads = self._reads(readers)
        writers = self._writers({content for pairs in reads.values() for _, content in pairs})
        chosen = [
            (reader, name, source)
            for reader in readers
            for name, content in reads.get(reader, ())
            if (source := nearest(facts[reader], name, writers.get(content, ()))) is not None
        ]
        makers = self._makers({source for _, _, source in chosen})
        rows = [
            {
                "target_id": reader,
                "name": name,
                "source_id": makers[source],
                "project_id": self._project_id,
            }
            for reader, name, source in chosen
        ]
        edges, table = tables.edges, tables.snapshots
        for part in _parts(readers):
            self._tx.execute(delete(edges).where(edges.c.target_id.in_(part)))
        if rows:
            self._tx.execute(edges.insert(), rows)
        for part in _parts(self._batch):
            self._tx.execute(update(table).where(table.c.id.in_(part)).values(linked=True))
        _Pipelines(self._tx, self._project_id).join(
            [(row["source_id"], row["target_id"]) for row in rows]
        )

    def _makers(self, holders: set[Holder]) -> dict[Holder, str]:
        """Return, for snapshots that hold a content, the one of their run that made it."""
        line, table = tables.lineage, tables.snapshots
        history: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
        names = {holder.name for holder in holders}
        for part in _parts(list({holder.run for holder in holders})):
            query = (
                select(table.c.run_id, table.c.id, line.c.name, line.c.hash)
                .join(line, line.c.snapshot_id == table.c.id)
                .where(
                    table.c.project_id == self._project_id,
                    table.c.run_id.in_(part),
                    line.c.wrote.is_(True),
                )
                .order_by(table.c.created_at, table.c.id)
            )
            for row in self._tx.execute(query):
                if row.name in names:
                    history[row.run_id, row.name].append((row.id, row.hash))
        return {holder: maker_of(holder, history[holder.run, holder.name]) for holder in holders}

    def _affected(self) -> list[str]:
        """Snapshots after these that read what these wrote."""
        line, table = tables.lineage, tables.snapshots
        found: dict[str, None] = {}
        for part in _parts(self._batch):
            wrote = line.alias("wrote")
            writer = table.alias("writer")
            query = (
                select(line.c.snapshot_id)
                .join(
                    wrote,
                    (wrote.c.project_id == line.c.project_id)
                    & (line.c.hash == func.rtrim(wrote.c.hash, TRIVIAL)),
                )
                .join(table, table.c.id == line.c.snapshot_id)
                .join(writer, writer.c.id == wrote.c.snapshot_id)
                .where(
                    line.c.project_id == self._project_id,
                    line.c.wrote.is_(False),
                    wrote.c.wrote.is_(True),
                    wrote.c.snapshot_id.in_(part),
                    table.c.created_at > writer.c.created_at,
                    table.c.linked.is_(True),
                )
                .distinct()
            )
            found |= dict.fromkeys(self._tx.execute(query).scalars())
        return list(found)

    def _passed_by(self) -> list[str]:
        """Snapshots after these that read from their runs.

        One that comes late, with another content, may end the row of those that kept a content, so
        that another of them made it. Where all come in order there are none of these.
        """
        edges, table = tables.edges, tables.snapshots
        reader, source = table.alias("reader"), table.alias("source")
        found: dict[str, None] = {}
        for part in _parts(self._batch):
            these = select(table).where(table.c.id.in_(part)).subquery()
            first = select(func.min(these.c.created_at)).scalar_subquery()
            query = (
                select(reader.c.id)
                .join(edges, edges.c.target_id == reader.c.id)
                .join(source, source.c.id == edges.c.source_id)
                .where(
                    reader.c.project_id == self._project_id,
                    reader.c.created_at > first,
                    reader.c.linked.is_(True),
                    source.c.run_id.in_(select(these.c.run_id)),
                )
                .distinct()
            )
            found |= dict.fromkeys(self._tx.execute(query).scalars())
        return list(found)

    def _facts(self, readers: list[str]) -> dict[str, Holder]:
        table = tables.snapshots
        found = {}
        for part in _parts(readers):
            query = select(table.c.id, table.c.run_id, table.c.created_at).where(
                table.c.id.in_(part)
            )
            for row in self._tx.execute(query):
                found[row.id] = Holder(row.id, row.run_id, row.created_at)
        return found

    def _reads(self, readers: list[str]) -> dict[str, list[tuple[str, str]]]:
        line = tables.lineage
        found: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for part in _parts(readers):
            query = select(line.c.snapshot_id, line.c.name, line.c.hash).where(
                line.c.snapshot_id.in_(part), line.c.wrote.is_(False)
            )
            for row in self._tx.execute(query):
                found[row.snapshot_id].append((row.name, row.hash))
        return found

    def _writers(self, contents: Iterable[str]) -> dict[str, list[Holder]]:
        line, table = tables.lineage, tables.snapshots
        found: dict[str, list[Holder]] = defaultdict(list)
        for part in _parts(list(contents)):
            query = (
                select(line.c.hash, line.c.name, table.c.id, table.c.run_id, table.c.created_at)
                .join(table, table.c.id == line.c.snapshot_id)
                .where(
                    line.c.project_id == self._project_id,
                    line.c.hash.in_([*part, *(content + TRIVIAL for content in part)]),
                    line.c.wrote.is_(True),
                )
            )
            for row in self._tx.execute(query):
                content = row.hash.rstrip(TRIVIAL)
                found[content].append(
                    Holder(row.id, row.run_id, row.created_at, row.name, content != row.hash)
                )
        return found


class _Pipelines:
    """Keeps the connected parts of a project's lineage as pipelines with lasting ids."""

    def __init__(self, tx: Connection, project_id: str) -> None:
        self._tx = tx
        self._project_id = project_id

    def join(self, pairs: list[tuple[str, str]]) -> None:
        """Take edges in: parts that they touch become one pipeline."""
        if not pairs:
            return
        table = tables.snapshots
        members = list({one for pair in pairs for one in pair})
        facts: dict[str, Any] = {}
        for part in _parts(members):
            query = select(table.c.id, table.c.pipeline_id, table.c.created_at).where(
                table.c.id.in_(part)
            )
            facts |= {row.id: row for row in self._tx.execute(query)}
        for group in _connected(pairs, facts):
            self._unite(group, facts)

    def _unite(self, group: list[str], facts: dict[str, Any]) -> None:
        table, pipelines = tables.snapshots, tables.pipelines
        latest = max(facts[one].created_at for one in group)
        known = {facts[one].pipeline_id for one in group} - {None}
        anchored = [
            row
            for part in _parts(group)
            for row in self._tx.execute(select(pipelines).where(pipelines.c.anchor_id.in_(part)))
        ]
        there = (
            list(self._tx.execute(select(pipelines).where(pipelines.c.id.in_(known)))) + anchored
        )
        if there:
            keep = min(there, key=lambda row: row.number)
            pipeline_id = keep.id
            self._tx.execute(
                update(pipelines)
                .where(pipelines.c.id == pipeline_id)
                .values(last_activity=max(latest, *(row.last_activity for row in there)))
            )
        else:
            first = min(group, key=lambda one: (facts[one].created_at, one))
            pipeline_id = ids.new_id()
            self._tx.execute(
                pipelines.insert().values(
                    id=pipeline_id,
                    number=next_numbers(self._tx, "PIP"),
                    project_id=self._project_id,
                    anchor_id=first,
                    last_activity=latest,
                )
            )
        gone = {row.id for row in there} - {pipeline_id}
        if gone:
            self._tx.execute(
                update(table).where(table.c.pipeline_id.in_(gone)).values(pipeline_id=pipeline_id)
            )
            self._tx.execute(delete(pipelines).where(pipelines.c.id.in_(gone)))
        self._tx.execute(
            update(table).where(table.c.id == bindparam("s")).values(pipeline_id=pipeline_id),
            [{"s": one} for one in group],
        )


def _connected(pairs: list[tuple[str, str]], facts: dict[str, Any]) -> list[list[str]]:
    """Return groups of snapshots that edges, or a pipeline they are in already, hold together."""
    parent: dict[str, str] = {}

    def root(one: str) -> str:
        parent.setdefault(one, one)
        while parent[one] != one:
            parent[one] = parent[parent[one]]
            one = parent[one]
        return one

    for source, target in pairs:
        parent[root(source)] = root(target)
    for one in list(parent):
        if facts[one].pipeline_id is not None:
            parent[root(one)] = root(f"pipeline:{facts[one].pipeline_id}")
    groups: dict[str, list[str]] = defaultdict(list)
    for one in parent:
        if one in facts:
            groups[root(one)].append(one)
    return list(groups.values())


def _grouped(connection: Connection, column: Any, condition: Any) -> list[Link]:
    edges, table = tables.edges, tables.snapshots
    query = (
        select(table.c.id, table.c.number, table.c.name, edges.c.name.label("item"))
        .join(table, table.c.id == column)
        .where(condition)
        .order_by(table.c.created_at, table.c.id, edges.c.name)
    )
    links: dict[str, Link] = {}
    for row in connection.execute(query):
        link = links.setdefault(
            row.id, Link(id=row.id, short_id=f"SNP-{row.number}", name=row.name)
        )
        link.items.append(row.item)
    return list(links.values())


def _parts(names: list[str]) -> Iterable[list[str]]:
    for start in range(0, len(names), 500):
        yield names[start : start + 500]
