"""One snapshot: its facts, its values, and bringing them back."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from etiq_jupyter import model
from etiq_jupyter.api.backend import backend_of
from etiq_jupyter.errors import NotFound, NotKept

if TYPE_CHECKING:
    from etiq_jupyter.capture import RestoreReport
    from etiq_jupyter.objects.content import ContentReader
    from etiq_jupyter.sessions import Session
    from etiq_jupyter.sync.recorder import Ticket


class Variables(Mapping[str, model.Item]):
    """What a snapshot knows of its variables: name -> kind, type, summary, size, hash, codec."""

    def __init__(self, items: list[model.Item]) -> None:
        self._items = {item.name: item for item in items}

    def __getitem__(self, name: str) -> model.Item:
        return self._items[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        rows = [(i.name, i.kind, i.type, i.reason or i.summary) for i in self._items.values()]
        widths = [max((len(row[c]) for row in rows), default=0) for c in range(3)]
        return "\n".join(
            "  ".join([*(text.ljust(w) for text, w in zip(row, widths, strict=False)), row[3]])
            for row in rows
        )


class Snapshot:
    """What one cell execution did. Values are read, verified and decoded when asked for."""

    def __init__(
        self,
        session: Session,
        id: str,  # noqa: A002
        *,
        summary: model.SnapshotSummary | None = None,
        detail: model.SnapshotDetail | None = None,
        manifest: model.Snapshot | None = None,
        ticket: Ticket | None = None,
    ) -> None:
        self._session = session
        self.id = id
        self._known: Any = detail or summary or manifest
        self._detail = detail
        self._manifest = manifest
        self._ticket = ticket

    @classmethod
    def load(cls, session: Session, id: str) -> Snapshot:  # noqa: A002
        """Read a snapshot by UUID or short id."""
        path = f"/snapshots/{quote(id, safe='')}"
        detail = backend_of(session).get(path, None, model.SnapshotDetail)
        return cls(session, detail.id, detail=detail)

    @property
    def detail(self) -> model.SnapshotDetail:
        """Everything but the contents of items."""
        if self._detail is None:
            if self._ticket is not None:
                self._ticket.wait(timeout=60, until="stored")
            self._detail = self._read_detail()
        return self._detail

    def _read_detail(self) -> model.SnapshotDetail:
        path = f"/snapshots/{self.id}"
        held = self._session.store.has_snapshot(self.id)
        if held and self.state != "synced":
            from etiq_jupyter.api.local import LocalBackend

            return LocalBackend(self._session.store).get(path, None, model.SnapshotDetail)
        return backend_of(self._session).get(path, None, model.SnapshotDetail)

    @property
    def _any(self) -> Any:
        return self._known if self._known is not None else self.detail

    # --- facts --------------------------------------------------------------------------------

    @property
    def short_id(self) -> str:
        """``SNP-42``, given by the dashboard; empty before the first sync."""
        if self._ticket is not None:
            return self._ticket.short_id
        return getattr(self._any, "short_id", "")

    @property
    def name(self) -> str:
        """Name given at capture."""
        return str(self._any.name)

    @property
    def state(self) -> model.State:
        """``captured``, ``stored``, ``synced``, ``paused`` or ``parked``."""
        if self._ticket is not None:
            return self._ticket.state
        known: model.State = getattr(self._any, "state", "stored")
        return self._session.store.state_of(self.id) or known

    @property
    def url(self) -> str:
        """Address of its page on the dashboard; empty before it is there."""
        short = self.short_id
        return f"{self._session.url}/s/{short}" if short and self._session.url else ""

    @property
    def created_at(self) -> datetime:
        """When the cell ended, in UTC."""
        return self._any.created_at  # type: ignore[no-any-return]

    @property
    def author(self) -> str:
        """Who made it; empty for a local one."""
        return getattr(self._any, "author", "") or self.detail.author

    @property
    def tags(self) -> list[str]:
        """Tags."""
        return list(self._any.tags)

    @property
    def metrics(self) -> dict[str, float]:
        """Numeric scalars among the variables."""
        return dict(self._any.metrics)

    @property
    def duration(self) -> float:
        """Seconds the cell ran."""
        return float(self._any.duration)

    @property
    def cell_id(self) -> str:
        """The front end's id of the cell, where it sends one."""
        return str(self._any.cell_id)

    @property
    def size(self) -> int:
        """Bytes of content held."""
        return self.detail.size

    @property
    def new_bytes(self) -> int:
        """Bytes that this snapshot added to the store."""
        return self._ticket.new_bytes if self._ticket is not None else self.detail.new_bytes

    @property
    def note(self) -> str:
        """Note given at capture."""
        return self.detail.note if self._manifest is None else self._manifest.note

    @property
    def source(self) -> str:
        """The cell's text."""
        return self.detail.source if self._manifest is None else self._manifest.source

    @property
    def error(self) -> model.Failure | None:
        """The exception that ended the cell, or None."""
        return self.detail.error if self._manifest is None else self._manifest.error

    @property
    def run(self) -> model.Run | None:
        """The run it belongs to."""
        return self.detail.run_detail if self._manifest is None else self._manifest.run

    @property
    def parents(self) -> list[model.Link]:
        """Snapshots that wrote what this one read."""
        return self.detail.parents

    @property
    def children(self) -> list[model.Link]:
        """Snapshots that read what this one wrote."""
        return self.detail.children

    @property
    def items(self) -> list[model.Item]:
        """Everything it holds: variables, figures, outputs, environment."""
        return self._manifest.items if self._manifest is not None else self.detail.items

    @property
    def variables(self) -> Variables:
        """What is known of its variables."""
        return Variables([item for item in self.items if item.role == "variable"])

    @functools.cached_property
    def cell_outputs(self) -> list[dict[str, Any]]:
        """The cell's outputs in nbformat's form."""
        return self._special("@outputs") or []

    @functools.cached_property
    def environment(self) -> dict[str, Any]:
        """Python, packages, platform and git state."""
        return self._special("@environment") or {}

    def _special(self, name: str) -> Any:
        return self[name] if any(item.name == name for item in self.items) else None

    # --- values -------------------------------------------------------------------------------

    def item(self, name: str) -> model.Item:
        """Return what is known of one item, with the object that holds it.

        Raises
        ------
        NotFound
            Naming the nearest.
        """
        import difflib

        known = {item.name: item for item in self.detail.items}
        if name not in known:
            near = tuple(difflib.get_close_matches(name, known, 3))
            raise NotFound(f"Snapshot {self.label} has no item {name!r}", nearest=near)
        found = known[name]
        return self.item(found.same_as) if found.same_as else found

    def reader(self, name: str) -> ContentReader:
        """Return the stored content of one item: this disk first, then the dashboard."""
        found = self.item(name)
        if not found.object:
            raise NotKept(
                f"{name!r} of snapshot {self.label} was not kept",
                why=found.reason,
                hint="run its cell again: snapshot.as_script() gives the cells that made it",
            )
        return self._session.recorder.reader(found.object, snapshot=self.id)

    def __getitem__(self, name: str) -> Any:
        from etiq_jupyter import codecs

        return codecs.decode(self.reader(name))

    def __contains__(self, name: object) -> bool:
        return any(item.name == name for item in self.items)

    def restore(
        self,
        into: MutableMapping[str, Any] | None = None,
        only: Sequence[str] | None = None,
        *,
        overwrite: bool = False,
        dry_run: bool = False,
        prefix: str = "",
    ) -> RestoreReport:
        """Bring variables back.

        Parameters
        ----------
        into : mutable mapping, optional
            Where to put them, for example ``globals()``; without it they are only in the report.
        only : sequence of str, optional
            Only these variables.
        overwrite : bool, default False
            Replace existing variables of another content. Without it they are skipped and listed.
        dry_run : bool, default False
            Only say what would happen.
        prefix : str
            Put before each name.

        Returns
        -------
        RestoreReport
            ``restored``, ``recomputable`` (with the cells), ``skipped`` (with why).
        """
        from etiq_jupyter.capture import restore

        return restore(
            self.detail,
            self.reader,
            into if into is not None else {},
            only=only,
            overwrite=overwrite,
            dry_run=dry_run,
            prefix=prefix,
        )

    # --- elsewhere ----------------------------------------------------------------------------

    def wait(self, timeout: float | None = None, until: str = "synced") -> bool:
        """Wait until it is ``stored`` on this disk or ``synced``; whether it got there."""
        return True if self._ticket is None else bool(self._ticket.wait(timeout, until))

    @property
    def reason(self) -> str:
        """Why it is paused, parked or not stored yet; empty otherwise."""
        return "" if self._ticket is None else self._ticket.reason

    def delete(self) -> None:
        """Delete it, on the dashboard or locally. Content that other snapshots hold stays."""
        backend_of(self._session).send("DELETE", f"/snapshots/{self.id}")

    def as_script(self, item: str | None = None, path: str | Path | None = None) -> str:
        """Return the minimal ordered cells that made this snapshot, or one item, as a script."""
        return self._slice("script", item, path)

    def as_notebook(self, item: str | None = None, path: str | Path | None = None) -> str:
        """Return the same as a notebook in JSON."""
        return self._slice("notebook", item, path)

    def _slice(self, form: str, item: str | None, path: str | Path | None) -> str:
        from etiq_jupyter.compare import lineage

        manifests = self._lineage()
        chosen = lineage.minimal_cells(manifests, self.id, item)
        text = lineage.as_script(chosen) if form == "script" else lineage.as_notebook(chosen)
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def _lineage(self) -> list[model.SnapshotDetail]:
        """Follow the parents: this snapshot and all that it depends on, in order."""
        found = {self.id: self.detail}
        todo = [self.detail]
        while todo:
            for link in todo.pop().parents:
                if link.id not in found:
                    found[link.id] = Snapshot.load(self._session, link.id).detail
                    todo.append(found[link.id])
        return sorted(found.values(), key=lambda detail: detail.id)

    @property
    def label(self) -> str:
        """Short id and name, whichever exist."""
        return " ".join(part for part in (self.short_id, self.name) if part) or self.id

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Snapshot) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        from etiq_jupyter.api import words

        facts: list[str] = [self.state]
        facts += [f"{name} {words.number(value)}" for name, value in list(self.metrics.items())[:2]]
        if getattr(self._any, "failed", False) or getattr(self._any, "error", None):
            facts.append("failed")
        return f"<Snapshot {self.label}: {', '.join(facts)}>"

    def _repr_html_(self) -> str:
        from etiq_jupyter.api.display import snapshot_html

        return snapshot_html(self)


def diff(a: Snapshot, b: Snapshot) -> Any:
    """Compare two snapshots: source, metrics, variables, environment.

    Returns
    -------
    compare.DiffView
        With ``source``, ``metrics``, ``variables``, ``environment``, a rich display and
        ``to_dict()``.
    """
    from etiq_jupyter import compare

    def opener(snapshot: Snapshot) -> Any:
        return lambda item: snapshot.reader(item.name)

    found = compare.diff(a.detail, b.detail, opener(a), opener(b))
    return compare.DiffView(found)
