"""What a codec is, and the small structures that it takes and gives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from etiq_jupyter.errors import Corrupt, UnsafeContent
from etiq_jupyter.model import Kind
from etiq_jupyter.objects.content import Buffer, Content, ContentReader

MAX_DEPTH = 100
"""Levels of containers inside containers that are written and read."""
MAX_COLUMNS = 100_000
"""Columns of a frame that are read."""


@dataclass(slots=True)
class Facts:
    """What people see of a value without reading it.

    Attributes
    ----------
    kind : Kind
        The family, as in `model.Item`.
    type : str
        The type's own name, for example ``pandas.DataFrame``.
    summary : str
        One line: ``950,000 x 12``.
    detail : dict
        Small JSON-able knowledge: shape, columns, parameters.
    """

    kind: Kind
    type: str
    summary: str = ""
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Encoded:
    """A value as bytes, and what people see of it.

    ``shared`` maps id() of parts to node numbers.
    """

    content: Content
    facts: Facts
    shared: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class Writing:
    """How a value is written.

    Attributes
    ----------
    depth : int
        Containers around this value.
    shared : dict
        Filled by the plain codec: id() of every mutable part -> its node number.
    alive : list
        Keeps temporary parts alive while ``shared`` is in use, so that no id() is used twice.
    """

    depth: int = 0
    shared: dict[int, int] = field(default_factory=dict)
    alive: list[Any] = field(default_factory=list)


@dataclass(slots=True)
class Reading:
    """How a content is read.

    Attributes
    ----------
    columns : sequence of str, optional
        Only these columns of a frame.
    stand_in : bool
        Values of classes that this process does not have are read as `Record`; otherwise they
        raise `NotKept` that names the class.
    replace : dict
        Node numbers of a plain value -> the object to use there, which keeps shared references.
    made : dict
        Filled by the plain codec: node number -> object.
    """

    columns: Sequence[Any] | None = None
    stand_in: bool = True
    replace: dict[int, Any] = field(default_factory=dict)
    made: dict[int, Any] = field(default_factory=dict)


class Codec:
    """Turns values of one family into bytes and back. Subclass it for a plug-in.

    A plug-in is an entry point of the group ``etiq_jupyter.codecs`` whose object is a subclass.

    Attributes
    ----------
    name : str
        Unique, dotted: ``library.noun``. Stored with the content; readers find the codec by it.
    version : int
        Version of the written form. `decode` reads all versions up to it.
    packages : tuple of str
        Top-level packages whose types, or subclasses of whose types, `accepts` may be asked about.
    """

    name: str = ""
    version: int = 1
    packages: tuple[str, ...] = ()

    def accepts(self, value: Any) -> bool:
        """Say whether this codec keeps the value. Must not import the library or copy data."""
        raise NotImplementedError

    def encode(self, value: Any, how: Writing) -> Content:
        """Turn the value into bytes. Raises `NotKept` with a reason when it cannot."""
        raise NotImplementedError

    def decode(self, reader: ContentReader, how: Reading) -> Any:
        """Make the value again. Executes nothing that the content says; raises typed errors."""
        raise NotImplementedError

    def summarise(self, value: Any, content: Content) -> Facts:
        """Say what people should see. Must be cheap: no pass over the data."""
        raise NotImplementedError


class SubReader:
    """The part of a content that lies under a prefix, as a content of its own."""

    def __init__(
        self, reader: ContentReader, prefix: str, codec: str, version: int, meta: dict[str, Any]
    ) -> None:
        self.codec = codec
        self.version = version
        self.meta = meta
        self._reader = reader
        self._prefix = prefix

    def names(self) -> Iterable[str]:
        """Names of the buffers below the prefix."""
        cut = len(self._prefix)
        return (name[cut:] for name in self._reader.names() if name.startswith(self._prefix))

    def read(self, name: str) -> memoryview:
        """Return one buffer's bytes."""
        return self._reader.read(self._prefix + name)


def under(prefix: str, buffers: Iterable[Buffer]) -> list[Buffer]:
    """Return the buffers with the prefix before their names; the bytes are shared."""
    return [
        Buffer(prefix + b.name, b.data, b.layout, b.itemsize, b.row_bytes, b._digest)
        for b in buffers
    ]


def need(meta: Any, key: str, kind: type | tuple[type, ...]) -> Any:
    """Return ``meta[key]`` when it has the right type, else raise `Corrupt`.

    ``True`` is not taken for an int.
    """
    value = meta.get(key) if isinstance(meta, dict) else None
    wrong_bool = isinstance(value, bool) and not _takes_bool(kind)
    if (
        key not in (meta if isinstance(meta, dict) else ())
        or not isinstance(value, kind)
        or wrong_bool
    ):
        raise Corrupt("the content's description is damaged", why=f"{key!r} is missing or wrong")
    return value


def _takes_bool(kind: type | tuple[type, ...]) -> bool:
    return kind is bool or (isinstance(kind, tuple) and bool in kind)


def refuse(why: str) -> UnsafeContent:
    """Make the error for content that must not be read."""
    return UnsafeContent("the content was not read", why=why)


def type_name(kind: type) -> str:
    """Return the name people know: ``pandas.DataFrame``, ``list``, ``__main__.Point`` -> ``Point``.

    Private parts of the module path are left out.
    """
    module = kind.__module__ if isinstance(kind.__module__, str) else ""
    parts = [part for part in module.split(".") if part and not part.startswith("_")]
    if module in ("builtins", "__main__") or not parts:
        return kind.__qualname__
    return f"{parts[0]}.{kind.__qualname__}"
