"""The data of `scale.py`, the limits beside it, and the process with little memory."""

import datetime as dt
import decimal
import io
import os
import pickle
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash
import zstandard

from etiq_jupyter import codecs

PIECE = 1 << 20


def nulls(rows, seed=0):
    """A pandas frame of about 90 bytes per row, where about a third of the values is missing.

    NaN and NaT among the values; masked, Arrow-backed, categorical and text columns.
    """
    rng = np.random.default_rng(seed)
    gone = rng.random((10, rows)) < 0.33
    noise = rng.normal(size=rows)
    count = rng.integers(0, 10**6, rows)
    names = np.array([f"customer-{n:06d}" for n in range(50_000)], object)
    text = names[rng.integers(0, len(names), rows)]
    when = np.cumsum(rng.integers(1, 10**9, rows)).view("M8[ns]")
    columns = {
        "nan": np.where(gone[0], np.nan, noise),
        "nat": np.where(gone[1], np.datetime64("NaT"), when),
        "Int64": pd.arrays.IntegerArray(count, gone[2]),
        "Float64": pd.arrays.FloatingArray(noise * 2, gone[3]),
        "boolean": pd.arrays.BooleanArray(count % 2 == 0, gone[4]),
        "category": pd.Categorical.from_codes(np.where(gone[5], -1, count % 4), list("abcd")),
        "str": pd.array(np.where(gone[6], None, text), dtype="str"),
        "arrow number": _arrow(pa.array(noise + 1, mask=gone[7])),
        "arrow text": _arrow(pa.array(text, pa.large_string(), mask=gone[8])),
        "all missing": pd.arrays.FloatingArray(np.zeros(rows), np.ones(rows, bool)),
    }
    return pd.DataFrame(columns)


def _arrow(array):
    return pd.array(array, dtype=pd.ArrowDtype(array.type))


def nulls_changed(frame):
    """The frame with one hundredth of the values of two of its columns other ones or missing."""
    changed = frame.copy()
    some = np.random.default_rng(1).choice(len(frame), len(frame) // 100, replace=False)
    changed.iloc[some[::2], changed.columns.get_loc("Int64")] = 7
    changed.iloc[some[1::2], changed.columns.get_loc("Int64")] = pd.NA
    changed.iloc[some, changed.columns.get_loc("nan")] = np.nan
    return changed


def polars_nulls(frame):
    """The same in polars, where every missing value is a null of Arrow."""
    return pl.from_pandas(frame.drop(columns="all missing"), nan_to_null=True)


def polars_nulls_changed(frame):
    """Every hundredth value of one column is missing, and of another one a different one."""
    row = pl.int_range(pl.len())
    return frame.with_columns(
        pl.when(row % 100 == 5).then(None).otherwise(pl.col("Int64")).alias("Int64"),
        pl.when(row % 100 == 9).then(0.5).otherwise(pl.col("nan")).alias("nan"),
    )


def objects(rows, seed=0):
    """Object columns of everything that people put there, about 185 bytes per row in memory."""
    rng = np.random.default_rng(seed)
    day = dt.date(2020, 1, 1)
    numbers = rng.integers(0, 10**7, rows).tolist()
    kinds = (lambda n: n, lambda n: f"m{n}", lambda n: n / 7, lambda n: None)
    lists = [numbers[at : at + 1 + at % 5] for at in range(rows)]
    vectors = rng.normal(size=(rows, 4)).astype(np.float32)
    columns = {
        "text": [f"name-{n}" for n in numbers],
        "text, some None": [None if n % 3 == 0 else f"name-{n}" for n in numbers],
        "mixed": [kinds[n % 4](n) for n in numbers],
        "decimals": [decimal.Decimal(n).scaleb(-2) for n in numbers],
        "dates": [day + dt.timedelta(n % 3000) for n in numbers],
        "lists": lists,
        "dicts": [{"id": n, "tag": "abcd"[n % 4]} for n in numbers],
        "vectors": list(vectors),
    }
    made = {}
    for name, values in columns.items():
        made[name] = column = np.empty(rows, object)
        column[:] = values if name not in ("lists", "vectors") else None
        if column[0] is None and values[0] is not None:
            for place, value in enumerate(values):
                column[place] = value
    return pd.DataFrame({name: pd.Series(each, dtype=object) for name, each in made.items()})


def objects_changed(frame):
    """One hundredth of the decimals and of the lists are other ones."""
    changed = frame.copy()
    for name, value in (("decimals", decimal.Decimal("0.5")), ("lists", [1, 2])):
        column = changed[name].to_numpy(copy=True)
        for place in range(0, len(column), 100):
            column[place] = value if name == "decimals" else list(value)
        changed[name] = pd.Series(column, dtype=object)
    return changed


def wide(columns, rows=2_000, seed=0):
    """Many small columns: numbers, flags, text; about 7.5 bytes per value."""
    rng = np.random.default_rng(seed)
    words = np.array(["alpha", "beta", "gamma", "delta"], object)
    makers = (
        lambda: rng.normal(size=rows),
        lambda: rng.integers(0, 1000, rows),
        lambda: rng.random(rows) < 0.5,
        lambda: pd.array(words[rng.integers(0, 4, rows)], dtype="str"),
    )
    kinds = (0, 0, 0, 1, 1, 2, 3, 0)
    return pd.DataFrame({f"c{n}": makers[kinds[n % 8]]() for n in range(columns)})


def wide_changed(frame):
    """The frame with one column anew."""
    name = frame.columns[frame.shape[1] // 3]
    return frame.assign(**{name: np.random.default_rng(9).normal(size=len(frame))})


def small(number):
    """One of many small frames: a hundred rows of five columns."""
    rng = np.random.default_rng(number)
    return pd.DataFrame(
        {
            "step": np.arange(100) + number,
            "loss": rng.random(100),
            "score": rng.normal(size=100),
            "ok": rng.random(100) < 0.9,
            "name": [f"n{n % 7}" for n in range(100)],
        }
    )


def same(one, other):
    """Whether two frames are equal, with their types and missing values."""
    if isinstance(one, pl.DataFrame):
        return one.equals(other, null_equal=True) and one.schema == other.schema
    if list(one.dtypes) != list(other.dtypes) or not one.index.equals(other.index):
        return False
    return all(
        _same_objects(one[name], other[name])
        if one[name].dtype == object
        else one[name].equals(other[name])
        for name in one.columns
    )


def _same_objects(one, other):
    if len(one) and isinstance(one.iloc[0], np.ndarray):
        return all(map(np.array_equal, one, other))
    return list(map(type, one)) == list(map(type, other)) and list(one) == list(other)


# --- limits -----------------------------------------------------------------------------------


def limits(value, folder):
    """What the machine and the usual ways to save such a value cost, in one dictionary.

    The first two are of the bytes that the codec makes; the others start from the value.
    """
    content = codecs.encode(value).content
    views = [buffer.data for buffer in content.buffers]
    found = {
        "xxh3 and memcpy, ms": _timed(lambda: _copied(views, bytearray(content.size))) * 1e3,
        "zstd-1, write, fsync, s": _timed(lambda: _compressed(views, folder / "limit")),
    }
    found["zstd-1, write, fsync, MB"] = (folder / "limit").stat().st_size / 1e6
    for name, dump in (("pickle 5", _pickled), ("parquet", _parquet), ("Arrow IPC", _ipc)):
        path = folder / "peer"
        try:
            found[f"{name} and fsync, s"] = _timed(lambda dump=dump, path=path: dump(value, path))
        except (pa.ArrowException, pl.exceptions.PolarsError, TypeError):
            continue  # Arrow has no form for columns of mixed objects
        found[f"{name} and fsync, MB"] = path.stat().st_size / 1e6
    for path in (folder / "limit", folder / "peer"):
        path.unlink(missing_ok=True)
    return found


def _timed(action):
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def _copied(views, target):
    whole, at = memoryview(target), 0
    for view in views:
        xxhash.xxh3_128_digest(view)
        whole[at : at + view.nbytes] = view
        at += view.nbytes


def _synced(path, parts):
    with path.open("wb", buffering=0) as file:
        for part in parts:
            file.write(part)
        os.fsync(file.fileno())


def _compressed(views, path):
    whole = memoryview(b"".join(views))
    pieces = [whole[at : at + PIECE] for at in range(0, whole.nbytes, PIECE)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        shrink = zstandard.ZstdCompressor
        _synced(path, pool.map(lambda piece: shrink(level=1).compress(piece), pieces))


def _pickled(value, path):
    _synced(path, [pickle.dumps(value, protocol=5)])


def _parquet(value, path):
    out = io.BytesIO()
    pq.write_table(_table(value), out, compression="zstd", compression_level=1)
    _synced(path, [out.getbuffer()])


def _ipc(value, path):
    table = _table(value)
    out = io.BytesIO()
    with pa.ipc.new_file(out, table.schema) as writer:
        writer.write_table(table)
    _synced(path, [out.getbuffer()])


def _table(value):
    if isinstance(value, pl.DataFrame):
        return value.to_arrow()
    return pa.Table.from_pandas(value)
