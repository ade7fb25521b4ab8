"""Chunks and packs: what the sync of a client talks to."""

from __future__ import annotations

from typing import Annotated

import msgspec
from starlette.responses import Response

from etiq_jupyter.dashboard.objects.packs import PackStored
from etiq_jupyter.dashboard.objects.serving import frames_for_snapshot
from etiq_jupyter.dashboard.projects.access import project_row, snapshot_row
from etiq_jupyter.dashboard.web.endpoint import Call, Routes
from etiq_jupyter.errors import Invalid
from etiq_jupyter.model import Limits
from etiq_jupyter.objects.hashing import is_hash
from etiq_jupyter.objects.pack import write_pack

routes = Routes("objects")
LIMITS = Limits()
OCTETS = "application/octet-stream"

Hashes = Annotated[list[str], msgspec.Meta(max_length=LIMITS.chunks_per_query)]


class ChunkQuestion(msgspec.Struct, kw_only=True):
    """Chunks of which a project's workspace may lack some."""

    project: str
    hashes: Hashes


class LackingChunks(msgspec.Struct, kw_only=True):
    """The chunks that have to be sent."""

    lacking: list[str]


class ChunkRequest(msgspec.Struct, kw_only=True):
    """Chunks of one snapshot."""

    snapshot: str
    hashes: Hashes


class InProject(msgspec.Struct, kw_only=True):
    """The project for which something is stored."""

    project: str


class OfSnapshot(msgspec.Struct, kw_only=True):
    """The snapshot to which something belongs."""

    snapshot: str


@routes.add("POST", "/chunks/lacking", scope="write", limit=16 << 20)
def lacking_chunks(call: Call, body: ChunkQuestion) -> LackingChunks:
    """Which chunks have to be sent; only what the same workspace holds counts as held."""
    _check_hashes(body.hashes)
    with call.services.database.read() as connection:
        project = project_row(connection, call.who.user.id, body.project, "editor")
    found = call.services.holdings.lacking(project.workspace_id, body.hashes)
    return LackingChunks(lacking=found)


@routes.add(
    "PUT", "/packs/{pack}", scope="write", limit=LIMITS.pack_bytes, takes=OCTETS, in_part=True
)
def put_pack(call: Call, pack: str, query: InProject) -> PackStored:
    """Store a pack. Every chunk is verified by its hash before anything is visible; idempotent.

    If the line is cut, the chunks that have arrived whole are kept: ask again what is lacking.
    """
    with call.services.database.read() as connection:
        project = project_row(connection, call.who.user.id, query.project, "editor")
    if call.is_part:
        return call.services.packs.store_part(project.workspace_id, call.raw)
    return call.services.packs.store(project.workspace_id, pack, call.raw)


@routes.add("POST", "/chunks/read", scope="read", limit=16 << 20, media=OCTETS)
def read_chunks(call: Call, body: ChunkRequest) -> Response:
    """Chunks of a snapshot's items, as a pack."""
    _check_hashes(body.hashes)
    with call.services.database.read() as connection:
        row = snapshot_row(connection, call.who.user.id, body.snapshot)
    frames = frames_for_snapshot(call.services, row, body.hashes)
    return Response(write_pack(frames), media_type=OCTETS, headers={"Cache-Control": "no-store"})


@routes.add("GET", "/chunks/{chunk}", scope="read", media=OCTETS)
def read_chunk(call: Call, chunk: str, query: OfSnapshot) -> Response:
    """Return the raw bytes of one chunk of a snapshot's items."""
    _check_hashes([chunk])
    with call.services.database.read() as connection:
        row = snapshot_row(connection, call.who.user.id, query.snapshot)
    next(iter(frames_for_snapshot(call.services, row, [chunk])))
    data = call.services.holdings.read(row.workspace_id, [chunk])[chunk]
    headers = {
        "Cache-Control": "private, max-age=31536000, immutable",
        "Content-Disposition": "attachment",
        "ETag": f'"{chunk}"',
    }
    return Response(data, media_type=OCTETS, headers=headers)


def _check_hashes(hashes: list[str]) -> None:
    for position, name in enumerate(hashes):
        if not is_hash(name):
            raise Invalid("this is not a hash", why=name[:80], path=f"$.hashes[{position}]")
