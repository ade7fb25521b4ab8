"""The answers of local mode: the dashboard's reads, from this disk."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote

import msgspec

from etiq_jupyter import codecs, model
from etiq_jupyter.errors import AuthError, Invalid, NotFound
from etiq_jupyter.ids import parse_id
from etiq_jupyter.store.local_projects import LocalProjects

if TYPE_CHECKING:
    from etiq_jupyter.objects.content import ContentReader
    from etiq_jupyter.store import Store

T = TypeVar("T")
Query = Mapping[str, Any]
LIMIT = 50


class LocalBackend:
    """A `backend.Backend` over the local store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._projects = LocalProjects(store)

    def get(self, path: str, query: Query | None, kind: type[T]) -> T:
        asked = {key: value for key, value in (query or {}).items() if value is not None}
        for pattern, answer in ROUTES:
            match = pattern.fullmatch(path)
            if match:
                found: Any = answer(self, *(unquote(p) for p in match.groups()), query=asked)
                whole: T = msgspec.to_builtins(found) if kind is dict else found
                return whole
        raise AuthError(
            f"{path} is only on a dashboard, and this session is not logged in",
            hint="log in with %etiq_login",
        )

    def send(self, method: str, path: str, body: Any = None) -> Any:
        if (method, path) == ("POST", "/projects/open"):
            body = body or {}
            return self.open_project(
                str(body.get("name", "")), bool(body.get("create_if_missing", True)), None
            )
        match = re.fullmatch(r"/snapshots/([^/]+)", path)
        if method == "DELETE" and match:
            self._store.delete(parse_id(unquote(match[1])))
            return None
        raise AuthError(
            "This can be changed on a dashboard only, and this session is not logged in",
            hint="log in with %etiq_login",
        )

    def open_project(self, name: str, create: bool, workspace: str | None) -> model.Project:
        if workspace is not None:
            raise Invalid(
                "There are no workspaces in local mode", hint="log in, or leave workspace= out"
            )
        return self._projects.open(name, create=create)

    # --- answers ------------------------------------------------------------------------------

    def workspaces(self, query: Query) -> model.Page[model.Workspace]:
        here = model.Workspace(id="local", name="This disk", personal=True)
        return _page([here], query)

    def projects(self, query: Query) -> model.Page[model.Project]:
        words = str(query.get("q", "")).casefold().split()
        found = [p for p in self._projects.list() if all(w in p.name.casefold() for w in words)]
        if str(query.get("sort", "")).lstrip("-") == "name":
            found.sort(key=lambda p: p.name.casefold())
        return _page(found, query)

    def project(self, id: str, query: Query) -> model.Project:  # noqa: A002, ARG002
        return self._projects.get(id)

    def snapshots(self, project: str, query: Query) -> model.Page[model.SnapshotSummary]:
        q, tag = str(query.get("q", "")), str(query.get("tag", ""))
        sort, run = str(query.get("sort", "-created")), query.get("run")
        offset, limit = _window(query)
        found = self._store.snapshots(project, q, tag, sort, offset, limit, run)
        total = self._store.count(project, q, tag)
        return model.Page(items=found, next_cursor=_next(offset, limit, total), total=total)

    def runs(self, project: str, query: Query) -> model.Page[model.Run]:
        found: dict[str, model.Run] = {}
        for manifest in self._manifests(project):
            run = found.setdefault(manifest.run.id, manifest.run)
            run.snapshots = max(run.snapshots, manifest.sequence)
        return _page(list(reversed(found.values())), query)

    def pipelines(self, project: str, query: Query) -> model.Page[model.Pipeline]:
        from etiq_jupyter.compare import lineage

        return _page(lineage.pipelines(self._manifests(project)), query)

    def snapshot(self, id: str, query: Query) -> model.SnapshotDetail:  # noqa: A002, ARG002
        from etiq_jupyter.compare import lineage

        manifest = self._store.manifest(parse_id(id))
        summary = model.summarise(manifest, state=self._store.state_of(manifest.id) or "stored")
        siblings = self._manifests(manifest.project)
        before = [s for s in siblings if s.id < manifest.id and _same_cell(s, manifest)]
        previous = max(before, key=lambda s: s.id, default=None)
        return model.SnapshotDetail(
            **msgspec.structs.asdict(summary),
            format=manifest.format,
            run_detail=manifest.run,
            source=manifest.source,
            execution_count=manifest.execution_count,
            note=manifest.note,
            error=manifest.error,
            items=manifest.items,
            reads=manifest.reads,
            redactions=manifest.redactions,
            parents=lineage.parents(siblings, manifest.id),
            children=lineage.children(siblings, manifest.id),
            previous=model.Link(id=previous.id, name=previous.name) if previous else None,
            previous_source=previous.source if previous else None,
            previous_metrics=previous.metrics if previous else {},
        )

    def manifest(self, id: str, query: Query) -> model.Snapshot:  # noqa: A002, ARG002
        return self._store.manifest(parse_id(id))

    def preview(self, id: str, name: str, query: Query) -> model.Preview:  # noqa: A002
        item, reader = self._item(id, name)
        return codecs.preview(
            reader,
            item,
            offset=_count(query, "offset", 0),
            limit=_count(query, "limit", LIMIT),
            columns=_columns(query),
            sort=query.get("sort"),
            filter=query.get("filter"),
        )

    def profile(self, id: str, name: str, query: Query) -> dict[str, Any]:  # noqa: A002
        _, reader = self._item(id, name)
        return codecs.profile(reader, _columns(query))

    def diff(self, query: Query) -> model.Diff:
        from etiq_jupyter import compare

        a, b = (self.snapshot(str(query.get(side, "")), {}) for side in "ab")
        return compare.diff(a, b, self._opener(a), self._opener(b))

    def browse(self, id: str, query: Query) -> dict[str, Any]:  # noqa: A002, ARG002
        wanted = parse_id(id)
        if self._store.has_snapshot(wanted):
            detail = self.snapshot(wanted, {})
            return _browsed("snapshot", detail)
        return _browsed("project", self._projects.get(wanted))

    def search(self, query: Query) -> dict[str, Any]:
        found = self._store.snapshots(None, str(query.get("q", "")), limit=LIMIT)
        return {"projects": self.projects(query).items, "snapshots": found}

    # --- parts --------------------------------------------------------------------------------

    def _manifests(self, project: str) -> list[model.Snapshot]:
        rows = self._store.database.rows(
            "SELECT manifest FROM snapshots WHERE project = ? ORDER BY id", (project,)
        )
        return [_decode(row[0]) for row in rows]

    def _item(self, id: str, name: str) -> tuple[model.Item, ContentReader]:  # noqa: A002
        items = {item.name: item for item in self._store.manifest(parse_id(id)).items}
        item = items.get(name)
        if item is None:
            raise NotFound(f"Snapshot {id} has no item {name!r}")
        if item.same_as:
            item = items[item.same_as]
        if not item.object:
            raise NotFound(f"{name!r} was not kept", why=item.reason)
        return item, self._store.reader(item.object)

    def _opener(self, detail: model.SnapshotDetail) -> Callable[[model.Item], ContentReader]:
        return lambda item: self._item(detail.id, item.name)[1]


_decode = msgspec.msgpack.Decoder(model.Snapshot).decode


def _same_cell(one: model.Snapshot, other: model.Snapshot) -> bool:
    if one.cell_id and other.cell_id:
        return one.cell_id == other.cell_id
    return bool(one.name) and one.name == other.name


def _browsed(kind: str, found: Any) -> dict[str, Any]:
    return {"kind": kind, "id": found.id, "short_id": "", "object": found, "url": ""}


def _columns(query: Query) -> list[str] | None:
    """Names of columns: a list, a JSON list, or names with commas between; none for all."""
    columns = query.get("columns")
    if not columns or isinstance(columns, list):
        return columns or None
    text = str(columns)
    if not text.startswith("["):
        return text.split(",")
    try:
        return msgspec.json.decode(text, type=list[str])
    except msgspec.DecodeError:
        raise Invalid("columns is not a JSON list of names", path="$.columns") from None


def _count(query: Query, name: str, default: int) -> int:
    try:
        value = int(query.get(name, default))
    except (TypeError, ValueError):
        value = -1
    if value < 0:
        raise Invalid(f"{name} must be a count", why=f"got {query[name]!r}", path=name)
    return value


def _window(query: Query) -> tuple[int, int]:
    offset = _count({"cursor": query.get("cursor") or 0}, "cursor", 0)
    return offset, _count(query, "limit", LIMIT) or LIMIT


def _next(offset: int, limit: int, total: int) -> str | None:
    return str(offset + limit) if offset + limit < total else None


def _page(found: list[T], query: Query) -> model.Page[T]:
    offset, limit = _window(query)
    return model.Page(
        items=found[offset : offset + limit],
        next_cursor=_next(offset, limit, len(found)),
        total=len(found),
    )


ROUTES: list[tuple[re.Pattern[str], Callable[..., Any]]] = [
    (re.compile(r"/workspaces"), LocalBackend.workspaces),
    (re.compile(r"/projects"), LocalBackend.projects),
    (re.compile(r"/projects/([^/]+)"), LocalBackend.project),
    (re.compile(r"/projects/([^/]+)/snapshots"), LocalBackend.snapshots),
    (re.compile(r"/projects/([^/]+)/runs"), LocalBackend.runs),
    (re.compile(r"/projects/([^/]+)/pipelines"), LocalBackend.pipelines),
    (re.compile(r"/snapshots/([^/]+)"), LocalBackend.snapshot),
    (re.compile(r"/snapshots/([^/]+)/manifest"), LocalBackend.manifest),
    (re.compile(r"/snapshots/([^/]+)/items/([^/]+)/preview"), LocalBackend.preview),
    (re.compile(r"/snapshots/([^/]+)/items/([^/]+)/profile"), LocalBackend.profile),
    (re.compile(r"/diff"), LocalBackend.diff),
    (re.compile(r"/browse/([^/]+)"), LocalBackend.browse),
    (re.compile(r"/search"), LocalBackend.search),
]
"""Path -> what answers it."""
