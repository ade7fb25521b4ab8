"""The redactor applied to written contents: the texts inside plain values.

The buffers of the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from etiq_jupyter.capture.redact import Redactor, holds_registered
from etiq_jupyter.objects.content import Buffer, Content

_Ext = msgspec.msgpack.Ext
_decode = msgspec.msgpack.Decoder().decode
_encode = msgspec.msgpack.Encoder().encode
_NUMBERS = frozenset("biufcmM")
_SCALAR = 5
MAX_SEARCHED = 8_000_000
"""Characters of all texts in one plain value up to which the shapes of secrets are looked for."""
_PAIRS = ("dict", "ordered", "counter", "default", "namespace")


def redact_plain(content: Content, redactor: Redactor, where: str) -> Content | None:
    """Return the content of a plain value or source without secrets, None when it holds none."""
    name = "source" if content.codec == "source" else "value"
    old = content.buffers[0]
    if content.codec == "source":
        text = bytes(old.data).decode("utf-8", "surrogatepass")
        clean = redactor.text(text, where)
        if clean == text:
            return None
        data = clean.encode("utf-8", "surrogatepass")
    else:
        root, nodes = _decode(old.data)
        texts = list(_texts([root, nodes]))
        if not texts or not _suspicious(texts, nodes, redactor):
            return None
        known = len(redactor.exact)
        clean_root, clean_nodes = _clean_all(root, nodes, redactor, where)
        if len(redactor.exact) > known:  # what one text gave away may stand bare in an earlier one
            clean_root, clean_nodes = _clean_all(clean_root, clean_nodes, redactor, where)
        data = _encode([clean_root, clean_nodes])
        if data == bytes(old.data):
            return None
    buffers = [Buffer(name, memoryview(data)), *content.buffers[1:]]
    return Content(content.codec, content.version, content.meta, buffers)


def _clean_all(
    root: Any, nodes: list[Any], redactor: Redactor, where: str
) -> tuple[Any, list[Any]]:
    return _clean(root, redactor, where), [_clean_node(node, redactor, where) for node in nodes]


def _suspicious(texts: list[str], nodes: list[Any], redactor: Redactor) -> bool:
    """Look at all texts at once: most values hold no secret, and one search is cheap."""
    keys = {
        key for node in nodes if node[0] in _PAIRS for key in node[2] if isinstance(key, str)
    } | {name for node in nodes if node[0] in ("data", "named") for name in node[3]}
    if sum(map(len, texts)) > MAX_SEARCHED:
        # So much text is data, as the cells of frames are: only registered secrets are looked for.
        return any(map(redactor.names_secret, keys)) or holds_registered(
            memoryview(text.encode("utf-8", "surrogatepass")) for text in texts
        )
    return redactor.suspects(texts, keys)


def _texts(part: Any) -> Iterator[str]:
    todo = [part]
    while todo:
        each = todo.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, bytes):
            yield each.decode("latin-1")
        elif isinstance(each, _Ext):
            if each.code == _SCALAR:
                todo.append(_decode(each.data))
            elif each.code == 4:
                yield bytes(each.data).decode("utf-8", "replace")
        elif isinstance(each, list):
            todo += each


def _clean(part: Any, redactor: Redactor, where: str) -> Any:
    if isinstance(part, str):
        return redactor.text(part, where)
    if isinstance(part, bytes):
        text = part.decode("latin-1")
        clean = redactor.text(text, where)
        return part if clean == text else clean.encode("latin-1", "replace")
    if isinstance(part, list):
        return [_clean(each, redactor, where) for each in part]
    if isinstance(part, _Ext) and part.code == _SCALAR:
        form = _decode(part.data)
        cleaned = [form[0], *_clean(form[1:], redactor, where)]
        return part if cleaned == form else _Ext(_SCALAR, _encode(cleaned))
    if isinstance(part, _Ext) and part.code == 4:
        text = bytes(part.data).decode("utf-8", "replace")
        clean = redactor.text(text, where)
        return part if clean == text else clean
    return part


def _clean_node(node: list[Any], redactor: Redactor, where: str) -> list[Any]:
    tag = node[0]
    if tag in _PAIRS:
        values = [
            _clean_entry(k, v, redactor, where) for k, v in zip(node[2], node[3], strict=True)
        ]
        return [tag, node[1], _clean(node[2], redactor, where), values, *node[4:]]
    if tag in ("data", "named"):
        return [
            *node[:4],
            [_clean_entry(k, v, redactor, where) for k, v in zip(node[3], node[4], strict=True)],
        ]
    if tag == "content":
        return node  # arrays and frames inside a container are data
    return [tag, *(_clean(part, redactor, where) for part in node[1:])]


def _clean_entry(key: Any, value: Any, redactor: Redactor, where: str) -> Any:
    if isinstance(value, str):
        return redactor.named_value(key, value, where)
    return _clean(value, redactor, where)


def searched_buffers(content: Content) -> list[memoryview]:
    """Return the buffers of a content that may hold text."""
    dtype = content.meta.get("dtype")
    if content.codec == "numpy.array" and isinstance(dtype, str) and dtype[1:2] in _NUMBERS:
        return []
    return [buffer.data for buffer in content.buffers if buffer.layout in ("bytes", "payload")]
