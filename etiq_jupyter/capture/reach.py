"""What a cell can reach from the names it uses: through functions, and through aliases.

Functions and classes of the namespace that a cell uses are followed by the global names in their
code. Names whose values share a mutable part (the same list in two dictionaries, a view of an
array)
are one group: changing one may change the others.

Limits: containers are followed `DEPTH` levels deep, the first `PARTS` elements of each and `BUDGET`
parts together. Objects of libraries are not looked into. What native code or other threads change,
and views between frames that share memory without copy-on-write, are not seen unless the name is
used in the cell.
"""

from __future__ import annotations

import dis
import sys
import types
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

DEPTH = 4
PARTS = 200
BUDGET = 20_000
_ATOMS = (int, float, complex, str, bytes, bool, type(None))
_LOADS = frozenset(("LOAD_GLOBAL", "LOAD_NAME"))
_STORES = frozenset(("STORE_GLOBAL", "DELETE_GLOBAL"))
_cache: dict[types.CodeType, tuple[frozenset[str], frozenset[str], frozenset[str]]] = {}


def globals_of(code: types.CodeType) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """Return the global names that a code object loads and stores, and the attributes it uses."""
    found = _cache.get(code)
    if found is None:
        loads, stores, attributes = set(), set(), set()
        todo = [code]
        while todo:
            each = todo.pop()
            for step in dis.get_instructions(each):
                if step.opname in _LOADS:
                    loads.add(str(step.argval))
                elif step.opname in _STORES:
                    stores.add(str(step.argval))
                elif step.opname in ("LOAD_ATTR", "LOAD_METHOD"):
                    attributes.add(str(step.argval))
            todo += [const for const in each.co_consts if isinstance(const, types.CodeType)]
        if len(_cache) > 5_000:
            _cache.clear()
        found = _cache[code] = (frozenset(loads), frozenset(stores), frozenset(attributes))
    return found


def through_functions(
    names: Iterable[str], namespace: Mapping[str, Any]
) -> tuple[dict[str, None], set[str]]:
    """Follow the functions and classes among some names.

    Returns
    -------
    tuple of (dict, set)
        All names reached, in order, the given ones among them; and names that functions may bind.
    """
    reached: dict[str, None] = dict.fromkeys(names)
    stored: set[str] = set()
    todo = deque(reached)
    seen: set[int] = set()
    while todo:
        name = todo.popleft()
        if name not in namespace:
            continue
        for code in _codes(namespace[name], namespace, seen):
            loads, stores, _ = globals_of(code)
            stored |= stores
            for other in loads | stores:
                if other not in reached and other in namespace:
                    reached[other] = None
                    todo.append(other)
    return reached, stored


def _codes(value: Any, namespace: Mapping[str, Any], seen: set[int]) -> Iterator[types.CodeType]:
    """Code that using a value may run, as far as it was defined in this namespace."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if type(value) is types.MethodType:
        value = value.__func__
    if type(value) is types.FunctionType:
        if value.__globals__ is namespace:
            yield value.__code__
        wrapped = value.__dict__.get("__wrapped__")
        if wrapped is not None:
            yield from _codes(wrapped, namespace, seen)
        for cell in value.__closure__ or ():
            try:
                inside = cell.cell_contents
            except ValueError:
                continue
            yield from _codes(inside, namespace, seen)
        return
    kind = value if issubclass(type(value), type) else type(value)
    if isinstance(kind.__module__, str) and kind.__module__ == namespace.get(
        "__name__", "__main__"
    ):
        for parent in kind.__mro__:
            for member in vars(parent).values():
                member = (
                    getattr(member, "__func__", None) or getattr(member, "fget", None) or member
                )
                if isinstance(member, types.FunctionType):
                    yield from _codes(member, namespace, seen)
    elif type(value).__name__ == "partial" and type(value).__module__ == "functools":
        yield from _codes(value.func, namespace, seen)


def mutable_parts(value: Any, budget: list[int]) -> set[int]:
    """Return id() of the mutable objects in a value, the value among them.

    Ids of array memory too.
    """
    found: set[int] = set()
    todo: list[tuple[Any, int]] = [(value, 0)]
    while todo and budget[0] > 0:
        part, depth = todo.pop()
        kind = type(part)
        if kind in _ATOMS or id(part) in found:
            continue
        budget[0] -= 1
        if kind not in (tuple, frozenset):
            found.add(id(part))
        memory = _memory(part, kind)
        if memory is not None:
            found.add(memory)
        if depth < DEPTH:
            todo += [(inner, depth + 1) for inner in _inside(part, kind)]
    return found


def _memory(part: Any, kind: type) -> int | None:
    """Identity of the memory that an array is a view of."""
    numpy = sys.modules.get("numpy")
    if numpy is None or not issubclass(kind, numpy.ndarray):
        return None
    base = part
    while type(base.base) is numpy.ndarray:
        base = base.base
    return id(base)


def _inside(part: Any, kind: type) -> list[Any]:
    if kind is dict or issubclass(kind, dict):
        values: Iterable[Any] = dict.values(part)
    elif kind in (list, tuple, set, frozenset, deque):
        values = part
    elif issubclass(kind, (types.FunctionType, type, types.ModuleType)):
        return []
    elif (
        kind.__module__ == "__main__"
        or kind is types.SimpleNamespace
        or hasattr(kind, "__dataclass_fields__")
    ):
        try:
            values = object.__getattribute__(part, "__dict__").values()
        except AttributeError:
            return []
    else:
        return []
    found = []
    for value in values:
        if type(value) not in _ATOMS:
            found.append(value)
            if len(found) == PARTS:
                break
    return found


def aliases(names: Iterable[str], namespace: Mapping[str, Any], others: Iterable[str]) -> set[str]:
    """Return those of ``others`` whose values share a mutable part with the value of a name."""
    budget = [BUDGET]
    touched: set[int] = set()
    for name in names:
        if name in namespace:
            touched |= mutable_parts(namespace[name], budget)
    if not touched:
        return set()
    groups = {
        other: mutable_parts(namespace[other], budget) for other in others if other in namespace
    }
    found: set[str] = set()
    grown = True
    while grown:
        grown = False
        for other, parts in groups.items():
            if other not in found and parts & touched:
                found.add(other)
                # What this name shares with a third one may be changed through it as well.
                touched |= parts
                grown = True
    return found
