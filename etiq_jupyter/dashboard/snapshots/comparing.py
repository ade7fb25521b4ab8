"""Comparison of two snapshots, and the cells that made one: `compare` over what is stored here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import or_, select

from etiq_jupyter.dashboard.db import tables
from etiq_jupyter.dashboard.identity.people import Identity
from etiq_jupyter.dashboard.snapshots.items import decoding, stored_item
from etiq_jupyter.dashboard.snapshots.manifest import read_body
from etiq_jupyter.model import Diff, Item, Snapshot

if TYPE_CHECKING:
    from etiq_jupyter.dashboard.services import Services
    from etiq_jupyter.objects.content import ContentReader

MOST_CELLS = 2_000
"""Snapshots among which the cells that made one are looked for; the latest before it."""


def diff(services: Services, who: Identity, a: str, b: str) -> Diff:
    """Compare two snapshots that the asker may see."""
    # Comparing frames needs Arrow, which costs memory: imported by whoever compares first.
    from etiq_jupyter import compare

    first, second = services.reading.detail(who, a), services.reading.detail(who, b)
    with decoding("the comparison"):
        return compare.diff(
            first, second, _opener(services, who, first.id), _opener(services, who, second.id)
        )


def _opener(services: Services, who: Identity, snapshot: str) -> Callable[[Item], ContentReader]:
    opened = services.reading.open(who, snapshot)
    return lambda item: stored_item(services, opened, item.name).content


def cells(
    services: Services,
    who: Identity,
    snapshot: str,
    item: str | None,
    form: Literal["script", "notebook"],
) -> tuple[str, str]:
    """Return the least cells that made a snapshot or one item of it: short id and text."""
    from etiq_jupyter.compare import lineage

    opened = services.reading.open(who, snapshot)
    if item:
        opened.item(item)
    services.lineage.catch_up(opened.row.project_id)
    known = _neighbours(services, services.reading.open(who, snapshot).row)
    found = lineage.minimal_cells(known, opened.row.id, item or None)
    text = lineage.as_script(found) if form == "script" else lineage.as_notebook(found)
    return f"SNP-{opened.row.number}", text


def _neighbours(services: Services, row: Any) -> list[Snapshot]:
    """Return the manifests of the snapshot's run and pipeline, up to it."""
    table, manifests = tables.snapshots, tables.manifests
    related = table.c.run_id == row.run_id
    if row.pipeline_id is not None:
        related = or_(related, table.c.pipeline_id == row.pipeline_id)
    query = (
        select(manifests.c.body)
        .join(table, table.c.id == manifests.c.snapshot_id)
        .where(table.c.project_id == row.project_id, related, table.c.created_at <= row.created_at)
        .order_by(table.c.created_at.desc(), table.c.id.desc())
        .limit(MOST_CELLS)
    )
    with services.database.read() as connection:
        return [read_body(body) for body in connection.execute(query).scalars()]
