"""Arrow types as small structures, and back without reading foreign binary schemas."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from etiq_jupyter.codecs.base import MAX_DEPTH
from etiq_jupyter.errors import Corrupt, NotKept

_SIMPLE: dict[str, pa.DataType] = {
    str(kind): kind
    for kind in (
        pa.null(),
        pa.bool_(),
        pa.int8(),
        pa.int16(),
        pa.int32(),
        pa.int64(),
        pa.uint8(),
        pa.uint16(),
        pa.uint32(),
        pa.uint64(),
        pa.float16(),
        pa.float32(),
        pa.float64(),
        pa.date32(),
        pa.date64(),
        pa.time32("s"),
        pa.time32("ms"),
        pa.time64("us"),
        pa.time64("ns"),
        pa.duration("s"),
        pa.duration("ms"),
        pa.duration("us"),
        pa.duration("ns"),
        pa.string(),
        pa.large_string(),
        pa.binary(),
        pa.large_binary(),
        pa.string_view(),
        pa.binary_view(),
        pa.month_day_nano_interval(),
    )
}
_CODES = {kind: code for code, kind in _SIMPLE.items()}
MAX_FIELDS = 100_000


def write_type(kind: pa.DataType) -> Any:
    """Return the written form of an Arrow type. Raises `NotKept` for one that has none."""
    code = _CODES.get(kind)
    if code is not None:
        return code
    t = pa.types
    if t.is_timestamp(kind):
        return ["timestamp", kind.unit, kind.tz]
    if t.is_decimal(kind):
        return ["decimal", kind.bit_width, kind.precision, kind.scale]
    if t.is_fixed_size_binary(kind):
        return ["binary", kind.byte_width]
    if t.is_dictionary(kind):
        return [
            "dictionary",
            write_type(kind.index_type),
            write_type(kind.value_type),
            kind.ordered,
        ]
    if t.is_list(kind):
        return ["list", _field(kind.value_field)]
    if t.is_large_list(kind):
        return ["large_list", _field(kind.value_field)]
    if t.is_fixed_size_list(kind):
        return ["fixed_list", _field(kind.value_field), kind.list_size]
    if t.is_map(kind):
        return ["map", _field(kind.key_field), _field(kind.item_field), kind.keys_sorted]
    if t.is_struct(kind):
        return ["struct", [_field(kind.field(n)) for n in range(kind.num_fields)]]
    raise NotKept(f"an Arrow column of type {kind} has no portable form")


def _field(field: pa.Field) -> list[Any]:
    return [field.name, write_type(field.type), field.nullable, write_metadata(field.metadata)]


def write_metadata(metadata: Any) -> dict[str, bytes] | None:
    """Return Arrow metadata with text keys."""
    if not metadata:
        return None
    return {
        bytes(key).decode("utf-8", "surrogateescape"): bytes(value)
        for key, value in metadata.items()
    }


def read_metadata(form: Any) -> dict[bytes, bytes] | None:
    """Return Arrow metadata of its written form. It is kept as bytes and never interpreted."""
    if not form:
        return None
    return {key.encode("utf-8", "surrogateescape"): value for key, value in form.items()}


def read_type(form: Any, depth: int = 0) -> pa.DataType:
    """Return the Arrow type of a written form. Raises `Corrupt` when it is none."""
    if isinstance(form, str):
        try:
            return _SIMPLE[form]
        except KeyError:
            raise Corrupt(f"{form[:40]!r} is not a type of columns") from None
    if depth > MAX_DEPTH:
        raise Corrupt("a column's type is nested too deep")
    try:
        return _read_compound(form[0], form[1:], depth)
    except (
        TypeError,
        ValueError,
        IndexError,
        KeyError,
        AttributeError,
        OverflowError,
        pa.ArrowException,
    ) as error:
        raise Corrupt("a column's type is damaged", why=str(error)[:200]) from error


def _read_compound(tag: str, args: list[Any], depth: int) -> pa.DataType:
    if tag == "timestamp":
        return pa.timestamp(args[0], args[1])
    if tag == "decimal":
        make = {32: pa.decimal32, 64: pa.decimal64, 128: pa.decimal128, 256: pa.decimal256}[args[0]]
        return make(args[1], args[2])
    if tag == "binary":
        return pa.binary(args[0])
    if tag == "dictionary":
        return pa.dictionary(
            read_type(args[0], depth + 1), read_type(args[1], depth + 1), bool(args[2])
        )
    if tag == "list":
        return pa.list_(_read_field(args[0], depth))
    if tag == "large_list":
        return pa.large_list(_read_field(args[0], depth))
    if tag == "fixed_list":
        if args[1] < 0:
            raise Corrupt("a column's type is damaged")
        return pa.list_(_read_field(args[0], depth), args[1])
    if tag == "map":
        return pa.map_(_read_field(args[0], depth), _read_field(args[1], depth), bool(args[2]))
    if tag == "struct":
        if len(args[0]) > MAX_FIELDS:
            raise Corrupt("a column's type has too many fields")
        return pa.struct([_read_field(field, depth) for field in args[0]])
    raise Corrupt(f"{str(tag)[:40]!r} is not a type of columns")


def _read_field(form: list[Any], depth: int) -> pa.Field:
    name, kind, nullable, metadata = form
    return pa.field(name, read_type(kind, depth + 1), bool(nullable), read_metadata(metadata))
