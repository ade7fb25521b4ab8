"""The reader on the page about the store's form reads what the store wrote."""

import re
import subprocess
import sys
from importlib.resources import files

import numpy as np


def reader_on_the_page():
    page = files("etiq_jupyter.store").joinpath("FORMAT.md").read_text()
    return re.search(r"```python\n(.*?)```", page, re.DOTALL)[1]


def test_the_reader_reads_every_encoding(keep, store, frame, array):
    rng = np.random.default_rng(1)
    rows = 30_000
    columns = {
        "noise": rng.normal(size=rows),
        "time": np.cumsum(rng.integers(1, 10**6, rows)),
        "price": np.round(rng.gamma(2, 50, rows), 2),
        "word": np.array([f"customer-{n}" for n in rng.integers(0, 10**6, rows)], dtype=object),
    }
    first = keep(df=frame(columns), n=array(np.arange(5)), m=array(rng.normal(size=5_000)))
    columns = {name: values.copy() for name, values in columns.items()}
    columns["noise"][::500] = 1.0
    columns["word"][::500] = "changed"
    content = frame(columns)
    second = keep(parents={"df": [first.items[0].object]}, df=content)
    used = {row[0] for row in store.database.rows("SELECT DISTINCT encoding FROM chunks")}
    assert used >= {0, 1, 3, 4, 5}

    expected = []
    for buffer in content.buffers:
        data = bytes(buffer.data)
        expected.append(f"df {buffer.name} {len(data)} {data[:16].hex()}")
    assert run(store, second) == expected
    assert len(run(store, first)) == len(expected) + 2


def run(store, snapshot):
    command = [sys.executable, "-c", reader_on_the_page(), str(store.path), snapshot.id]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.splitlines()


def test_the_reader_is_short():
    lines = [line for line in reader_on_the_page().splitlines() if line.strip()]
    assert len(lines) < 30
