"""Snapshots: take in, list, read, change, delete; runs and pipelines; comparison."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from anyio import to_thread

from etiq_jupyter.dashboard.events.hub import Event
from etiq_jupyter.dashboard.identity import secrets
from etiq_jupyter.dashboard.snapshots import comparing
from etiq_jupyter.dashboard.snapshots.batch import Claim, Entry, NeedObjects, Taken
from etiq_jupyter.dashboard.snapshots.listing import SnapshotFilter
from etiq_jupyter.dashboard.snapshots.manifest import Manifest, check
from etiq_jupyter.dashboard.web.dispatch import decode, is_msgpack
from etiq_jupyter.dashboard.web.endpoint import Answer, Call, Routes
from etiq_jupyter.dashboard.web.guards import header
from etiq_jupyter.dashboard.web.paging import Limit, PageQuery
from etiq_jupyter.dashboard.web.problems import typed
from etiq_jupyter.errors import Invalid, ServerError
from etiq_jupyter.ids import parse_uuid
from etiq_jupyter.model import (
    Diff,
    Limits,
    Page,
    Pipeline,
    Receipt,
    Run,
    Snapshot,
    SnapshotDetail,
    SnapshotSummary,
)

routes = Routes("snapshots")

Text = Annotated[str, msgspec.Meta(max_length=2000)]
_json = msgspec.json.Decoder(Snapshot)
_any_json = msgspec.json.Decoder()
_msgpack = msgspec.msgpack.Decoder(Snapshot)
_THREAD_FROM = 64 << 10
"""Bytes of manifest from which checking it would hold up other requests."""


class SnapshotQuery(msgspec.Struct, kw_only=True):
    """Which snapshots, in which order."""

    q: Text = ""
    tag: Text = ""
    run: Text = ""
    sort: Text = "-created"
    cursor: str | None = None
    limit: Limit = 50


class SnapshotChange(msgspec.Struct, kw_only=True):
    """What to change; what is left out stays."""

    name: Text | None = None
    note: Annotated[str, msgspec.Meta(max_length=20_000)] | None = None
    tags: list[Text] | None = None


class Comparison(msgspec.Struct, kw_only=True):
    """Two snapshots, each by UUID or short id."""

    a: Text
    b: Text


@routes.add(
    "PUT",
    "/snapshots/{snapshot}",
    scope="write",
    status=201,
    also=(200,),
    limit=Limits().manifest_bytes,
    takes="application/json",
)
async def put_snapshot(call: Call, snapshot: str) -> Answer[Receipt]:
    """Take a snapshot in (201); the same again answers the same receipt (200)."""
    # Who asks is found out in the transaction that writes, for all that wait together.
    try:
        if len(call.raw) < _THREAD_FROM:
            manifest = _manifest(call, snapshot)
        else:
            manifest = await to_thread.run_sync(_manifest, call, snapshot)
    except Exception as error:
        # Who is not known must not learn what is wrong with the manifest.
        await to_thread.run_sync(call.services.people.identify, call.request, "write")
        raise typed(error) from error
    entry = Entry(manifest, await _claim(call), call.base_url)
    taken = await _submit(call, entry)
    if taken.made:
        receipt = taken.receipt
        event = Event(kind="snapshot", id=receipt.id, project=receipt.project)
        call.services.hub.publish_soon(event)
    return Answer(taken.receipt, 201 if taken.made else 200)


def _manifest(call: Call, snapshot: str) -> Manifest:
    snapshot_id = parse_uuid(snapshot)
    if snapshot_id is None:
        raise Invalid("a snapshot is sent under its UUID", why=snapshot[:60], path="$.id")
    if is_msgpack(call.request):
        sent = decode(_msgpack, call.raw)
    else:
        try:
            sent = decode(_json, call.raw)
        except msgspec.ValidationError:
            sent = msgspec.convert(_without_null_metrics(call.raw), Snapshot)
    return check(sent, snapshot_id, call.raw)


def _without_null_metrics(raw: bytes) -> Any:
    """JSON has no NaN: a metric that is one comes as null, and is left out."""
    document = decode(_any_json, raw)
    metrics = document.get("metrics") if isinstance(document, dict) else None
    if isinstance(metrics, dict):
        document["metrics"] = {name: value for name, value in metrics.items() if value is not None}
    return document


async def _claim(call: Call) -> Claim:
    kind, _, secret = header(call.request.scope, b"authorization").partition(" ")
    if kind.lower() == "bearer":
        secret = secret.strip()
        return Claim(digest=secrets.digest(secret), secret=secret)
    who = await to_thread.run_sync(call.services.people.identify, call.request, "write")
    return Claim(user_id=who.user.id)


async def _submit(call: Call, entry: Entry) -> Taken:
    """Write a snapshot; objects that have not been looked through yet are, first."""
    for _ in range(3):
        try:
            return await call.services.ingest.submit(entry)
        except NeedObjects as need:
            # Only an editor of the project gets here: roles were checked before objects.
            await to_thread.run_sync(call.services.holdings.complete, need.workspace, need.objects)
    raise ServerError("the snapshot's objects are being collected", hint="send it again")


@routes.add("GET", "/projects/{project}/snapshots", scope="read")
def list_snapshots(call: Call, project: str, query: SnapshotQuery) -> Page[SnapshotSummary]:
    """Return a project's snapshots: filtered, sorted, page by page."""
    wanted = SnapshotFilter(
        q=query.q,
        tag=query.tag,
        run=query.run,
        sort=query.sort,
        cursor=query.cursor,
        limit=query.limit,
    )
    return call.services.listing.snapshots(call.who.user.id, project, wanted)


@routes.add("GET", "/projects/{project}/runs", scope="read")
def list_runs(call: Call, project: str, query: PageQuery) -> Page[Run]:
    """Return a project's runs, newest first."""
    return call.services.listing.runs(call.who.user.id, project, query.cursor, query.limit)


@routes.add("GET", "/projects/{project}/pipelines", scope="read")
def list_pipelines(call: Call, project: str, query: PageQuery) -> Page[Pipeline]:
    """Return a project's pipelines, the latest active first."""
    return call.services.pipelines.page(call.who.user.id, project, query.cursor, query.limit)


@routes.add("GET", "/snapshots/{snapshot}", scope="read")
def get_snapshot(call: Call, snapshot: str) -> SnapshotDetail:
    """One snapshot, by UUID or short id, with its neighbours."""
    return call.services.reading.detail(call.who, snapshot)


@routes.add("GET", "/snapshots/{snapshot}/manifest", scope="read")
def get_manifest(call: Call, snapshot: str) -> Snapshot:
    """Return the manifest as it was sent, as JSON or MessagePack by Accept."""
    return call.services.reading.open(call.who, snapshot).snapshot


@routes.add("PATCH", "/snapshots/{snapshot}", scope="write")
def change_snapshot(call: Call, snapshot: str, body: SnapshotChange) -> SnapshotDetail:
    """Rename, annotate, tag."""
    changed = call.services.reading.change(
        call.who, snapshot, name=body.name, note=body.note, tags=body.tags
    )
    call.services.announce("snapshot", project_id=changed.project, id=changed.id)
    return changed


@routes.add("DELETE", "/snapshots/{snapshot}", scope="write", status=204)
def delete_snapshot(call: Call, snapshot: str) -> None:
    """Delete a snapshot; its author and owners of the project may."""
    row = call.services.reading.delete(call.who, snapshot, call.address)
    call.services.announce("snapshot", project_id=row.project_id, id=row.id)


@routes.add("GET", "/diff", scope="read")
def diff(call: Call, query: Comparison) -> Diff:
    """Tell what differs between two snapshots."""
    return comparing.diff(call.services, call.who, query.a, query.b)
