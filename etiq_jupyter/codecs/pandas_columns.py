"""One pandas array (a column, a level, an index) as buffers, for every dtype of pandas 2 and 3.

The ``pandas`` part of a column's description names the dtype. Numbers and times keep the bytes that
they have in memory, NaN and NaT among them, without a copy. Object columns of text are kept as
text; other object columns as plain values.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from etiq_jupyter.codecs.arrays import raw, read_array
from etiq_jupyter.codecs.base import MAX_DEPTH, Reading, SubReader, Writing, need, refuse, under
from etiq_jupyter.codecs.columns import (
    MAX_ROWS_WITHOUT_BYTES,
    Sink,
    Spec,
    read_bits,
    read_column,
    write_bits,
    write_column,
)
from etiq_jupyter.codecs.dtypes import simple_dtype
from etiq_jupyter.codecs.plain import PlainCodec, pack_plain, unpack_plain
from etiq_jupyter.codecs.scalars import read_zone, write_zone
from etiq_jupyter.errors import Corrupt, NotKept
from etiq_jupyter.objects.content import ContentReader

_NAN_KINDS = {"None": None, "nan": float("nan"), "NA": pd.NA, "NaT": pd.NaT}


# --- writing ----------------------------------------------------------------------------------


def write_array(sink: Sink, array: Any, how: Writing) -> Spec:
    """Write a pandas or NumPy array of one dimension; return its description."""
    dtype = array.dtype
    if isinstance(dtype, np.dtype) or type(array) is pd.arrays.NumpyExtensionArray:
        return _write_numpy(sink, np.asarray(array), how)
    for kind, write in _WRITERS:
        if isinstance(dtype, kind):
            return write(sink, array, how)  # type: ignore[no-any-return]
    raise NotKept(f"a pandas column of type {dtype} has no portable form")


def _write_numpy(sink: Sink, array: np.ndarray[Any, Any], how: Writing) -> Spec:
    dtype = array.dtype
    if dtype.kind == "O":
        return _write_objects(sink, array, how)
    if dtype.kind not in "biufcmM" or (dtype.itemsize > 16 and dtype.kind != "c"):
        raise NotKept(f"a pandas column of type {dtype} has no portable form")
    if dtype.byteorder == ">":
        dtype = dtype.newbyteorder("<")
        array = array.astype(dtype)
    sink.put("values", raw(np.ascontiguousarray(array)), "rows", dtype.itemsize)
    return {"form": "raw", "dtype": dtype.str, "type": str(array.dtype), "nulls": _no_nulls(dtype)}


def _no_nulls(dtype: np.dtype[Any]) -> int:
    return -1 if dtype.kind in "fcmM" else 0


def _write_objects(sink: Sink, array: np.ndarray[Any, Any], how: Writing) -> Spec:
    kinds = set(map(type, array))
    missing = _one_missing(array, kinds)
    if missing and kinds - {str} != kinds and len(kinds) <= 2:
        try:
            text = pa.array(array, pa.large_string(), from_pandas=True)
        except (pa.ArrowException, UnicodeError):
            pass  # lone surrogates: written as plain values
        else:
            spec = write_column(sink, text)
            return spec | {"pandas": "object", "missing": missing, "type": "object"}
    part = PlainCodec().encode(array.tolist(), Writing(how.depth + 1))
    sink.buffers += under(sink.prefix, part.buffers)
    return {"form": "plain", "type": "object", "nulls": -1}


def _one_missing(array: np.ndarray[Any, Any], kinds: set[type]) -> str:
    """Name of the one missing value among text; ``""`` when there is more than one kind."""
    rest = kinds - {str}
    if not rest:
        return "None"
    if rest == {type(None)}:
        return "None"
    if rest == {type(pd.NA)}:
        return "NA"
    if rest == {type(pd.NaT)}:
        return "NaT"
    if rest == {float} and bool(pd.isna(array).sum() == sum(type(v) is float for v in array)):
        return "nan"
    return ""


def _write_masked(sink: Sink, array: Any, how: Writing) -> Spec:
    mask = np.asarray(pd.isna(array), bool)
    nulls = int(mask.sum())
    data: np.ndarray[Any, Any] = array._data
    if nulls:
        data = data.copy()
        data[mask] = 0
        sink.put("validity", write_bits(~mask), "bits")
    sink.put("values", raw(np.ascontiguousarray(data)), "rows", data.itemsize)
    name = str(array.dtype)
    return {
        "form": "raw",
        "dtype": data.dtype.str,
        "pandas": "masked",
        "type": name,
        "nulls": nulls,
    }


def _write_string(sink: Sink, array: Any, how: Writing) -> Spec:
    dtype = array.dtype
    values = pa.array(array, from_pandas=True)
    spec = write_column(sink, values)
    na = getattr(dtype, "na_value", pd.NA)
    form = {"storage": dtype.storage, "na": "NA" if na is pd.NA else "nan"}
    return spec | {"pandas": "string", "string": form, "type": str(dtype)}


def _write_category(sink: Sink, array: Any, how: Writing) -> Spec:
    codes = np.ascontiguousarray(array.codes)
    sink.put("values", raw(codes), "rows", codes.itemsize)
    part = write_index(sink.below("categories", aligned=False), array.categories, how)
    return {
        "form": "category",
        "dtype": codes.dtype.str,
        "ordered": bool(array.ordered),
        "type": "category",
        "categories": part,
        "size": len(array.categories),
        "nulls": int((codes == -1).sum()),
    }


def _write_zoned(sink: Sink, array: Any, how: Writing) -> Spec:
    stamps = np.ascontiguousarray(array.asi8)
    sink.put("values", raw(stamps), "rows", 8)
    zone = write_zone(array.dtype.tz)
    return {
        "form": "raw",
        "dtype": f"<M8[{array.dtype.unit}]",
        "zone": zone,
        "pandas": "zoned",
        "zone_name": str(array.dtype.tz),
        "type": str(array.dtype),
        "nulls": -1,
    }


def _write_period(sink: Sink, array: Any, how: Writing) -> Spec:
    ordinals = np.ascontiguousarray(array.asi8)
    sink.put("values", raw(ordinals), "rows", 8)
    return {"form": "period", "freq": str(array.dtype)[7:-1], "type": str(array.dtype), "nulls": -1}


def _write_interval(sink: Sink, array: Any, how: Writing) -> Spec:
    left = write_index(sink.below("left"), array.left, how)
    right = write_index(sink.below("right"), array.right, how)
    return {
        "form": "interval",
        "left": left,
        "right": right,
        "closed": array.closed,
        "type": str(array.dtype),
        "nulls": -1,
    }


def _write_sparse(sink: Sink, array: Any, how: Writing) -> Spec:
    part = sink.below("points", aligned=False)
    points = _write_numpy(part, np.asarray(array.sp_values), how)
    where = np.ascontiguousarray(array.sp_index.indices, "<i4")
    sink.below("places", aligned=False).put("values", raw(where), "rows", 4)
    fill = pack_plain(array.fill_value)
    index = "block" if type(array.sp_index).__name__ == "BlockIndex" else "integer"
    return {
        "form": "sparse",
        "points": points,
        "size": len(where),
        "fill": fill,
        "index": index,
        "type": str(array.dtype),
        "subtype": array.dtype.subtype.str,
        "nulls": -1,
    }


def _write_arrow(sink: Sink, array: Any, how: Writing) -> Spec:
    spec = write_column(sink, array.__arrow_array__())
    return spec | {"pandas": "arrow", "type": str(array.dtype)}


_WRITERS: tuple[tuple[Any, Any], ...] = (
    (pd.CategoricalDtype, _write_category),
    (pd.StringDtype, _write_string),
    (pd.DatetimeTZDtype, _write_zoned),
    (pd.PeriodDtype, _write_period),
    (pd.IntervalDtype, _write_interval),
    (pd.SparseDtype, _write_sparse),
    (pd.ArrowDtype, _write_arrow),
    (pd.core.arrays.masked.BaseMaskedDtype, _write_masked),
)


def write_name(name: Any) -> Any:
    """Return a label's written form: text as it is, anything else packed."""
    return name if type(name) is str else pack_plain(name)


def write_index(sink: Sink, index: Any, how: Writing) -> Spec:
    """Write a pandas Index of any kind; return its description."""
    names = [write_name(name) for name in index.names]
    rows = len(index)
    if isinstance(index, pd.RangeIndex):
        return {
            "index": "range",
            "names": names,
            "rows": rows,
            "range": [index.start, index.stop, index.step],
        }
    if isinstance(index, pd.MultiIndex):
        levels = []
        for number, (level, codes) in enumerate(zip(index.levels, index.codes, strict=True)):
            part = sink.below(f"l{number}")
            data = np.ascontiguousarray(codes)
            part.put("values", raw(data), "rows", data.itemsize)
            spec = write_index(part.below("level", aligned=False), level, how)
            levels.append({"dtype": data.dtype.str, "level": spec, "size": len(level)})
        return {"index": "multi", "names": names, "rows": rows, "levels": levels}
    spec = write_array(sink, index.array, how)
    made: Spec = {"index": "flat", "names": names, "rows": rows, "values": spec}
    freq = getattr(index, "freqstr", None)
    if freq and not isinstance(index, pd.PeriodIndex):
        made["freq"] = freq
    return made


# --- reading ----------------------------------------------------------------------------------


def read_name(form: Any) -> Any:
    """Return the label of a written form."""
    return unpack_plain(form) if isinstance(form, (bytes, memoryview)) else form


def read_array_of(reader: ContentReader, prefix: str, spec: Spec, rows: int, how: Reading) -> Any:
    """Return the pandas (or NumPy) array of a description."""
    form = need(spec, "form", str)
    if form == "raw":
        return _read_raw(reader, prefix, spec, rows)
    read = _READERS.get(form)
    if read is not None:
        return read(reader, prefix, spec, rows, how)
    array = read_column(reader, prefix, spec, rows)
    kind = spec.get("pandas")
    if kind == "string":
        return _string_array(array, need(spec, "string", dict))
    if kind == "object":
        missing = _NAN_KINDS.get(spec.get("missing", "None"))
        made = array.to_numpy(zero_copy_only=False)
        if array.null_count:
            made[np.asarray(array.is_null())] = missing
        return made.astype(object, copy=False) if made.flags.writeable else made.copy()
    if kind == "arrow":
        return pd.arrays.ArrowExtensionArray(pa.chunked_array([array]))
    raise Corrupt("a pandas column is damaged", why=f"unknown form {form[:40]!r}")


def _read_raw(reader: ContentReader, prefix: str, spec: Spec, rows: int) -> Any:
    dtype = simple_dtype(need(spec, "dtype", str))
    if dtype.itemsize == 0:
        raise Corrupt("a pandas column is damaged", why="it has no bytes per row")
    values = read_array(reader.read(prefix + "values"), dtype, [rows])
    kind = spec.get("pandas")
    if kind is None:
        return values
    if kind == "zoned":
        return pd.array(values).tz_localize("UTC").tz_convert(_zone(spec))
    if kind != "masked":
        raise Corrupt("a pandas column is damaged")
    nulls = need(spec, "nulls", int)
    mask = ~read_bits(reader.read(prefix + "validity"), rows) if nulls else np.zeros(rows, bool)
    if dtype.kind == "b":
        return pd.arrays.BooleanArray(values, mask)
    if nulls and dtype.kind in "iu":
        values[mask] = 1  # what pandas itself puts under a null
    return (pd.arrays.FloatingArray if dtype.kind == "f" else pd.arrays.IntegerArray)(values, mask)


def _zone(spec: Spec) -> Any:
    return read_zone(spec.get("zone"))


def _string_array(array: pa.Array, form: dict[str, Any]) -> Any:
    na = pd.NA if form.get("na") == "NA" else float("nan")
    storage = "python" if form.get("storage") == "python" else "pyarrow"
    try:
        dtype = pd.StringDtype(storage, na_value=na)  # type: ignore[call-arg,unused-ignore]
    except TypeError:  # pandas before 2.3 names this form by its storage
        dtype = pd.StringDtype(storage if na is pd.NA else "pyarrow_numpy")
    return dtype.__from_arrow__(array)


def _read_category(reader: ContentReader, prefix: str, spec: Spec, rows: int, how: Reading) -> Any:
    dtype = simple_dtype(need(spec, "dtype", str))
    codes = read_array(reader.read(prefix + "values"), dtype, [rows])
    categories = read_index(
        reader, prefix + "categories/", need(spec, "categories", dict), how, need(spec, "size", int)
    )
    if dtype.kind != "i" or (
        rows and not -1 <= int(codes.min()) <= int(codes.max()) < max(len(categories), 1)
    ):
        raise Corrupt("a category is damaged", why="a code points outside its categories")
    return pd.Categorical.from_codes(
        codes,
        dtype=pd.CategoricalDtype(categories, ordered=bool(spec.get("ordered"))),
        validate=False,
    )


def _read_period(reader: ContentReader, prefix: str, spec: Spec, rows: int, how: Reading) -> Any:
    ordinals = read_array(reader.read(prefix + "values"), np.dtype("<i8"), [rows])
    freq = need(spec, "freq", str)
    return pd.arrays.PeriodArray(ordinals, dtype=pd.PeriodDtype(freq[:40]))


def _read_interval(reader: ContentReader, prefix: str, spec: Spec, rows: int, how: Reading) -> Any:
    left = read_index(reader, prefix + "left/", need(spec, "left", dict), how, rows)
    right = read_index(reader, prefix + "right/", need(spec, "right", dict), how, rows)
    return pd.arrays.IntervalArray.from_arrays(left, right, closed=need(spec, "closed", str))


def _read_sparse(reader: ContentReader, prefix: str, spec: Spec, rows: int, how: Reading) -> Any:
    size = need(spec, "size", int)
    if rows > MAX_ROWS_WITHOUT_BYTES or not 0 <= size <= rows:
        raise refuse(f"a sparse column claims {rows:,} rows")
    points = read_array_of(reader, prefix + "points/", need(spec, "points", dict), size, how)
    where = read_array(reader.read(prefix + "places/values"), np.dtype("<i4"), [size])
    if size and (
        int(where.min()) < 0 or int(where.max()) >= rows or bool((np.diff(where) <= 0).any())
    ):
        raise Corrupt("a sparse column is damaged", why="a place lies outside the column")
    fill = unpack_plain(need(spec, "fill", (bytes, memoryview)))
    dtype = pd.SparseDtype(simple_dtype(spec.get("subtype")), fill)
    from pandas._libs.sparse import IntIndex

    index = IntIndex(rows, where)
    if spec.get("index") == "block":
        index = index.to_block_index()
    # The same as the public constructor, which pandas 3 renamed and pandas 2 does not have yet.
    return pd.arrays.SparseArray._simple_new(points, index, dtype)


def _read_plain(reader: ContentReader, prefix: str, spec: Spec, rows: int, how: Reading) -> Any:
    part = SubReader(reader, prefix, "plain", 1, {})
    inner = Reading(stand_in=how.stand_in)
    values = PlainCodec().decode(part, inner)
    if not isinstance(values, list) or len(values) != rows:
        raise Corrupt("a column of objects does not have the length of its frame")
    made = np.empty(rows, object)
    for place, value in enumerate(values):
        made[place] = value
    return made


_READERS: dict[str, Any] = {
    "category": _read_category,
    "period": _read_period,
    "interval": _read_interval,
    "sparse": _read_sparse,
    "plain": _read_plain,
}


def read_index(
    reader: ContentReader,
    prefix: str,
    spec: Spec,
    how: Reading,
    rows: int | None = None,
    depth: int = 0,
) -> Any:
    """Return the pandas Index of a description.

    Raises
    ------
    Corrupt
        When it is damaged, or does not have ``rows`` elements.
    """
    if depth > MAX_DEPTH:
        raise refuse("an index is nested too deep")
    said = need(spec, "rows", int)
    names = [read_name(name) for name in need(spec, "names", list)]
    if rows is not None and said != rows:
        raise Corrupt("an index does not have the length of its frame")
    form = need(spec, "index", str)
    if form == "range":
        start, stop, step = need(spec, "range", list)
        made = pd.RangeIndex(start, stop, step, name=names[0])
        if len(made) != said:
            raise Corrupt("an index does not have the length it says")
        return made
    if form == "multi":
        levels, codes = [], []
        for number, part in enumerate(need(spec, "levels", list)):
            place = f"{prefix}l{number}/"
            dtype = simple_dtype(need(part, "dtype", str))
            code = read_array(reader.read(place + "values"), dtype, [said])
            level = read_index(
                reader, place + "level/", need(part, "level", dict), how, depth=depth + 1
            )
            levels.append(level)
            codes.append(code)
        return pd.MultiIndex(levels, codes, names=names, verify_integrity=True)
    if form != "flat":
        raise Corrupt(f"{form[:20]!r} is not a kind of index")
    values = read_array_of(reader, prefix, need(spec, "values", dict), said, how)
    made = pd.Index(values, name=names[0], dtype=values.dtype, copy=False)
    freq = spec.get("freq")
    if isinstance(freq, str):
        made.freq = freq[:40]
    return made
