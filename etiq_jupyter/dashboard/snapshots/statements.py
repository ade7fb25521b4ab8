"""The statements of a batch of snapshots."""

from __future__ import annotations

from sqlalchemy import bindparam, select, update

from etiq_jupyter.dashboard.db import tables
from etiq_jupyter.dashboard.db.statement import Insert, Statement, among

_snapshots, _projects, _runs, _objects = (
    tables.snapshots,
    tables.projects,
    tables.runs,
    tables.objects,
)

_PROJECT = (_projects.c.id, _projects.c.number, _projects.c.name, _projects.c.workspace_id)
PROJECTS_BY_ID = Statement(select(*_PROJECT).where(among(_projects.c.id, "ids")))
PROJECTS_BY_NUMBER = Statement(select(*_PROJECT).where(among(_projects.c.number, "numbers")))

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
    select(_objects.c.workspace_id, _objects.c.hash).where(
        among(_objects.c.workspace_id, "workspaces"), among(_objects.c.hash, "hashes")
    )
)
_MINE = (
    _objects.c.workspace_id == bindparam("workspace"),
    among(_objects.c.hash, "hashes"),
    _objects.c.unclaimed > bindparam("none", 0),
)
UNCLAIMED = Statement(select(_objects.c.unclaimed).where(*_MINE))
CLAIM = Statement(update(_objects).where(*_MINE).values(unclaimed=bindparam("none")))

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
