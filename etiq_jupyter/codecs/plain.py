"""Plain Python values: nested containers, numbers, text, dates, and records by field.

The written form is MessagePack: a list of nodes, one per container, of which the last comes first
in reading order (node 0 is the value). An element of a node is a MessagePack atom or one of the
extension types below, so containers that are shared, or that contain themselves, are written once
and come back shared. Frames, arrays and models inside a container are written by their own codecs,
their buffers under ``v{n}/``; small arrays of numbers lie side by side in one buffer per dtype.

Dictionary and list order is kept; sets are written in a canonical order, so equal sets have equal
hashes.
"""

from __future__ import annotations

import collections
import dataclasses
import inspect
import struct
import types
from collections.abc import Callable
from typing import Any

import msgspec

from etiq_jupyter.codecs import scalars
from etiq_jupyter.codecs.base import (
    MAX_DEPTH,
    Codec,
    Facts,
    Reading,
    Writing,
    type_name,
    under,
)
from etiq_jupyter.codecs.collector import collector_paused
from etiq_jupyter.codecs.describe import describe
from etiq_jupyter.codecs.plain_arrays import MAX_CONTENTS, ArrayPools
from etiq_jupyter.codecs.plain_reader import NodeReader
from etiq_jupyter.errors import NotKept
from etiq_jupyter.model import Kind
from etiq_jupyter.objects.content import Buffer, Content, ContentReader

Ext = msgspec.msgpack.Ext
NODE, BIG_INT, COMPLEX, SURROGATES, SCALAR = 1, 2, 3, 4, 5
"""Codes of the MessagePack extension types."""
MANY = 1_000
"""Elements from which a container is written with the collector paused."""
_pack = msgspec.msgpack.Encoder().encode
_ATOMS = frozenset((int, float, str, bool, type(None)))
_CERTAIN = frozenset((float, bool, type(None), bytes))
_PACKED = _CERTAIN | {int, str}
_FACTORIES = {
    kind: kind.__name__ for kind in (int, float, str, list, dict, set, tuple, bool, bytes)
}
_IMMUTABLE = (tuple, frozenset)


class _NodeWriter:
    """Writes one value; collects nodes, and the buffers of embedded contents.

    ``careful`` is False in a first attempt, which takes integers to have 64 bits and text to be
    Unicode: looking at each list before everything is packed takes longer than the packing.
    """

    def __init__(self, how: Writing, *, careful: bool) -> None:
        self.how = how
        self.careful = careful
        self.packed = _CERTAIN if careful else _PACKED
        self.nodes: list[Any] = []
        self.numbers: dict[int, int] = {}
        self.buffers: list[Buffer] = []
        self.contents = 0
        self.pools = ArrayPools()
        self.depth = how.depth

    def value(self, value: Any) -> Any:
        kind = type(value)
        if kind in self.packed:
            return value
        if kind is int:
            if -(2**63) <= value < 2**64:
                return value
            size = value.bit_length() // 8 + 1
            return Ext(BIG_INT, value.to_bytes(size, "little", signed=True))
        if kind is str:
            return self._text(value)
        if kind is complex:
            return Ext(COMPLEX, struct.pack("<dd", value.real, value.imag))
        return self._part(value, kind)

    def _text(self, value: str) -> Any:
        if not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                return Ext(SURROGATES, value.encode("utf-8", "surrogatepass"))
        return value

    def _part(self, value: Any, kind: type) -> Any:
        number = self.numbers.get(id(value))
        if number is not None:
            return Ext(NODE, _pack(number))
        write = _CONTAINERS.get(kind)
        small = self.pools.add(value) if write is None else None
        if write is None and small is None:
            form = scalars.write(value)
            if form is not None:
                return Ext(SCALAR, _pack(form))
        number = len(self.nodes)
        self.nodes.append(small)
        self.numbers[id(value)] = number
        self.how.alive.append(value)
        if kind not in _IMMUTABLE:
            self.how.shared[id(value)] = number
        if small is None:
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise NotKept(f"nested deeper than {MAX_DEPTH} levels")
            self.nodes[number] = write(self, value) if write else self._other(value, kind)
            self.depth -= 1
        return Ext(NODE, _pack(number))

    def _other(self, value: Any, kind: type) -> list[Any]:
        if dataclasses.is_dataclass(kind):
            return self._dataclass(value, kind)
        fields = getattr(kind, "_fields", None)
        if issubclass(kind, tuple) and isinstance(fields, tuple):
            if len(fields) != len(value):
                raise NotKept(f"{type_name(kind)} has other fields than it says")
            return [
                "named",
                kind.__module__,
                kind.__qualname__,
                list(fields),
                self.each(value),
            ]
        return self._content(value)

    def _dataclass(self, value: Any, kind: type) -> list[Any]:
        names = [field.name for field in dataclasses.fields(kind)]
        given = getattr(value, "__dict__", {})
        fields: dict[str, Any] = {}
        for name in names:
            slot = inspect.getattr_static(kind, name, None)
            if name in given:
                fields[name] = given[name]
            elif isinstance(slot, types.MemberDescriptorType):
                fields[name] = slot.__get__(value)
            else:
                raise NotKept(f"field {name!r} of {type_name(kind)} is not stored in the object")
        fields |= {name: part for name, part in given.items() if name not in fields}
        form = ["data", kind.__module__, kind.__qualname__, list(fields)]
        names = list(fields)
        return [*form, self._each(fields.values(), lambda number: f".{names[number]}")]

    def _content(self, value: Any) -> list[Any]:
        from etiq_jupyter.codecs.registry import registry

        if self.contents == MAX_CONTENTS:
            raise NotKept(f"holds more than {MAX_CONTENTS:,} frames, models or large arrays")
        how = Writing(depth=self.depth)
        content = registry.encode_content(value, how)
        prefix = f"v{self.contents}/"
        self.contents += 1
        self.buffers += under(prefix, content.buffers)
        return ["content", content.codec, content.version, content.meta, prefix]

    def each(self, values: Any) -> list[Any]:
        return self._each(values, lambda number: f"[{number}]")

    def _each(self, values: Any, place: Callable[[int], str]) -> list[Any]:
        made: list[Any] = []
        packed, write = self.packed, self.value
        try:
            for value in values:
                # (Not `extend`: how many were made says where it failed.)
                made.append(value if type(value) in packed else write(value))  # noqa: PERF401
        except NotKept as error:
            # Say where inside the container it is: "results['model'][3]: ...".
            error.path = place(len(made)) + getattr(error, "path", "")  # type: ignore[attr-defined]
            raise
        return made

    def write_list(self, value: Any) -> list[Any]:
        return ["list", *self._flat(value)]

    def _flat(self, value: Any) -> list[Any]:
        """One flag and the elements: True when all are atoms that need no look on reading."""
        if _ATOMS.issuperset(map(type, value)):
            plain = list(value)
            if not self.careful or _packable(plain):
                return [True, plain]
        return [False, self.each(value)]

    def write_tuple(self, value: tuple[Any, ...]) -> list[Any]:
        return ["tuple", *self._flat(value)]

    def write_set(self, value: Any) -> list[Any]:
        # By the written form of each element alone: the order of iteration is chance, and so would
        # be the numbers of the nodes that elements become.
        ordered = sorted(value, key=_alone)
        return [type(value).__name__, [self.value(part) for part in ordered]]

    def write_dict(self, value: Any) -> list[Any]:
        keys = self._flat(value.keys())
        values = self._each(value.values(), lambda number: f"[{_key(list(value)[number])}]")
        return ["dict", *keys, values]

    def write_ordered(self, value: Any) -> list[Any]:
        return ["ordered", *self.write_dict(value)[1:]]

    def write_counter(self, value: Any) -> list[Any]:
        return ["counter", *self.write_dict(value)[1:]]

    def write_default(self, value: Any) -> list[Any]:
        factory = value.default_factory
        if factory is not None and factory not in _FACTORIES:
            raise NotKept("a defaultdict whose factory is a function has no safe form")
        return ["default", *self.write_dict(value)[1:], _FACTORIES.get(factory)]

    def write_deque(self, value: Any) -> list[Any]:
        return ["deque", *self._flat(value), value.maxlen]

    def write_bytearray(self, value: Any) -> list[Any]:
        return ["bytearray", bytes(value)]

    def write_namespace(self, value: Any) -> list[Any]:
        return ["namespace", *self.write_dict(vars(value))[1:]]


_CONTAINERS: dict[type, Any] = {
    list: _NodeWriter.write_list,
    tuple: _NodeWriter.write_tuple,
    set: _NodeWriter.write_set,
    frozenset: _NodeWriter.write_set,
    dict: _NodeWriter.write_dict,
    bytearray: _NodeWriter.write_bytearray,
    collections.OrderedDict: _NodeWriter.write_ordered,
    collections.Counter: _NodeWriter.write_counter,
    collections.defaultdict: _NodeWriter.write_default,
    collections.deque: _NodeWriter.write_deque,
    types.SimpleNamespace: _NodeWriter.write_namespace,
}
_SIMPLE = frozenset((type(None), bool, int, float, complex, str, bytes, *_CONTAINERS))


def _packable(plain: list[Any]) -> bool:
    try:
        _pack(plain)
    except (OverflowError, UnicodeEncodeError):
        return False
    return True


def _written(value: Any, how: Writing) -> tuple[bytes, list[Buffer]]:
    """Return the packed nodes of a value, and the buffers beside them."""
    if type(value) in (list, tuple, dict) and len(value) >= MANY:
        with collector_paused():
            return _write(value, how)
    return _write(value, how)


def _write(value: Any, how: Writing) -> tuple[bytes, list[Buffer]]:
    for careful in (False, True):
        writer = _NodeWriter(how, careful=careful)
        root = writer.value(value)
        try:
            data = _pack([root, writer.nodes])
        except (OverflowError, UnicodeEncodeError):
            if careful:
                raise
        else:
            break
    return data, [*writer.buffers, *writer.pools.buffers()]


def _alone(value: Any) -> bytes:
    return _written(value, Writing())[0]


def _key(key: Any) -> str:
    return repr(key)[:60] if type(key) in _ATOMS else describe(key)


def pack_plain(value: Any) -> bytes:
    """Return a plain value without embedded contents as bytes, for use inside a description."""
    data, buffers = _written(value, Writing())
    if buffers:
        raise NotKept("holds arrays or frames")
    return data


def unpack_plain(data: Any, how: Reading | None = None) -> Any:
    """Return the value of `pack_plain`'s bytes."""
    return NodeReader(None, how or Reading()).read(data)


class PlainCodec(Codec):
    """Everything that Python itself can say without code."""

    name = "plain"
    version = 1
    packages = ("builtins",)

    def accepts(self, value: Any) -> bool:
        kind = type(value)
        if kind in _SIMPLE or dataclasses.is_dataclass(kind) or _is_lines(kind):
            return not isinstance(value, type)
        if issubclass(kind, tuple) and hasattr(kind, "_fields"):
            return True
        try:
            return scalars.write(value) is not None
        except NotKept:
            return True  # a scalar that cannot be written: encode says why

    def encode(self, value: Any, how: Writing) -> Content:
        try:
            data, buffers = _written(list(value) if _is_lines(type(value)) else value, how)
        except (OverflowError, UnicodeEncodeError, RecursionError) as error:
            raise NotKept(f"cannot be written: {error}") from error
        return Content(self.name, self.version, {}, [Buffer("value", memoryview(data)), *buffers])

    def decode(self, reader: ContentReader, how: Reading) -> Any:
        return NodeReader(reader, how).read(reader.read("value"))

    def summarise(self, value: Any, content: Content) -> Facts:
        value = list(value) if _is_lines(type(value)) else value
        kind = type(value)
        detail: dict[str, Any] = {}
        if hasattr(kind, "__len__") and kind in _SIMPLE:
            detail["length"] = len(value)
        if dataclasses.is_dataclass(kind):
            detail["fields"] = [field.name for field in dataclasses.fields(kind)]
        return Facts(_kind(value, kind), type_name(kind), describe(value), detail)


def _is_lines(kind: type) -> bool:
    """Say whether it is what ``files = !ls`` gives in IPython: lines with a few methods."""
    return kind.__name__ == "SList" and kind.__module__.startswith("IPython.")


def _kind(value: Any, kind: type) -> Kind:
    if kind in (int, float, complex):
        return "number"
    if kind is str:
        return "text"
    if kind in (bytes, bytearray):
        return "bytes"
    if kind.__module__ == "numpy" and getattr(getattr(value, "dtype", None), "kind", "") in (
        "i",
        "u",
        "f",
        "c",
    ):
        return "number"
    return "plain"


CODECS = (PlainCodec,)
