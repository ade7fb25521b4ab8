"""Where values came from: pure functions over manifests. `joining` has the rule of the edges."""

from __future__ import annotations

import builtins
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from etiq_jupyter.compare.joining import Holder, is_trivial, nearest
from etiq_jupyter.compare.names import analyse, without_shell_syntax
from etiq_jupyter.errors import NotFound
from etiq_jupyter.model import Edge, Item, Link, Node, Pipeline, Snapshot, SnapshotDetail, variables

Manifest = Snapshot | SnapshotDetail
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_KINDS = ("frame", "model", "figure", "tensor", "array", "series", "image", "number")
"""Kinds in the order in which one stands for its snapshot in a pipeline."""


def edges(snapshots: Iterable[Manifest]) -> list[Edge]:
    """Return who reads what of whom, oldest reader first.

    Parameters
    ----------
    snapshots : iterable of Snapshot or SnapshotDetail
        Of one project, in any order.
    """
    holders: dict[str, dict[tuple[str, str], Holder]] = {}
    makers: dict[tuple[str, str], tuple[str, str]] = {}
    made_by: dict[Holder, str] = {}
    found: list[Edge] = []
    for snapshot in sorted(snapshots, key=lambda each: (_micros(each.created_at), each.id)):
        run, moment = _run_id(snapshot), _micros(snapshot.created_at)
        reader = Holder(snapshot.id, run, moment)
        sources: dict[str, list[str]] = {}
        for name, content in dict.fromkeys((r.name, r.hash) for r in snapshot.reads if r.hash):
            holder = nearest(reader, name, holders.get(content, {}).values())
            if holder is not None:
                sources.setdefault(made_by[holder], []).append(name)
        found += [
            Edge(source=source, target=snapshot.id, items=items)
            for source, items in sources.items()
        ]
        for item in variables(snapshot):
            if item.hash:
                place = (run, item.name)
                holder = Holder(snapshot.id, run, moment, item.name, is_trivial(item))
                # In order of time, only the latest of each run and name can be the nearest.
                holders.setdefault(item.hash, {})[place] = holder
                first, content = makers.get(place, ("", ""))
                if content != item.hash:
                    first = snapshot.id
                    makers[place] = (first, item.hash)
                made_by[holder] = first
    return found


def _micros(moment: datetime) -> int:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _sorted(snapshots: Iterable[Manifest]) -> list[Manifest]:
    return sorted(snapshots, key=lambda snapshot: snapshot.id)


def _links(snapshots: Sequence[Manifest], pairs: Iterable[tuple[str, list[str]]]) -> list[Link]:
    by_id = {snapshot.id: snapshot for snapshot in snapshots}
    made = []
    for place, items in pairs:
        snapshot = by_id[place]
        short = getattr(snapshot, "short_id", "")
        made.append(Link(id=place, short_id=short, name=snapshot.name, items=items))
    return made


def parents(snapshots: Sequence[Manifest], id: str) -> list[Link]:  # noqa: A002
    """Return the snapshots whose items this one read, oldest first."""
    found = [(edge.source, edge.items) for edge in edges(snapshots) if edge.target == id]
    return _links(snapshots, sorted(found))


def children(snapshots: Sequence[Manifest], id: str) -> list[Link]:  # noqa: A002
    """Return the snapshots that read items of this one, oldest first."""
    found = [(edge.target, edge.items) for edge in edges(snapshots) if edge.source == id]
    return _links(snapshots, sorted(found))


# --- pipelines --------------------------------------------------------------------------------


def main_item(snapshot: Manifest) -> Item | None:
    """Return the item that stands for a snapshot: a frame before a model before a number."""
    found = [item for item in variables(snapshot) if not item.same_as]
    rank = {kind: place for place, kind in enumerate(_KINDS)}
    return min(found, key=lambda item: (rank.get(item.kind, 99), -item.size), default=None)


def pipelines(snapshots: Sequence[Manifest]) -> list[Pipeline]:
    """Return the connected parts of the lineage of two snapshots and more, latest first."""
    ordered = _sorted(snapshots)
    joined = edges(ordered)
    leader = {snapshot.id: snapshot.id for snapshot in ordered}

    def find(place: str) -> str:
        while leader[place] != place:
            leader[place] = leader[leader[place]]
            place = leader[place]
        return place

    for edge in joined:
        a, b = find(edge.source), find(edge.target)
        if a != b:
            leader[max(a, b)] = min(a, b)
    groups: dict[str, list[Manifest]] = {}
    for snapshot in ordered:
        groups.setdefault(find(snapshot.id), []).append(snapshot)
    by_group: dict[str, list[Edge]] = {}
    for edge in joined:
        by_group.setdefault(find(edge.target), []).append(edge)
    made = [
        _pipeline(first, group, by_group.get(first, []))
        for first, group in groups.items()
        if len(group) > 1
    ]
    return sorted(
        made, key=lambda pipeline: pipeline.last_activity or latest(ordered), reverse=True
    )


def latest(snapshots: Sequence[Manifest]) -> Any:
    """Return the latest time of some snapshots."""
    return max(snapshot.created_at for snapshot in snapshots)


def _pipeline(first: str, group: list[Manifest], joined: list[Edge]) -> Pipeline:
    nodes = [
        Node(
            id=snapshot.id,
            short_id=getattr(snapshot, "short_id", ""),
            name=snapshot.name,
            failed=snapshot.error is not None,
            created_at=snapshot.created_at,
            main_item=main_item(snapshot),
            metrics=snapshot.metrics,
        )
        for snapshot in group
    ]
    named = [snapshot.name for snapshot in group if snapshot.name]
    name = named[0] if len(named) == 1 else f"{named[0]} to {named[-1]}" if named else ""
    return Pipeline(
        id=first,
        name=name,
        run=_run_id(group[0]),
        nodes=nodes,
        edges=joined,
        last_activity=latest(group),
    )


def _run_id(snapshot: Manifest) -> str:
    return snapshot.run if isinstance(snapshot.run, str) else snapshot.run.id


# --- how was this made ------------------------------------------------------------------------


@dataclass
class Cells:
    """The cells that make something, in order.

    Attributes
    ----------
    snapshots : list
        Oldest first; the last one holds what was asked for.
    item : str or None
        What was asked for; None for the whole snapshot.
    missing : list of str
        Names that the cells use and that no kept cell makes.
    """

    snapshots: list[Manifest]
    item: str | None = None
    missing: list[str] = field(default_factory=list)


def minimal_cells(snapshots: Sequence[Manifest], id: str, item: str | None = None) -> Cells:  # noqa: A002
    """Return the least kept cells that make a snapshot, or one item of it.

    A cell is taken when a later taken cell needs a name whose content it made. By content hash
    where the manifests have one; imports, functions and values without a hash by name, from the
    nearest earlier cell of the same run that binds the name.

    Parameters
    ----------
    snapshots : sequence of Snapshot or SnapshotDetail
        At least those of the run; more do no harm.
    id : str
        The snapshot.
    item : str, optional
        One of its variables.

    Raises
    ------
    NotFound
        When there is no such snapshot or item.
    """
    ordered = _sorted(snapshots)
    by_id = {snapshot.id: snapshot for snapshot in ordered}
    if id not in by_id:
        raise NotFound(f"There is no snapshot {id}")
    if item is not None and all(held.name != item for held in by_id[id].items):
        raise NotFound(
            f"The snapshot holds no item {item!r}",
            nearest=tuple(i.name for i in by_id[id].items[:3]),
        )
    slicer = _Slicer(ordered)
    start = by_id[id]
    if item is not None and (made := slicer.maker_of(item, start)) is not None:
        start = made
    slicer.take(start)
    chosen = [snapshot for snapshot in ordered if snapshot.id in slicer.taken]
    return Cells(chosen, item, list(slicer.missing))


class _Slicer:
    """Collects cells backwards."""

    def __init__(self, ordered: list[Manifest]) -> None:
        self.ordered = [snapshot for snapshot in ordered if snapshot.source]
        self.names = {snapshot.id: analyse(snapshot.source) for snapshot in self.ordered}
        self.taken: set[str] = set()
        self.last = ""
        self.missing: dict[str, None] = {}

        self.makers: dict[tuple[str, str], list[Manifest]] = {}
        last: dict[str, str] = {}
        for snapshot in self.ordered:
            for item in variables(snapshot):
                bound = item.name in self.names[snapshot.id].bound
                if item.hash and (bound or last.get(item.name) != item.hash):
                    self.makers.setdefault((item.name, item.hash), []).append(snapshot)
                    last[item.name] = item.hash

    def maker_of(self, name: str, holder: Manifest) -> Manifest | None:
        """Return the latest snapshot up to this one that made the content it holds."""
        held = {item.name: item for item in variables(holder)}.get(name)
        if held is None or not held.hash:
            return None
        made = [s for s in self.makers.get((name, held.hash), []) if s.id <= holder.id]
        return made[-1] if made else None

    def take(self, snapshot: Manifest) -> None:
        self.last = snapshot.id
        todo = [snapshot]
        while todo:
            each = todo.pop()
            if each.id in self.taken:
                continue
            self.taken.add(each.id)
            todo += self._needed(each)

    def _needed(self, snapshot: Manifest) -> list[Manifest]:
        names = self.names.get(snapshot.id)
        if names is None:
            return []
        hashes = {read.name: read.hash for read in snapshot.reads}
        # Names that only functions of the notebook look at are in the reads, not in the source.
        wanted = dict.fromkeys(
            [
                *names.reads,
                *(name for name in hashes if name not in names.bound or name in names.reads),
            ]
        )
        found = []
        for name in wanted:
            makers = self._makers(name, hashes.get(name, ""), snapshot)
            found += makers
            if not makers and not hasattr(builtins, name) and name != "get_ipython":
                self.missing.setdefault(name)
        for name in sorted(names.deferred - set(wanted)):
            # Looked at when a function is called: by then a later cell may have bound it.
            found += self._bound_by(name, snapshot, self.last)
        return found

    def _bound_by(self, name: str, of: Manifest, before: str) -> list[Manifest]:
        """Return the last cell of the same run, before another, that binds the name."""
        run = [s for s in self.ordered if s.id < before and _run_id(s) == _run_id(of)]
        return [s for s in run if name in self.names[s.id].bound][-1:]

    def _makers(self, name: str, hash: str, before: Manifest) -> list[Manifest]:  # noqa: A002
        """Cells that, run in order, give the name the content that it had before this cell."""
        earlier = [s for s in self.ordered if s.id < before.id]
        if hash:
            made = [s for s in self.makers.get((name, hash), []) if s.id < before.id]
            if not made:
                made = [s for s in earlier if any(item.hash == hash for item in variables(s))]
            if made:
                return made[-1:]
        return self._bound_by(name, before, before.id)


# --- as files ---------------------------------------------------------------------------------


def _cells(found: Cells | Sequence[Manifest]) -> Cells:
    return found if isinstance(found, Cells) else Cells(list(found))


def _title(snapshot: Manifest) -> str:
    label = getattr(snapshot, "short_id", "") or snapshot.id
    return f"{label} {snapshot.name}".strip()


def as_script(found: Cells | Sequence[Manifest]) -> str:
    """Return the cells as a Python script with ``# %%`` cell marks, which editors understand.

    Lines that only IPython understands become comments: run the notebook form for those.
    """
    cells = _cells(found)
    parts = [_header(cells)] if cells.missing else []
    parts += [
        f"# %% {_title(snapshot)}\n{_as_python(snapshot.source)}".rstrip() + "\n"
        for snapshot in cells.snapshots
    ]
    return "\n".join(parts)


def _header(cells: Cells) -> str:
    return f"# These names were made by cells that were not kept: {', '.join(cells.missing)}\n"


def _as_python(source: str) -> str:
    plain = without_shell_syntax(source).splitlines()
    made = []
    for old, new in zip(source.splitlines(), plain, strict=True):
        if old != new:
            made.append(f"{old[: len(old) - len(old.lstrip())]}# {old.strip()}")
            if new.strip() in ("pass", "") and not old[:1].isspace():
                continue
        made.append(new)
    return "\n".join(made)


def as_notebook(found: Cells | Sequence[Manifest]) -> str:
    """Return the cells as a notebook (nbformat 4.5) in JSON."""
    cells = _cells(found)
    made: list[dict[str, Any]] = []
    if cells.missing:
        text = f"These names were made by cells that were not kept: `{'`, `'.join(cells.missing)}`."
        made.append({"cell_type": "markdown", "id": "missing", "metadata": {}, "source": text})
    for number, snapshot in enumerate(cells.snapshots):
        made.append(
            {
                "cell_type": "code",
                "id": f"cell-{number}",
                "metadata": {"etiq": {"snapshot": snapshot.id, "name": snapshot.name}},
                "execution_count": None,
                "outputs": [],
                "source": snapshot.source,
            }
        )
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = {
        "cells": made,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
