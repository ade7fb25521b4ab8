import os

import numpy as np
import pytest

from etiq_jupyter.errors import Conflict, Corrupt, UnsafeContent
from etiq_jupyter.model import Receipt
from etiq_jupyter.store import Store
from etiq_jupyter.store.locks import Hold
from etiq_jupyter.store.maintenance import collect, keep_within_quota, verify


def noise(size):
    return np.frombuffer(os.urandom(size), np.uint8)


def receipt(store, snapshot, number=1):
    return Receipt(
        id=snapshot.id,
        short_id=f"SNP-{number}",
        project="p",
        manifest="0" * 64,
        received_at=snapshot.created_at,
    )


@pytest.fixture
def destination(store):
    return store.outbox.destination("http://localhost", "u", "ana")


def flip(path, position):
    with path.open("r+b") as file:
        file.seek(position)
        byte = file.read(1)
        file.seek(position)
        file.write(bytes([byte[0] ^ 0x41]))


# --- verify -----------------------------------------------------------------------------------


def test_a_sound_store_is_sound(keep, store, array):
    keep(a=array(noise(500_000)), b=array(np.arange(9)))
    report = verify(store)
    assert report.sound
    assert report.snapshots == 1
    assert "Everything can be read" in str(report)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.5, 0.77, 0.99])
def test_a_flipped_byte_in_a_pack_is_named_and_the_rest_is_readable(
    keep, store, reads, array, share
):
    contents = {name: array(noise(400_000)) for name in "abc"}
    snapshot = keep(**contents)
    store.chunks.finish_pack()
    (pack,) = (store.path / "packs").glob("*.pack")
    flip(pack, int(pack.stat().st_size * share))
    report = verify(store)
    hit = {item.rpartition("/")[2] for damage in report.damaged for item in damage.items}
    assert len(hit) == 1 or (report.sound and not hit)  # a frame's header is not read by offset
    for name, content in contents.items():
        if name in hit:
            with pytest.raises(Corrupt, match="damaged"):
                reads(snapshot, name, content)
        else:
            assert reads(snapshot, name, content)
    if hit:
        assert pack.name in str(report)
        assert f"{snapshot.id}/{hit.pop()}" in str(report)


def test_a_pack_that_is_cut_short_or_gone_is_named(keep, store, reads, array):
    one = keep(a=array(noise(400_000)))
    store.chunks.finish_pack()
    content = array(noise(400_000))
    two = keep(b=content)
    packs = sorted((store.path / "packs").glob("*.pack"))
    packs[0].unlink()
    report = verify(store)
    assert {item for d in report.damaged for item in d.items} == {f"{one.id}/a"}
    assert reads(two, "b", content)


def test_a_damaged_blob_in_the_index_is_named(keep, store, array, reads):
    keep(a=array(np.arange(9)))
    content = array(np.arange(10))
    sound = keep(b=content)
    with store.database.write() as connection:
        connection.execute("UPDATE blobs SET data = zeroblob(40) WHERE id = 1")
    report = verify(store)
    assert len(report.damaged) == 1
    assert report.damaged[0].where == "the index"
    assert reads(sound, "b", content)


def test_damage_anywhere_in_the_index_file_never_gives_wrong_bytes(keep, store, array, tmp_path):
    rng = np.random.default_rng(1)
    contents = [array(noise(2000)) for _ in range(20)]
    snapshots = [keep(a=content) for content in contents]
    store.close()
    path = store.path / "index.sqlite"
    good = path.read_bytes()
    for position in rng.integers(0, len(good), 60):
        bad = bytearray(good)
        bad[position] ^= 0x55
        path.write_bytes(bad)
        try:
            other = Store.open(store.path)
        except (Corrupt, UnsafeContent):
            continue
        for snapshot, content in zip(snapshots, contents, strict=True):
            try:
                kept = other.manifest(snapshot.id)
                found = bytes(other.reader(kept.items[0].object).read("d"))
            except Exception:
                continue
            assert found == bytes(content.buffers[0].data), position
        other.close()
        path.write_bytes(good)


def test_a_newer_store_is_left_alone(store):
    with store.database.write() as connection:
        connection.execute("PRAGMA user_version=99")
        connection.execute("UPDATE facts SET value = 99 WHERE name = 'version'")
    with pytest.raises(UnsafeContent, match="Update"):
        Store.open(store.path)


# --- clean up ---------------------------------------------------------------------------------


def test_what_nothing_refers_to_is_freed(keep, store, reads, array):
    content = array(noise(900_000))
    gone, kept = keep(a=array(noise(2_000_000))), keep(b=content)
    store.delete(gone.id)
    assert collect(store, dry_run=True) > 1_900_000
    before = store.size()
    assert collect(store) > 1_000_000
    assert store.size() < before - 1_000_000
    assert reads(kept, "b", content)
    assert verify(store).sound
    assert collect(store) < 10_000


def test_what_is_unsent_cannot_be_removed(keep, store, array, destination, reads):
    content = array(noise(300_000))
    snapshot = keep(a=content, destination=destination)
    with pytest.raises(Conflict):
        store.delete(snapshot.id)
    collect(store, quota=0)
    assert reads(snapshot, "a", content)


def test_a_quota_drops_the_oldest_that_are_synced(keep, store, array, destination, reads):
    contents = [array(noise(1_000_000)) for _ in range(5)]
    snapshots = [keep(a=content, destination=destination) for content in contents]
    store.outbox.synced([receipt(store, s, n) for n, s in enumerate(snapshots[:4], 1)])
    collect(store, quota=2_600_000)
    assert store.size() < 3_000_000
    assert reads(snapshots[4], "a", contents[4]), "unsent"
    assert reads(snapshots[3], "a", contents[3]), "the latest that is synced"
    assert not store.chunks.fetch([snapshots[0].items[0].object])
    assert len(store.snapshots()) == 5, "they stay in the list"
    assert verify(store).sound


def test_a_quota_of_the_store_is_kept_in_quiet_moments(keep, store, array, destination):
    for number in range(1, 4):
        snapshot = keep(a=array(noise(1_000_000)), destination=destination)
        store.outbox.synced([receipt(store, snapshot, number)])
    assert keep_within_quota(store) == 0
    store.quota = 2_200_000
    assert store.hold.take()
    assert keep_within_quota(store) == 0, "somebody is storing"
    store.hold.give_back()
    assert keep_within_quota(store) > 0
    assert store.size() < 2_300_000


def test_a_base_stays_as_long_as_a_change_to_it(keep, store, frame, reads):
    rng = np.random.default_rng(4)
    columns = {"x": rng.normal(size=50_000)}
    first = keep(df=frame(columns))
    columns["x"] = columns["x"].copy()
    columns["x"][5] = 1.0
    content = frame(columns)
    second = keep(parents={"df": [first.items[0].object]}, df=content)
    store.delete(first.id)
    collect(store)
    assert reads(second, "df", content)


def test_a_dropped_content_is_kept_again_when_it_comes_back(keep, store, array, reads):
    content = array(noise(700_000))
    first = keep(a=content)
    store.delete(first.id)
    collect(store)
    again = keep(a=content)
    assert again.new_bytes > 600_000
    assert reads(again, "a", content)


def test_another_process_that_cleans_up_does_not_take_what_is_being_stored(
    keep, store, array, reads, monkeypatch
):
    content = array(noise(700_000))
    first = keep(a=content)
    store.delete(first.id)
    other = Store.open(store.path)
    commit = store._commit
    cleaned = []

    def late(*args):
        if not cleaned:
            cleaned.append(collect(other))
        return commit(*args)

    monkeypatch.setattr(store, "_commit", late)
    again = keep(a=content)
    assert cleaned
    assert reads(again, "a", content)
    assert verify(store).sound
    other.close()


def test_handing_over_keeps_cleaning_up_away(store):
    hold = Hold(store.lock_path)
    assert hold.take()
    with pytest.raises(Conflict):
        collect(store, patience=0.1)
    hold.give_back()
    collect(store, patience=0.1)


def test_packs_that_a_crash_left_behind_are_removed(keep, store, array, reads):
    content = array(noise(400_000))
    kept = keep(a=content)
    stray = store.path / "packs" / "01a1f850-0000-7000-8000-000000000000.pack"
    stray.write_bytes(b"ETIQPK\x01\x00 half a frame")
    collect(store)
    assert not stray.exists()
    assert reads(kept, "a", content)
