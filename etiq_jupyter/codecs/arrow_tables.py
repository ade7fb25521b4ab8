"""pyarrow tables, record batches and arrays."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from etiq_jupyter.codecs.arrow_types import read_metadata, write_metadata
from etiq_jupyter.codecs.base import Codec, Facts, Reading, Writing, need, type_name
from etiq_jupyter.codecs.columns import MAX_ROWS, Sink, read_column, write_column
from etiq_jupyter.codecs.frame_meta import column_detail, frame_rows, frame_summary, wanted
from etiq_jupyter.errors import Corrupt
from etiq_jupyter.objects.content import Content, ContentReader


def write_table(name: str, version: int, table: Any, meta: dict[str, Any]) -> Content:
    """Write the columns of a table or record batch."""
    sink = Sink("")
    columns = []
    for number, (field, column) in enumerate(zip(table.schema, table.columns, strict=True)):
        spec = write_column(sink.below(f"c{number}"), column)
        spec |= {"name": field.name, "nullable": field.nullable}
        metadata = write_metadata(field.metadata)
        if metadata:
            spec["metadata"] = metadata
        columns.append(spec)
    meta = meta | {"rows": table.num_rows, "columns": columns}
    metadata = write_metadata(table.schema.metadata)
    if metadata:
        meta["metadata"] = metadata
    return Content(name, version, meta, sink.buffers, rows=table.num_rows)


def read_table(reader: ContentReader, columns: Any = None) -> pa.Table:
    """Return a written table, or only the columns asked for."""
    meta = reader.meta
    rows = frame_rows(meta)
    fields, arrays = [], []
    for number, spec in wanted(meta, columns):
        array = read_column(reader, f"c{number}/", spec, rows)
        nullable = bool(spec.get("nullable", True))
        fields.append(
            pa.field(spec["name"], array.type, nullable, read_metadata(spec.get("metadata")))
        )
        arrays.append(array)
    schema = pa.schema(fields, metadata=read_metadata(meta.get("metadata")))
    if not arrays and rows:
        return (
            pa.table({"": pa.nulls(min(rows, 2**28))}).select([])
            if rows <= MAX_ROWS
            else schema.empty_table()
        )
    return pa.Table.from_arrays(arrays, schema=schema)


class TableCodec(Codec):
    """`pyarrow.Table` and `pyarrow.RecordBatch`."""

    name = "pyarrow.table"
    packages = ("pyarrow",)

    def accepts(self, value: Any) -> bool:
        return type(value) in (pa.Table, pa.RecordBatch)

    def encode(self, value: Any, how: Writing) -> Content:
        form = "table" if type(value) is pa.Table else "batch"
        return write_table(self.name, self.version, value, {"form": form})

    def decode(self, reader: ContentReader, how: Reading) -> Any:
        table = read_table(reader, how.columns)
        if reader.meta.get("form") == "batch":
            batches = table.combine_chunks().to_batches()
            return (
                batches[0]
                if batches
                else pa.RecordBatch.from_arrays(
                    [pa.array([], field.type) for field in table.schema], schema=table.schema
                )
            )
        return table

    def summarise(self, value: Any, content: Content) -> Facts:
        return Facts(
            "frame",
            type_name(type(value)),
            frame_summary(content.meta),
            column_detail(content.meta),
        )


class ArrowArrayCodec(Codec):
    """`pyarrow.Array` and `pyarrow.ChunkedArray`."""

    name = "pyarrow.array"
    packages = ("pyarrow",)

    def accepts(self, value: Any) -> bool:
        return isinstance(value, (pa.Array, pa.ChunkedArray)) and not isinstance(
            value, pa.ExtensionArray
        )

    def encode(self, value: Any, how: Writing) -> Content:
        sink = Sink("")
        spec = write_column(sink.below("c0"), value) | {"name": ""}
        chunked = isinstance(value, pa.ChunkedArray)
        meta = {"rows": len(value), "columns": [spec], "chunked": chunked}
        return Content(self.name, self.version, meta, sink.buffers, rows=len(value))

    def decode(self, reader: ContentReader, how: Reading) -> Any:
        columns = need(reader.meta, "columns", list)
        if len(columns) != 1:
            raise Corrupt("an Arrow array is damaged")
        array = read_column(reader, "c0/", columns[0], frame_rows(reader.meta))
        return pa.chunked_array([array]) if reader.meta.get("chunked") else array

    def summarise(self, value: Any, content: Content) -> Facts:
        detail = column_detail(content.meta)
        return Facts("series", type_name(type(value)), f"{len(value):,} {value.type}", detail)


CODECS = (TableCodec, ArrowArrayCodec)
