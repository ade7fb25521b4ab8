"""The nouns as plain structs: what is stored, sent and shown. No I/O; client and server share it.

Times are aware datetimes in UTC. Sizes are bytes. Durations are seconds. Ids are UUIDv7 in their
36-character form; ``short_id`` is what a dashboard adds (``SNP-42``), empty before the first sync.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

import msgspec

FORMAT = 1
"""Version of the stored and sent form of a snapshot. Readers accept every version up to theirs."""

Role = Literal["viewer", "editor", "owner"]
State = Literal["captured", "stored", "synced", "paused", "parked"]
ItemRole = Literal["variable", "figure", "outputs", "environment"]
Kind = Literal[
    "number",
    "text",
    "plain",
    "array",
    "frame",
    "series",
    "index",
    "model",
    "tensor",
    "figure",
    "image",
    "code",
    "outputs",
    "environment",
    "bytes",
    "other",
]

T = TypeVar("T")


class Struct(msgspec.Struct, kw_only=True):
    """Base of all nouns: keyword-only, unknown fields of newer versions are ignored on reading."""


# --- people and places ------------------------------------------------------------------------


class User(Struct, kw_only=True):
    """A person with an account on a dashboard."""

    id: str
    username: str
    email: str = ""
    admin: bool = False


class Workspace(Struct, kw_only=True):
    """Owner and sharing unit of projects. Everybody has a personal one."""

    id: str
    short_id: str = ""
    name: str
    personal: bool = False
    role: Role = "owner"
    projects: int = 0


class Member(Struct, kw_only=True):
    """A user's role in a project."""

    user: User
    role: Role


class Project(Struct, kw_only=True):
    """A named body of work.

    ``snapshots`` counts them; ``pinned`` names up to two metrics shown in lists; ``spark`` holds
    the latest values of the first pinned metric, oldest first.
    """

    id: str
    short_id: str = ""
    name: str
    workspace: str = ""
    workspace_name: str = ""
    owner: User | None = None
    role: Role = "owner"
    description: str = ""
    snapshots: int = 0
    members: list[Member] = []
    created_at: datetime | None = None
    last_activity: datetime | None = None
    pinned: list[str] = []
    spark: list[float] = []


class Token(Struct, kw_only=True):
    """An access token as it may be shown: never its text."""

    id: str
    name: str
    scopes: list[str] = []
    last_chars: str = ""
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None


class IssuedToken(Struct, kw_only=True):
    """A token just made. ``secret`` is shown this once and cannot be shown again."""

    token: Token
    secret: str
    dashboard_url: str


class DeviceCode(Struct, kw_only=True):
    """What a program gets that wants to be logged in by a person at a browser (RFC 8628).

    The person opens ``verification_url_complete`` and compares ``user_code``, or opens
    ``verification_url`` and types it. The program keeps ``device_code`` to itself and asks with it
    every ``interval`` seconds, for at most ``expires_in`` seconds.
    """

    device_code: str
    user_code: str
    verification_url: str
    verification_url_complete: str
    interval: int
    expires_in: int


class DeviceRequest(Struct, kw_only=True):
    """A log-in that waits for somebody's word: who asks, as far as it is known.

    ``name`` is what the program calls itself; ``address`` is where its request came from.
    """

    user_code: str
    name: str
    address: str
    created_at: datetime
    expires_at: datetime


class Server(Struct, kw_only=True):
    """What a dashboard says of itself.

    ``epoch`` names the life of its data: it changes when a backup is put back, so that clients
    know to send again what was lost since. Empty where it is not kept.
    """

    name: Literal["etiq-dashboard"] = "etiq-dashboard"
    version: str
    oldest_client: str
    api: str = "v1"
    epoch: str = ""


class Limits(Struct, kw_only=True):
    """What a dashboard accepts at most, in bytes where it is a size.

    ``snapshots_per_batch`` is 0 where snapshots can only be sent one by one.
    """

    pack_bytes: int = 64 << 20
    manifest_bytes: int = 16 << 20
    chunks_per_query: int = 100_000
    name_chars: int = 200
    snapshots_per_batch: int = 0


class Me(Struct, kw_only=True):
    """Answer of ``GET /me``: who asks, with what, of whom."""

    user: User
    scopes: list[str]
    server: Server
    limits: Limits
    workspace: Workspace
    token: Token | None = None


# --- snapshots --------------------------------------------------------------------------------


class Item(Struct, kw_only=True):
    """A thing a snapshot holds.

    ``hash`` names the content (xxh3-128 over codec, metadata and buffers): equal values have equal
    hashes, which is what lineage and change detection go by. ``object`` names the stored recipe
    (BLAKE3), from which the bytes are read and verified; empty while it is not stored, and for
    items that are not kept. ``size`` is bytes of content before compression. ``detail`` is small,
    safe, JSON-able knowledge for people: shape, columns, parameters. ``reason`` says why an item
    is only recomputable. ``same_as`` names the variable of this snapshot of which it is an alias.
    """

    name: str
    role: ItemRole = "variable"
    kind: Kind
    type: str
    summary: str = ""
    size: int = 0
    hash: str = ""
    object: str = ""
    codec: str = ""
    detail: dict[str, Any] = {}
    reason: str = ""
    same_as: str = ""


class Read(Struct, kw_only=True):
    """A variable that the cell read, by content hash."""

    name: str
    hash: str


class Failure(Struct, kw_only=True):
    """The exception that ended a cell."""

    name: str
    message: str
    traceback: list[str] = []


class Run(Struct, kw_only=True):
    """One kernel's life on one notebook inside a project. ``kind`` says what ran the code."""

    id: str
    short_id: str = ""
    kind: Literal["notebook", "script", "console"] = "script"
    name: str = ""
    host: str = ""
    started_at: datetime | None = None
    snapshots: int = 0


class Redaction(Struct, kw_only=True):
    """How many secrets of one kind were taken out before anything touched the disk."""

    kind: str
    count: int
    where: str = ""


class Snapshot(Struct, kw_only=True):
    """What one cell execution did: the manifest that is stored, sent and receipted.

    ``project`` is the project's id on its destination; ``project_name`` lets an offline snapshot
    find or make its project later. ``sequence`` counts the run's snapshots from 1.
    """

    id: str
    format: int = FORMAT
    name: str = ""
    project: str = ""
    project_name: str = ""
    run: Run
    sequence: int = 0
    created_at: datetime
    duration: float = 0.0
    source: str = ""
    cell_id: str = ""
    execution_count: int = 0
    tags: list[str] = []
    note: str = ""
    error: Failure | None = None
    items: list[Item] = []
    reads: list[Read] = []
    metrics: dict[str, float] = {}
    redactions: list[Redaction] = []
    new_bytes: int = 0


class Link(Struct, kw_only=True):
    """A neighbour in the lineage: a snapshot and the names of the items that join the two."""

    id: str
    short_id: str = ""
    name: str = ""
    items: list[str] = []


class SnapshotSummary(Struct, kw_only=True):
    """A snapshot in a list."""

    id: str
    short_id: str = ""
    name: str = ""
    project: str
    project_name: str = ""
    run: str = ""
    run_name: str = ""
    sequence: int = 0
    author: str = ""
    created_at: datetime
    duration: float = 0.0
    cell_id: str = ""
    state: State = "synced"
    failed: bool = False
    tags: list[str] = []
    metrics: dict[str, float] = {}
    variables: int = 0
    biggest: Item | None = None
    size: int = 0
    new_bytes: int = 0


class SnapshotDetail(SnapshotSummary, kw_only=True):
    """One snapshot, whole. Contents of items are read apart."""

    format: int = FORMAT
    project_short_id: str = ""
    role: Role = "owner"
    run_detail: Run | None = None
    source: str = ""
    execution_count: int = 0
    note: str = ""
    error: Failure | None = None
    items: list[Item] = []
    reads: list[Read] = []
    redactions: list[Redaction] = []
    parents: list[Link] = []
    children: list[Link] = []
    previous: Link | None = None
    previous_source: str | None = None
    previous_metrics: dict[str, float] = {}


class Receipt(Struct, kw_only=True):
    """The dashboard's word that it holds a snapshot, every byte verified by hash."""

    id: str
    short_id: str
    project: str
    manifest: str
    received_at: datetime
    url: str = ""


class Node(Struct, kw_only=True):
    """A snapshot in a pipeline."""

    id: str
    short_id: str = ""
    name: str = ""
    failed: bool = False
    created_at: datetime
    main_item: Item | None = None
    metrics: dict[str, float] = {}


class Edge(Struct, kw_only=True):
    """Items that one snapshot wrote and another read."""

    source: str
    target: str
    items: list[str]


class Pipeline(Struct, kw_only=True):
    """Snapshots joined by what one wrote and another read; inferred, never drawn by hand."""

    id: str
    short_id: str = ""
    name: str = ""
    run: str = ""
    nodes: list[Node]
    edges: list[Edge]
    last_activity: datetime | None = None


# --- looking inside ---------------------------------------------------------------------------


class Column(Struct, kw_only=True):
    """A column of a preview. ``align`` is how it reads best."""

    name: str
    type: str
    align: Literal["left", "right"] = "left"
    index: bool = False


class Preview(Struct, kw_only=True):
    """The readable part of an item.

    ``form`` says which fields are filled: ``table`` (columns, rows, total), ``text`` (text),
    ``json`` (data), ``picture`` (mime, base64 data), ``mime`` (mime, data: a Vega-Lite or Plotly
    document), ``outputs`` (data: the cell's outputs in nbformat form), ``none`` (reason).
    """

    form: Literal["table", "text", "json", "picture", "mime", "outputs", "none"]
    columns: list[Column] = []
    rows: list[list[Any]] = []
    offset: int = 0
    total: int = 0
    text: str = ""
    mime: str = ""
    data: Any = None
    truncated: bool = False
    reason: str = ""


class Page(msgspec.Struct, Generic[T], kw_only=True):
    """One page of a list. ``next_cursor`` is None on the last; ``total`` counts all pages."""

    items: list[T]
    next_cursor: str | None = None
    total: int = 0


# --- comparison -------------------------------------------------------------------------------


class SourceLine(Struct, kw_only=True):
    """A line of a source comparison; line numbers count from 1, 0 where the side lacks the line."""

    op: Literal[" ", "+", "-"]
    text: str
    a: int = 0
    b: int = 0


class MetricChange(Struct, kw_only=True):
    """A metric in both or one of two snapshots."""

    name: str
    a: float | None = None
    b: float | None = None
    change: float | None = None


class VariableChange(Struct, kw_only=True):
    """A variable in two snapshots. ``detail`` holds the frame, array or value comparison."""

    name: str
    status: Literal["added", "removed", "changed", "same"]
    kind: Kind
    a: Item | None = None
    b: Item | None = None
    summary: str = ""
    detail: dict[str, Any] = {}


class EnvironmentChange(Struct, kw_only=True):
    """A fact of the environment that differs, for example ``numpy`` 2.0 -> 2.1."""

    name: str
    a: str | None = None
    b: str | None = None


class Diff(Struct, kw_only=True):
    """What differs between two snapshots. Sections without difference are empty lists."""

    a: SnapshotSummary
    b: SnapshotSummary
    source_same: bool = True
    source: list[SourceLine] = []
    metrics: list[MetricChange] = []
    variables: list[VariableChange] = []
    environment: list[EnvironmentChange] = []


# --- the session ------------------------------------------------------------------------------


class SyncStatus(Struct, kw_only=True):
    """What is on this disk and not yet acknowledged by the dashboard.

    ``oldest`` is when the oldest unsent snapshot was made. ``paused`` says why nothing is sent,
    empty while sending works. ``parked`` counts records the dashboard refused, kept with a reason.
    """

    pending: int = 0
    pending_bytes: int = 0
    sent: int = 0
    parked: int = 0
    local: int = 0
    oldest: datetime | None = None
    paused: str = ""
    last_error: str = ""
    sending: bool = False
    safe_to_close: bool = True


class Status(Struct, kw_only=True):
    """The session's state, without secrets.

    ``source`` says where URL and token came from; ``run`` is the id of this process's run in the
    current project, empty before its first snapshot.
    """

    state: Literal["local", "connecting", "connected", "sending", "paused", "expired", "problem"]
    dashboard: str = ""
    user: str = ""
    source: str = ""
    project: str = ""
    project_name: str = ""
    run: str = ""
    role: Role = "owner"
    sync: SyncStatus
    version: str = ""
    message: str = ""


def variables(snapshot: Snapshot | SnapshotDetail) -> list[Item]:
    """Return the items of a snapshot that are variables, in the order in which they were bound."""
    return [item for item in snapshot.items if item.role == "variable"]


def summarise(snapshot: Snapshot, **more: Any) -> SnapshotSummary:
    """Make the list form of a manifest; ``more`` adds what its holder knows (author, state)."""
    made = variables(snapshot)
    facts: dict[str, Any] = {
        "id": snapshot.id,
        "name": snapshot.name,
        "project": snapshot.project,
        "project_name": snapshot.project_name,
        "run": snapshot.run.id,
        "run_name": snapshot.run.name,
        "sequence": snapshot.sequence,
        "created_at": snapshot.created_at,
        "duration": snapshot.duration,
        "cell_id": snapshot.cell_id,
        "failed": snapshot.error is not None,
        "tags": snapshot.tags,
        "metrics": snapshot.metrics,
        "variables": len(made),
        "biggest": max(made, key=lambda item: item.size, default=None),
        "size": sum(item.size for item in snapshot.items if not item.same_as),
        "new_bytes": snapshot.new_bytes,
    }
    return SnapshotSummary(**(facts | more))
