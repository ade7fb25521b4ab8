"""Functions and classes of the notebook: their source, to be read by people.

Never run by a restore.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import types
from typing import Any

from etiq_jupyter.codecs.base import Codec, Facts, Reading, Writing, need
from etiq_jupyter.errors import Corrupt, NotKept
from etiq_jupyter.objects.content import Buffer, Content, ContentReader

MAX_CELLS = 500
"""Latest cells in which the source of a class is looked for."""
MAX_SOURCE = 1 << 20
"""Bytes of source that are kept of one function or class."""


class Source(str):
    """The source of a function or class. It is text: run it yourself when you trust it."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        import html

        return f"<pre>{html.escape(self)}</pre>"


class SourceCodec(Codec):
    """Functions and classes, as source."""

    name = "source"
    packages = ("builtins",)

    def accepts(self, value: Any) -> bool:
        return type(value) is Source or isinstance(value, (type, types.FunctionType))

    def encode(self, value: Any, how: Writing) -> Content:
        if type(value) is Source:
            raw = str(value).encode("utf-8", "surrogatepass")
            meta = {"form": "source", "name": "", "signature": ""}
            return Content(self.name, self.version, meta, [Buffer("source", memoryview(raw))])
        kind = "class" if isinstance(value, type) else "function"
        try:
            text = inspect.getsource(value)
        except (OSError, TypeError) as error:
            found = _class_source(value) if isinstance(value, type) else None
            if found is None:
                raise NotKept(f"the source of this {kind} is not known") from error
            text = found
        data = inspect.cleandoc("\n" + text).encode("utf-8", "surrogatepass")
        if len(data) > MAX_SOURCE:
            raise NotKept(f"the source of this {kind} is longer than {MAX_SOURCE:,} bytes")
        meta = {"form": kind, "name": value.__qualname__, "signature": _signature(value)}
        return Content(self.name, self.version, meta, [Buffer("source", memoryview(data))])

    def decode(self, reader: ContentReader, how: Reading) -> Source:
        need(reader.meta, "name", str)
        try:
            return Source(bytes(reader.read("source")).decode("utf-8", "surrogatepass"))
        except UnicodeDecodeError as error:
            raise Corrupt("the source is not text") from error

    def summarise(self, value: Any, content: Content) -> Facts:
        form, name = content.meta["form"], content.meta["name"]
        lines = bytes(content.read("source")).count(b"\n") + 1
        head = f"{name}{content.meta['signature']}"
        head = head if len(head) <= 80 else head[:79] + "…"
        return Facts("code", form, head, {"name": name, "lines": lines})


def _class_source(value: type) -> str | None:
    """Find a class of the notebook in the cells that Python remembers.

    Before Python 3.13 `inspect` does not know where a class of ``__main__`` stands.
    """
    for lines in list(linecache.cache.values())[: -MAX_CELLS - 1 : -1]:
        text = "".join(lines[2]) if len(lines) > 2 else ""
        if f"class {value.__name__}" not in text or len(text) > MAX_SOURCE:
            continue
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and node.name == value.__name__:
                return ast.get_source_segment(text, node)
    return None


def _signature(value: Any) -> str:
    """Names of the parameters only: their defaults' reprs would run the user's code."""
    if isinstance(value, type):
        return ""
    code = value.__code__
    count = code.co_argcount + code.co_kwonlyargcount
    names = list(code.co_varnames[:count])
    if code.co_flags & inspect.CO_VARARGS:
        names.insert(code.co_argcount, "*" + code.co_varnames[count])
        count += 1
    if code.co_flags & inspect.CO_VARKEYWORDS:
        names.append("**" + code.co_varnames[count])
    return f"({', '.join(names)})"


CODECS = (SourceCodec,)
