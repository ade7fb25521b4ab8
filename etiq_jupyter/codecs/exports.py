"""Stored items as files that stock tools read: Parquet, Arrow, CSV, JSON, PNG, npy, safetensors."""

from __future__ import annotations

import csv
import io
from typing import Any

import msgspec

from etiq_jupyter.codecs.base import Reading
from etiq_jupyter.codecs.frame_meta import is_table
from etiq_jupyter.codecs.images import Picture, pixel_size
from etiq_jupyter.codecs.previews import json_able
from etiq_jupyter.codecs.registry import registry
from etiq_jupyter.errors import Invalid
from etiq_jupyter.objects.content import ContentReader

FORMATS = ("parquet", "arrow", "csv", "json", "png", "safetensors", "raw")
_MIMES = {
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.stream",
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "png": "image/png",
    "safetensors": "application/octet-stream",
    "raw": "application/octet-stream",
}
_AS_JSON = frozenset(
    ("plain", "source", "numpy.array", "outputs", "environment", "plotly.figure", "altair.chart")
)
MAX_JSON_PARTS = 1_000_000


def formats_of(reader: ContentReader) -> tuple[str, ...]:
    """Return the formats in which a content can be exported, the best first."""
    codec = reader.codec
    if is_table(reader):
        return (
            ("parquet", "arrow", "csv", "json", "raw")
            if codec != "numpy.array"
            else ("raw", "parquet", "arrow", "csv", "json")
        )
    if codec in ("picture", "matplotlib.figure", "picture.pixels"):
        return ("png", "raw")
    if codec.startswith("torch."):
        from etiq_jupyter.codecs.tensors import has_safetensors

        return ("safetensors", "raw") if has_safetensors(reader) else ("raw",)
    return ("json", "raw") if codec in _AS_JSON else ("raw",)


def export(reader: ContentReader, format: str) -> tuple[str, bytes]:  # noqa: A002 - the API's name
    """Return a content as a file.

    Parameters
    ----------
    format : {"parquet", "arrow", "csv", "json", "png", "safetensors", "raw"}
        ``safetensors`` is for tensors and state_dicts. ``raw`` is the content's own bytes: ``.npy``
        for arrays, the source for code, the library's own JSON for figures and boosters.

    Returns
    -------
    tuple of (str, bytes)
        Media type and bytes.

    Raises
    ------
    Invalid
        When the content has no such form; says which it has.
    """
    if format not in FORMATS:
        raise Invalid(
            f"{format!r} is not a format of exports",
            why=f"they are {', '.join(FORMATS)}",
            path="$.format",
        )
    if format not in formats_of(reader):
        raise Invalid(
            f"a {reader.codec} has no {format} form",
            why=f"it has {', '.join(formats_of(reader))}",
            path="$.format",
        )
    if format == "raw":
        return _raw(reader)
    if format == "safetensors":
        from etiq_jupyter.codecs.tensors import to_safetensors

        return _MIMES[format], to_safetensors(reader)
    if format == "png":
        return _png(reader)
    if format == "json" and not is_table(reader):
        return _json(reader)
    return _MIMES[format], _table(reader, format)


def _table(reader: ContentReader, format: str) -> bytes:  # noqa: A002
    import pyarrow as pa

    from etiq_jupyter.codecs.arrow_view import plain_cells, table_of

    table = table_of(reader)
    if format == "csv":
        return _csv(table)
    if format == "json":
        names = unique_names(table.column_names)
        columns = [plain_cells(column.combine_chunks()) for column in table.columns]
        rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
        return msgspec.json.encode(rows)
    table = table.rename_columns(unique_names(table.column_names))
    out = io.BytesIO()
    if format == "arrow":
        with pa.ipc.new_stream(out, table.schema) as writer:
            writer.write_table(table)
        return out.getvalue()
    import pyarrow.parquet as pq

    try:
        pq.write_table(table, out, compression="zstd")
    except (pa.ArrowException, NotImplementedError):
        # Parquet lacks a few types of Arrow (half floats of old versions, intervals, unions).
        out = io.BytesIO()
        pq.write_table(_readable(table), out, compression="zstd")
    return out.getvalue()


def _readable(table: Any) -> Any:
    import pyarrow as pa

    columns = []
    for column in table.columns:
        t = pa.types
        odd = t.is_interval(column.type) or t.is_null(column.type)
        if t.is_float16(column.type):
            column = column.cast(pa.float32())
        elif odd or str(column.type).startswith(
            ("decimal32", "decimal64", "dense_union", "sparse_union")
        ):
            column = pa.chunked_array(
                [pa.array([None if v is None else str(v) for v in column.to_pylist()], pa.string())]
            )
        columns.append(column)
    return pa.Table.from_arrays(columns, names=table.column_names)


def unique_names(names: list[str]) -> list[str]:
    """Parquet, Arrow readers and JSON objects want every name once.

    The second ``a`` becomes ``a.1``.
    """
    seen: set[str] = set()
    made = []
    for name in names:
        unique, count = name, 0
        while unique in seen:
            count += 1
            unique = f"{name}.{count}"
        seen.add(unique)
        made.append(unique)
    return made


def _csv(table: Any) -> bytes:
    from etiq_jupyter.codecs.arrow_view import plain_cells

    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(table.column_names)
    for start in range(0, table.num_rows, 10_000):
        part = table.slice(start, 10_000)
        cells = [plain_cells(column.combine_chunks()) for column in part.columns]
        writer.writerows(
            [["" if cell is None else cell for cell in row] for row in zip(*cells, strict=True)]
        )
    return out.getvalue().encode("utf-8", "replace")


def _png(reader: ContentReader) -> tuple[str, bytes]:
    if reader.codec == "picture.pixels":
        from etiq_jupyter.codecs.png import encode_png

        mode, width, height = pixel_size(reader)
        palette = reader.read("palette") if reader.meta.get("palette") == "RGB" else None
        data = encode_png(mode, width, height, reader.read("pixels"), palette)
        if data is None:
            raise Invalid(f"a picture of mode {mode} has no PNG form", path="$.format")
        return _MIMES["png"], data
    picture: Picture = registry.decode_content(reader, Reading())
    return picture.mime, picture.data


def _json(reader: ContentReader) -> tuple[str, bytes]:
    if reader.codec in ("plotly.figure", "altair.chart"):
        return _MIMES["json"], bytes(reader.read("figure"))
    value = registry.decode_content(reader, Reading())
    return _MIMES["json"], msgspec.json.encode(json_able(value, [MAX_JSON_PARTS]))


def _raw(reader: ContentReader) -> tuple[str, bytes]:
    codec = reader.codec
    if codec == "numpy.array" and reader.meta.get("dtype") not in ("O", "T"):
        import numpy as np

        out = io.BytesIO()
        array = registry.decode_content(reader, Reading())
        np.save(out, np.ma.getdata(array), allow_pickle=False)
        return _MIMES["raw"], out.getvalue()
    names = list(reader.names())
    if len(names) == 1:
        mime = reader.meta.get("mime")
        return (mime if isinstance(mime, str) else _MIMES["raw"]), bytes(reader.read(names[0]))
    # Several buffers: one MessagePack map, so that nothing is lost and nothing needs our code.
    return _MIMES["raw"], msgspec.msgpack.encode(
        {
            "codec": codec,
            "version": reader.version,
            "meta": reader.meta,
            "buffers": {n: bytes(reader.read(n)) for n in names},
        }
    )
