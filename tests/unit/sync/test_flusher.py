"""Small snapshots: safe from kill -9 at once, from a power cut when they are called stored."""

import threading

import pytest

from etiq_jupyter.errors import StorageFull
from etiq_jupyter.store.database import Database
from etiq_jupyter.sync.flusher import Flusher


@pytest.fixture
def database(tmp_path):
    made = Database(tmp_path / "index.sqlite")
    yield made
    made.close()


def test_what_was_added_is_flushed_by_itself(database):
    done = threading.Event()
    flusher = Flusher(database)
    flusher.add("a", done.set)
    assert done.wait(10)
    assert "a" not in flusher
    assert len(flusher) == 0


def test_several_share_one_wait_for_the_disk(database, monkeypatch):
    waits, told = [], []
    monkeypatch.setattr(database, "flush", lambda: waits.append(1))
    flusher = Flusher(database)
    monkeypatch.setattr(flusher, "_run", lambda: None)
    for name in "abc":
        flusher.add(name, lambda name=name: told.append(name))
    assert flusher.flush()
    assert (len(waits), told) == (1, ["a", "b", "c"])


def test_nothing_is_called_safe_that_the_disk_refused(database, monkeypatch):
    def refuse():
        raise StorageFull("The store cannot be written")

    flusher = Flusher(database)
    monkeypatch.setattr(flusher, "_run", lambda: None)
    monkeypatch.setattr(database, "flush", refuse)
    flusher.add("a", lambda: pytest.fail("it is not safe"))
    assert not flusher.flush()
    assert "a" in flusher


def test_a_flushed_journal_holds_what_was_committed(database, tmp_path):
    with database.write(durable=False) as connection:
        connection.execute("INSERT INTO facts (name, value) VALUES ('a', 1)")
    database.flush()
    assert (tmp_path / "index.sqlite-wal").stat().st_size > 0
    assert Database(tmp_path / "index.sqlite").fact("a") == 1
