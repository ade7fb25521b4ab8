"""Values of every family for the round-trip matrix: (name, maker). Makers import their library."""

# ruff: noqa: E501 - tables read better unbroken

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import pathlib
import re
import types
import uuid
import zoneinfo
from collections.abc import Callable
from typing import Any


class Colour(enum.Enum):
    RED = 1
    BLUE = "b"


class Rights(enum.Flag):
    READ = 1
    WRITE = 2


class Level(enum.IntEnum):
    LOW = 1


@dataclasses.dataclass
class Point:
    x: int
    tags: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Frozen:
    x: int


@dataclasses.dataclass(slots=True)
class Slotted:
    x: int
    y: Any = None


@dataclasses.dataclass(frozen=True, slots=True)
class Base:
    x: int


Pair = collections.namedtuple("Pair", "left right")
PARIS = zoneinfo.ZoneInfo("Europe/Paris")

PLAIN: dict[str, Any] = {
    "none": None, "true": True, "false": False, "zero": 0, "int": -7, "int64_max": 2**63 - 1, "uint64_max": 2**64 - 1,
    "int_beyond": 2**64, "int_negative_beyond": -(2**63) - 1, "int_huge": 3**2000, "float": 0.1, "negative_zero": -0.0,
    "inf": float("inf"), "minus_inf": float("-inf"), "nan": float("nan"), "tiny": 5e-324, "complex": 1 - 2j,
    "complex_nan": complex(float("nan"), -0.0), "text": "héllo", "empty_text": "", "lone_surrogate": "a\ud800b", "emoji": "😀",
    "nul_text": "a\0b", "bytes": b"\x00\xff", "empty_bytes": b"", "bytearray": bytearray(b"ab"), "list": [1, "a", None, [2.5]],
    "empty_list": [], "list_of_floats": [0.5] * 1000, "list_mixed_big": [1, 2**70, "\udfff"], "tuple": (1, (2,), [3]), "empty_tuple": (),
    "set": {1, "a", (2, 3)}, "frozenset": frozenset({1, frozenset({2})}), "empty_set": set(), "dict": {"b": 1, "a": [2]},
    "dict_int_keys": {3: "c", 1: "a", None: 0, 2.5: 1}, "dict_tuple_keys": {(1, "x"): {"y": (2,)}}, "dict_bytes_keys": {b"k": 1},
    "ordered": collections.OrderedDict([("z", 1), ("a", 2)]), "counter": collections.Counter("abracadabra"),
    "defaultdict": collections.defaultdict(list, {"a": [1]}), "deque": collections.deque([1, 2, 3], maxlen=3),
    "namespace": types.SimpleNamespace(a=1, b=[2]), "datetime": dt.datetime(2026, 11, 20, 8, 31, 5, 123456),
    "datetime_utc": dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc), "datetime_zone_fold": dt.datetime(2025, 10, 26, 2, 30, tzinfo=PARIS, fold=1),
    "datetime_fixed": dt.datetime(2026, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=5, minutes=45), "NPT")),
    "date": dt.date(1, 1, 1), "time": dt.time(23, 59, 59, 999999), "time_zone": dt.time(1, tzinfo=dt.timezone.utc),
    "timedelta": dt.timedelta(days=-1, microseconds=1), "timezone": dt.timezone(dt.timedelta(hours=-3)), "zoneinfo": PARIS,
    "decimal": decimal.Decimal("-1.10E+3"), "decimal_nan": [str(decimal.Decimal("sNaN"))], "fraction": fractions.Fraction(-22, 7),
    "uuid": uuid.UUID(int=2**100), "path": pathlib.PurePosixPath("/a/b.txt"), "windows_path": pathlib.PureWindowsPath("C:\\x"),
    "concrete_path": pathlib.Path("x/y"), "enum": Colour.BLUE, "flag": Rights.READ | Rights.WRITE, "int_enum": Level.LOW,
    "dataclass": Point(1, ["a"]), "frozen_dataclass": Frozen(2), "slotted_dataclass": Slotted(1, [2]), "frozen_slotted": Base(3),
    "dataclass_as_key": {Frozen(1): "one"}, "namedtuple": Pair([1], "r"), "range": range(10, 0, -3), "range_huge": range(2**70),
    "slice": slice(1, None, 2), "ellipsis": ..., "type": int, "pattern": re.compile(r"a+(b)", re.IGNORECASE), "nested": {"a": [{"b": ({"c"},)}]},
    "enum_keys": {Colour.RED: [Rights.READ]},
}  # fmt: skip


def _numpy() -> dict[str, Any]:
    import numpy as np

    found: dict[str, Any] = {
        f"array_{code}": np.arange(6).astype(code).reshape(2, 3)
        for code in (
            "i1",
            "i2",
            "i4",
            "i8",
            "u1",
            "u2",
            "u4",
            "u8",
            "f2",
            "f4",
            "f8",
            "c8",
            "c16",
            "?",
            ">i4",
            ">f8",
        )
    }
    structured = np.array(
        [(1, "ab", [1.5, 2.5]), (2, "", [0.0, -1.0])], [("a", "i4"), ("b", "U3"), ("c", "f8", (2,))]
    )
    aligned = np.zeros(3, np.dtype([("a", "i1"), ("b", "f8")], align=True))
    return found | {
        "array_longdouble": np.arange(3, dtype=np.longdouble), "array_text": np.array(["a", "héé", ""]), "array_bytes": np.array([b"a", b"bc"]),
        "array_void": np.array([b"ab", b"cd"], "V2"), "array_datetime": np.array(["2020-01-01", "NaT"], "M8[D]"),
        "array_timedelta": np.array([1, -1], "m8[ns]"), "array_fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "array_0d": np.array(3.5), "array_empty": np.empty((0, 3)), "array_strided": np.arange(10)[::3], "array_3d": np.arange(24).reshape(2, 3, 4),
        "array_transposed_3d": np.arange(24).reshape(2, 3, 4).transpose(2, 0, 1), "array_nan": np.array([np.nan, np.inf, -0.0]),
        "array_structured": structured, "array_aligned": aligned, "record_array": np.rec.array([(1, "a")], dtype=[("n", "i4"), ("t", "U2")]),
        "matrix": np.matrix([[1, 2], [3, 4]]), "masked": np.ma.MaskedArray([1, 2, 3], [False, True, False], fill_value=9),
        "masked_plain": np.ma.MaskedArray([1.5, 2.5]), "object_array": np.array([[1, "a"], [None, (2,)]], dtype=object),
        "scalar_float32": np.float32(1.5), "scalar_int8": np.int8(-3), "scalar_bool": np.bool_(True), "scalar_datetime": np.datetime64("2020-01-01T00", "h"),
        "scalar_complex": np.complex64(1 + 2j), "scalar_str": np.str_("ab"), "dtype": np.dtype("<f4"), "array_in_dict": {"a": np.arange(3), "b": [np.float64(2)]},
    }  # fmt: skip


def _pandas() -> dict[str, Any]:
    import numpy as np
    import pandas as pd

    n = 4
    columns: dict[str, Any] = {
        "int64": np.arange(n), "float_nan": [1.0, np.nan, -0.0, np.inf], "bool": [True, False, True, False], "float16": np.arange(n, dtype="f2"),
        "complex": np.arange(n) * 1j, "text": ["a", None, "", "é"], "object_text": pd.Series(["a", None, "b", ""], dtype=object),
        "object_nan_text": pd.Series(["a", np.nan, "b", ""], dtype=object), "object_mixed": pd.Series([1, "a", None, [1, {2: (3,)}]], dtype=object),
        "object_two_missing": pd.Series(["a", None, np.nan, pd.NA], dtype=object), "string_python": pd.array(["a", None, "b", ""], dtype="string[python]"),
        "category": pd.Categorical(["b", None, "a", "b"], categories=["b", "a", "unused"]),
        "category_ordered": pd.Categorical(["lo", "hi", "lo", None], categories=["lo", "hi"], ordered=True), "category_int": pd.Categorical([3, 1, 3, 2]),
        "Int64": pd.array([1, None, 3, 2**62], dtype="Int64"), "UInt8": pd.array([1, None, 3, 255], dtype="UInt8"), "boolean": pd.array([True, None, False, True], dtype="boolean"),
        "Float32": pd.array([1.5, None, 3, 4], dtype="Float32"), "datetime": pd.to_datetime(["2020-01-01", None, "2020-01-03", "2262-01-01"]),
        "datetime_s": pd.Series(pd.to_datetime(["2020-01-01"] * n)).astype("M8[s]"), "datetime_tz": pd.date_range("2020-10-25", periods=n, freq="h", tz="Europe/Paris"),
        "datetime_utc": pd.date_range("2020", periods=n, tz="UTC"), "timedelta": pd.to_timedelta([1, None, 3, -4], unit="s"),
        "period": pd.PeriodIndex(["2020-01", None, "2020-03", "2020-04"], freq="M"), "period_q": pd.period_range("2020Q1", periods=n, freq="Q"),
        "interval": pd.interval_range(0, n), "interval_left": pd.IntervalIndex.from_breaks(np.arange(n + 1.0), closed="left"),
        "sparse": pd.arrays.SparseArray([0, 0, 1, 2]), "sparse_nan": pd.arrays.SparseArray([np.nan, 1.0, np.nan, 2.0]),
    }  # fmt: skip
    found: dict[str, Any] = {
        f"pandas_{name}": pd.DataFrame({name: values}) for name, values in columns.items()
    }
    whole = pd.DataFrame(columns)
    whole.attrs["source"] = {"file": "x.csv", "rows": (1, 2)}
    multi = pd.DataFrame(
        np.arange(12).reshape(4, 3), index=pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["k", None]),
        columns=pd.MultiIndex.from_tuples([("x", 1), ("x", 2), ("y", 1)], names=["p", "q"]),
    )  # fmt: skip
    unique = pd.DataFrame({"a": [1]}).set_flags(allows_duplicate_labels=False)
    return found | {
        "frame_all_types_attrs": whole, "frame_multi_both_axes": multi, "frame_multi_nan_level": multi.reindex([("a", 1), ("a", np.nan)]),
        "frame_duplicate_columns": pd.DataFrame([[1, "a", 2.0]], columns=["a", "a", "b"]), "frame_odd_columns": pd.DataFrame({1: [1], None: [2], (1, 2): [3], "x": [4]}),
        "frame_date_columns": pd.DataFrame([[1, 2]], columns=pd.date_range("2020", periods=2)), "frame_empty": pd.DataFrame(), "frame_no_columns": pd.DataFrame(index=[3, 4]),
        "frame_no_rows": whole.iloc[:0], "frame_strided": pd.DataFrame(np.arange(20).reshape(5, 4))[::2], "frame_date_index": whole.set_index("datetime_utc")[["int64", "text"]],
        "frame_freq_index": pd.DataFrame({"a": range(3)}, index=pd.date_range("2020", periods=3, freq="ME")), "frame_category_index": whole.set_index("category")[["int64"]],
        "frame_period_index": whole.set_index("period")[["int64"]], "frame_interval_index": whole.set_index("interval")[["int64"]], "frame_named_range": pd.DataFrame({"a": [1, 2]}, index=pd.RangeIndex(4, 8, 2, name="r")),
        "frame_unique_labels": unique, "frame_float_index": pd.DataFrame({"a": [1, 2]}, index=[0.5, float("nan")]), "series": pd.Series([1, 2], name="s", index=["x", "y"]),
        "series_no_name": pd.Series([1.5]), "series_odd_name": pd.Series([True], name=("a", 1)), "series_attrs": pd.Series([1]).rename_axis("i"), "index_int": pd.Index([3, 1]),
        "index_text": pd.Index(["b", None, "a"], name="n"), "index_multi": multi.index, "index_range": pd.RangeIndex(5), "index_object": pd.Index([1, "a"], dtype=object),
        "pandas_categorical": columns["category"], "pandas_array": columns["Int64"], "timestamp": pd.Timestamp("2020-01-01 12:00", tz="Europe/Paris"), "timestamp_ns": pd.Timestamp(1, unit="ns"),
        "timedelta_scalar": pd.Timedelta(1, "ns"), "nat": pd.NaT, "na": pd.NA, "period_scalar": pd.Period("2020-03", "M"), "interval_scalar": pd.Interval(0, 1.5, closed="both"), "frame_in_dict": {"df": multi, "n": [multi["x"]]},
    }  # fmt: skip


def _arrow() -> dict[str, Any]:
    import pyarrow as pa

    table = pa.table(
        {
            "i": pa.array([1, None, 3]), "s": pa.array(["a", None, "é"]), "ls": pa.array(["a", "", None], pa.large_string()), "sv": pa.array(["x", None, "a long text beyond twelve"], pa.string_view()),
            "b": pa.array([True, None, False]), "bin": pa.array([b"a", b"", None], pa.binary()), "fsb": pa.array([b"ab", None, b"cd"], pa.binary(2)),
            "d": pa.array([1, None, 3], pa.date32()), "t": pa.array([1, None, 3], pa.time64("ns")), "ts": pa.array([1, None, 3], pa.timestamp("ms", "Asia/Tokyo")),
            "du": pa.array([1, None, 3], pa.duration("s")), "dec": pa.array([decimal.Decimal("1.10"), None, decimal.Decimal("-3")], pa.decimal128(9, 2)), "dec256": pa.array([1, None, 3], pa.decimal256(60, 2)),
            "dict": pa.array(["a", None, "b"]).dictionary_encode(), "l": pa.array([[1, None], None, []], pa.list_(pa.int32())), "ll": pa.array([["a"], None, ["b", None]], pa.large_list(pa.string())),
            "fl": pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int8(), 2)), "st": pa.array([{"a": 1, "b": "x"}, None, {"a": None, "b": None}]), "map": pa.array([[("k", 1)], None, []], pa.map_(pa.string(), pa.int64())), "n": pa.nulls(3), "h": pa.array([1, None, 2], pa.float16()),
        }
    )  # fmt: skip
    tagged = table.select(["i"]).replace_schema_metadata({b"who": b"me"})
    return {
        "arrow_table": table, "arrow_sliced": table.slice(1), "arrow_chunks": pa.concat_tables([table, table.slice(2)]), "arrow_metadata": tagged, "arrow_empty": table.slice(0, 0),
        "arrow_batch": table.select(["i", "s"]).to_batches()[0], "arrow_array": table["s"].chunk(0), "arrow_chunked": table["l"],
    }  # fmt: skip


def _polars() -> dict[str, Any]:
    import polars as pl

    frame = pl.DataFrame(
        {
            "i": [1, None, 3], "s": ["a", None, "é"], "b": [True, None, False], "f": [1.5, float("nan"), None], "d": [dt.date(2020, 1, 1), None, dt.date(1, 1, 1)],
            "t": [dt.datetime(2020, 1, 1, 1), None, None], "l": [[1], None, []], "st": [{"a": 1}, None, {"a": None}], "du": [dt.timedelta(1), None, None], "tm": [dt.time(1), None, None], "bin": [b"a", b"", None], "n": [None] * 3,
        }
    ).with_columns(
        pl.col("s").cast(pl.Categorical).alias("cat"), pl.col("s").cast(pl.Enum(["é", "a", "z"])).alias("enum"), pl.col("i").cast(pl.Int8).alias("i8"),
        pl.Series("arr", [[1, 2], None, [3, 4]], dtype=pl.Array(pl.Int64, 2)), pl.Series("i128", [2**100, None, -1], dtype=pl.Int128), pl.col("t").dt.replace_time_zone("Asia/Tokyo").alias("tz"),
        pl.Series("dec", [decimal.Decimal("1.25"), None, None]),
    )  # fmt: skip
    return {
        "polars_frame": frame, "polars_sliced": frame[1:], "polars_empty": frame.clear(), "polars_no_columns": pl.DataFrame(),
        "polars_series": frame["l"], "polars_named": pl.Series("x", ["a", None]), "polars_chunks": pl.concat([frame, frame], rechunk=False),
    }  # fmt: skip


def _pictures() -> dict[str, Any]:
    from PIL import Image

    base = Image.new("RGB", (7, 5), (10, 200, 30))
    base.putpixel((3, 2), (255, 0, 0))
    return {
        f"pil_{mode}": base.convert(mode)
        for mode in ("1", "L", "P", "RGB", "RGBA", "CMYK", "F", "I", "HSV", "LA")
    }


def _plots() -> dict[str, Any]:
    import altair as alt
    import pandas as pd
    import plotly.express as px

    return {
        "plotly": px.scatter(x=[1, 2], y=[3, 4], title="t"),
        "altair": alt.Chart(pd.DataFrame({"a": [1, 2]})).mark_bar().encode(x="a:Q"),
    }


def _sparse() -> dict[str, Any]:
    import numpy as np
    import scipy.sparse as sp

    dense = np.array([[0, 1, 0], [2, 0, 0]], float)
    found = {
        f"sparse_{form}": sp.coo_array(dense).asformat(form)
        for form in ("csr", "csc", "coo", "bsr", "dia", "lil", "dok")
    }
    return found | {"sparse_matrix": sp.csr_matrix(dense)}


FAMILIES: dict[str, tuple[str, Callable[[], dict[str, Any]]]] = {
    "plain": ("", lambda: PLAIN), "numpy": ("numpy", _numpy), "pandas": ("pandas", _pandas), "pyarrow": ("pyarrow", _arrow),
    "polars": ("polars", _polars), "pillow": ("PIL", _pictures), "plots": ("plotly", _plots), "scipy": ("scipy", _sparse),
}  # fmt: skip
