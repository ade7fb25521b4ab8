"""Reading plain values: a list of nodes back to containers, without recursion and without code."""

from __future__ import annotations

import collections
import dataclasses
import re
import struct
import types
from typing import Any

import msgspec

from etiq_jupyter.codecs import scalars
from etiq_jupyter.codecs.base import MAX_DEPTH, Reading, SubReader, refuse
from etiq_jupyter.codecs.collector import collector_paused
from etiq_jupyter.codecs.plain_arrays import ArrayReader
from etiq_jupyter.errors import Corrupt, NotKept
from etiq_jupyter.objects.content import ContentReader

Ext = msgspec.msgpack.Ext
LARGE = 16 << 10
"""Bytes from which a value is read with the collector paused."""
_decode = msgspec.msgpack.Decoder().decode
_FACTORIES: dict[Any, Any] = {
    kind.__name__: kind for kind in (int, float, str, list, dict, set, tuple, bool, bytes)
}
_UNSET = object()
_NONE: list[Any] = []
_PREFIX = re.compile(r"v\d{1,6}/")


class Record:
    """Stands for a value whose class this process does not have: its type's name and its fields."""

    def __init__(self, type_name: str, fields: dict[str, Any]) -> None:
        self.__dict__.update({name: fields[name] for name in fields if name.isidentifier()})
        self.__dict__["__record__"] = (type_name, fields)

    def __repr__(self) -> str:
        name, fields = self.__dict__["__record__"]
        return f"<record of {name}: {', '.join(fields)}>"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Record)
            and self.__dict__["__record__"] == other.__dict__["__record__"]
        )

    __hash__ = object.__hash__


class NodeReader:
    """Reads one plain value. Containers are made first and filled later, so cycles close."""

    def __init__(self, reader: ContentReader | None, how: Reading) -> None:
        self.reader = reader
        self.how = how
        self.nodes: list[Any] = []
        self.made: dict[int, Any] = how.made
        self.late: list[int] = []
        self.arrays = ArrayReader(reader)
        self.prefixes: set[str] = set()

    def read(self, data: memoryview | bytes) -> Any:
        """Return the value.

        Raises
        ------
        Corrupt
            When the bytes are not what the writer writes.
        UnsafeContent
            When they are made to exhaust the reader.
        NotKept
            When a class is missing and stand-ins are not wanted.
        """
        try:
            if len(data) < LARGE:
                return self._read(data)
            with collector_paused():
                return self._read(data)
        except RecursionError as error:
            raise refuse("it is nested too deep") from error
        except msgspec.DecodeError as error:
            raise Corrupt("a plain value is damaged", why=str(error)) from error
        except (
            TypeError,
            ValueError,
            KeyError,
            IndexError,
            AttributeError,
            OverflowError,
            struct.error,
        ) as error:
            raise Corrupt(
                "a plain value is damaged", why=f"{type(error).__name__}: {error}"
            ) from error

    def _read(self, data: memoryview | bytes) -> Any:
        root, self.nodes = _decode(data)
        if not isinstance(self.nodes, list):
            raise Corrupt("a plain value is damaged")
        if type(root) is Ext and root.code == 1:
            self._build(_number(root))
        return self._element(root)

    def _build(self, root: int) -> None:
        """Make the nodes below ``root``, children first, with a stack of our own."""
        entered: set[int] = set()
        # A node, and None before its children are made, then these.
        stack: list[tuple[int, list[int] | None]] = [(root, None)]
        depth = 0
        while stack:
            number, children = stack.pop()
            if children is not None:
                depth -= 1
                self._finish(number, children)
                continue
            if number in entered:
                continue
            entered.add(number)
            if number in self.how.replace:
                self.made[number] = self.how.replace[number]
                continue
            node = self.nodes[number]
            if node[0] == "data":
                self.made[number] = self._instance(node)
            elif node[0] in _SHELLS:
                self.made[number] = _SHELLS[node[0]](node)
            if depth == MAX_DEPTH:
                raise refuse(f"it is nested deeper than {MAX_DEPTH} levels")
            children = [
                _number(part) for part in _parts(node) if type(part) is Ext and part.code == 1
            ]
            if not children:
                self._finish(number, children)
                continue
            stack.append((number, children))
            depth += 1
            stack.extend((child, None) for child in reversed(children) if child not in entered)
        for number in self.late:
            self._fill(number, self.nodes[number])

    def _finish(self, number: int, children: list[int]) -> None:
        node = self.nodes[number]
        if node[0] not in _FILLERS:
            self.made[number] = _MAKERS[node[0]](self, node)
        elif all(child in self.made for child in children):
            self._fill(number, node)
        else:
            # A cycle through a tuple: the tuple is made after this container, which waits for it.
            self.late.append(number)

    def _fill(self, number: int, node: list[Any]) -> None:
        _FILLERS[node[0]](self, self.made[number], node)

    def _element(self, part: Any) -> Any:
        if type(part) is not Ext:
            if type(part) is list:
                raise Corrupt("a plain value is damaged")
            return part
        code, data = part.code, part.data
        if code == 1:
            return self.made[_number(part)]
        if code == 2:
            return int.from_bytes(data, "little", signed=True)
        if code == 3:
            return complex(*struct.unpack("<dd", data))
        if code == 4:
            return bytes(data).decode("utf-8", "surrogatepass")
        if code == 5:
            return self._scalar(_decode(data))
        raise Corrupt("a plain value is damaged", why=f"unknown extension {code}")

    def _scalar(self, form: list[Any]) -> Any:
        try:
            return scalars.read(form)
        except scalars.Missing as missing:
            if not self.how.stand_in:
                raise _lacks(missing.name) from None
            value = form[3] if isinstance(form[3], (str, int)) else str(form[3])
            return Record(missing.name, {"name" if form[0] == "enum" else "value": value})

    def _many(self, flat: Any, parts: Any) -> list[Any]:
        if not isinstance(parts, list):
            raise Corrupt("a plain value is damaged")
        if flat is True:
            for kind in set(map(type, parts)):
                if kind is Ext or kind is list or kind is dict:
                    raise Corrupt("a plain value is damaged")
            return parts
        element = self._element
        return [element(part) for part in parts]

    # --- what is made at once, from finished parts ---------------------------------------------

    def _tuple(self, node: list[Any]) -> Any:
        return tuple(self._many(node[1], node[2]))

    def _frozenset(self, node: list[Any]) -> Any:
        return frozenset(self._many(False, node[1]))

    def _named(self, node: list[Any]) -> Any:
        _, module, qualname, fields, parts = node
        values = self._many(False, parts)
        try:
            kind = scalars.find_class(module, qualname)
            if not issubclass(kind, tuple) or list(getattr(kind, "_fields", ())) != fields:
                raise scalars.Missing(f"{qualname} with the fields {', '.join(fields)}")  # noqa: TRY301
        except scalars.Missing as missing:
            if not self.how.stand_in:
                raise _lacks(missing.name) from None
            return Record(qualname, dict(zip(fields, values, strict=True)))
        return tuple.__new__(kind, values)

    def _content(self, node: list[Any]) -> Any:
        from etiq_jupyter.codecs.registry import registry

        _, codec, version, meta, prefix = node
        if self.reader is None or not isinstance(prefix, str) or not _PREFIX.fullmatch(prefix):
            raise Corrupt("a plain value is damaged")
        if prefix in self.prefixes:  # else a small content could name one large part many times
            raise refuse("two of its parts have the same bytes")
        self.prefixes.add(prefix)
        part = SubReader(self.reader, prefix, codec, version, meta)
        how = self.how
        return registry.decode_content(part, Reading(stand_in=how.stand_in))

    def _array(self, node: list[Any]) -> Any:
        return self.arrays.read(*node[1:])

    # --- what is made empty and filled when its parts are finished ------------------------------

    def _fill_list(self, made: Any, node: list[Any]) -> None:
        made.extend(self._many(node[1], node[2]))

    def _fill_set(self, made: Any, node: list[Any]) -> None:
        made.update(self._many(False, node[1]))

    def _fill_dict(self, made: Any, node: list[Any]) -> None:
        keys = self._many(node[1], node[2])
        dict.update(made, zip(keys, self._many(False, node[3]), strict=True))

    def _fill_namespace(self, made: Any, node: list[Any]) -> None:
        keys = self._many(node[1], node[2])
        made.__dict__.update(zip(keys, self._many(False, node[3]), strict=True))

    def _fill_data(self, made: Any, node: list[Any]) -> None:
        fields = dict(zip(node[3], self._many(False, node[4]), strict=True))
        if isinstance(made, Record):
            Record.__init__(made, node[2], fields)
            return
        for name, value in fields.items():
            # Not __init__ or __setattr__ of the class: those are code, and may have effects.
            object.__setattr__(made, name, value)

    def _instance(self, node: list[Any]) -> Any:
        """Make an empty instance of a dataclass, or a stand-in."""
        _, module, qualname, fields, _ = node
        try:
            kind = scalars.find_class(module, qualname)
            known = (
                {field.name for field in dataclasses.fields(kind)}
                if dataclasses.is_dataclass(kind)
                else None
            )
            if known is None or not known <= set(fields):
                raise scalars.Missing(f"{qualname} with the fields {', '.join(fields)}")  # noqa: TRY301
            if issubclass(kind, (BaseException, dict, list, tuple, set)):
                raise scalars.Missing(qualname)  # noqa: TRY301
        except scalars.Missing as missing:
            if not self.how.stand_in:
                raise _lacks(missing.name) from None
            return Record.__new__(Record)
        return object.__new__(kind)


def _parts(node: list[Any]) -> list[Any]:
    """All parts of a node that may be other nodes."""
    tag = node[0]
    found: Any = _NONE
    if tag in ("list", "tuple", "deque"):
        found = _NONE if node[1] is True else node[2]
    elif tag in ("set", "frozenset"):
        found = node[1]
    elif tag in ("dict", "ordered", "counter", "default", "namespace"):
        found = node[3] if node[1] is True else [*node[2], *node[3]]
    elif tag in ("data", "named"):
        found = node[4]
    elif tag not in ("bytearray", "content", "array"):
        raise Corrupt("a plain value is damaged", why=f"unknown node {str(tag)[:40]!r}")
    if type(found) is not list:
        raise Corrupt("a plain value is damaged")
    return found


def _number(part: Ext) -> int:
    number = _decode(part.data)
    if type(number) is not int or number < 0:
        raise Corrupt("a plain value is damaged")
    return number


def _lacks(name: str) -> NotKept:
    return NotKept(
        f"{name} is not defined in this process", hint="define or import it, then try again"
    )


def _deque(node: list[Any]) -> Any:
    size = node[3]
    if size is not None and type(size) is not int:
        raise Corrupt("a plain value is damaged")
    return collections.deque(maxlen=size)


_SHELLS: dict[str, Any] = {
    "list": lambda _: [],
    "set": lambda _: set(),
    "dict": lambda _: {},
    "ordered": lambda _: collections.OrderedDict(),
    "counter": lambda _: collections.Counter(),
    "default": lambda node: collections.defaultdict(_FACTORIES[node[4]] if node[4] else None),
    "deque": _deque,
    "namespace": lambda _: types.SimpleNamespace(),
    "bytearray": lambda node: bytearray(node[1]) if isinstance(node[1], bytes) else _UNSET,
}
_FILLERS: dict[str, Any] = {
    "list": NodeReader._fill_list,
    "set": NodeReader._fill_set,
    "dict": NodeReader._fill_dict,
    "ordered": lambda self, made, node: made.update(
        zip(self._many(node[1], node[2]), self._many(False, node[3]), strict=True)
    ),
    "counter": NodeReader._fill_dict,
    "default": NodeReader._fill_dict,
    "deque": NodeReader._fill_list,
    "namespace": NodeReader._fill_namespace,
    "data": NodeReader._fill_data,
    "bytearray": lambda *_: None,
}
_MAKERS: dict[str, Any] = {
    "tuple": NodeReader._tuple,
    "frozenset": NodeReader._frozenset,
    "named": NodeReader._named,
    "content": NodeReader._content,
    "array": NodeReader._array,
}
