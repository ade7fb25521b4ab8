"""Damage anywhere in the index: noticed, never another value, repaired as far as can be."""

import contextlib
import logging
import os
import random
import shutil
import subprocess
import sys

import msgspec
import numpy as np
import pytest

from etiq_jupyter.errors import Corrupt, NotFound, UnsafeContent
from etiq_jupyter.ids import new_id
from etiq_jupyter.model import Receipt, Run, Snapshot
from etiq_jupyter.store import Store, mending
from etiq_jupyter.store import repair as repairing
from etiq_jupyter.store.local_projects import LocalProjects
from etiq_jupyter.store.maintenance import collect
from etiq_jupyter.store.mending import open_mending
from etiq_jupyter.store.pages import Pages
from etiq_jupyter.store.recovery import examine, recover
from etiq_jupyter.store.repair import kept_copies, repair

PAGE = 4096


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr(mending, "_last", {})


class Sample:
    """A store as it was before the damage, and what is in it."""

    def __init__(self, folder, array):
        self.folder, self.array = folder, array
        self.rng = np.random.default_rng(7)
        store = Store.open(folder)
        self.destination = store.outbox.destination("http://localhost", "u", "ana")
        self.run, self.project = Run(id=new_id()), new_id()
        self.kept = {}
        for number in range(24):
            contents = {
                "a": array(self.noise(3000)),
                "b": array(np.arange(number, 3000 + number)),
            }
            if number % 8 == 0:
                contents["big"] = array(self.noise(300_000))
            snapshot = self.keep(store, contents, self.destination if number % 2 else None)
            self.kept[snapshot.id] = contents
        sent = [each for each in self.kept if store.outbox.entry(each).state == "pending"][:6]
        store.outbox.synced(self.receipt(each, n) for n, each in enumerate(sent, 1))
        LocalProjects(store).open("A project", create=True)
        self.manifests = {each: store.manifest(each) for each in self.kept}
        self.entries = {each: store.outbox.entry(each) for each in self.kept}
        store.close()
        self.index = (folder / "index.sqlite").read_bytes()

    def noise(self, size):
        return self.rng.integers(0, 256, size).astype(np.uint8)

    def receipt(self, snapshot, number):
        return Receipt(
            id=snapshot,
            short_id=f"SNP-{number}",
            project="p",
            manifest="0" * 64,
            received_at="2026-11-20T12:00:00Z",
            url=f"http://localhost/{number}",
        )

    def keep(self, store, contents, destination=None):
        snapshot = msgspec.convert(
            {
                "id": new_id(),
                "run": msgspec.to_builtins(self.run),
                "project": self.project,
                "project_name": "P",
                "name": "a name",
                "source": "x = 1\n" * 20,
                "created_at": "2026-11-20T12:00:00Z",
                "items": [
                    {"name": n, "kind": "array", "type": "x", "hash": c.hash, "size": c.size}
                    for n, c in contents.items()
                ],
            },
            Snapshot,
        )
        store.record(snapshot, contents, destination)
        return snapshot

    def copy(self, folder, index):
        if folder.exists():
            shutil.rmtree(folder)
        shutil.copytree(self.folder, folder)
        (folder / "index.sqlite").write_bytes(index)
        return folder

    def compare(self, store):
        """Return what cannot be read: snapshots, and items of others; other values are a fault."""
        gone, unread = set(), set()
        for snapshot, contents in self.kept.items():
            try:
                manifest = store.manifest(snapshot)
                entry = store.outbox.entry(snapshot)
            except (Corrupt, NotFound):
                gone.add(snapshot)
                continue
            assert manifest == self.manifests[snapshot]
            assert entry is None or entry.new_bytes == self.entries[snapshot].new_bytes
            for item in manifest.items:
                try:
                    data = bytes(store.reader(item.object).read("d"))
                except (Corrupt, NotFound, UnsafeContent):
                    unread.add((snapshot, item.name))
                    continue
                assert data == bytes(contents[item.name].buffers[0].data)
        try:
            found = store.snapshots()
        except Corrupt:
            return gone, unread
        assert {each.name for each in found} <= {"a name"}
        return gone, unread

    def check_repaired(self, folder, made):
        """Everything that is not named as lost is as it was, and new snapshots are taken."""
        store = Store.open(folder)
        gone, unread = self.compare(store)
        assert gone == {lost.id for lost in made.outcome.lost}
        for snapshot in self.kept.keys() - gone:
            entry, before = store.outbox.entry(snapshot), self.entries[snapshot]
            # In doubt whether it has its receipt it is sent again.
            assert entry == before or entry.state in ("pending", "local")
            assert entry.destination in (before.destination, None)
        content = self.array(self.noise(5000))
        snapshot = self.keep(store, {"new": content})
        item = store.manifest(snapshot.id).items[0]
        assert bytes(store.reader(item.object).read("d")) == bytes(content.buffers[0].data)
        assert store.database.rows("PRAGMA integrity_check") == [("ok",)]
        store.close()
        return gone, unread


@pytest.fixture(scope="module")
def sample(tmp_path_factory, request):
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location("store_conftest", request.path.parent / "conftest.py")
    shared = module_from_spec(spec)
    spec.loader.exec_module(shared)
    return Sample(tmp_path_factory.mktemp("sound") / "store", shared._array)


def flipped(index, position, mask=0x41):
    bad = bytearray(index)
    bad[position] ^= mask
    return bytes(bad)


def without_page(index, number, chosen):
    bad = bytearray(index)
    start = (number - 1) * PAGE
    bad[start : start + PAGE] = chosen.choice([bytes(PAGE), chosen.randbytes(PAGE)])
    return bytes(bad)


def page_of(sample, name):
    """Return the first page of a table or index, and one in the middle of it if there is one."""
    pages = Pages(sample.index)
    found = [number for number in range(2, pages.count + 1) if pages.owner(number) == name]
    return [found[0], found[len(found) // 2]]


# --- everywhere ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_a_flipped_byte_anywhere_is_noticed_or_harmless(sample, tmp_path, seed):
    chosen = random.Random(seed)
    positions = [chosen.randrange(100)] + [chosen.randrange(len(sample.index)) for _ in range(8)]
    for position in positions:
        index = flipped(sample.index, position, chosen.choice([1, 4, 16, 64, 128, 0x55]))
        folder = sample.copy(tmp_path / "store", index)
        with contextlib.suppress(Corrupt):
            store = Store.open(folder)
            sample.compare(store)
            store.close()
        made = repair(sample.copy(folder, index))
        gone, unread = sample.check_repaired(folder, made)
        assert len(gone) <= 1, position
        assert len(unread) <= 12, position


@pytest.mark.parametrize("seed", range(4))
def test_the_head_of_any_page_costs_next_to_nothing(sample, tmp_path, seed):
    chosen = random.Random(seed)
    for _ in range(10):
        page = chosen.randrange(1, len(sample.index) // PAGE)
        index = flipped(sample.index, page * PAGE + chosen.randrange(12), 1 << chosen.randrange(8))
        folder = sample.copy(tmp_path / "store", index)
        gone, unread = sample.check_repaired(folder, repair(folder))
        assert not gone, page
        assert len(unread) <= 8, page


# fmt: off
TABLES = (
    "facts", "packs", "chunks", "blobs", "buffers", "destinations", "snapshots", "items",
    "local_projects", "sqlite_autoindex_chunks_1", "sqlite_autoindex_snapshots_1",
    "snapshots_by_project", "snapshots_to_send", "chunks_by_pack", "snapshots_by_short_id",
)
# fmt: on


@pytest.mark.parametrize("table", TABLES)
def test_a_page_of_each_kind_is_named_and_gone_around(sample, tmp_path, table):
    chosen = random.Random(table)
    for page in page_of(sample, table):
        index = without_page(sample.index, page, chosen)
        folder = sample.copy(tmp_path / "store", index)
        report = examine(folder)
        assert report.index
        assert str(page) in " ".join(report.index)
        gone, unread = sample.check_repaired(folder, repair(folder))
        assert len(gone) <= (4 if table == "snapshots" else 0)
        assert len(unread) <= (12 if table == "blobs" else 0)
        assert len(kept_copies(folder)) == 1
        assert kept_copies(folder)[0].read_bytes()[PAGE:] == index[PAGE:]


@pytest.mark.parametrize("share", [0.0, 0.0001, 0.3, 0.7, 0.999])
def test_an_index_that_is_cut_short(sample, tmp_path, share):
    folder = sample.copy(tmp_path / "store", sample.index[: int(len(sample.index) * share)])
    assert not examine(folder).sound
    store = Store.open(repair(folder).path)
    sample.compare(store)
    store.close()


def test_an_index_that_is_gone_is_not_taken_for_an_empty_one(sample, tmp_path):
    folder = sample.copy(tmp_path / "store", b"")
    (folder / "index.sqlite").unlink()
    with pytest.raises(Corrupt, match="missing or empty"):
        Store.open(folder)
    made = repair(folder)
    assert made.outcome.chunks, "those in packs"
    store = Store.open(folder)
    assert store.snapshots() == []
    store.close()


# --- what was not checked by SQLite ---------------------------------------------------------------


def test_a_destination_that_was_changed_is_not_sent_to(sample, tmp_path):
    folder = sample.copy(tmp_path / "store", sample.index)
    store = Store.open(folder)
    other = store.outbox.destination("http://other", "u", "ana")
    waiting = [each for each, entry in sample.entries.items() if entry.state == "pending"]
    with store.database.write() as connection:
        connection.execute("UPDATE snapshots SET destination = ? WHERE id = ?", (other, waiting[0]))
    with pytest.raises(Corrupt):
        store.outbox.next(other, 10)
    store.close()
    made = repair(folder)
    sample.check_repaired(folder, made)
    store = Store.open(folder)
    assert store.outbox.entry(waiting[0]).destination == sample.destination
    store.close()


def test_a_row_that_says_it_is_not_kept_loses_nothing_unsent(sample, tmp_path):
    folder = sample.copy(tmp_path / "store", sample.index)
    store = Store.open(folder)
    with store.database.write() as connection:
        connection.execute("UPDATE snapshots SET kept = 0")
    collect(store)
    gone, unread = sample.compare(store)
    synced = {each for each, entry in sample.entries.items() if entry.state == "synced"}
    assert not gone
    assert {snapshot for snapshot, _ in unread} <= synced
    store.close()


def test_an_index_entry_that_leads_elsewhere_marks_nobody_else(sample, tmp_path):
    folder = sample.copy(tmp_path / "store", sample.index)
    one, other = list(sample.kept)[2:4]
    swapped = bytearray(sample.index)
    store = Store.open(folder)
    leaf = page_of(sample, "sqlite_autoindex_snapshots_1")[1]
    numbers = dict(store.database.rows("SELECT id, rowid FROM snapshots"))
    store.close()
    # The entry of one snapshot leads to the row of the other.
    start = swapped.index(one.encode(), (leaf - 1) * PAGE)
    assert swapped[start + 36] == numbers[one]
    swapped[start + 36] = numbers[other]
    folder = sample.copy(folder, bytes(swapped))
    store = Store.open(folder)
    store.outbox.synced([sample.receipt(one, 99)])
    assert store.outbox.entry(other) == sample.entries[other]
    with pytest.raises(NotFound):
        store.manifest(one)
    store.close()
    assert examine(folder).index
    sample.check_repaired(folder, repair(folder))


def test_nothing_is_cleaned_up_while_the_index_is_damaged(sample, tmp_path):
    page = page_of(sample, "sqlite_autoindex_snapshots_1")[1]
    folder = sample.copy(tmp_path / "store", without_page(sample.index, page, random.Random(1)))
    store = Store.open(folder)
    before = sorted(path.name for path in (folder / "packs").iterdir())
    with pytest.raises(Corrupt):
        collect(store)
    store.close()
    assert sorted(path.name for path in (folder / "packs").iterdir()) == before


# --- repairing ------------------------------------------------------------------------------------


def test_what_is_lost_is_named_with_its_state(sample, tmp_path):
    chosen = random.Random(3)
    states = {}
    for page in range(2, len(sample.index) // PAGE + 1):
        if not any(
            each.encode() in sample.index[(page - 1) * PAGE : page * PAGE] for each in sample.kept
        ):
            continue
        folder = sample.copy(tmp_path / "store", without_page(sample.index, page, chosen))
        made = repair(folder)
        for lost in made.outcome.lost:
            before = sample.entries[lost.id]
            states[lost.id] = lost.state
            assert lost.state == ("synced" if before.state == "synced" else "unsent")
            assert lost.short_id == before.short_id
            assert lost.id in str(made)
    assert {"synced", "unsent"} == set(states.values())


def test_chunks_are_found_again_in_packs_and_by_their_bytes(sample, tmp_path):
    page = page_of(sample, "chunks")[1]
    folder = sample.copy(tmp_path / "store", without_page(sample.index, page, random.Random(1)))
    made = repair(folder)
    assert made.outcome.found > 5
    assert sample.check_repaired(folder, made) == (set(), set())


def test_snapshots_whose_dashboard_is_forgotten_become_local(sample, tmp_path):
    index = sample.index
    for table in ("destinations", "sqlite_autoindex_destinations_1"):
        index = without_page(index, page_of(sample, table)[0], random.Random(1))
    folder = sample.copy(tmp_path / "store", index)
    made = repair(folder)
    assert made.outcome.homeless == 6
    assert "etiq sync --local" in str(made)
    store = Store.open(folder)
    assert store.outbox.status(None).local == 18
    store.close()


def test_verify_names_and_repairs(sample, tmp_path):
    page = page_of(sample, "snapshots")[1]
    folder = sample.copy(tmp_path / "store", without_page(sample.index, page, random.Random(1)))
    report = examine(folder)
    assert f"snapshots, page {page}" in str(report)
    assert "etiq verify --repair" in str(report)
    done = recover(folder, report)
    assert done.index is not None
    assert examine(folder).sound
    assert (
        str(recover(folder, examine(folder))) == "There is nothing that a repair could bring back."
    )


def test_damaged_chunks_are_kept_anew_after_a_repair(sample, tmp_path):
    folder = sample.copy(tmp_path / "store", sample.index)
    for pack in (folder / "packs").glob("*.pack"):
        data = bytearray(pack.read_bytes())
        data[len(data) // 2] ^= 0x41
        pack.write_bytes(data)
    report = examine(folder)
    assert report.damaged
    assert not report.index
    assert recover(folder, report).forgotten == len(report.damaged)
    store = Store.open(folder)
    for each in sample.kept.values():
        if "big" in each:
            sample.keep(store, {"big": each["big"]})
    assert sample.compare(store) == (set(), set()), "the old ones are whole again, too"
    store.close()


# --- while it is used -----------------------------------------------------------------------------


def test_a_kernel_repairs_it_and_goes_on(sample, tmp_path, caplog):
    page = page_of(sample, "chunks")[1]
    folder = sample.copy(tmp_path / "store", without_page(sample.index, page, random.Random(1)))
    with caplog.at_level(logging.WARNING, "etiq_jupyter"):
        store = open_mending(folder)
        assert sample.compare(store) == (set(), set())
    assert "was repaired" in caplog.text
    assert str(kept_copies(folder)[0]) in caplog.text
    store.close()


def test_a_store_that_cannot_be_opened_is_repaired_and_opened(sample, tmp_path, caplog):
    with pytest.raises(Corrupt, match="etiq verify --repair"):
        Store.open(sample.copy(tmp_path / "store", flipped(sample.index, 3)))
    store = open_mending(tmp_path / "store")
    assert sample.compare(store) == (set(), set())
    assert "was repaired" in caplog.text
    store.close()


def test_damage_that_comes_back_at_once_is_not_repaired_for_ever(sample, tmp_path):
    bad = flipped(sample.index, 3)
    folder = sample.copy(tmp_path / "store", bad)
    open_mending(folder).close()
    (folder / "index.sqlite").write_bytes(bad)
    with pytest.raises(Corrupt):
        open_mending(folder)


def test_of_two_processes_only_one_repairs_it(sample, tmp_path, monkeypatch):
    folder = sample.copy(tmp_path / "store", flipped(sample.index, 3))
    with pytest.raises(Corrupt) as noticed:
        Store.open(folder)
    repair(folder)
    mending.mend(folder, noticed.value)
    assert len(kept_copies(folder)) == 1
    (folder / "index.sqlite").write_bytes(flipped(sample.index, 3))
    monkeypatch.setattr(repairing, "_name", lambda: "index-damaged-later.sqlite")
    mending.mend(folder, noticed.value)
    assert len(kept_copies(folder)) == 2, "what is damaged anew is repaired"


def test_a_large_index_is_left_to_the_command(sample, tmp_path, monkeypatch):
    monkeypatch.setattr(mending, "AUTOMATIC", 1000)
    folder = sample.copy(tmp_path / "store", flipped(sample.index, 3))
    with pytest.raises(Corrupt, match="etiq verify --repair"):
        open_mending(folder)
    assert kept_copies(folder) == []


WRITER = """
import sys
from etiq_jupyter.store import Store
store = Store.open(sys.argv[1])
print(store.count(), flush=True)
sys.stdin.readline()
number = store.outbox.destination("http://another", "u", "ana")
print(store.count(), number, flush=True)
sys.stdin.readline()
"""


def test_another_process_goes_on_with_the_repaired_index(sample, tmp_path):
    folder = sample.copy(tmp_path / "store", sample.index)
    command = [sys.executable, "-c", WRITER, str(folder)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline().split() == ["24"]
        page = page_of(sample, "sqlite_autoindex_chunks_1")[1]
        bad = without_page(sample.index, page, random.Random(1))
        with (folder / "index.sqlite").open("r+b") as file:
            file.seek((page - 1) * PAGE)
            file.write(bad[(page - 1) * PAGE : page * PAGE])
        made = repair(folder)
        assert made.outcome.snapshots == 24
        other.stdin.write("\n")
        other.stdin.flush()
        assert other.stdout.readline().split() == ["24", "2"]
        store = Store.open(folder)
        assert store.outbox.destination("http://another", "u", "ana") == 2
        assert sample.compare(store) == (set(), set())
        store.close()
        other.stdin.write("\n")
        other.stdin.flush()
    assert other.returncode == 0
    sample.check_repaired(folder, made)


def test_nobody_writes_while_it_is_repaired(sample, tmp_path, monkeypatch):
    folder = sample.copy(tmp_path / "store", sample.index)
    monkeypatch.setattr(repairing, "_PATIENCE", 0.3)
    store = Store.open(folder)
    with store.database.write() as connection:
        connection.execute("INSERT OR REPLACE INTO facts VALUES ('quota', 5)")
        with pytest.raises(Exception, match="another process"):
            repair(folder)
    assert store.quota == 5
    assert repair(folder).outcome.snapshots == 24
    assert store.quota == 5
    store.close()


KILLED = """
import os, sys, pathlib
from etiq_jupyter.store import rebuild, repair
rebuild.Rebuilder._rest = lambda self: os._exit(9)
repair.repair(pathlib.Path(sys.argv[1]))
"""


def test_a_repair_that_is_killed_leaves_everything_as_it_was(sample, tmp_path):
    page = page_of(sample, "chunks")[1]
    folder = sample.copy(tmp_path / "store", without_page(sample.index, page, random.Random(1)))
    before = (folder / "index.sqlite").read_bytes()
    done = subprocess.run([sys.executable, "-c", KILLED, str(folder)], check=False)
    assert done.returncode == 9
    assert (folder / "index.sqlite").read_bytes() == before
    for left in folder.glob("repairing-*"):
        os.utime(left, (0, 0))
    made = repair(folder)
    assert sample.check_repaired(folder, made) == (set(), set())
    assert not list(folder.glob("repairing-*"))
    assert len(kept_copies(folder)) == 2, "never over one another"


def test_an_index_of_the_first_version_is_brought_forward(sample, tmp_path):
    folder = sample.copy(tmp_path / "store", sample.index)
    store = Store.open(folder)
    with store.database.write() as connection:
        for table in ("snapshots", "buffers"):
            connection.execute(f"ALTER TABLE {table} DROP COLUMN seal")
        connection.execute("DELETE FROM facts WHERE name = 'version'")
        connection.execute("PRAGMA user_version=1")
    store.close()
    store = Store.open(folder)
    assert sample.compare(store) == (set(), set())
    store.close()
    sample.check_repaired(folder, repair(folder))
