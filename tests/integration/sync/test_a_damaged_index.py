"""A store whose index is damaged, before a session or in the middle of one: nothing stops."""

import os

import numpy as np
import pytest

from etiq_jupyter.cli import main
from etiq_jupyter.model import Project
from etiq_jupyter.sessions import Session
from etiq_jupyter.store import Store, mending
from etiq_jupyter.store.local_projects import LocalProjects
from etiq_jupyter.store.pages import Pages
from etiq_jupyter.store.repair import kept_copies
from etiq_jupyter.sync.recorder import Recorder

PAGE = 4096


@pytest.fixture(autouse=True)
def fresh(monkeypatch, tmp_path):
    monkeypatch.setattr(mending, "_last", {})
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def noise(size):
    return np.frombuffer(os.urandom(size), np.uint8)


def damage(folder, table):
    """Overwrite the first page of a table of an index that may be open."""
    path = folder / "index.sqlite"
    store = Store.open(folder)
    store.database.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    with path.open("r+b") as file:
        pages = Pages(file.read())
        number = next(n for n in range(2, pages.count + 1) if pages.owner(n) == table)
        file.seek((number - 1) * PAGE)
        file.write(os.urandom(PAGE))


def fill(recorder, take, array, count=12):
    tickets = [recorder.record(*take({"a": array(noise(900))}), None) for _ in range(count)]
    assert all(ticket.wait(20, until="stored") for ticket in tickets)
    return tickets


def content(store, snapshot):
    return bytes(store.reader(store.manifest(snapshot).items[0].object).read("data"))


TABLES = ["chunks", "snapshots", "blobs", "items", "sqlite_autoindex_chunks_1", "facts"]


@pytest.mark.parametrize("table", TABLES)
def test_a_session_goes_on_where_it_is_damaged_in_the_middle(recorder, take, array, table, caplog):
    before = fill(recorder, take, array)
    damage(recorder.store.path, table)
    values = [noise(size) for size in (900, 2_500_000, 900)]
    tickets = [recorder.record(*take({"a": array(each)}), None) for each in values]
    assert all(ticket.wait(30, until="stored") for ticket in tickets)
    assert recorder.status().local >= len(tickets)
    for ticket, each in zip(tickets, values, strict=True):
        assert content(recorder.store, ticket.id) == bytes(each)
    if kept_copies(recorder.store.path):
        assert "was repaired" in caplog.text
    if table != "snapshots":
        assert {each.id for each in before} <= {each.id for each in recorder.store.snapshots()}


def test_a_session_begins_on_a_store_that_cannot_be_opened(tmp_path, take, array, caplog):
    recorder = Recorder(tmp_path / "store")
    fill(recorder, take, array)
    recorder.close()
    with (tmp_path / "store" / "index.sqlite").open("r+b") as file:
        file.write(b"not SQLite")
    recorder = Recorder(tmp_path / "store")
    assert "12 snapshots and 12 chunks are back" in caplog.text
    ticket = recorder.record(*take({"a": array(noise(900))}), None)
    assert ticket.wait(10, until="stored")
    assert recorder.status().local == 13
    recorder.close()


def test_what_waits_is_sent_after_a_repair(online, dashboard, ana, take, array):
    dashboard.stop()
    tickets = [online.record(*take({"a": array(noise(900))}), ana) for _ in range(8)]
    assert all(ticket.wait(20, until="stored") for ticket in tickets)
    damage(online.store.path, "sqlite_autoindex_chunks_1")
    dashboard.start()
    online.wake()
    tickets.append(online.record(*take({"a": array(noise(900))}), ana))
    assert online.wait(60)
    assert sorted(dashboard.snapshots) == sorted(ticket.id for ticket in tickets)


def test_damage_is_no_reason_to_put_snapshots_aside(
    tmp_path, too_large, dashboard, ana, take, array, monkeypatch
):
    recorder = Recorder(tmp_path / "store")
    dashboard.stop()
    recorder.connect(ana, "good")
    tickets = [recorder.record(*take({"a": array(noise(900))}), ana) for _ in range(8)]
    assert all(ticket.wait(20, until="stored") for ticket in tickets)
    damage(recorder.store.path, "sqlite_autoindex_chunks_1")
    dashboard.start()
    recorder.wake()
    assert not recorder.wait(1)
    assert recorder.status().parked == 0
    assert "etiq verify --repair" in recorder.status().last_error
    monkeypatch.setattr(mending, "AUTOMATIC", 1 << 30)
    recorder.wake()
    assert recorder.wait(60)
    assert sorted(dashboard.snapshots) == sorted(ticket.id for ticket in tickets)
    recorder.close()


@pytest.fixture
def online(recorder, ana):
    recorder.connect(ana, "good")
    return recorder


# --- too large to be repaired while somebody waits ------------------------------------------------


@pytest.fixture
def too_large(monkeypatch):
    monkeypatch.setattr(mending, "AUTOMATIC", 1000)
    monkeypatch.setenv("ETIQ_COURIER", "0")


def test_snapshots_are_kept_beside_and_moved_back(
    tmp_path, too_large, take, array, monkeypatch, capsys, caplog
):
    folder = tmp_path / "store"
    recorder = Recorder(folder)
    before = fill(recorder, take, array)
    damage(folder, "sqlite_autoindex_chunks_1")
    values = [noise(900), noise(2_000_000)]
    tickets = [recorder.record(*take({"a": array(each)}), None) for each in values]
    assert all(ticket.wait(10, until="stored") for ticket in tickets)
    assert "etiq verify --repair" in tickets[0].reason
    assert str(folder / "spare") in tickets[0].reason
    assert recorder.status().local >= 2
    recorder.close()

    monkeypatch.setenv("ETIQ_HOME", str(folder))
    assert main(["status"]) == 0
    assert "2 snapshots in" in capsys.readouterr().out
    assert main(["verify"]) == 1
    said = capsys.readouterr().out
    assert "sqlite_autoindex_chunks_1, page" in said
    assert main(["verify", "--repair"]) == 0
    said = capsys.readouterr().out
    assert "12 snapshots and 12 chunks are back" in said
    assert "Snapshots moved here from a spare folder: 2." in said
    assert "Everything can be read." in said
    assert main(["verify"]) == 0

    store = Store.open(folder)
    assert {each.id for each in store.snapshots()} == {each.id for each in before + tickets}
    for ticket, each in zip(tickets, values, strict=True):
        assert content(store, ticket.id) == bytes(each)
    store.close()


def test_a_local_session_needs_no_index(tmp_path, too_large, monkeypatch, capsys):
    folder = tmp_path / "store"
    session = Session(folder)
    session.projects.open("Churn", create_if_missing=True).snapshots.create("first", n=1)
    session.close()
    with (folder / "index.sqlite").open("r+b") as file:
        file.write(b"not SQLite")
    session = Session(folder)
    project = session.target("Churn")
    assert isinstance(project, Project)
    session.projects.handle(project).snapshots.create("second", n=2)
    session.close()
    monkeypatch.setenv("ETIQ_HOME", str(folder))
    assert main(["verify", "--repair"]) == 0
    capsys.readouterr()
    session = Session(folder)
    found = session.projects.open("Churn", create_if_missing=False)
    assert {each.name for each in found.snapshots} == {"first", "second"}
    assert [each.name for each in LocalProjects(session.store).list()] == ["Churn"]
    session.close()


# --- what the commands say ------------------------------------------------------------------------


def test_commands_on_a_damaged_store_say_what_to_do(tmp_path, take, array, monkeypatch, capsys):
    monkeypatch.setenv("ETIQ_COURIER", "0")
    recorder = Recorder(tmp_path / "store")
    fill(recorder, take, array)
    recorder.close()
    monkeypatch.setenv("ETIQ_HOME", str(tmp_path / "store"))
    with (tmp_path / "store" / "index.sqlite").open("r+b") as file:
        file.write(b"not SQLite")
    for command in (["status"], ["gc"]):
        assert main(command) == 1
        assert "etiq verify --repair" in capsys.readouterr().err
    assert main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "PROBLEM  Snapshots here" in said
    assert "etiq verify --repair" in said
    assert main(["verify", "--json"]) == 1
    assert '"index": [' in capsys.readouterr().out
    assert main(["verify", "--repair", "--json"]) == 0
    assert '"snapshots": 12' in capsys.readouterr().out
    main(["doctor"])
    assert "delete it when nothing is missing" in capsys.readouterr().out
