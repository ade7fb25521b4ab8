"""Values of a namespace as items of a snapshot."""

from __future__ import annotations

import sys
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from etiq_jupyter import codecs
from etiq_jupyter.capture.memory import Memory
from etiq_jupyter.capture.redact import Redactor, generation, holds_registered
from etiq_jupyter.capture.redact_content import redact_plain, searched_buffers
from etiq_jupyter.codecs.base import Encoded, type_name
from etiq_jupyter.codecs.describe import describe
from etiq_jupyter.errors import NotKept
from etiq_jupyter.model import Item
from etiq_jupyter.objects.content import Content, canonical

HIDDEN = frozenset(("In", "Out", "get_ipython", "exit", "quit", "open", "display", "etiq"))
_IMPORTED = (types.FunctionType, types.BuiltinFunctionType, types.MethodType, type)
_OURS = frozenset(("IPython", "ipykernel", "typing", "etiq_jupyter"))
_OUR_VALUES = frozenset(("Picture", "Source", "Record", "SList"))
_ATOMS = (int, float, complex, bool, str, bytes, type(None))
_HOLDS = "it holds the access token or another registered secret"
MAX_SHARED = 1_000
"""Shared parts that are noted for one item."""


def is_variable(name: str, value: Any, module: str = "__main__") -> bool:
    """Say whether a name of a namespace is a variable of the user.

    Underscore names, modules, IPython's own names, and functions and classes that were imported
    are not.
    """
    # By the real type: isinstance would ask the value's own __class__, which may be code.
    kind = type(value)
    if name.startswith("_") or name in HIDDEN or issubclass(kind, types.ModuleType):
        return False
    if issubclass(kind, _IMPORTED):
        return getattr(value, "__module__", None) == module
    root = kind.__module__.partition(".")[0] if isinstance(kind.__module__, str) else ""
    if root in _OURS:
        return kind.__name__ in _OUR_VALUES
    return kind.__name__ not in ("ufunc", "_ArrayFunctionDispatcher")


def variables_of(namespace: Mapping[str, Any]) -> list[str]:
    """Return the names of the user's variables, in the order in which they were first bound."""
    module = str(namespace.get("__name__", "__main__"))
    return [
        name
        for name, value in list(namespace.items())
        if isinstance(name, str) and is_variable(name, value, module)
    ]


@dataclass
class Made:
    """A value that was looked at: encoded, or the reason why it is not kept."""

    value: Any
    encoded: Encoded | None = None
    hash: str = ""
    reason: str = ""


@dataclass
class ItemMaker:
    """Makes the items of one snapshot."""

    redactor: Redactor
    memory: Memory
    items: list[Item] = field(default_factory=list)
    contents: dict[str, Content] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    _owners: dict[int, str] = field(default_factory=dict)
    _parts: dict[int, tuple[str, int]] = field(default_factory=dict)
    _looked: dict[int, Made] = field(default_factory=dict)

    def look(self, value: Any) -> Made:
        """Encode a value and hash its content, once for all names of the same object.

        Never raises.
        """
        if type(value) in _ATOMS:
            return self._look(value)
        made = self._looked.get(id(value))
        if made is None or made.value is not value:
            made = self._looked[id(value)] = self._look(value)
        return made

    def _look(self, value: Any) -> Made:
        try:
            encoded = codecs.encode(value)
        except NotKept as error:
            path = getattr(error, "path", "")
            reason = f"{path} {error.what}".strip() + (f" ({error.why})" if error.why else "")
            return Made(value, reason=reason)
        return Made(value, encoded, encoded.content.hash)

    def add(self, name: str, made: Made) -> None:
        """Add a variable."""
        value = made.value
        self._metric(name, value)
        if made.encoded is None:
            self._left_out(name, value, made.reason)
            return
        owner = None if type(value) in _ATOMS else self._owners.get(id(value))
        if owner is not None:
            self._alias(name, owner)
            return
        content = made.encoded.content
        facts = made.encoded.facts
        where = f"variable {name}"
        clean = (made.hash, generation())
        summary, detail = facts.summary, facts.detail
        if content.codec in ("plain", "source"):
            redacted = redact_plain(content, self.redactor, where)
            if redacted is not None:
                content = redacted
                shown = codecs.decode(content)
                summary = describe(shown) if content.codec == "plain" else summary
                detail = detail | {"redacted": True}
            summary = self.redactor.text(summary, where)
            if len(content.buffers) > 1 and holds_registered(searched_buffers(content)):
                self._left_out(name, value, _HOLDS)
                return
        elif clean not in self.memory.clean:
            if holds_registered([*searched_buffers(content), memoryview(canonical(content.meta))]):
                self._left_out(name, value, _HOLDS)
                return
            if len(self.memory.clean) > 10_000:
                self.memory.clean.clear()
            self.memory.clean.add(clean)
        item = Item(
            name=name,
            kind=facts.kind,
            type=facts.type,
            summary=summary,
            size=content.size,
            hash=made.hash if content is made.encoded.content else content.hash,
            codec=content.codec,
            detail=detail,
        )
        self._shared(item, made.encoded)
        self._owners[id(value)] = name
        self.items.append(item)
        self.contents[name] = content
        for left in detail.get("left_out", ()):
            self.problems.append(f"{name}: {left}")

    def special(self, name: str, role: Any, codec: str, value: Any) -> None:
        """Add outputs, a figure or the environment by the codec of that name."""
        kept = codecs.registry.by_name(codec)
        content = kept.encode(value, codecs.Writing())
        facts = kept.summarise(value, content)
        self.items.append(
            Item(
                name=name,
                role=role,
                kind=facts.kind,
                type=facts.type,
                summary=facts.summary,
                detail=facts.detail,
                size=content.size,
                hash=content.hash,
                codec=content.codec,
            )
        )
        self.contents[name] = content

    # --- parts ---------------------------------------------------------------------------------

    def _alias(self, name: str, owner: str) -> None:
        first = next(item for item in self.items if item.name == owner)
        self.items.append(
            Item(
                name=name,
                kind=first.kind,
                type=first.type,
                summary=first.summary,
                size=first.size,
                hash=first.hash,
                codec=first.codec,
                detail=first.detail,
                same_as=owner,
            )
        )

    def _left_out(self, name: str, value: Any, reason: str) -> None:
        kind = type(value)
        summary = _shape(value)
        reason = self.redactor.text(reason, f"variable {name}")[:500]
        self.items.append(
            Item(name=name, kind="other", type=type_name(kind), summary=summary, reason=reason)
        )

    def _metric(self, name: str, value: Any) -> None:
        kind = type(value)
        number: Any = value
        if kind not in (int, float):
            numpy = sys.modules.get("numpy")
            if numpy is None or not issubclass(kind, numpy.generic):
                return
            if value.dtype.kind not in "iuf":
                return
            number = value.item()
        try:
            metric = float(number)
        except (OverflowError, TypeError, ValueError):
            return
        # Not a number and infinity are no metrics: JSON has no words for them. The value is kept.
        if metric == metric and abs(metric) != float("inf"):
            self.metrics[name] = metric

    def _shared(self, item: Item, encoded: Encoded) -> None:
        """Note parts of this value that an earlier item of the snapshot holds too."""
        noted: dict[str, list[Any]] = {}
        for part, node in encoded.shared.items():
            known = self._parts.get(part)
            if known is None:
                self._parts[part] = (item.name, node)
            elif len(noted) < MAX_SHARED:
                noted[str(node)] = list(known)
        if noted:
            item.detail = item.detail | {"shared": noted}


def _shape(value: Any) -> str:
    """Return the shape of a table or array that is not kept, ``""`` when it has none."""
    try:
        shape = value.shape
    except Exception:  # noqa: BLE001 - an attribute of a foreign object may be any code
        return ""
    if not isinstance(shape, tuple) or not all(type(n) is int for n in shape):
        return ""
    return " x ".join(f"{n:,}" for n in shape)
