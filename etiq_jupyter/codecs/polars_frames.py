"""polars frames and series: Arrow columns, and the polars types that Arrow does not name."""

from __future__ import annotations

from typing import Any

import polars as pl
import pyarrow as pa

from etiq_jupyter.codecs.base import (
    Codec,
    Facts,
    Reading,
    SubReader,
    Writing,
    need,
    type_name,
    under,
)
from etiq_jupyter.codecs.columns import Sink, Spec, read_column, write_column
from etiq_jupyter.codecs.frame_meta import (
    column_detail,
    frame_columns,
    frame_rows,
    frame_summary,
    wanted,
)
from etiq_jupyter.codecs.plain import PlainCodec
from etiq_jupyter.errors import Corrupt, NotKept
from etiq_jupyter.objects.content import Content, ContentReader


def _write_series(sink: Sink, series: Any, how: Writing) -> Spec:
    dtype = series.dtype
    spec: Spec
    if dtype == pl.Object:
        part = PlainCodec().encode(series.to_list(), Writing(how.depth + 1))
        sink.buffers += under(sink.prefix, part.buffers)
        spec = {"form": "plain", "polars": "object", "nulls": series.null_count()}
    elif dtype in (pl.Int128, getattr(pl, "UInt128", pl.Int128)):
        signed = dtype == pl.Int128
        part = PlainCodec().encode(series.to_list(), Writing(how.depth + 1))
        sink.buffers += under(sink.prefix, part.buffers)
        spec = {
            "form": "plain",
            "polars": "int128" if signed else "uint128",
            "nulls": series.null_count(),
        }
    else:
        spec = write_column(sink, series.to_arrow())
        if dtype == pl.Enum:
            spec["polars"] = "enum"
        elif dtype == pl.Categorical:
            spec["polars"] = "categorical"
        elif dtype.is_nested() and _has_named(dtype):
            raise NotKept(f"a polars column of type {dtype} has no portable form")
    return spec | {"name": series.name, "type": _type(dtype)}


def _has_named(dtype: Any) -> bool:
    if isinstance(dtype, (pl.Enum, pl.Categorical)) or dtype in (pl.Object, pl.Int128):
        return True
    inner = getattr(dtype, "inner", None)
    fields = getattr(dtype, "fields", None) or ()
    return (inner is not None and _has_named(inner)) or any(_has_named(f.dtype) for f in fields)


def _type(dtype: Any) -> str:
    text = str(dtype)
    return text if len(text) <= 60 else text[:59] + "…"


def _read_series(reader: ContentReader, prefix: str, spec: Spec, rows: int, how: Reading) -> Any:
    name = need(spec, "name", str)
    kind = spec.get("polars")
    if spec.get("form") == "plain":
        part = SubReader(reader, prefix, "plain", 1, {})
        values = PlainCodec().decode(part, Reading(stand_in=how.stand_in))
        if not isinstance(values, list) or len(values) != rows:
            raise Corrupt("a column of objects does not have the length of its frame")
        dtypes = {"int128": pl.Int128, "uint128": getattr(pl, "UInt128", pl.Int128)}
        return pl.Series(name, values, dtype=dtypes.get(str(kind), pl.Object))
    array = read_column(reader, prefix, spec, rows)
    if kind == "enum":
        categories = array.dictionary.to_pylist()
        return pl.Series(name, array.cast(pa.large_string()), dtype=pl.Enum(categories))
    if kind == "categorical":
        return pl.Series(name, array.cast(pa.large_string()), dtype=pl.Categorical)
    made = pl.from_arrow(pa.table({"": array}))
    return made.to_series().alias(name)  # type: ignore[union-attr,unused-ignore]


class FrameCodec(Codec):
    """`polars.DataFrame`. A lazy frame is code and is not kept."""

    name = "polars.frame"
    packages = ("polars",)

    def accepts(self, value: Any) -> bool:
        return type(value) is pl.DataFrame

    def encode(self, value: Any, how: Writing) -> Content:
        sink = Sink("")
        columns = [
            _write_series(sink.below(f"c{n}"), series, how)
            for n, series in enumerate(value.get_columns())
        ]
        meta = {"rows": value.height, "columns": columns}
        return Content(self.name, self.version, meta, sink.buffers, rows=value.height)

    def decode(self, reader: ContentReader, how: Reading) -> Any:
        rows = frame_rows(reader.meta)
        return pl.DataFrame(
            [
                _read_series(reader, f"c{n}/", spec, rows, how)
                for n, spec in wanted(reader.meta, how.columns)
            ]
        )

    def summarise(self, value: Any, content: Content) -> Facts:
        return Facts(
            "frame", "polars.DataFrame", frame_summary(content.meta), column_detail(content.meta)
        )


class SeriesCodec(Codec):
    """`polars.Series`."""

    name = "polars.series"
    packages = ("polars",)

    def accepts(self, value: Any) -> bool:
        return type(value) is pl.Series

    def encode(self, value: Any, how: Writing) -> Content:
        sink = Sink("")
        spec = _write_series(sink.below("c0"), value, how)
        return Content(
            self.name,
            self.version,
            {"rows": len(value), "columns": [spec]},
            sink.buffers,
            rows=len(value),
        )

    def decode(self, reader: ContentReader, how: Reading) -> Any:
        columns = frame_columns(reader.meta)
        if len(columns) != 1:
            raise Corrupt("a series is damaged")
        return _read_series(reader, "c0/", columns[0], frame_rows(reader.meta), how)

    def summarise(self, value: Any, content: Content) -> Facts:
        return Facts(
            "series",
            type_name(type(value)),
            f"{len(value):,} {value.dtype}",
            column_detail(content.meta),
        )


CODECS = (FrameCodec, SeriesCodec)
