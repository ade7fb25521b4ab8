"""One transaction that takes in several snapshots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from etiq_jupyter import ids
from etiq_jupyter.dashboard.db.engine import (
    advisory_lock,
    from_micros,
    next_numbers,
    now,
    to_micros,
)
from etiq_jupyter.dashboard.db.statement import Tx
from etiq_jupyter.dashboard.identity.people import (
    LAST_USED_STEP,
    TOKENS,
    check_expiry,
    check_scope,
    matching,
    refused,
    token_lookups,
)
from etiq_jupyter.dashboard.objects.holdings import COLLECTING
from etiq_jupyter.dashboard.projects.access import ROLES_IN_PROJECTS, check_rank, no_project
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
class _Place:
    """Where the entries of one user for one project go."""

    user_id: str
    project_id: str
    workspace_id: str


@dataclass(slots=True)
class _Accepted:
    """An entry that will be written, and what has been found out for it."""

    position: int
    entry: Entry
    place: _Place
    number: int = 0
    new_bytes: int = 0
    """Stored bytes that are here because of it."""


@dataclass(slots=True)
class _Known:
    """What the tables say about a batch, before anything is written."""

    tokens: dict[str, Any]
    """By the digests of their secrets."""
    roles: list[Any]
    there: dict[str, Any]
    """Snapshots by id."""
    runs: set[tuple[str, str]]
    """By project and id."""
    objects: dict[tuple[str, str], int]
    """Bytes that nobody has claimed yet, by workspace and hash."""


class Batch:
    """Writes entries in one transaction; each has its own outcome.

    All that must be known is asked for at once, and what is written is sent without waiting in
    between: with PostgreSQL it is the ways to the server that take time.

    Parameters
    ----------
    tx : Tx
        The transaction.
    entries : list of Entry
        What to write.
    """

    def __init__(self, tx: Tx, entries: list[Entry]) -> None:
        self._tx = tx
        self._entries = entries
        self._moment = now()
        self._results: list[Taken | Exception | None] = [None] * len(entries)

    def write(self) -> list[Taken | Exception]:
        """Check and write all; returns an outcome for each entry, in order."""
        projects = self._project_ids()
        known = self._ask(projects)
        accepted = self._new(self._sorted_out(projects, known), known)
        if accepted:
            self._insert(accepted, known)
        for one in accepted:
            self._results[one.position] = Taken(self._receipt(one), True)
        if None in self._results:
            self._repeat_results()
        return [result for result in self._results if result is not None]

    # --- what is known ----------------------------------------------------------------------

    def _project_ids(self) -> dict[str, str]:
        """Return the ids of the projects that are named, by their names; what is none is absent."""
        found: dict[str, str] = {}
        by_number: dict[int, str] = {}
        for text in {entry.manifest.snapshot.project for entry in self._entries}:
            try:
                canonical = ids.parse_id(text)
            except Invalid:
                continue
            short = ids.parse_short_id(canonical)
            if short is None:
                found[text] = canonical
            elif short[0] == "PRJ":
                by_number[short[1]] = text
        if by_number:
            rows = statements.PROJECTS_BY_NUMBER.all(self._tx, numbers=list(by_number))
            found |= {by_number[row.number]: row.id for row in rows}
        return found

    def _ask(self, projects: dict[str, str]) -> _Known:
        tx, claims = self._tx, [entry.claim for entry in self._entries]
        manifests = [entry.manifest for entry in self._entries]
        digests = {claim.digest for claim in claims if claim.digest}
        lookups, project_ids = token_lookups(digests), list(set(projects.values()))
        hashes = list({name for manifest in manifests for name in manifest.objects})
        if hashes:
            # While this transaction lasts, nothing that is found here can be collected.
            advisory_lock(tx, COLLECTING, shared=True)
        tokens = TOKENS.send(tx, lookups=lookups)
        roles = ROLES_IN_PROJECTS.send(
            tx,
            projects=project_ids,
            users=list({claim.user_id for claim in claims if claim.user_id}),
            lookups=lookups,
        )
        there = statements.SNAPSHOTS_THERE.send(tx, ids=[one.snapshot.id for one in manifests])
        runs = statements.RUNS_THERE.send(
            tx, projects=project_ids, runs=list({one.snapshot.run.id for one in manifests})
        )
        objects = (
            statements.OBJECTS_THERE.all(tx, projects=project_ids, hashes=hashes) if hashes else []
        )
        return _Known(
            tokens=matching(tokens.rows(), digests),
            roles=roles.rows(),
            there={row.id: row for row in there.rows()},
            runs={(row.project_id, row.id) for row in runs.rows()},
            objects={(row.workspace_id, row.hash): row.unclaimed for row in objects},
        )

    # --- who may, and where to --------------------------------------------------------------

    def _sorted_out(self, projects: dict[str, str], known: _Known) -> list[_Accepted]:
        self._mark_used(known)
        roles: dict[tuple[str, str], Any] = {}
        for row in known.roles:
            key = (row.user_id, row.id)
            if key not in roles or row.rank > roles[key].rank:
                roles[key] = row
        # Most entries come from few tokens for few projects: each pair is judged once.
        places: dict[tuple[str, str, str], _Place | EtiqError] = {}
        accepted = []
        for position, entry in enumerate(self._entries):
            claim, given = entry.claim, entry.manifest.snapshot.project
            pair = (claim.digest, claim.user_id, given)
            place = places.get(pair)
            if place is None:
                place = places[pair] = _place(claim, given, projects.get(given, ""), known, roles)
            if isinstance(place, _Place):
                accepted.append(_Accepted(position, entry, place))
            else:
                self._results[position] = place
        return accepted

    def _mark_used(self, known: _Known) -> None:
        rows, step = known.tokens.values(), self._moment - LAST_USED_STEP
        used = [row.id for row in rows if (row.last_used_at or 0) < step]
        if used:
            statements.TOKENS_USED.run(self._tx, {"ids": used, "moment": self._moment})

    # --- what is new ------------------------------------------------------------------------

    def _new(self, candidates: list[_Accepted], known: _Known) -> list[_Accepted]:
        fresh: dict[str, _Accepted] = {}
        for one in candidates:
            manifest, workspace = one.entry.manifest, one.place.workspace_id
            row = known.there.get(manifest.snapshot.id)
            if row is not None:
                self._results[one.position] = self._again(one, row)
                continue
            missing = [name for name in manifest.objects if (workspace, name) not in known.objects]
            if missing:
                self._results[one.position] = NeedObjects(workspace, missing)
            elif manifest.snapshot.id not in fresh:  # the same one twice: see _repeat_results
                fresh[manifest.snapshot.id] = one
        return list(fresh.values())

    def _again(self, one: _Accepted, row: Any) -> Taken | Exception:
        if row.project_id != one.place.project_id or row.manifest_hash != one.entry.manifest.hash:
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

    def _insert(self, accepted: list[_Accepted], known: _Known) -> None:
        tx = self._tx
        self._insert_runs(accepted, known)
        self._claim_new_bytes(accepted, known)
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

    def _claim_new_bytes(self, accepted: list[_Accepted], known: _Known) -> None:
        """Count bytes that came with an object for the first snapshot that refers to it."""
        first: dict[tuple[str, str], _Accepted] = {}
        for one in accepted:
            for name in one.entry.manifest.objects:
                key = (one.place.workspace_id, name)
                if known.objects[key]:
                    first.setdefault(key, one)
        # In one order everywhere, so that two processes cannot wait for each other.
        for workspace, name in sorted(first):
            found = known.objects[workspace, name]
            # Another process may have been quicker since we looked.
            if statements.CLAIM.all(self._tx, workspace=workspace, name=name, found=found):
                first[workspace, name].new_bytes += found

    def _row(self, one: _Accepted) -> dict[str, Any]:
        manifest = one.entry.manifest
        snapshot = manifest.snapshot
        return {
            "id": snapshot.id,
            "number": one.number,
            "project_id": one.place.project_id,
            "run_id": snapshot.run.id,
            "user_id": one.place.user_id,
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
            manifest, place = one.entry.manifest, one.place
            snapshot = manifest.snapshot.id
            metrics += [
                {
                    "snapshot_id": snapshot,
                    "name": name,
                    "project_id": place.project_id,
                    "value": value,
                }
                for name, value in manifest.metrics.items()
            ]
            tags += [
                {"snapshot_id": snapshot, "tag": tag, "project_id": place.project_id}
                for tag in manifest.tags
            ]
            held += [
                {"snapshot_id": snapshot, "object": name, "workspace_id": place.workspace_id}
                for name in manifest.objects
            ]
        statements.INSERT_METRICS.run(self._tx, *metrics)
        statements.INSERT_TAGS.run(self._tx, *tags)
        statements.INSERT_HELD.run(self._tx, *held)

    def _insert_runs(self, accepted: list[_Accepted], known: _Known) -> None:
        counts: dict[tuple[str, str], int] = {}
        first: dict[tuple[str, str], _Accepted] = {}
        for one in accepted:
            key = (one.place.project_id, one.entry.manifest.snapshot.run.id)
            counts[key] = counts.get(key, 0) + 1
            first.setdefault(key, one)
        new = [key for key in counts if key not in known.runs]
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
            "project_id": one.place.project_id,
            "id": snapshot.run.id,
            "number": number,
            "user_id": one.place.user_id,
            "kind": snapshot.run.kind,
            "name": snapshot.run.name,
            "host": snapshot.run.host,
            "started_at": to_micros(snapshot.run.started_at or snapshot.created_at),
            "snapshots": 0,
        }

    def _count(self, accepted: list[_Accepted]) -> None:
        counts: dict[str, int] = {}
        for one in accepted:
            counts[one.place.project_id] = counts.get(one.place.project_id, 0) + 1
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
            project=one.place.project_id,
            manifest=one.entry.manifest.sent_hash,
            received_at=from_micros(self._moment if received_at is None else received_at),
            url=f"{one.entry.base_url}/s/SNP-{one.number}",
        )


def _place(
    claim: Claim, given: str, project_id: str, known: _Known, roles: dict[tuple[str, str], Any]
) -> _Place | EtiqError:
    """Tell where the entries of a claim for a project go, or why they may not."""
    user_id = claim.user_id
    try:
        if not user_id:
            row = known.tokens.get(claim.digest)
            if row is None:
                return refused(claim.secret)
            check_expiry(row)
            check_scope(frozenset(row.scopes.split()), "write")
            user_id = row.user_id
        role = roles.get((user_id, project_id))
        if role is None:
            return no_project(given)
        check_rank(role.rank, "editor", role.name)
    except EtiqError as error:
        return error
    return _Place(user_id, project_id, role.workspace_id)
