import os
import shutil
import time

import numpy as np
import pytest

from etiq_jupyter.errors import NotFound
from etiq_jupyter.objects.content import Buffer, Content
from etiq_jupyter.sync.recorder import Recorder

ROWS = 60_000


def frame(columns):
    """A frame's content in the shape in which codecs make it."""
    buffers = []
    for name, values in columns.items():
        if values.dtype == object:
            raw = [text.encode() for text in values]
            lengths = np.array([len(each) for each in raw], np.uint8)
            buffers.append(Buffer(f"{name}/lengths", memoryview(lengths), "lengths", 1))
            buffers.append(Buffer(f"{name}/payload", memoryview(b"".join(raw)), "payload", 1))
        else:
            values = np.ascontiguousarray(values)
            view = memoryview(values).cast("B")
            buffers.append(Buffer(f"{name}/values", view, "rows", values.itemsize))
    rows = len(next(iter(columns.values())))
    return Content("test.frame", 1, {"columns": list(columns)}, buffers, rows)


def table(seed=1, rows=ROWS):
    rng = np.random.default_rng(seed)
    words = np.array([f"customer-{n:07d}" for n in rng.integers(0, 10**7, rows)], dtype=object)
    return {
        "id": np.arange(rows),
        "x": rng.normal(size=rows),
        "y": rng.normal(size=rows),
        "w": words,
    }


@pytest.fixture
def recorder(tmp_path, monkeypatch):
    """A recorder with its helper process."""
    monkeypatch.setenv("ETIQ_COURIER", "1")
    made = Recorder(tmp_path / "store")
    yield made
    made.close()


@pytest.fixture
def reader_of(real, tmp_path):
    """Read an item as a colleague with an empty store does."""
    colleague = Recorder(tmp_path / "elsewhere")
    colleague.connect(real.destination, real.token)

    def read(snapshot, item):
        detail = real.call("GET", f"/snapshots/{snapshot}")
        found = next(each for each in detail["items"] if each["name"] == item)
        return colleague.reader(found["object"], snapshot=snapshot)

    yield read
    colleague.close()


def same(reader, content):
    return all(bytes(reader.read(b.name)) == bytes(b.data) for b in content.buffers)


def test_changes_and_selections_arrive_and_read_back(recorder, real, take, reader_of, array):
    recorder.connect(real.destination, real.token)
    rng = np.random.default_rng(3)
    base = table()
    edited = {**base, "x": base["x"].copy()}
    edited["x"][rng.integers(0, ROWS, 50)] = 0.25
    keep = rng.random(ROWS) < 0.8
    forms = {
        "first": base,
        "edited": edited,
        "kept": {name: values[keep] for name, values in edited.items()},
        "sorted": {name: values[np.argsort(edited["y"])] for name, values in edited.items()},
    }
    sizes, taken = {}, {}
    for name, columns in forms.items():
        content = frame(columns)
        snapshot, _ = take({"df": content}, project=real.project)
        ticket = recorder.record(snapshot, {"df": content}, real.destination)
        assert ticket.wait(20), (ticket.state, ticket.reason)
        sizes[name], taken[name] = ticket.new_bytes, (snapshot.id, content)
    assert sizes["edited"] < 0.05 * sizes["first"]
    assert sizes["kept"] < 0.05 * sizes["first"]
    assert sizes["sorted"] < 0.25 * sizes["first"]
    for snapshot, content in taken.values():
        assert same(reader_of(snapshot, "df"), content)


def test_a_selection_reads_one_column_without_the_others(recorder, real, take, reader_of):
    recorder.connect(real.destination, real.token)
    content = frame(table())
    snapshot, _ = take({"df": content}, project=real.project)
    assert recorder.record(snapshot, {"df": content}, real.destination).wait(20)
    reader = reader_of(snapshot.id, "df")
    assert bytes(reader.read("y/values")) == bytes(content.read("y/values"))
    some, every = len(reader.chunks(["y/values"])), len(reader.chunks())
    assert some < every / 2


def test_an_object_that_is_nowhere_is_named(recorder, real, take):
    recorder.connect(real.destination, real.token)
    snapshot, contents = take(project=real.project)
    assert recorder.record(snapshot, contents, real.destination).wait(20)
    with pytest.raises(NotFound):
        recorder.reader("0" * 64, snapshot=snapshot.id)


def test_a_dashboard_that_was_killed_gets_the_rest_when_it_is_back(recorder, real, take, array):
    recorder.connect(real.destination, real.token)
    noise = np.frombuffer(os.urandom(3_000_000), np.uint8)
    first = recorder.record(*take({"a": array(noise)}, project=real.project), real.destination)
    assert first.wait(20)
    real.stop()
    second = recorder.record(
        *take({"a": array(noise[::-1])}, project=real.project), real.destination
    )
    until = time.monotonic() + 20
    while not recorder.status().last_error and time.monotonic() < until:
        time.sleep(0.05)
    assert second.state == "stored"
    assert recorder.status().last_error
    real.start()
    recorder.wake()
    assert second.wait(20)


def test_what_a_restored_dashboard_has_forgotten_is_sent_again(recorder, real, take, tmp_path):
    recorder.connect(real.destination, real.token)

    def send():
        ticket = recorder.record(*take(project=real.project), real.destination)
        assert ticket.wait(20)
        return ticket.id

    early = send()
    real.stop()
    shutil.copytree(real.folder, tmp_path / "backup")
    real.start()
    recorder.wake()
    lost = [send(), send()]
    real.stop()
    shutil.rmtree(real.folder)
    shutil.copytree(tmp_path / "backup", real.folder)
    real.start()
    recorder.wake()
    late = send()
    assert recorder.wait(20)
    for snapshot in [early, *lost, late]:
        assert real.call("GET", f"/snapshots/{snapshot}")["id"] == snapshot


def test_a_backup_that_is_put_back_gets_the_lost_snapshots_without_a_new_one(
    recorder, real, take, tmp_path
):
    from etiq_jupyter.dashboard import administration

    def send():
        ticket = recorder.record(*take(project=real.project), real.destination)
        assert ticket.wait(20)
        return ticket.id

    def epoch():
        return real.call("GET", "/me")["server"]["epoch"]

    recorder.connect(real.destination, real.token)
    early, before = send(), epoch()
    administration.backup(tmp_path / "backup", data_dir=real.folder)
    lost = [send(), send()]
    real.stop()
    shutil.rmtree(real.folder)
    administration.restore(tmp_path / "backup", data_dir=real.folder)
    real.start()
    assert before
    assert epoch() not in ("", before)
    recorder.wake()
    until = time.monotonic() + 20
    while real.call("GET", f"/projects/{real.project}/snapshots")["total"] < 3:
        assert time.monotonic() < until
        time.sleep(0.05)
    for snapshot in [early, *lost]:
        assert real.call("GET", f"/snapshots/{snapshot}")["id"] == snapshot
    assert recorder.wait(10)


def test_the_epoch_stays_over_a_restart(real):
    before = real.call("GET", "/me")["server"]["epoch"]
    real.stop()
    real.start()
    assert real.call("GET", "/me")["server"]["epoch"] == before
