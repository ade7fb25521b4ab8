"""Snapshots larger than the memory that kernel and courier share."""

import threading
from datetime import datetime, timezone

import numpy as np
import pytest

from etiq_jupyter import model
from etiq_jupyter.ids import new_id
from etiq_jupyter.objects.content import Buffer, Content
from etiq_jupyter.store import Store
from etiq_jupyter.sync.handover import HandOver

ROWS = 100_000
ARENA = 4 << 20  # a frame below has 9.6 MB


@pytest.fixture
def store(tmp_path):
    opened = Store.open(tmp_path / "store")
    yield opened
    opened.close()


@pytest.fixture
def handover(store):
    made = HandOver(store, arena_size=ARENA)
    yield made
    made.close()


def frame(columns):
    buffers = [
        Buffer(name, memoryview(values).cast("B"), "rows", 8) for name, values in columns.items()
    ]
    return Content("frame", 1, {}, buffers, len(next(iter(columns.values()))))


def taken(content):
    item = model.Item(name="df", kind="frame", type="x", hash=content.hash, size=content.size)
    now = datetime.now(timezone.utc)
    return model.Snapshot(
        id=new_id(), run=model.Run(id=new_id()), project="p", created_at=now, items=[item]
    )


@pytest.fixture
def columns():
    return {f"c{n}": np.random.default_rng(n).normal(size=ROWS) for n in range(12)}


def keep(handover, content, parents):
    """Hand over and wait until it is stored; the objects of its items."""
    stored, objects = threading.Event(), {}

    def done(found):
        objects.update(found)
        stored.set()

    handover.record(taken(content), {"df": content}, None, parents, done)
    assert stored.wait(60)
    return objects["df"]


def test_rows_of_an_earlier_frame_are_kept_though_they_never_lie_there_together(
    handover, store, columns
):
    first = keep(handover, frame(columns), {})
    some = np.random.default_rng(0).random(ROWS) < 0.9
    content = frame({name: values[some] for name, values in columns.items()})
    second = keep(handover, content, {"df": [first]})
    reader = store.reader(second)
    for buffer in content.buffers:
        assert bytes(reader.read(buffer.name)) == bytes(buffer.data)


def test_sections_are_read_before_their_memory_is_used_again(handover, store, columns):
    content = frame(
        {f"{n}{name}": values + n for n in range(3) for name, values in columns.items()}
    )
    reader = store.reader(keep(handover, content, {}))
    for buffer in content.buffers:
        assert bytes(reader.read(buffer.name)) == bytes(buffer.data)
