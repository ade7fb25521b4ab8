"""pandas frames, series and indexes: Arrow columns, every index and dtype, names and attributes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from etiq_jupyter.codecs.base import Codec, Facts, Reading, Writing, need, refuse, type_name
from etiq_jupyter.codecs.columns import Sink
from etiq_jupyter.codecs.describe import describe
from etiq_jupyter.codecs.frame_meta import (
    column_detail,
    frame_columns,
    frame_rows,
    frame_summary,
    type_label,
    wanted,
)
from etiq_jupyter.codecs.pandas_columns import (
    read_array_of,
    read_index,
    read_name,
    write_array,
    write_index,
    write_name,
)
from etiq_jupyter.codecs.plain import pack_plain, unpack_plain
from etiq_jupyter.errors import Corrupt, NotKept
from etiq_jupyter.objects.content import Content, ContentReader


def _label(name: Any) -> str:
    return name if type(name) is str else describe(name)


def _arrays(frame: Any) -> list[Any]:
    """Return the columns as arrays, without copies and without making a Series of each."""
    get = getattr(getattr(frame, "_mgr", None), "iget_values", None)
    if callable(get):
        return [get(place) for place in range(frame.shape[1])]
    return [column.array for _, column in frame.items()]


def _attrs(value: Any, meta: dict[str, Any]) -> None:
    if value.attrs:
        try:
            meta["attrs"] = pack_plain(value.attrs)
        except NotKept as error:
            meta["attrs_left_out"] = error.what
    if not value.flags.allows_duplicate_labels:
        meta["unique_labels"] = True


def _set_attrs(value: Any, meta: dict[str, Any]) -> None:
    if "attrs" in meta:
        attrs = unpack_plain(meta["attrs"])
        if not isinstance(attrs, dict):
            raise Corrupt("the attributes of a frame are damaged")
        value.attrs = attrs
    if meta.get("unique_labels"):
        value.flags.allows_duplicate_labels = False


class FrameCodec(Codec):
    """`pandas.DataFrame`. The index is written under ``index/``.

    Column labels under ``labels/``.
    """

    name = "pandas.frame"
    packages = ("pandas",)

    def accepts(self, value: Any) -> bool:
        return type(value) is pd.DataFrame

    def encode(self, value: Any, how: Writing) -> Content:
        sink = Sink("")
        columns = []
        for number, (name, array) in enumerate(zip(value.columns, _arrays(value), strict=True)):
            try:
                spec = write_array(sink.below(f"c{number}"), array, how)
            except NotKept as error:
                raise NotKept(f"column {_label(name)!r}: {error.what}") from error
            columns.append(spec | {"label": _label(name)})
        index = write_index(sink.below("index"), value.index, how)
        labels = write_index(sink.below("labels", aligned=False), value.columns, how)
        meta: dict[str, Any] = {
            "rows": len(value),
            "columns": columns,
            "index": index,
            "labels": labels,
        }
        _attrs(value, meta)
        return Content(self.name, self.version, meta, sink.buffers, rows=len(value))

    def decode(self, reader: ContentReader, how: Reading) -> Any:
        meta = reader.meta
        rows = frame_rows(meta)
        labels = read_index(reader, "labels/", need(meta, "labels", dict), how)
        if len(labels) != len(frame_columns(meta)):
            raise Corrupt("a frame has a wrong number of column names")
        index = read_index(reader, "index/", need(meta, "index", dict), how, rows)
        chosen = list(wanted(meta, how.columns))
        arrays = {
            place: _as_column(read_array_of(reader, f"c{number}/", spec, rows, how), index)
            for place, (number, spec) in enumerate(chosen)
        }
        frame = pd.DataFrame(arrays, index=index, copy=False)
        if how.columns is not None:
            labels = labels.take([number for number, _ in chosen])
        frame.columns = labels
        _set_attrs(frame, meta)
        return frame

    def summarise(self, value: Any, content: Content) -> Facts:
        detail = column_detail(content.meta)
        detail["index"] = index_label(content.meta["index"])
        if "attrs_left_out" in content.meta:
            detail["left_out"] = [f"attrs: {content.meta['attrs_left_out']}"]
        return Facts("frame", "pandas.DataFrame", frame_summary(content.meta), detail)


def _as_column(array: Any, index: Any) -> Any:
    # pandas 3 would turn an object array of text into its text type.
    if isinstance(array, np.ndarray) and array.dtype.kind == "O":
        return pd.Series(array, index=index, dtype=object, copy=False)
    return array


def index_label(spec: dict[str, Any]) -> str:
    """Return what kind of index a frame has, in a few words."""
    names = [_label(read_name(name)) for name in spec["names"]]
    named = ", ".join(name for name in names if name != "None")
    if spec["index"] == "range":
        kind = "range"
    elif spec["index"] == "multi":
        kind = f"{len(names)} levels"
    else:
        kind = type_label(spec["values"])
    return f"{named}: {kind}" if named else kind


class SeriesCodec(Codec):
    """`pandas.Series`: a frame of one column with a name."""

    name = "pandas.series"
    packages = ("pandas",)

    def accepts(self, value: Any) -> bool:
        return type(value) is pd.Series

    def encode(self, value: Any, how: Writing) -> Content:
        sink = Sink("")
        spec = write_array(sink.below("c0"), value.array, how)
        spec |= {"label": "" if value.name is None else _label(value.name)}
        index = write_index(sink.below("index"), value.index, how)
        meta: dict[str, Any] = {
            "rows": len(value),
            "columns": [spec],
            "index": index,
            "name": write_name(value.name),
        }
        _attrs(value, meta)
        return Content(self.name, self.version, meta, sink.buffers, rows=len(value))

    def decode(self, reader: ContentReader, how: Reading) -> Any:
        rows = frame_rows(reader.meta)
        columns = frame_columns(reader.meta)
        if len(columns) != 1:
            raise Corrupt("a series is damaged")
        array = read_array_of(reader, "c0/", columns[0], rows, how)
        index = read_index(reader, "index/", need(reader.meta, "index", dict), how, rows)
        series = pd.Series(
            array,
            index=index,
            name=read_name(reader.meta.get("name")),
            dtype=array.dtype,
            copy=False,
        )
        _set_attrs(series, reader.meta)
        return series

    def summarise(self, value: Any, content: Content) -> Facts:
        detail = column_detail(content.meta)
        detail["index"] = index_label(content.meta["index"])
        return Facts("series", "pandas.Series", f"{len(value):,} {value.dtype}", detail)


class IndexCodec(Codec):
    """Every kind of `pandas.Index`."""

    name = "pandas.index"
    packages = ("pandas",)

    def accepts(self, value: Any) -> bool:
        return isinstance(value, pd.Index) and type(value).__module__.partition(".")[0] == "pandas"

    def encode(self, value: Any, how: Writing) -> Content:
        sink = Sink("")
        spec = write_index(sink.below("index"), value, how)
        return Content(
            self.name,
            self.version,
            {"rows": len(value), "columns": [], "index": spec},
            sink.buffers,
        )

    def decode(self, reader: ContentReader, how: Reading) -> Any:
        return read_index(
            reader, "index/", need(reader.meta, "index", dict), how, frame_rows(reader.meta)
        )

    def summarise(self, value: Any, content: Content) -> Facts:
        detail = {"shape": [len(value)], "index": index_label(content.meta["index"])}
        return Facts("index", type_name(type(value)), f"{len(value):,} {value.dtype}", detail)


class ArrayCodec(Codec):
    """pandas' own arrays: `pandas.Categorical`, `pandas.array` and the like."""

    name = "pandas.array"
    packages = ("pandas",)

    def accepts(self, value: Any) -> bool:
        return (
            isinstance(value, pd.api.extensions.ExtensionArray)
            and type(value).__module__.partition(".")[0] == "pandas"
        )

    def encode(self, value: Any, how: Writing) -> Content:
        sink = Sink("")
        spec = write_array(sink.below("c0"), value, how) | {"label": ""}
        boxed = isinstance(value, pd.arrays.NumpyExtensionArray)
        bare = (
            type(value).__name__ in ("DatetimeArray", "TimedeltaArray") and value.dtype.kind in "mM"
        )
        meta = {"rows": len(value), "columns": [spec], "boxed": boxed or bare}
        return Content(self.name, self.version, meta, sink.buffers, rows=len(value))

    def decode(self, reader: ContentReader, how: Reading) -> Any:
        columns = frame_columns(reader.meta)
        if len(columns) != 1:
            raise refuse("an array of pandas is damaged")
        made = read_array_of(reader, "c0/", columns[0], frame_rows(reader.meta), how)
        return pd.array(made, dtype=made.dtype, copy=False) if reader.meta.get("boxed") else made

    def summarise(self, value: Any, content: Content) -> Facts:
        return Facts(
            "array",
            type_name(type(value)),
            f"{len(value):,} {value.dtype}",
            {"shape": [len(value)]},
        )


CODECS = (FrameCodec, SeriesCodec, IndexCodec, ArrayCodec)
