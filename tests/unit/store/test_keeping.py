import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etiq_jupyter.errors import NotFound
from etiq_jupyter.objects.content import Buffer, Content
from etiq_jupyter.objects.rows import take_payload
from etiq_jupyter.store import Store, cutting
from etiq_jupyter.store.sink import Sink
from etiq_jupyter.store.sources import HeldContent
from etiq_jupyter.store.writer import MERGE

ROWS = 120_000


def noise(size):
    return np.frombuffer(os.urandom(size), np.uint8)


def table(seed=1, rows=ROWS):
    rng = np.random.default_rng(seed)
    return {
        "id": np.arange(rows),
        "x": rng.normal(size=rows),
        "n": rng.integers(0, 100, rows).astype(np.int32),
        "v": rng.random(rows) < 0.9,
        "w": np.array([f"name-{n}" for n in rng.integers(0, 10**6, rows)], dtype=object),
    }


@pytest.mark.parametrize("size", [0, 1, 4096, 4097, 65_535, 65_536, 300_000, 3_000_000])
def test_any_size_reads_back(keep, reads, array, size):
    content = array(noise(size))
    snapshot = keep(a=content)
    assert reads(snapshot, "a", content)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    sizes=st.lists(st.sampled_from([0, 1, 100, 5000, 40_000, 70_000, 200_000]), max_size=8),
    itemsize=st.sampled_from([1, 2, 4, 8, 16]),
    layout=st.sampled_from(["bytes", "rows", "lengths", "payload", "bits"]),
)
def test_any_mix_of_buffers_reads_back(keep, reads, sizes, itemsize, layout):
    rng = np.random.default_rng(len(sizes))
    buffers = [
        Buffer(f"b{n}", memoryview(rng.bytes(size)), layout, itemsize)
        for n, size in enumerate(sizes)
    ]
    content = Content("mix", 1, {}, buffers)
    snapshot = keep(m=content)
    assert reads(snapshot, "m", content)


def test_equal_contents_are_kept_once(keep, store, array):
    content = array(noise(500_000))
    first, again = keep(a=content), keep(b=content, c=content)
    assert first.new_bytes > 490_000
    assert again.new_bytes == 0
    assert {item.object for item in again.items} == {first.items[0].object}


def test_a_small_value_is_one_object(keep, store, array):
    keep(n=array(np.arange(3)))
    assert store.database.row("SELECT count(*) FROM chunks")[0] == 1


def test_an_alias_and_an_unchanged_value_get_their_object_without_content(keep, store, array):
    content = array(noise(1000))
    first = keep(a=content)
    assert store.object_of(content.hash) == first.items[0].object
    assert store.object_of("unknown") == ""


CHANGES = {
    "scattered edits in one column": lambda t, r: {**t, "x": edit(t["x"], r)},
    "a block edited in all columns": lambda t, r: {k: block(v) for k, v in t.items()},
    "a column added": lambda t, r: {**t, "y": np.round(r.normal(size=ROWS), 1)},
    "rows appended": lambda t, r: {k: np.concatenate([v, v[:1200]]) for k, v in t.items()},
    "rows inserted": lambda t, r: {k: np.insert(v, 60_000, v[5:900]) for k, v in t.items()},
    "a row deleted": lambda t, r: {k: np.delete(v, 777) for k, v in t.items()},
    "a window that moved on": lambda t, r: {
        k: np.concatenate([v[100:], v[:100]]) for k, v in t.items()
    },
    "rows filtered": lambda t, r: {k: v[t["x"] > -0.5] for k, v in t.items()},
    "a tenth sampled": lambda t, r: pick(t, r.choice(ROWS, ROWS // 8, replace=False)),
    "with repeats": lambda t, r: pick(t, r.choice(ROWS, ROWS, replace=True)),
    "sorted": lambda t, r: pick(t, np.argsort(t["x"])),
    "filtered and one column changed": lambda t, r: {
        **{k: v[t["x"] > 0] for k, v in t.items()},
        "n": np.arange((t["x"] > 0).sum(), dtype=np.int32),
    },
}
SMALL = {
    "scattered edits in one column": 0.03,
    "a block edited in all columns": 0.06,
    "rows appended": 0.08,
    "rows inserted": 0.08,
    "a row deleted": 0.07,
    "a window that moved on": 0.2,
    "rows filtered": 0.02,
    "a tenth sampled": 0.05,
    "sorted": 0.2,
}


def edit(values, rng):
    values = values.copy()
    values[rng.integers(0, len(values), 300)] = 0.5
    return values


def block(values):
    values = values.copy()
    values[50_000:51_000] = values[0:1000]
    return values


def pick(columns, at):
    return {name: values[at] for name, values in columns.items()}


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_frame_costs_little_and_reads_back(keep, reads, frame, name):
    base = table()
    first = frame(base)
    before = keep(df=first)
    content = frame(CHANGES[name](base, np.random.default_rng(7)))
    after = keep(parents={"df": [before.items[0].object]}, df=content)
    assert reads(after, "df", content)
    assert reads(before, "df", first)
    if name in SMALL:
        assert after.new_bytes < SMALL[name] * before.new_bytes


def test_changes_to_changes_stay_one_step_from_their_base(keep, reads, frame, store):
    rng = np.random.default_rng(8)
    columns = table()
    kept, parent = [], ""
    for _ in range(6):
        content = frame(columns)
        snapshot = keep(parents={"df": [parent]} if parent else None, df=content)
        kept.append((snapshot, content))
        parent = snapshot.items[0].object
        columns = {**columns, "x": edit(columns["x"], rng), "w": block(columns["w"])}
    assert all(reads(snapshot, "df", content) for snapshot, content in kept)
    deep = store.database.row(
        "SELECT count(*) FROM chunks a JOIN chunks b ON b.hash = a.base WHERE b.base IS NOT NULL"
    )
    assert deep[0] == 0


def test_a_selection_of_a_selection_refers_to_the_whole(keep, reads, frame):
    base = table()
    first = keep(df=frame(base))
    some = {name: values[base["x"] > -1] for name, values in base.items()}
    second = keep(parents={"df": [first.items[0].object]}, df=frame(some))
    fewer = frame({name: values[some["n"] < 50] for name, values in some.items()})
    third = keep(parents={"df": [second.items[0].object]}, df=fewer)
    assert third.new_bytes < 0.03 * first.new_bytes
    assert reads(third, "df", fewer)


def test_a_selection_is_looked_for_without_the_bytes_that_are_known(keep, reads, frame, store):
    base = table()
    first = keep(df=frame(base))
    changed = {name: values[np.argsort(base["x"])] for name, values in base.items()}
    changed["w"] = base["w"]
    content = frame(changed)
    held = HeldContent(content)
    for source in held.sources:
        if source.size >= MERGE and store.writer.same(source):
            source.sections = _not_at_hand
    draft = store.writer.draft(held, [first.items[0].object], Sink(store.chunks))
    assert draft.recipe.selection is not None
    second = keep(parents={"df": [first.items[0].object]}, df=content)
    assert reads(second, "df", content)


def _not_at_hand():
    raise AssertionError("these bytes were not handed over")


def test_many_small_columns(keep, reads, store):
    buffers = [
        Buffer(f"c{n}/values", memoryview(np.arange(n, n + 300)).cast("B"), "rows", 8)
        for n in range(2000)
    ]
    content = Content("frame", 1, {}, buffers, 300)
    snapshot = keep(df=content)
    assert reads(snapshot, "df", content)
    assert store.database.row("SELECT count(*) FROM chunks")[0] < 150


def test_sections_make_no_difference_to_what_is_read(keep, reads, array, monkeypatch):
    monkeypatch.setattr(cutting, "SECTION", 1 << 20)
    content = array(noise(5_000_000).view(np.float32))
    text = Content("t", 1, {}, [Buffer("t", memoryview(os.urandom(3_500_000)))])
    snapshot = keep(a=content, t=text)
    assert reads(snapshot, "a", content)
    assert reads(snapshot, "t", text)


def test_a_store_of_another_process_is_read_at_once(keep, reads, store, array):
    other = Store.open(store.path)
    content = array(noise(400_000))
    snapshot = keep(a=content)
    assert reads(snapshot, "a", content, other)
    other.close()


def test_a_store_on_a_read_only_disk_can_be_read(keep, reads, store, array):
    content = array(noise(400_000))
    snapshot = keep(a=content)
    other = Store.open(store.path, read_only=True)
    assert reads(snapshot, "a", content, other)
    other.close()


def test_what_is_not_here_is_named(store):
    with pytest.raises(NotFound):
        store.manifest("01a1f850-d8e6-7223-a104-9185218c7a7e")
    with pytest.raises(NotFound):
        store.reader("0" * 64)


@pytest.mark.parametrize("lengths", [[3, 3, 3, 3], [1, 0, 4, 2], [0, 0, 0, 0]])
@pytest.mark.parametrize("rows", [[0, 2], [3, 1, 1], []])
def test_selected_text_is_what_was_selected(lengths, rows):
    values, at = [], 0
    for length in lengths:
        values.append(bytes(range(at, at + length)))
        at += length
    expected = b"".join(values[row] for row in rows)
    sizes = np.array(lengths, np.uint8).tobytes()
    found = take_payload(
        b"".join(values), sizes, 1, np.array(rows, np.int64), len(lengths), len(expected)
    )
    assert found == expected
