"""SQLite's files read without SQLite: the same rows, and the others when a page is damaged."""

import random
import sqlite3

import pytest

from etiq_jupyter.store import journal
from etiq_jupyter.store.journal import cut_short, read_journal
from etiq_jupyter.store.pages import Pages


@pytest.fixture
def connection(tmp_path):
    found = sqlite3.connect(tmp_path / "x.sqlite", isolation_level=None)
    found.execute("PRAGMA page_size=4096")
    found.execute("PRAGMA auto_vacuum=INCREMENTAL")
    found.execute("PRAGMA journal_mode=WAL")
    found.execute("PRAGMA synchronous=OFF")
    yield found
    found.close()


def fill(connection, rows=400):
    chosen = random.Random(1)
    values = (None, -1, 0, 1, 2**40, 1.5, "a name ünïcode", "x" * 5000)
    connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a, b TEXT UNIQUE)")
    connection.execute("CREATE TABLE w (k BLOB PRIMARY KEY, v) WITHOUT ROWID")
    for number in range(rows):
        data = chosen.randbytes(chosen.randrange(1, 9000))
        connection.execute("INSERT INTO t VALUES (NULL, ?, ?)", (data, f"row {number}"))
        values_of = (chosen.randbytes(16), chosen.choice(values))
        connection.execute("INSERT INTO w VALUES (?, ?)", values_of)
    connection.execute("DELETE FROM t WHERE id % 3 = 0")


def files(tmp_path):
    return (tmp_path / "x.sqlite").read_bytes(), (tmp_path / "x.sqlite-wal").read_bytes()


def rows_of(pages):
    rows = list(pages.rows())
    table = {row.number: row.values[1:] for row in rows if row.number and len(row.values) == 3}
    other = {row.values[0]: row.values[1] for row in rows if isinstance(row.values[0], bytes)}
    return table, other


def test_the_rows_of_tables_of_both_kinds_in_file_and_log(connection, tmp_path):
    connection.execute("PRAGMA wal_autocheckpoint=100")
    fill(connection)
    table, other = rows_of(Pages(*files(tmp_path)))
    assert table == {n: (a, b) for n, a, b in connection.execute("SELECT * FROM t")}
    assert other == dict(connection.execute("SELECT * FROM w").fetchall())


def test_a_transaction_that_was_not_committed_is_not_there(connection, tmp_path):
    fill(connection, 20)
    connection.execute("PRAGMA cache_size=2")
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO t (a) VALUES (?)", [("x" * 3000,)] * 200)
    table, _ = rows_of(Pages(*files(tmp_path)))
    connection.execute("ROLLBACK")
    assert table == {n: (a, b) for n, a, b in connection.execute("SELECT * FROM t")}


@pytest.mark.parametrize("seed", range(8))
def test_a_damaged_page_costs_what_stands_on_it(connection, tmp_path, seed):
    fill(connection)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    main, _ = files(tmp_path)
    chosen, whole = random.Random(seed), dict(rows_of(Pages(main))[0])
    number = chosen.randrange(1, len(main) // 4096)
    bad = bytearray(main)
    bad[number * 4096 : (number + 1) * 4096] = chosen.randbytes(4096)
    pages = Pages(bad)
    found, _ = rows_of(pages)
    same = {key: value for key, value in found.items() if whole.get(key) == value}
    assert len(same) >= len(whole) - 4096 // 20
    assert sum(found[key] != whole.get(key) for key in found) <= 1


def test_rows_that_a_page_no_longer_lists_are_found_on_it(connection, tmp_path):
    connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a, b)")
    connection.executemany("INSERT INTO t (a, b) VALUES (?, ?)", [("x" * 50, n) for n in range(40)])
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    main = bytearray(files(tmp_path)[0])
    root = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 't'").fetchone()[0]
    start = (root - 1) * 4096
    assert main[start] == 0x0D
    main[start + 4] = 10  # instead of 40 rows
    pages = Pages(main)
    assert len(rows_of(pages)[0]) == 40
    assert pages.owner(root) == "t"
    assert root in pages.damaged


# --- the log ----------------------------------------------------------------------------------


def test_many_checksums_at_once_are_those_of_one_by_one(connection, tmp_path, monkeypatch):
    fill(connection, 100)
    data = files(tmp_path)[1]
    quick = read_journal(data)
    monkeypatch.setattr(journal, "_FEW", 10**9)
    assert read_journal(data) == quick
    assert quick.reached == len(quick.frames) > 64


@pytest.mark.parametrize("position", [3, 17, 27, 40, 49, 62, 100_000])
def test_transactions_behind_a_damaged_place_are_noticed_and_read(connection, tmp_path, position):
    connection.execute("PRAGMA wal_autocheckpoint=0")
    fill(connection, 60)
    connection.execute("DELETE FROM t WHERE id > 55")
    main, log = files(tmp_path)
    assert cut_short(tmp_path / "x.sqlite-wal") == ""
    bad = bytearray(log)
    bad[position] ^= 0x41
    place = tmp_path / "bad-wal"
    place.write_bytes(bad)
    assert "later transactions" in cut_short(place)
    found, expected = rows_of(Pages(main, bad))[0], rows_of(Pages(main, log))[0]
    assert len(expected.keys() - found.keys()) <= 4


def test_what_is_left_of_an_earlier_round_is_no_damage(connection, tmp_path):
    fill(connection, 60)
    connection.execute("PRAGMA wal_checkpoint(RESTART)")
    connection.execute("INSERT INTO t (a) VALUES (1)")
    found = read_journal(files(tmp_path)[1])
    assert 0 < len(found.frames) == found.reached < 10
    assert cut_short(tmp_path / "x.sqlite-wal") == ""


def test_garbage_is_no_journal():
    assert read_journal(b"").frames == []
    assert read_journal(b"abc").frames == []
    assert not any(frame.sound for frame in read_journal(random.Random(1).randbytes(50_000)).frames)
