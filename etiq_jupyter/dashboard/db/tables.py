"""The tables. Times are microseconds since 1970 in UTC; ids are UUIDs as text, hashes hex as text.

The migrations create exactly these; a test compares the two.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


# Rows that are little more than their key: SQLite then keeps the key once instead of twice.
_NARROW: dict[str, Any] = {"sqlite_with_rowid": False}


def _belongs_to(target: str, name: str, *, primary: bool = False) -> Column[str]:
    """Make a reference whose row goes away with what it refers to."""
    reference = ForeignKey(target, ondelete="CASCADE")
    return Column(name, Text, reference, primary_key=primary, nullable=False)


counters = Table(
    "counters",
    metadata,
    Column("prefix", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
    **_NARROW,
)
"""Last number given for each prefix of short ids."""

facts = Table(
    "facts",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    **_NARROW,
)
"""Facts about the database itself: ``epoch``, see `db.epoch`."""

# --- identity ---------------------------------------------------------------------------------

users = Table(
    "users",
    metadata,
    Column("id", Text, primary_key=True),
    Column("username", Text, nullable=False),
    Column("folded", Text, nullable=False, unique=True),  # names that differ by case only are one
    Column("email", Text, nullable=False),
    Column("password", Text, nullable=False),  # argon2id
    Column("admin", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

browser_sessions = Table(
    "browser_sessions",
    metadata,
    Column("hash", Text, primary_key=True),
    _belongs_to("users.id", "user_id"),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index(None, "user_id"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", Text, primary_key=True),
    _belongs_to("users.id", "user_id"),
    Column("name", Text, nullable=False),
    Column("lookup", Text, nullable=False),  # short, so that the index tells little
    Column("hash", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("last_chars", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("last_used_at", BigInteger),
    Index(None, "lookup"),
    Index(None, "user_id"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("key", Text, primary_key=True),
    Column("window", BigInteger, primary_key=True),
    Column("count", Integer, nullable=False),
)
"""Failed sign-ins, and other attempts that are limited, by who made them and five-minute window."""

device_codes = Table(
    "device_codes",
    metadata,
    Column("hash", Text, primary_key=True),  # of the device code, which is stored nowhere
    # In the clear: who reads it here can answer it, signed in, but gets no token by it.
    Column("user_code", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("interval", Integer, nullable=False),  # seconds
    Column("polled_at", BigInteger),
    Column("state", Text, nullable=False),  # pending, approved, denied
    Column("user_id", Text, ForeignKey("users.id", ondelete="CASCADE")),  # who has answered
    Index(None, "expires_at"),
)
"""Programs that wait to be logged in by somebody at a browser."""

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", Text, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("username", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("address", Text, nullable=False),
    Index(None, "at"),
)

# --- places -----------------------------------------------------------------------------------

workspaces = Table(
    "workspaces",
    metadata,
    Column("id", Text, primary_key=True),
    Column("number", BigInteger, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("personal", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

workspace_members = Table(
    "workspace_members",
    metadata,
    _belongs_to("workspaces.id", "workspace_id", primary=True),
    _belongs_to("users.id", "user_id", primary=True),
    Column("rank", Integer, nullable=False),
    Index(None, "user_id"),
    **_NARROW,
)

projects = Table(
    "projects",
    metadata,
    Column("id", Text, primary_key=True),
    Column("number", BigInteger, nullable=False, unique=True),
    _belongs_to("workspaces.id", "workspace_id"),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("pinned", Text, nullable=False),  # JSON list of metric names
    Column("owner_id", Text, ForeignKey("users.id"), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("last_activity", BigInteger, nullable=False),
    Column("snapshots", Integer, nullable=False),
    UniqueConstraint("workspace_id", "name"),
    Index(None, "last_activity"),
)

project_members = Table(
    "project_members",
    metadata,
    _belongs_to("projects.id", "project_id", primary=True),
    _belongs_to("users.id", "user_id", primary=True),
    Column("rank", Integer, nullable=False),  # 1 viewer, 2 editor, 3 owner
    Index(None, "user_id"),
    **_NARROW,
)

# --- snapshots --------------------------------------------------------------------------------

runs = Table(
    "runs",
    metadata,
    _belongs_to("projects.id", "project_id", primary=True),
    Column("id", Text, primary_key=True),
    Column("number", BigInteger, nullable=False, unique=True),
    Column("user_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("snapshots", Integer, nullable=False),
    Index(None, "project_id", "started_at"),
)

snapshots = Table(
    "snapshots",
    metadata,
    Column("id", Text, primary_key=True),
    Column("number", BigInteger, nullable=False, unique=True),
    _belongs_to("projects.id", "project_id"),
    Column("run_id", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("cell_id", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("duration", Float, nullable=False),
    Column("failed", Boolean, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("new_bytes", BigInteger, nullable=False),
    Column("brief", LargeBinary, nullable=False),  # what a list shows: metrics, tags, biggest item
    Column("manifest_hash", Text, nullable=False),
    Column("pipeline_id", Text),
    Column("linked", Boolean, nullable=False),  # whether its edges have been worked out
    Index("ix_snapshots_newest", "project_id", "created_at", "id"),
    Index("ix_snapshots_by_name", "project_id", "name", "created_at"),
    Index("ix_snapshots_by_cell", "project_id", "cell_id", "created_at"),
    Index("ix_snapshots_by_size", "project_id", "size", "id"),
    Index("ix_snapshots_by_run", "project_id", "run_id", "created_at"),
    Index("ix_snapshots_unlinked", "project_id", "linked"),
    Index("ix_snapshots_by_pipeline", "pipeline_id"),
)

manifests = Table(
    "manifests",
    metadata,
    _belongs_to("snapshots.id", "snapshot_id", primary=True),
    Column("body", LargeBinary, nullable=False),  # model.Snapshot as MessagePack, zstd
    Column("text", Text, nullable=False),  # what words are looked for in, case folded
)
"""The big part of a snapshot, apart so that lists do not page through it."""

metrics = Table(
    "metrics",
    metadata,
    _belongs_to("snapshots.id", "snapshot_id", primary=True),
    Column("name", Text, primary_key=True),
    Column("project_id", Text, nullable=False),
    Column("value", Float, nullable=False),
    Index("ix_metrics_sorted", "project_id", "name", "value", "snapshot_id"),
    **_NARROW,
)

tags = Table(
    "tags",
    metadata,
    _belongs_to("snapshots.id", "snapshot_id", primary=True),
    Column("tag", Text, primary_key=True),
    Column("project_id", Text, nullable=False),
    Index(None, "project_id", "tag"),
    **_NARROW,
)

lineage = Table(
    "lineage",
    metadata,
    _belongs_to("snapshots.id", "snapshot_id", primary=True),
    Column("wrote", Boolean, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("hash", Text, primary_key=True),
    Column("project_id", Text, nullable=False),
    Index("ix_lineage_by_hash", "project_id", "hash", "wrote"),
    **_NARROW,
)
"""Content hashes that snapshots wrote and read."""

edges = Table(
    "edges",
    metadata,
    _belongs_to("snapshots.id", "target_id", primary=True),
    Column("name", Text, primary_key=True),
    _belongs_to("snapshots.id", "source_id", primary=True),
    Column("project_id", Text, nullable=False),
    Index(None, "source_id"),
    **_NARROW,
)
"""For each variable that a snapshot read, the snapshot that wrote it."""

pipelines = Table(
    "pipelines",
    metadata,
    Column("id", Text, primary_key=True),
    Column("number", BigInteger, nullable=False, unique=True),
    _belongs_to("projects.id", "project_id"),
    Column("anchor_id", Text, nullable=False),  # the snapshot whose pipeline keeps this id
    Column("last_activity", BigInteger, nullable=False),
    Index(None, "project_id", "last_activity"),
    Index(None, "anchor_id"),
)

# --- objects ----------------------------------------------------------------------------------

packs = Table(
    "packs",
    metadata,
    _belongs_to("workspaces.id", "workspace_id", primary=True),
    Column("hash", Text, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("stored_at", BigInteger, nullable=False),
)

chunks = Table(
    "chunks",
    metadata,
    _belongs_to("workspaces.id", "workspace_id", primary=True),
    Column("hash", Text, primary_key=True),
    Column("pack", Text, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("length", Integer, nullable=False),
    Column("raw_size", Integer, nullable=False),
    Column("base", Text, nullable=False),
    Column("used", Boolean, nullable=False),  # whether an object consists of it
    Column("touched_at", BigInteger, nullable=False),  # when it was last promised to an uploader
    Index(None, "workspace_id", "pack"),
    Index(None, "workspace_id", "base"),
    **_NARROW,
)

objects = Table(
    "objects",
    metadata,
    _belongs_to("workspaces.id", "workspace_id", primary=True),
    Column("hash", Text, primary_key=True),
    Column("unclaimed", BigInteger, nullable=False),
    Column("stored_at", BigInteger, nullable=False),
    **_NARROW,
)
"""Recipes of which every chunk has been seen to be there. ``unclaimed`` counts the stored bytes
that were new with the object, until a snapshot takes them as its own."""

snapshot_objects = Table(
    "snapshot_objects",
    metadata,
    _belongs_to("snapshots.id", "snapshot_id", primary=True),
    Column("object", Text, primary_key=True),
    Column("workspace_id", Text, nullable=False),
    Index(None, "workspace_id", "object"),
    **_NARROW,
)
"""What keeps an object from being collected."""
