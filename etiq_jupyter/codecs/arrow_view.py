"""Any stored frame as an Arrow table, without the library that made it.

For previews, export and comparison.

Missing values of every library become nulls; pandas types that Arrow lacks become their nearest
readable form: periods text, intervals pairs, sparse columns dense, objects text.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from etiq_jupyter.codecs.arrays import read_array
from etiq_jupyter.codecs.base import MAX_DEPTH, Reading, SubReader, need, refuse
from etiq_jupyter.codecs.columns import MAX_ROWS_WITHOUT_BYTES, Spec, read_bits, read_column
from etiq_jupyter.codecs.describe import describe
from etiq_jupyter.codecs.dtypes import read_dtype, simple_dtype
from etiq_jupyter.codecs.frame_meta import (
    default_range,
    frame_rows,
    index_names,
    is_table,
    label,
    wanted,
)
from etiq_jupyter.codecs.plain import PlainCodec, unpack_plain
from etiq_jupyter.errors import Corrupt, NotKept
from etiq_jupyter.objects.content import ContentReader

_PERIOD_UNITS = {
    "M": "M",
    "D": "D",
    "h": "h",
    "H": "h",
    "min": "m",
    "T": "m",
    "s": "s",
    "S": "s",
    "ms": "ms",
    "us": "us",
    "ns": "ns",
}
_WEEK_ENDS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


def table_of(reader: ContentReader, columns: Any = None, *, index: bool = True) -> pa.Table:
    """Return a stored frame, series, index or array of one or two dimensions as an Arrow table.

    Parameters
    ----------
    columns : sequence of str or int, optional
        Only these columns.
    index : bool
        Put a pandas frame's index first, its columns named ``index`` or by their names. A plain
        range is left out when it is False or has the default form.

    Raises
    ------
    NotKept
        When the content is no table.
    """
    if not is_table(reader):
        raise NotKept(f"this {reader.codec} is not a table")
    if reader.codec == "numpy.array":
        return _array_table(reader, columns)
    meta = reader.meta
    rows = frame_rows(meta)
    names: list[str] = []
    arrays: list[pa.Array] = []
    if index and isinstance(meta.get("index"), dict):
        for name, array in _index_columns(reader, meta["index"], rows):
            names.append(name)
            arrays.append(array)
    for number, spec in wanted(meta, columns):
        names.append(label(spec))
        arrays.append(column_of(reader, f"c{number}/", spec, rows))
    return pa.Table.from_arrays(arrays, names=names)


def _index_columns(reader: ContentReader, spec: Spec, rows: int) -> list[tuple[str, pa.Array]]:
    if default_range(spec) and reader.codec != "pandas.index":
        return []
    arrays = _levels(reader, "index/", spec, rows, 0)
    names = index_names({"index": spec})
    if len(arrays) == 1:
        return [(names[0] or "index", arrays[0])]
    return [
        (name or f"level {n}", array)
        for n, (name, array) in enumerate(zip(names, arrays, strict=True))
    ]


def _levels(
    reader: ContentReader, prefix: str, spec: Spec, rows: int, depth: int
) -> list[pa.Array]:
    if depth > MAX_DEPTH:
        raise refuse("an index is nested too deep")
    if need(spec, "rows", int) != rows:
        raise Corrupt("an index does not have the length of its frame")
    form = need(spec, "index", str)
    if form == "range":
        start, stop, step = need(spec, "range", list)
        if rows > MAX_ROWS_WITHOUT_BYTES or len(range(start, stop, step)) != rows:
            raise refuse(f"an index claims {rows:,} rows")
        return [pa.array(np.arange(start, stop, step))]
    if form == "multi":
        found = []
        for number, part in enumerate(need(spec, "levels", list)):
            place = f"{prefix}l{number}/"
            codes = read_array(
                reader.read(place + "values"), simple_dtype(need(part, "dtype", str)), [rows]
            )
            level = _levels(
                reader,
                place + "level/",
                need(part, "level", dict),
                need(part, "size", int),
                depth + 1,
            )
            if len(level) != 1:
                raise Corrupt("an index is damaged")
            found.append(_take(level[0], codes))
        return found
    if form != "flat":
        raise Corrupt(f"{form[:20]!r} is not a kind of index")
    return [column_of(reader, prefix, need(spec, "values", dict), rows, depth + 1)]


def _take(values: pa.Array, codes: np.ndarray[Any, Any]) -> pa.Array:
    if len(codes) and int(codes.max()) >= len(values):
        raise Corrupt("a code points outside its categories")
    return values.take(pa.array(codes, mask=codes < 0))


def column_of(
    reader: ContentReader, prefix: str, spec: Spec, rows: int, depth: int = 0
) -> pa.Array:
    """Return one stored column as an Arrow array."""
    if depth > MAX_DEPTH:
        raise refuse("a column is nested too deep")
    form = need(spec, "form", str)
    if form == "raw":
        return _raw_column(reader, prefix, spec, rows)
    if form == "plain":
        values = PlainCodec().decode(SubReader(reader, prefix, "plain", 1, {}), Reading())
        if not isinstance(values, list) or len(values) != rows:
            raise Corrupt("a column of objects does not have the length of its frame")
        return _object_column(values)
    if form == "category":
        codes = read_array(
            reader.read(prefix + "values"), simple_dtype(need(spec, "dtype", str)), [rows]
        )
        part = need(spec, "categories", dict)
        values = _levels(reader, prefix + "categories/", part, need(spec, "size", int), depth + 1)[
            0
        ]
        if len(codes) and int(codes.max()) >= len(values):
            raise Corrupt("a code points outside its categories")
        indices = pa.array(codes, mask=codes < 0)
        return pa.DictionaryArray.from_arrays(indices, values, ordered=bool(spec.get("ordered")))
    if form == "period":
        ordinals = read_array(reader.read(prefix + "values"), np.dtype("<i8"), [rows])
        return _periods(ordinals, need(spec, "freq", str))
    if form == "interval":
        left = _levels(reader, prefix + "left/", need(spec, "left", dict), rows, depth + 1)[0]
        right = _levels(reader, prefix + "right/", need(spec, "right", dict), rows, depth + 1)[0]
        return pa.StructArray.from_arrays([left, right], ["left", "right"])
    if form == "sparse":
        return _dense(reader, prefix, spec, rows, depth)
    return read_column(reader, prefix, spec, rows)


def _raw_column(reader: ContentReader, prefix: str, spec: Spec, rows: int) -> pa.Array:
    dtype = simple_dtype(need(spec, "dtype", str))
    if dtype.itemsize == 0:
        raise Corrupt("a column has no bytes per row")
    values = read_array(reader.read(prefix + "values"), dtype, [rows])
    mask = None
    if spec.get("pandas") == "masked" and need(spec, "nulls", int):
        mask = ~read_bits(reader.read(prefix + "validity"), rows)
    array = numpy_column(values, mask)
    zone = spec.get("zone_name")
    if spec.get("pandas") == "zoned" and isinstance(zone, str):
        zone = (
            "UTC"
            if zone.startswith(("tzutc", "UTC", "datetime.timezone.utc"))
            else zone.removeprefix("UTC")
        )
        try:
            return array.cast(pa.timestamp(array.type.unit, zone or "UTC"))
        except pa.ArrowException:
            return array.cast(pa.timestamp(array.type.unit, "UTC"))
    return array


def numpy_column(values: np.ndarray[Any, Any], mask: Any = None) -> pa.Array:
    """Return a NumPy array as an Arrow array; complex numbers as pairs."""
    if values.dtype.byteorder == ">":
        values = values.astype(values.dtype.newbyteorder("<"))
    if values.dtype.kind == "c":
        return pa.StructArray.from_arrays(
            [pa.array(values.real.copy()), pa.array(values.imag.copy())], ["real", "imag"]
        )
    if values.dtype.kind in "mM" and np.datetime_data(values.dtype)[0] not in (
        "s",
        "ms",
        "us",
        "ns",
        "D",
    ):
        values = values.astype(f"{values.dtype.kind}8[s]")
    if values.dtype.kind == "m" and np.datetime_data(values.dtype)[0] == "D":
        values = values.astype("m8[s]")
    if values.dtype.kind == "f" and values.dtype.itemsize > 8:
        values = values.astype("f8")
    return pa.array(values, mask=mask, from_pandas=True)


def _object_column(values: list[Any]) -> pa.Array:
    kinds = set(map(type, values)) - {type(None)}
    if len(kinds) == 1 and kinds <= {int, float, bool, str, bytes}:
        try:
            return pa.array(values, from_pandas=True)
        except (pa.ArrowException, OverflowError, UnicodeError):
            pass
    return pa.array(
        [None if _missing(value) else _text(value) for value in values], pa.large_string()
    )


def _text(value: Any) -> str:
    return (
        value[:500].encode("utf-8", "replace").decode()
        if type(value) is str
        else describe(value, 200)
    )


def _missing(value: Any) -> bool:
    return (
        value is None
        or (type(value) is float and value != value)
        or type(value).__name__ in ("NAType", "NaTType")
    )


def _periods(ordinals: np.ndarray[Any, Any], freq: str) -> pa.Array:
    """Return periods as pandas writes them; those of a frequency that is not known as numbers.

    An ordinal counts the unit: "2D" is written as "D", fiscal quarters and years by their own
    number, weeks by their first and last day.
    """
    if not len(ordinals):
        return pa.array([], pa.large_string())
    nat = ordinals == np.iinfo(np.int64).min
    ordinals = np.where(nat, 0, ordinals)
    base, _, anchor = freq.lstrip("0123456789").partition("-")
    unit = _PERIOD_UNITS.get(base)
    if unit is not None:
        text = np.datetime_as_string(ordinals.astype(f"M8[{unit}]"))
        text = np.char.replace(text, "T", " ")
        if unit == "h":
            text = np.char.add(text, ":00")
    elif base in ("Y", "A", "Q"):
        years = ordinals if base != "Q" else ordinals // 4
        text = np.datetime_as_string(years.astype("M8[Y]"))
        if base == "Q":
            text = np.char.add(text, np.char.add("Q", (ordinals % 4 + 1).astype("U1")))
    elif base == "W" and anchor in _WEEK_ENDS:
        last = ordinals * 7 + _WEEK_ENDS.index(anchor) - 4
        first, end = (np.datetime_as_string(day.astype("M8[D]")) for day in (last - 6, last))
        text = np.char.add(np.char.add(first, "/"), end)
    elif base == "B":
        days = (ordinals + 3) // 5 * 7 + (ordinals + 3) % 5 - 3
        text = np.datetime_as_string(days.astype("M8[D]"))
    else:
        return pa.array(ordinals, mask=nat)
    return pa.array(text.astype(object), pa.large_string(), mask=nat)


def _dense(reader: ContentReader, prefix: str, spec: Spec, rows: int, depth: int) -> pa.Array:
    size = need(spec, "size", int)
    if rows > MAX_ROWS_WITHOUT_BYTES or not 0 <= size <= rows:
        raise refuse(f"a sparse column claims {rows:,} rows")
    where = read_array(reader.read(prefix + "places/values"), np.dtype("<i4"), [size])
    if size and (int(where.min()) < 0 or int(where.max()) >= rows):
        raise Corrupt("a place of a sparse column lies outside it")
    dtype = simple_dtype(spec.get("subtype"))
    points = read_array(reader.read(prefix + "points/values"), dtype, [size])
    dense = np.full(rows, unpack_plain(need(spec, "fill", (bytes, memoryview))), dtype)
    dense[where] = points
    return numpy_column(dense)


def _array_table(reader: ContentReader, columns: Any) -> pa.Table:
    shape = need(reader.meta, "shape", list)
    form = reader.meta.get("dtype")
    if form in ("O", "T") or len(shape) > 2 or not shape or reader.meta.get("form") == "masked":
        from etiq_jupyter.codecs.arrays import ArrayCodec

        array = ArrayCodec().decode(reader, Reading())
        if array.ndim not in (1, 2):
            raise NotKept("an array of more than two dimensions is not a table")
    else:
        array = read_array(
            reader.read("data"), read_dtype(form), shape, reader.meta.get("order", "C")
        )
    if array.dtype.names:
        parts = {
            name: _any_column(array[name].reshape(-1))
            for name in array.dtype.names
            if array[name].ndim == 1
        }
    elif array.ndim == 1:
        parts = {"0": _any_column(array)}
    else:
        if array.shape[1] > 10_000:
            raise NotKept("an array of more than 10,000 columns is not shown as a table")
        parts = {str(n): _any_column(array[:, n]) for n in range(array.shape[1])}
    chosen = (
        parts if columns is None else {str(c): parts[str(c)] for c in columns if str(c) in parts}
    )
    return pa.table(chosen)


def _any_column(values: np.ndarray[Any, Any]) -> pa.Array:
    if values.dtype.kind in "biufcmM":
        # A NaN of an array is a number like any other, but a table shows it as missing.
        plain = np.ascontiguousarray(np.ma.getdata(values))
        return numpy_column(plain, np.ma.getmaskarray(values))
    if values.dtype.kind in "US":
        return pa.array(np.ma.getdata(values).tolist())
    return _object_column(np.ma.getdata(values).tolist())


def plain_cells(array: Any) -> list[Any]:
    """Return an Arrow array's values as JSON-able cells: text, numbers, None."""
    kind = array.type
    t = pa.types
    if t.is_dictionary(kind):
        array = (
            array.dictionary_decode()
            if isinstance(array, pa.Array)
            else array.cast(kind.value_type)
        )
        kind = array.type
    if t.is_boolean(kind) or t.is_integer(kind):
        values = array.to_pylist()
        return [str(v) if v is not None and abs(v) >= 2**53 else v for v in values]
    if t.is_floating(kind):
        return [
            None
            if v is None or v != v
            else v
            if abs(v) != float("inf")
            else ("inf" if v > 0 else "-inf")
            for v in array.to_pylist()
        ]
    if t.is_string(kind) or t.is_large_string(kind):
        return [v if v is None or len(v) <= 500 else v[:499] + "…" for v in array.to_pylist()]
    if t.is_timestamp(kind) or t.is_date(kind) or t.is_time(kind):
        try:
            form = (
                "%Y-%m-%d %H:%M:%S%z" if t.is_timestamp(kind) and kind.tz else "%Y-%m-%d %H:%M:%S"
            )
            text = pc.strftime(array, form) if t.is_timestamp(kind) else array.cast(pa.string())
            return [_short_time(v) for v in text.to_pylist()]
        except pa.ArrowException:
            pass
    if t.is_duration(kind):
        scale = {"s": 1, "ms": 1e3, "us": 1e6, "ns": 1e9}[kind.unit]
        return [None if v is None else _span(v / scale) for v in array.cast(pa.int64()).to_pylist()]
    return [None if v is None else _cell(v) for v in array.to_pylist()]


def _short_time(text: str | None) -> str | None:
    if text is None:
        return None
    day, _, clock = text.partition(" ")
    if clock.startswith("00:00:00") and not clock[8:].strip(".0"):
        return day
    whole, dot, rest = text.partition(".")
    if not dot:
        return text
    zone = rest.lstrip("0123456789")
    digits = rest[: len(rest) - len(zone)].rstrip("0")
    return whole + (f".{digits}" if digits else "") + zone


def _span(seconds: float) -> str:
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    days, rest = divmod(seconds, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    clock = f"{int(hours):02}:{int(minutes):02}:{rest:09.6f}".rstrip("0").rstrip(".")
    return f"{sign}{int(days)} days {clock}" if days else sign + clock


def _cell(value: Any) -> str:
    if isinstance(value, bytes):
        return describe(value, 100)
    if isinstance(value, dict) and set(value) == {"real", "imag"}:
        return f"{value['real']:g}{value['imag']:+g}j"
    if isinstance(value, dict) and set(value) == {"left", "right"}:
        return f"{value['left']} .. {value['right']}"
    return describe(value, 200)
