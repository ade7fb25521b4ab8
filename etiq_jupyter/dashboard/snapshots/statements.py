"""The statements of a batch of snapshots."""

from __future__ import annotations

from sqlalchemy import bindparam, literal_column, select, update

from etiq_jupyter.dashboard.db import tables
from etiq_jupyter.dashboard.db.statement import Insert, Statement, among

_snapshots, _projects, _runs, _objects = (
    tables.snapshots,
    tables.projects,
    tables.runs,
    tables.objects,
)

PROJECTS_BY_NUMBER = Statement(
    select(_projects.c.id, _projects.c.number).where(among(_projects.c.number, "numbers"))
)

SNAPSHOTS_THERE = Statement(
    select(
        _snapshots.c.id,
        _snapshots.c.number,
        _snapshots.c.project_id,
        _snapshots.c.manifest_hash,
        _snapshots.c.received_at,
    ).where(among(_snapshots.c.id, "ids"))
)

OBJECTS_THERE = Statement(
    select(_objects.c.workspace_id, _objects.c.hash, _objects.c.unclaimed).where(
        _objects.c.workspace_id.in_(
            select(_projects.c.workspace_id).where(among(_projects.c.id, "projects"))
        ),
        among(_objects.c.hash, "hashes"),
    )
)
CLAIM = Statement(
    update(_objects)
    .where(
        _objects.c.workspace_id == bindparam("workspace"),
        _objects.c.hash == bindparam("name"),
        _objects.c.unclaimed == bindparam("found"),
    )
    .values(unclaimed=literal_column("0"))
    .returning(_objects.c.hash)
)

RUNS_THERE = Statement(
    select(_runs.c.project_id, _runs.c.id).where(
        among(_runs.c.project_id, "projects"), among(_runs.c.id, "runs")
    )
)
COUNT_IN_RUN = Statement(
    update(_runs)
    .where(_runs.c.project_id == bindparam("p"), _runs.c.id == bindparam("r"))
    .values(snapshots=_runs.c.snapshots + bindparam("n"))
)
COUNT_IN_PROJECT = Statement(
    update(_projects)
    .where(_projects.c.id == bindparam("p"))
    .values(snapshots=_projects.c.snapshots + bindparam("n"), last_activity=bindparam("moment"))
)
TOKENS_USED = Statement(
    update(tables.tokens)
    .where(among(tables.tokens.c.id, "ids"))
    .values(last_used_at=bindparam("moment"))
)

INSERT_SNAPSHOTS = Insert(tables.snapshots)
INSERT_MANIFESTS = Insert(tables.manifests)
INSERT_METRICS = Insert(tables.metrics)
INSERT_TAGS = Insert(tables.tags)
INSERT_HELD = Insert(tables.snapshot_objects)
INSERT_RUNS = Insert(tables.runs)
