"""One transaction that takes in several snapshots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from etiq_jupyter import ids
from etiq_jupyter.dashboard.db.engine import (
    Database,
    advisory_lock,
    from_micros,
    next_numbers,
    now,
    to_micros,
)
from etiq_jupyter.dashboard.identity.people import (
    LAST_USED_STEP,
    check_expiry,
    check_scope,
    find_tokens,
    refused,
)
from etiq_jupyter.dashboard.objects.holdings import COLLECTING
from etiq_jupyter.dashboard.projects.access import check_rank, no_project, roles_of
from etiq_jupyter.dashboard.snapshots import statements
from etiq_jupyter.dashboard.snapshots.manifest import Manifest
from etiq_jupyter.errors import Conflict, EtiqError, Invalid
from etiq_jupyter.model import Receipt


@dataclass(slots=True)
class Claim:
    """Who says that they write: a token's digest, or a user already identified by cookie."""

    digest: str = ""
    secret: str = ""
    user_id: str = ""


@dataclass(slots=True)
class Entry:
    """A manifest waiting to be written."""

    manifest: Manifest
    claim: Claim
    base_url: str
    repeats: int = 0


@dataclass(slots=True)
class Taken:
    """A snapshot that is now on the dashboard; ``made`` is False when it was there already."""

    receipt: Receipt
    made: bool


class NeedObjects(Exception):
    """Objects must be looked through before the manifest that refers to them is taken in."""

    def __init__(self, workspace: str, objects: list[str]) -> None:
        super().__init__(workspace, objects)
        self.workspace = workspace
        self.objects = objects


@dataclass(slots=True)
class _Accepted:
    """An entry that will be written, and what has been found out for it."""

    position: int
    entry: Entry
    user_id: str
    project: Any
    number: int = 0
    new_bytes: int = 0
    """Stored bytes that are here because of it."""


class Batch:
    """Writes entries in one transaction; each has its own outcome.

    Parameters
    ----------
    database : Database
        For its dialect.
    tx : Connection
        The transaction.
    entries : list of Entry
        What to write.
    """

    def __init__(self, database: Database, tx: Connection, entries: list[Entry]) -> None:
        self._database = database
        self._tx = tx
        self._entries = entries
        self._moment = now()
        self._results: list[Taken | Exception | None] = [None] * len(entries)

    def write(self) -> list[Taken | Exception]:
        """Check and write all; returns an outcome for each entry, in order."""
        accepted = self._new(self._sorted_out())
        if accepted:
            self._insert(accepted)
        for one in accepted:
            self._results[one.position] = Taken(self._receipt(one), True)
        self._repeat_results()
        return [result for result in self._results if result is not None]

    # --- who may, and where to --------------------------------------------------------------

    def _sorted_out(self) -> list[_Accepted]:
        users = self._users()
        projects = self._projects({entry.manifest.snapshot.project for entry in self._entries})
        pairs = [
            (user, projects[entry.manifest.snapshot.project].id)
            for entry, user in zip(self._entries, users, strict=True)
            if isinstance(user, str) and entry.manifest.snapshot.project in projects
        ]
        ranks = roles_of(self._tx, pairs) if pairs else {}
        accepted = []
        for position, (entry, user) in enumerate(zip(self._entries, users, strict=True)):
            if isinstance(user, EtiqError):
                self._results[position] = user
                continue
            given = entry.manifest.snapshot.project
            project = projects.get(given)
            rank = ranks.get((user, project.id)) if project is not None else None
            if project is None or rank is None:
                self._results[position] = no_project(given)
                continue
            refusal = _refusal(rank, project.name)
            if refusal is None:
                accepted.append(_Accepted(position, entry, user, project))
            else:
                self._results[position] = refusal
        return accepted

    def _users(self) -> list[str | EtiqError]:
        digests = list({entry.claim.digest: None for entry in self._entries if entry.claim.digest})
        found = find_tokens(self._tx, digests) if digests else {}
        used = [
            row.id
            for row in found.values()
            if (row.last_used_at or 0) < self._moment - LAST_USED_STEP
        ]
        if used:
            statements.TOKENS_USED.run(self._tx, {"ids": used, "moment": self._moment})
        return [self._user(entry.claim, found) for entry in self._entries]

    def _user(self, claim: Claim, found: dict[str, Any]) -> str | EtiqError:
        if claim.user_id:
            return claim.user_id
        row = found.get(claim.digest)
        if row is None:
            return refused(claim.secret)
        try:
            check_expiry(row)
            check_scope(frozenset(row.scopes.split()), "write")
        except EtiqError as error:
            return error
        return str(row.user_id)

    def _projects(self, given: set[str]) -> dict[str, Any]:
        by_id: dict[str, str] = {}
        by_number: dict[int, str] = {}
        for text in given:
            try:
                canonical = ids.parse_id(text)
            except Invalid:
                continue
            short = ids.parse_short_id(canonical)
            if short is None:
                by_id[canonical] = text
            elif short[0] == "PRJ":
                by_number[short[1]] = text
        found: dict[str, Any] = {}
        if by_id:
            rows = statements.PROJECTS_BY_ID.all(self._tx, ids=list(by_id))
            found |= {by_id[row.id]: row for row in rows}
        if by_number:
            rows = statements.PROJECTS_BY_NUMBER.all(self._tx, numbers=list(by_number))
            found |= {by_number[row.number]: row for row in rows}
        return found

    # --- what is new ------------------------------------------------------------------------

    def _new(self, candidates: list[_Accepted]) -> list[_Accepted]:
        wanted = [one.entry.manifest.snapshot.id for one in candidates]
        found = statements.SNAPSHOTS_THERE.all(self._tx, ids=wanted) if wanted else ()
        there = {row.id: row for row in found}
        known = self._known_objects(candidates)
        fresh: dict[str, _Accepted] = {}
        for one in candidates:
            manifest = one.entry.manifest
            row = there.get(manifest.snapshot.id)
            if row is not None:
                self._results[one.position] = self._again(one, row)
                continue
            missing = [
                name for name in manifest.objects if (one.project.workspace_id, name) not in known
            ]
            if missing:
                self._results[one.position] = NeedObjects(one.project.workspace_id, missing)
            elif manifest.snapshot.id in fresh:
                self._results[one.position] = None  # the same one twice: see _repeat_results
            else:
                fresh[manifest.snapshot.id] = one
        return list(fresh.values())

    def _known_objects(self, candidates: list[_Accepted]) -> set[tuple[str, str]]:
        wanted = {name for one in candidates for name in one.entry.manifest.objects}
        if not wanted:
            return set()
        # While this transaction lasts, nothing that is found here can be collected.
        advisory_lock(self._tx, COLLECTING, shared=True)
        workspaces = list({one.project.workspace_id for one in candidates})
        rows = statements.OBJECTS_THERE.all(self._tx, workspaces=workspaces, hashes=list(wanted))
        return {(row.workspace_id, row.hash) for row in rows}

    def _again(self, one: _Accepted, row: Any) -> Taken | Exception:
        if row.project_id != one.project.id or row.manifest_hash != one.entry.manifest.hash:
            return Conflict(
                "another snapshot has this id",
                why="ids are made once for each snapshot",
                hint="take the snapshot again",
            )
        one.number = row.number
        return Taken(self._receipt(one, row.received_at), False)

    def _repeat_results(self) -> None:
        """Answer an entry whose double was written in the same batch."""
        first = {
            entry.manifest.snapshot.id: (result, entry.manifest.hash)
            for entry, result in zip(self._entries, self._results, strict=True)
            if isinstance(result, Taken)
        }
        for position, entry in enumerate(self._entries):
            if self._results[position] is None:
                taken, written = first[entry.manifest.snapshot.id]
                self._results[position] = (
                    Taken(taken.receipt, False)
                    if entry.manifest.hash == written
                    else Conflict("another snapshot has this id")
                )

    # --- writing ----------------------------------------------------------------------------

    def _insert(self, accepted: list[_Accepted]) -> None:
        tx = self._tx
        self._insert_runs(accepted)
        self._claim_new_bytes(accepted)
        number = next_numbers(tx, "SNP", len(accepted))
        for offset, one in enumerate(accepted):
            one.number = number + offset
        statements.INSERT_SNAPSHOTS.run(tx, *map(self._row, accepted))
        statements.INSERT_MANIFESTS.run(
            tx,
            *(
                {
                    "snapshot_id": one.entry.manifest.snapshot.id,
                    "body": one.entry.manifest.body,
                    "text": one.entry.manifest.text,
                }
                for one in accepted
            ),
        )
        self._insert_details(accepted)
        self._count(accepted)

    def _claim_new_bytes(self, accepted: list[_Accepted]) -> None:
        """Count bytes that came with an object for the first snapshot that refers to it."""
        for one in accepted:
            names = one.entry.manifest.objects
            if not names:
                continue
            mine = {"workspace": one.project.workspace_id, "hashes": names, "none": 0}
            found = statements.UNCLAIMED.all(self._tx, **mine)
            if found:
                one.new_bytes += sum(row.unclaimed for row in found)
                statements.CLAIM.run(self._tx, mine)

    def _row(self, one: _Accepted) -> dict[str, Any]:
        manifest = one.entry.manifest
        snapshot = manifest.snapshot
        return {
            "id": snapshot.id,
            "number": one.number,
            "project_id": one.project.id,
            "run_id": snapshot.run.id,
            "user_id": one.user_id,
            "sequence": snapshot.sequence,
            "name": snapshot.name.strip(),
            "note": snapshot.note.replace("\x00", ""),
            "cell_id": snapshot.cell_id,
            "created_at": to_micros(snapshot.created_at),
            "received_at": self._moment,
            "duration": snapshot.duration,
            "failed": snapshot.error is not None,
            "size": manifest.size,
            "new_bytes": snapshot.new_bytes or one.new_bytes,
            "brief": manifest.brief,
            "manifest_hash": manifest.hash,
            "pipeline_id": None,
            "linked": not manifest.has_lineage,
        }

    def _insert_details(self, accepted: list[_Accepted]) -> None:
        metrics, tags, held = [], [], []
        for one in accepted:
            manifest, project = one.entry.manifest, one.project
            common = {"snapshot_id": manifest.snapshot.id, "project_id": project.id}
            metrics += [
                common | {"name": name, "value": value} for name, value in manifest.metrics.items()
            ]
            tags += [common | {"tag": tag} for tag in manifest.tags]
            held += [
                {
                    "snapshot_id": manifest.snapshot.id,
                    "object": name,
                    "workspace_id": project.workspace_id,
                }
                for name in manifest.objects
            ]
        statements.INSERT_METRICS.run(self._tx, *metrics)
        statements.INSERT_TAGS.run(self._tx, *tags)
        statements.INSERT_HELD.run(self._tx, *held)

    def _insert_runs(self, accepted: list[_Accepted]) -> None:
        counts: dict[tuple[str, str], int] = {}
        first: dict[tuple[str, str], _Accepted] = {}
        for one in accepted:
            key = (one.project.id, one.entry.manifest.snapshot.run.id)
            counts[key] = counts.get(key, 0) + 1
            first.setdefault(key, one)
        projects, runs = {project for project, _ in counts}, {run for _, run in counts}
        rows = statements.RUNS_THERE.all(self._tx, projects=list(projects), runs=list(runs))
        there = {(row.project_id, row.id) for row in rows}
        new = [key for key in counts if key not in there]
        if new:
            number = next_numbers(self._tx, "RUN", len(new))
            statements.INSERT_RUNS.run(
                self._tx,
                *(self._run_row(first[key], number + offset) for offset, key in enumerate(new)),
            )
        statements.COUNT_IN_RUN.run(
            self._tx,
            # In one order everywhere, so that two processes cannot wait for each other.
            *(
                {"p": project, "r": run, "n": counts[project, run]}
                for project, run in sorted(counts)
            ),
        )

    def _run_row(self, one: _Accepted, number: int) -> dict[str, Any]:
        snapshot = one.entry.manifest.snapshot
        return {
            "project_id": one.project.id,
            "id": snapshot.run.id,
            "number": number,
            "user_id": one.user_id,
            "kind": snapshot.run.kind,
            "name": snapshot.run.name,
            "host": snapshot.run.host,
            "started_at": to_micros(snapshot.run.started_at or snapshot.created_at),
            "snapshots": 0,
        }

    def _count(self, accepted: list[_Accepted]) -> None:
        counts: dict[str, int] = {}
        for one in accepted:
            counts[one.project.id] = counts.get(one.project.id, 0) + 1
        statements.COUNT_IN_PROJECT.run(
            self._tx,
            *(
                {"p": project, "n": counts[project], "moment": self._moment}
                for project in sorted(counts)
            ),
        )

    def _receipt(self, one: _Accepted, received_at: int | None = None) -> Receipt:
        return Receipt(
            id=one.entry.manifest.snapshot.id,
            short_id=f"SNP-{one.number}",
            project=one.project.id,
            manifest=one.entry.manifest.sent_hash,
            received_at=from_micros(self._moment if received_at is None else received_at),
            url=f"{one.entry.base_url}/s/SNP-{one.number}",
        )


def _refusal(rank: int, project_name: str) -> EtiqError | None:
    """Return why somebody of this rank may not add snapshots; None when they may."""
    try:
        check_rank(rank, "editor", project_name)
    except EtiqError as error:
        return error
    return None
