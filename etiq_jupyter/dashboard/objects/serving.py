"""Chunks for readers: only those that belong to the snapshot that was asked about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from etiq_jupyter.dashboard.db import tables
from etiq_jupyter.dashboard.objects.holdings import Holdings
from etiq_jupyter.errors import NotFound
from etiq_jupyter.objects.chunk import encode_chunk
from etiq_jupyter.objects.pack import Frame
from etiq_jupyter.objects.recipe import recipe_chunks

if TYPE_CHECKING:
    from etiq_jupyter.dashboard.services import Services


def frames_for_snapshot(services: Services, row: Any, hashes: list[str]) -> Iterator[Frame]:
    """Chunks of a snapshot, each readable by itself.

    Parameters
    ----------
    services : Services
        Of the dashboard.
    row : Row
        The snapshot, access already checked.
    hashes : list of str
        Names of recipes and chunks.

    Raises
    ------
    NotFound
        When one does not belong to the snapshot: knowing a hash gives no right to the bytes.
    """
    wanted = list(dict.fromkeys(hashes))
    table = tables.snapshot_objects
    with services.database.read() as connection:
        objects = list(
            connection.execute(
                select(table.c.object).where(table.c.snapshot_id == row.id)
            ).scalars()
        )
    rest = set(wanted) - set(objects)
    if rest:
        for recipe in services.holdings.recipes(row.workspace_id, objects).values():
            rest.difference_update(recipe_chunks(recipe))
            if not rest:
                break
    if rest:
        raise NotFound(
            f"the snapshot has no chunk {min(rest)[:12]}",
            why="only chunks that its own items consist of can be read",
        )
    return _readable(services.holdings, row.workspace_id, wanted)


def _readable(holdings: Holdings, workspace_id: str, wanted: list[str]) -> Iterator[Frame]:
    """Read stored frames.

    Those that are changes to another chunk are made whole, as the other may be no part of this
    snapshot.
    """
    changes: list[str] = []
    for frame in holdings.frames(workspace_id, wanted):
        if frame.base:
            changes.append(frame.hash)
        else:
            yield frame
    for start in range(0, len(changes), 64):
        for name, data in holdings.read(workspace_id, changes[start : start + 64]).items():
            encoding, stored = encode_chunk(data)
            yield Frame(name, encoding, len(data), "", stored)
