"""Arrow columns as separate buffers, and back.

Each column is a small description and a few buffers under the column's prefix:

=============  ==================================================================================
form           buffers
=============  ==================================================================================
``null``       none
``bits``       ``values``: one bit per row
``fixed``      ``values``: one element per row
``text``       ``lengths``: one unsigned length per row; ``payload``: all bytes, concatenated
``codes``      ``values``: indices; the dictionary is a column under ``dictionary/``
``list``       ``lengths``; the elements are a column under ``items/``
``fixedlist``  the elements are a column under ``items/``
``struct``     one column per field under ``f0/``, ``f1/``, ...
=============  ==================================================================================

All may have ``validity``: one bit per row, present only when there are nulls. Slots under a null
are
zero and have no length, so equal columns have equal bytes however they were made. Lengths are kept
instead of offsets because an inserted row changes every later offset, but only one length.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from etiq_jupyter.codecs.arrow_types import read_type, write_type
from etiq_jupyter.codecs.base import MAX_DEPTH, need, refuse
from etiq_jupyter.errors import Corrupt, NotKept
from etiq_jupyter.objects.content import Buffer, ContentReader, Layout

MAX_ROWS = 2**40
MAX_ROWS_WITHOUT_BYTES = 2**28
"""Rows of a column that has no bytes per row (all null, sparse): what one may claim for free."""
Spec = dict[str, Any]


@dataclass(slots=True)
class Sink:
    """Collects the buffers of a frame.

    ``aligned`` is False below a list or a dictionary, where elements are not one per row.
    """

    prefix: str
    buffers: list[Buffer] = field(default_factory=list)
    aligned: bool = True

    def put(self, name: str, data: Any, layout: Layout, itemsize: int = 1) -> None:
        """Add a buffer; ``data`` is anything with bytes in one stretch."""
        view = data if isinstance(data, memoryview) else memoryview(data)
        if view.nbytes == 0:
            view = memoryview(b"")
        kind = layout if self.aligned or layout == "payload" else "bytes"
        if kind == "payload" and not self.aligned:
            kind = "bytes"
        self.buffers.append(Buffer(self.prefix + name, view.cast("B"), kind, itemsize))

    def below(self, part: str, *, aligned: bool = True) -> Sink:
        """Return a sink for a part of the column that writes to the same list."""
        return Sink(f"{self.prefix}{part}/", self.buffers, self.aligned and aligned)


# --- writing ----------------------------------------------------------------------------------


def one_chunk(array: Any) -> pa.Array:
    """Return a chunked array as one array; copies only when it has several chunks."""
    if isinstance(array, pa.ChunkedArray):
        if array.num_chunks == 1:
            return array.chunk(0)
        whole = array.combine_chunks()
        return whole if isinstance(whole, pa.Array) else pa.concat_arrays(whole.chunks)
    return array


def write_bits(mask: np.ndarray[Any, Any]) -> memoryview:
    """Return a boolean array as bits, least significant first."""
    return np.packbits(mask, bitorder="little").data


def write_column(sink: Sink, array: Any, depth: int = 0) -> Spec:
    """Write an Arrow array; return its description.

    Raises
    ------
    NotKept
        When its type has no written form.
    """
    if depth > MAX_DEPTH:
        raise NotKept("a column is nested too deep")
    array = one_chunk(array)
    kind = array.type
    spec: Spec = {"arrow": write_type(kind), "nulls": array.null_count}
    valid: np.ndarray[Any, Any] | None = None
    if array.null_count and not pa.types.is_null(kind):
        valid = np.asarray(array.is_valid().to_numpy(zero_copy_only=False), bool)
        sink.put("validity", write_bits(valid), "bits")
    if pa.types.is_null(kind):
        return spec | {"form": "null", "nulls": len(array)}
    if pa.types.is_boolean(kind):
        bits = (pc.fill_null(array, False) if valid is not None else array).to_numpy(
            zero_copy_only=False
        )
        sink.put("values", write_bits(bits), "bits")
        return spec | {"form": "bits"}
    if pa.types.is_dictionary(kind):
        spec["form"] = "codes"
        _write_fixed(sink, array.indices, valid)
        spec["dictionary"] = write_column(
            sink.below("dictionary", aligned=False), array.dictionary, depth + 1
        )
        spec["size"] = len(array.dictionary)
        return spec
    if _is_text(kind):
        _write_text(sink, array, valid)
        return spec | {"form": "text"}
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_map(kind):
        return spec | {"form": "list"} | _write_list(sink, array, depth)
    if pa.types.is_fixed_size_list(kind):
        part = sink.below("items", aligned=False)
        if valid is not None:
            flat = pa.concat_arrays(
                [array.values.slice(array.offset * kind.list_size, len(array) * kind.list_size)]
            )
        else:
            flat = array.flatten()
        return spec | {"form": "fixedlist", "items": write_column(part, flat, depth + 1)}
    if pa.types.is_struct(kind):
        parts = array.flatten()
        fields = [
            write_column(sink.below(f"f{n}"), part, depth + 1) for n, part in enumerate(parts)
        ]
        return spec | {"form": "struct", "fields": fields}
    _write_fixed(sink, array, valid)
    return spec | {"form": "fixed"}


def _is_text(kind: pa.DataType) -> bool:
    t = pa.types
    return bool(
        t.is_string(kind)
        or t.is_large_string(kind)
        or t.is_binary(kind)
        or t.is_large_binary(kind)
        or t.is_string_view(kind)
        or t.is_binary_view(kind)
    )


def _write_fixed(sink: Sink, array: pa.Array, valid: np.ndarray[Any, Any] | None) -> None:
    width = array.type.bit_width // 8
    data = array.buffers()[1]
    if data is None or len(array) == 0:
        sink.put("values", b"", "rows", max(width, 1))
        return
    start = array.offset * width
    view = np.frombuffer(data, np.uint8)[start : start + len(array) * width]
    if valid is not None and width in (1, 2, 4, 8):
        view = np.where(valid, view.view(f"u{width}"), 0).view(np.uint8)
    elif valid is not None:
        view = np.where(valid[:, None], view.reshape(-1, width), np.uint8(0)).reshape(-1)
    sink.put("values", view.data, "rows", max(width, 1))


def _write_text(sink: Sink, array: pa.Array, valid: np.ndarray[Any, Any] | None) -> None:
    kind = array.type
    if pa.types.is_string_view(kind):
        array = array.cast(pa.large_string())
    elif pa.types.is_binary_view(kind):
        array = array.cast(pa.large_binary())
    offsets = _offsets(array)
    lengths = np.diff(offsets)
    if valid is not None and lengths[~valid].any():  # a null may hide text, which must not be kept
        text = pa.types.is_large_string(array.type) or pa.types.is_string(array.type)
        array = pc.fill_null(array, "" if text else b"")
        offsets = _offsets(array)
        lengths = np.diff(offsets)
    write_lengths(sink, lengths)
    data = array.buffers()[2]
    payload = np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]] if data is not None else b""
    sink.put("payload", payload, "payload")


def _offsets(array: pa.Array) -> np.ndarray[Any, Any]:
    large = (
        pa.types.is_large_string(array.type)
        or pa.types.is_large_binary(array.type)
        or pa.types.is_large_list(array.type)
    )
    data = array.buffers()[1]
    if data is None or len(array) == 0:
        return np.zeros(1, np.int64)
    return np.frombuffer(data, np.int64 if large else np.int32)[
        array.offset : array.offset + len(array) + 1
    ]


def write_lengths(sink: Sink, lengths: np.ndarray[Any, Any]) -> None:
    """Write lengths in the narrowest of 1, 4 and 8 bytes."""
    top = int(lengths.max()) if len(lengths) else 0
    kind = "<u1" if top < 2**8 else "<u4" if top < 2**32 else "<u8"
    made = np.ascontiguousarray(lengths, kind)
    sink.put("lengths", made.data, "lengths", made.itemsize)


def _write_list(sink: Sink, array: pa.Array, depth: int) -> Spec:
    lengths = np.diff(_offsets(array))
    if array.null_count:
        valid = array.is_valid().to_numpy(zero_copy_only=False)
        lengths = np.where(valid, lengths, 0)
    write_lengths(sink, lengths)
    if pa.types.is_map(array.type):
        offsets = _offsets(array)
        span = (int(offsets[0]), int(offsets[-1] - offsets[0]))
        flat = pa.StructArray.from_arrays(
            [array.keys.slice(*span), array.items.slice(*span)],
            fields=[array.type.key_field, array.type.item_field],
        )
    else:
        flat = array.flatten()
    return {"items": write_column(sink.below("items", aligned=False), flat, depth + 1)}


# --- reading ----------------------------------------------------------------------------------


def read_bits(data: memoryview, rows: int) -> np.ndarray[Any, Any]:
    """Return bits as a boolean array of ``rows`` elements."""
    if data.nbytes != (rows + 7) // 8:
        raise refuse(f"{rows} bits do not take {data.nbytes} bytes")
    return np.unpackbits(np.frombuffer(data, np.uint8), count=rows, bitorder="little").view(bool)


def read_column(
    reader: ContentReader, prefix: str, spec: Spec, rows: int, depth: int = 0
) -> pa.Array:
    """Return the Arrow array of a description, on the reader's bytes, checked.

    Raises
    ------
    Corrupt, UnsafeContent
        When description and bytes do not fit each other.
    """
    array = _read_column(reader, prefix, spec, rows, depth)
    if depth == 0:
        try:
            array.validate(full=True)
        except pa.ArrowException as error:
            raise Corrupt("a column is damaged", why=str(error)) from error
    return array


def _read_column(reader: ContentReader, prefix: str, spec: Spec, rows: int, depth: int) -> pa.Array:
    if depth > MAX_DEPTH:
        raise refuse("a column is nested too deep")
    kind = read_type(need(spec, "arrow", (str, list)))
    form = need(spec, "form", str)
    nulls = need(spec, "nulls", int)
    if form == "null":
        if not pa.types.is_null(kind) or rows > MAX_ROWS_WITHOUT_BYTES:
            raise refuse(f"a column claims {rows:,} rows without a byte")
        return pa.nulls(rows)
    validity = None
    if nulls:
        data = reader.read(prefix + "validity")
        if data.nbytes != (rows + 7) // 8:
            raise refuse(f"the nulls of {rows:,} rows do not take {data.nbytes} bytes")
        validity = pa.py_buffer(data)
    if form == "bits":
        data = reader.read(prefix + "values")
        if not pa.types.is_boolean(kind) or data.nbytes != (rows + 7) // 8:
            raise refuse(f"{rows:,} bits do not take {data.nbytes} bytes")
        return pa.Array.from_buffers(kind, rows, [validity, pa.py_buffer(data)])
    if form == "fixed":
        return _read_fixed(reader.read(prefix + "values"), kind, rows, validity)
    if form == "codes":
        if not pa.types.is_dictionary(kind):
            raise Corrupt("a column is damaged", why="codes without a dictionary")
        indices = _read_fixed(reader.read(prefix + "values"), kind.index_type, rows, validity)
        size = need(spec, "size", int)
        values = _read_column(
            reader, prefix + "dictionary/", need(spec, "dictionary", dict), size, depth + 1
        )
        return pa.DictionaryArray.from_arrays(indices, values, ordered=kind.ordered)
    if form == "text":
        return _read_text(reader, prefix, kind, rows, validity)
    if form in ("list", "fixedlist"):
        return _read_list(reader, prefix, spec, kind, rows, validity, depth)
    if form == "struct":
        fields = need(spec, "fields", list)
        if not pa.types.is_struct(kind) or kind.num_fields != len(fields):
            raise Corrupt("a column is damaged", why="its fields do not fit its type")
        parts = [
            _read_column(reader, f"{prefix}f{n}/", part, rows, depth + 1)
            for n, part in enumerate(fields)
        ]
        return pa.Array.from_buffers(kind, rows, [validity], children=parts)
    raise Corrupt("a column is damaged", why=f"unknown form {form[:40]!r}")


def _read_fixed(data: memoryview, kind: pa.DataType, rows: int, validity: Any) -> pa.Array:
    try:
        width = kind.bit_width
    except ValueError:
        width = 0
    if (
        width % 8
        or pa.types.is_nested(kind)
        or pa.types.is_dictionary(kind)
        or data.nbytes != rows * width // 8
    ):
        raise refuse(f"{rows:,} values of {kind} do not take {data.nbytes} bytes")
    return pa.Array.from_buffers(kind, rows, [validity, pa.py_buffer(data)])


def read_offsets(reader: ContentReader, prefix: str, rows: int) -> np.ndarray[Any, Any]:
    """Return the offsets (int64, rows + 1) of the lengths under a prefix."""
    data = reader.read(prefix + "lengths")
    size = data.nbytes // rows if rows else 1
    if size not in (1, 4, 8) or data.nbytes != rows * size:
        raise refuse(f"{rows:,} lengths do not take {data.nbytes} bytes")
    lengths = np.frombuffer(data, f"<u{size}")
    if size == 8 and len(lengths) and int(lengths.max()) > 2**48:
        raise refuse("a text claims to be longer than any memory")
    offsets = np.zeros(rows + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    if len(offsets) and int(offsets[-1]) < 0:
        raise refuse("the texts claim to be longer than any memory")
    return offsets


def _read_text(
    reader: ContentReader, prefix: str, kind: pa.DataType, rows: int, validity: Any
) -> pa.Array:
    if not _is_text(kind):
        raise Corrupt("a column is damaged", why=f"{kind} is not text")
    offsets = read_offsets(reader, prefix, rows)
    payload = reader.read(prefix + "payload")
    if int(offsets[-1]) != payload.nbytes:
        raise refuse(f"texts of {int(offsets[-1]):,} bytes are said, {payload.nbytes:,} are there")
    view = pa.types.is_string_view(kind) or pa.types.is_binary_view(kind)
    stored = kind
    if view:
        stored = pa.large_string() if pa.types.is_string_view(kind) else pa.large_binary()
    if pa.types.is_string(stored) or pa.types.is_binary(stored):
        if payload.nbytes >= 2**31:
            raise refuse("a text column is larger than its type allows")
        offsets = offsets.astype(np.int32)
    made = pa.Array.from_buffers(
        stored, rows, [validity, pa.py_buffer(offsets), pa.py_buffer(payload)]
    )
    if view:
        made.validate(full=True)
        return made.cast(kind)
    return made


def _read_list(
    reader: ContentReader,
    prefix: str,
    spec: Spec,
    kind: pa.DataType,
    rows: int,
    validity: Any,
    depth: int,
) -> pa.Array:
    items = need(spec, "items", dict)
    if spec["form"] == "fixedlist":
        if not pa.types.is_fixed_size_list(kind):
            raise Corrupt("a column is damaged", why=f"{kind} is not a list")
        if kind.list_size == 0 and rows > MAX_ROWS_WITHOUT_BYTES:
            raise refuse(f"a column claims {rows:,} rows without a byte")
        values = _read_column(reader, prefix + "items/", items, rows * kind.list_size, depth + 1)
        return pa.Array.from_buffers(kind, rows, [validity], children=[values])
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_map(kind)):
        raise Corrupt("a column is damaged", why=f"{kind} is not a list")
    offsets = read_offsets(reader, prefix, rows)
    count = int(offsets[-1])
    if count > MAX_ROWS:
        raise refuse("a list column claims too many elements")
    values = _read_column(reader, prefix + "items/", items, count, depth + 1)
    if not pa.types.is_large_list(kind):
        if count >= 2**31:
            raise refuse("a list column is larger than its type allows")
        offsets = offsets.astype(np.int32)
    return pa.Array.from_buffers(kind, rows, [validity, pa.py_buffer(offsets)], children=[values])
