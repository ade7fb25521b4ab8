"""Crafted arrays, tables and sparse matrices: lying sizes are refused before memory is taken."""

# ruff: noqa: E501 - tables read better unbroken

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest

from etiq_jupyter import codecs
from etiq_jupyter.errors import EtiqError

pack = msgspec.msgpack.encode
Ext = msgspec.msgpack.Ext


@pytest.mark.parametrize(
    "meta",
    [
        {"dtype": "<f8", "shape": [10**15]}, {"dtype": "<f8", "shape": [2**62, 2**62]}, {"dtype": "<f8", "shape": [-1]}, {"dtype": "<f8", "shape": [True]},
        {"dtype": "<f8", "shape": [2.0]}, {"dtype": "<f8", "shape": [1] * 100}, {"dtype": "<f8", "shape": "2"}, {"dtype": "<U0", "shape": [2**61]}, {"dtype": "|V0", "shape": [2**50]},
        {"dtype": "<f8"}, {"shape": [2]}, {"dtype": "__import__('os')", "shape": [2]}, {"dtype": "<f8,<f8", "shape": [1]}, {"dtype": {"base": "<f8", "shape": [10**12]}, "shape": [1]},
        {"dtype": {"names": ["a"], "formats": ["<f8"], "offsets": [-8], "titles": [None], "itemsize": 8, "aligned": False}, "shape": [2]},
        {"dtype": {"names": ["a"], "formats": ["<f8"], "offsets": [100], "titles": [None], "itemsize": 8, "aligned": False}, "shape": [2]},
        {"dtype": "<f8", "shape": [2], "form": "masked", "mask": "<f8"}, {"dtype": "O", "shape": [10**9]},
    ],
    ids=lambda meta: repr(meta)[:60],
)  # fmt: skip
def test_arrays_with_lying_sizes_are_refused(
    crafted: Any, refused: Any, meta: dict[str, Any]
) -> None:
    empty = pack([Ext(1, pack(0)), [["list", True, []]]])
    refused(crafted("numpy.array", meta, {"data": b"\0" * 16, "value": empty}))


FRAME = pd.DataFrame(
    {
        "i": [1, 2, 3],
        "s": ["a", "bb", None],
        "c": pd.Categorical(["x", "y", "x"]),
        "d": pd.date_range("2020", periods=3),
        "o": [[1], {}, None],
        "sp": pd.arrays.SparseArray([0, 1, 0]),
        "iv": pd.interval_range(0, 3),
        "p": pd.period_range("2020", periods=3, freq="M"),
    }
)


def _deep_set(meta: Any, path: tuple[Any, ...], value: Any) -> Any:
    meta = msgspec.msgpack.decode(pack(meta))
    place = meta
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return meta


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("rows",), 10**12), (("rows",), 2**62), (("rows",), -1), (("rows",), "3"), (("rows",), 2), (("columns",), []), (("columns",), 5), (("columns", 0), {}), (("columns", 0, "form"), "eval"),
        (("columns", 0, "dtype"), "|O"), (("columns", 0, "dtype"), "<f2"), (("columns", 1, "arrow"), "no"), (("columns", 1, "arrow"), ["struct", []]), (("columns", 1, "form"), "fixed"), (("columns", 1, "nulls"), 0.5),
        (("columns", 2, "dtype"), "<i8"), (("columns", 2, "size"), 10**12), (("columns", 2, "categories", "rows"), 10**10), (("columns", 2, "categories", "index"), "evil"), (("columns", 5, "size"), 10**9), (("columns", 5, "subtype"), "|O"),
        (("columns", 6, "closed"), "nope"), (("columns", 7, "freq"), "nonsense"), (("index", "range"), [0, 10**12, 1]), (("index", "range"), [0, 3, 0]), (("index", "rows"), 10**9), (("index", "index"), "flat"), (("index", "names"), []),
        (("labels", "rows"), 2), (("labels", "rows"), 10**9), (("columns", 3, "dtype"), "<M8[evil]"), (("attrs",), b"\xff"), (("columns", 1, "form"), "null"), (("columns", 1, "form"), "list"), (("columns", 1, "form"), "codes"), (("columns", 0, "pandas"), "zoned"),
    ],
    ids=lambda value: repr(value)[:40],
)  # fmt: skip
def test_frames_with_lying_descriptions_are_refused(
    crafted: Any, refused: Any, path: tuple[Any, ...], value: Any
) -> None:
    content = crafted.of(FRAME)
    content.meta = _deep_set(content.meta, path, value)
    refused(content)


@pytest.mark.parametrize("name", sorted(codecs.encode(FRAME).content.names()))
@pytest.mark.parametrize("fault", ["cut", "longer", "empty", "ones"])
def test_frames_with_damaged_buffers_never_crash(crafted: Any, name: str, fault: str) -> None:
    content = crafted.of(FRAME)
    old = content.buffers[name]
    content.buffers[name] = {
        "cut": old[:-1],
        "longer": old + b"\xff",
        "empty": b"",
        "ones": b"\xff" * len(old),
    }[fault]
    for look in (
        codecs.decode,
        codecs.preview,
        codecs.profile,
        lambda c: codecs.export(c, "parquet"),
    ):
        try:
            look(content)  # other numbers are numbers; what does not fit is refused
        except EtiqError:
            continue


def test_polars_and_arrow_frames_with_damaged_buffers_never_crash(crafted: Any) -> None:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(
        {"s": ["a", None, "ccc"], "l": [[1], [], None], "c": ["x", "y", "x"]}
    ).with_columns(polars.col("c").cast(polars.Categorical))
    for value in (frame, frame.to_arrow()):
        names = codecs.encode(value).content.names()
        for name in names:
            for damage in (b"", b"\xff", b"\xff" * 64):
                content = crafted.of(value)
                content.buffers[name] = damage
                try:
                    codecs.decode(content)
                except EtiqError:
                    continue


def test_text_that_is_not_utf8_is_refused(crafted: Any, refused: Any) -> None:
    content = crafted.of(pd.DataFrame({"s": ["abcd"]}))
    content.buffers["c0/payload"] = b"\xff\xfe\xff\xfe"
    refused(content)


def test_python_metadata_in_a_table_stays_bytes(crafted: Any, witness: Path, payload: Any) -> None:
    pa = pytest.importorskip("pyarrow")
    evil = pickle.dumps(payload)
    table = pa.table({"a": [1]}).replace_schema_metadata(
        {
            b"pandas": b'{"columns": [{"pandas_type": "object", "numpy_type": "evil"}]}',
            b"ARROW:extension:name": b"arrow.py_extension_type",
            b"ARROW:extension:metadata": evil,
        }
    )
    field = pa.field(
        "a",
        pa.int64(),
        metadata={
            b"ARROW:extension:name": b"arrow.py_extension_type",
            b"ARROW:extension:metadata": evil,
        },
    )
    for value in (table, table.cast(pa.schema([field]))):
        content = crafted.of(value)
        assert codecs.decode(content)["a"].to_pylist() == [1]
        _, data = codecs.export(content, "parquet")
        import pyarrow.parquet as pq

        pq.read_table(io.BytesIO(data))
    assert not witness.exists()


def test_sparse_matrices_whose_indices_point_outside_are_refused(
    crafted: Any, refused: Any
) -> None:
    sparse = pytest.importorskip("scipy.sparse")
    for form in ("csr", "csc", "coo", "bsr"):
        good = crafted.of(sparse.coo_array(np.eye(4)).asformat(form))
        for name in list(good.buffers):
            if name == "data":
                continue
            kind = np.dtype(good.meta[name]["dtype"])
            bad = crafted.of(sparse.coo_array(np.eye(4)).asformat(form))
            bad.buffers[name] = np.full(
                len(bad.buffers[name]) // kind.itemsize, 10**9, kind
            ).tobytes()
            refused(bad)
    huge = crafted.of(sparse.coo_array(np.eye(4)).asformat("lil"))
    huge.meta = huge.meta | {"shape": [2**39, 4]}
    refused(huge)


def test_numpy_bytes_that_are_a_pickle_stay_bytes(crafted: Any, refused: Any, payload: Any) -> None:
    data = pickle.dumps(payload)
    for dtype in (
        "|O",
        "|O8",
        "O",
        "object",
        {
            "names": ["a"],
            "formats": ["|O"],
            "offsets": [0],
            "titles": [None],
            "itemsize": 8,
            "aligned": False,
        },
    ):
        refused(
            crafted(
                "numpy.array",
                {"dtype": dtype, "shape": [len(data) // 8], "order": "C"},
                {"data": data[: len(data) // 8 * 8]},
            )
        )
