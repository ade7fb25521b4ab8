"""Snapshots that many send at once to several processes on one PostgreSQL, whatever they hold."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone

import msgspec
import pytest
from sqlalchemy.exc import DataError

from etiq_jupyter import ids, model
from etiq_jupyter.dashboard import services
from etiq_jupyter.dashboard.config import Settings
from etiq_jupyter.dashboard.db import tables, upgrade
from etiq_jupyter.dashboard.db.engine import Database
from etiq_jupyter.dashboard.events.hub import LONGEST, Event, Hub
from etiq_jupyter.dashboard.identity import secrets
from etiq_jupyter.dashboard.identity.people import Identity
from etiq_jupyter.dashboard.projects.access import RANKS
from etiq_jupyter.dashboard.snapshots.batch import Claim, Entry, NeedObjects, Taken
from etiq_jupyter.dashboard.snapshots.listing import SnapshotFilter
from etiq_jupyter.dashboard.snapshots.manifest import check
from etiq_jupyter.errors import AuthError, Conflict, Forbidden, NotFound

ODD = [
    'a "quoted" name',
    'back\\slash \\" \\x41',
    "{braces},{and,commas}",
    "NULL",
    "null",
    "  inner   blanks  ",
    "'; DROP TABLE snapshots; --",
    "emoji 🦉 and ﬁ",
    "$1 %s ? :name",
]


@pytest.fixture
def processes(postgresql_url, tmp_path):
    """Two dashboards' insides on one database, as two processes have them."""
    database = Database(postgresql_url.replace("postgresql://", "postgresql+psycopg://"))
    upgrade.upgrade(database, None)
    database.close()
    settings = Settings(data_dir=tmp_path, database_url=postgresql_url)
    made = [services.build(settings), services.build(settings)]
    yield made
    for one in made:
        one.close()


@pytest.fixture
def ana(processes):
    """A user, the claim of their token, and a project of theirs."""
    return _person(processes[0], "ana")


def _person(house, name):
    user = house.people.add(name, "", "a long pass phrase 7")
    _, secret = house.tokens.issue(user, "test", None, None, "")
    who = Identity(user, frozenset({"read", "write"}))
    project, _ = house.projects.open(
        who, f"of {name}", create_if_missing=True, workspace=None, project_id=None
    )
    return user, Claim(digest=secrets.digest(secret), secret=secret), project.id


def _entry(claim, project, run=None, **more):
    snapshot = model.Snapshot(
        id=more.pop("id", None) or ids.new_id(),
        project=project,
        run=run or model.Run(id=ids.new_id(), name="train.py"),
        created_at=datetime.now(timezone.utc),
        **more,
    )
    return Entry(check(snapshot, snapshot.id, msgspec.msgpack.encode(snapshot)), claim, "http://x")


def _submit(house, entries):
    """Send entries together; returns what became of each."""

    async def send():
        waiting = [house.ingest.submit(entry) for entry in entries]
        return await asyncio.gather(*waiting, return_exceptions=True)

    return asyncio.run(send())


def test_whatever_a_snapshot_holds_comes_back_as_it_was(processes, ana):
    house, (user, claim, project) = processes[0], ana
    entries = [
        _entry(
            claim,
            project,
            run=model.Run(id=ids.new_id(), name=text, host=text),
            name=text,
            note=f"{text}\nsecond line",
            cell_id=text,
            source=f"x = {text!r}\n",
            tags=[text, f"{text}!"],
            metrics={text: -1.5e300, "whole": 3.0},
            duration=0.1,
        )
        for text in ODD
    ]
    outcomes = _submit(house, entries)
    assert all(isinstance(one, Taken) and one.made for one in outcomes)
    who = Identity(user, frozenset({"read"}))
    for entry, text in zip(entries, ODD, strict=True):
        detail = house.reading.detail(who, entry.manifest.snapshot.id)
        assert detail.name == text.strip()
        assert detail.note == f"{text}\nsecond line"
        assert detail.cell_id == text
        assert sorted(detail.tags) == sorted(dict.fromkeys([text.strip(), f"{text}!".strip()]))
        assert detail.metrics == {text: -1.5e300, "whole": 3.0}
        assert detail.run_name == text
        kept = house.reading.open(who, entry.manifest.snapshot.id).snapshot
        assert kept == entry.manifest.snapshot
    for named in (project, "PRJ-1", "prj-1"):
        assert house.listing.snapshots(user.id, named, SnapshotFilter()).total == len(ODD)


def test_each_of_those_sent_together_has_its_own_outcome(processes, ana):
    house, (_, claim, project) = processes[0], ana
    _, hers, _ = _person(house, "bea")
    carl, his, _ = _person(house, "carl")
    with house.database.write() as tx:
        viewer = {"project_id": project, "user_id": carl.id, "rank": RANKS["viewer"]}
        tx.execute(tables.project_members.insert().values(viewer))
    known = _entry(claim, project, name="known")
    (first,) = _submit(house, [known])
    other = _entry(claim, project, id=known.manifest.snapshot.id, name="another")
    lacking = model.Item(name="x", kind="bytes", type="bytes", object="ab" * 32)
    refused_by_the_database = _entry(claim, project)
    refused_by_the_database.manifest.snapshot.cell_id = "a\0b"  # as if a check had let it through
    outcomes = _submit(
        house,
        [
            _entry(claim, project, name="good"),
            other,
            _entry(Claim(digest="0" * 64, secret="etq_unknown"), project),
            _entry(hers, project),
            _entry(his, project),
            _entry(claim, project, items=[lacking]),
            refused_by_the_database,
            known,
            _entry(claim, "PRJ-999"),
            _entry(claim, project, name="good, too"),
        ],
    )
    assert [type(one) for one in outcomes] == [
        Taken,
        Conflict,
        AuthError,
        NotFound,
        Forbidden,
        NeedObjects,
        DataError,
        Taken,
        NotFound,
        Taken,
    ]
    assert outcomes[7] == Taken(first.receipt, made=False)
    numbers = [one.receipt.short_id for one in (first, outcomes[0], outcomes[9])]
    assert numbers == ["SNP-1", "SNP-2", "SNP-3"]


def test_two_processes_share_runs_numbers_and_counts(processes, ana):
    _, claim, project = ana
    runs = [model.Run(id=ids.new_id(), name=name) for name in "ab"]
    sent = [
        [_entry(claim, project, run=runs[number % 2], sequence=number) for number in range(300)]
        for _ in processes
    ]
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(_submit, processes, sent))
    numbers = [[int(one.receipt.short_id[4:]) for one in each] for each in outcomes]
    assert sorted(numbers[0] + numbers[1]) == list(range(1, 601))
    assert all(each == sorted(each) for each in numbers)
    with processes[0].database.read() as connection:
        found = connection.exec_driver_sql("SELECT name, snapshots FROM runs ORDER BY name").all()
        counted = connection.exec_driver_sql("SELECT snapshots FROM projects").scalar()
    assert [tuple(row) for row in found] == [("a", 300), ("b", 300)]
    assert counted == 600


def test_a_connection_that_is_cut_is_made_anew(processes, ana):
    house, (_, claim, project) = processes[0], ana
    (first,) = _submit(house, [_entry(claim, project)])
    with processes[1].database.write() as tx:
        tx.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
    outcomes = _submit(house, [_entry(claim, project) for _ in range(3)])
    assert first.made
    assert [one.made for one in outcomes] == [True] * 3


def test_many_events_at_once_reach_another_process(processes):
    here, there = (Hub(one.database) for one in processes)
    there.start()
    events = [Event(kind="snapshot", id=ids.new_id(), project=ids.new_id()) for _ in range(150)]
    assert sum(len(msgspec.json.encode(event)) for event in events) > 2 * LONGEST

    async def hear():
        listener = there.listen("somebody")
        end = time.monotonic() + 20
        while not (heard := await _first(here, listener)):
            assert time.monotonic() < end, "nothing was heard"
        for event in events:
            here.publish_soon(event)
        found = []
        while len(found) < len(events):
            one = await listener.next(20)
            if one != heard:
                found.append(one)
        return found

    try:
        assert asyncio.run(hear()) == events
    finally:
        here.close()
        there.close()


async def _first(hub, listener):
    """Publish something until it is heard: listening begins in a thread of its own."""
    hello = Event(kind="project", id="hello")
    hub.publish_soon(hello)
    try:
        return await listener.next(0.3)
    except (asyncio.TimeoutError, TimeoutError):
        return None
