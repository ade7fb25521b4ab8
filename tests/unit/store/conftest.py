from datetime import datetime, timezone

import numpy as np
import pytest

from etiq_jupyter import model
from etiq_jupyter.ids import new_id
from etiq_jupyter.objects.content import Buffer, Content
from etiq_jupyter.store import Store


@pytest.fixture
def store(tmp_path):
    made = Store.open(tmp_path / "store")
    yield made
    made.close()


def _array(values):
    values = np.ascontiguousarray(values)
    data = memoryview(values).cast("B") if values.nbytes else memoryview(b"")
    row = values[0].nbytes if len(values) else values.itemsize
    return Content(
        "a", 1, {"d": str(values.dtype)}, [Buffer("d", data, "rows", values.itemsize, row)]
    )


@pytest.fixture
def array():
    return _array


@pytest.fixture
def frame():
    """Return a function that makes a frame's content of named columns."""

    def make(columns):
        buffers = []
        for name, values in columns.items():
            if values.dtype == object:
                raw = [text.encode() for text in values]
                lengths = np.array([len(each) for each in raw], np.uint32)
                view = memoryview(lengths).cast("B")
                buffers.append(Buffer(f"{name}/lengths", view, "lengths", 4))
                buffers.append(Buffer(f"{name}/payload", memoryview(b"".join(raw)), "payload", 1))
            elif values.dtype == bool:
                bits = np.packbits(values, bitorder="little")
                buffers.append(Buffer(f"{name}/validity", memoryview(bits), "bits", 1))
            else:
                values = np.ascontiguousarray(values)
                view = memoryview(values).cast("B")
                buffers.append(Buffer(f"{name}/values", view, "rows", values.itemsize))
        rows = len(next(iter(columns.values())))
        return Content("frame", 1, {"columns": list(columns)}, buffers, rows)

    return make


@pytest.fixture
def keep(store):
    """Return a function that keeps contents and returns the snapshot."""
    run = model.Run(id=new_id())

    def make(parents=None, destination=None, into=None, **contents):
        items = [
            model.Item(name=name, kind="array", type="x", hash=content.hash, size=content.size)
            for name, content in contents.items()
        ]
        snapshot = model.Snapshot(
            id=new_id(),
            run=run,
            project="p",
            project_name="P",
            created_at=datetime.now(timezone.utc),
            items=items,
        )
        (into or store).record(snapshot, contents, destination, parents)
        return snapshot

    return make


@pytest.fixture
def reads(store):
    """Return a function that says whether a content reads back from an item as it was."""

    def check(snapshot, name, content, where=None):
        kept = (where or store).manifest(snapshot.id)
        item = next(item for item in kept.items if item.name == name)
        reader = (where or store).reader(item.object)
        return all(bytes(reader.read(b.name)) == bytes(b.data) for b in content.buffers)

    return check
