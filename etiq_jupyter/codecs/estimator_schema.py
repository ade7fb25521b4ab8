"""Reading skops' schema of a scikit-learn model: nodes, attributes, constants, arrays."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from etiq_jupyter.codecs.base import refuse

Load = Callable[[str], Any]
"""Reads an array by the name of its file."""
Around = TypeVar("Around")


def nodes_of(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield every node of a schema; nodes that hold others come before these."""
    todo: list[Any] = [schema]
    while todo:
        node = todo.pop()
        if isinstance(node, list):
            todo += node
        elif isinstance(node, dict):
            yield node
            todo += node.values()


def walk(
    schema: Any, start: Around, visit: Callable[[dict[str, Any], Around], Around | None]
) -> None:
    """Visit every node of a schema with what stands around it.

    Parameters
    ----------
    start
        What stands around the whole.
    visit : callable
        Gets a node and what stands around it; returns what stands around the node's parts. None
        leaves these out.
    """
    todo: list[tuple[Any, Around]] = [(schema, start)]
    while todo:
        node, around = todo.pop()
        if isinstance(node, list):
            todo += [(part, around) for part in node]
        elif isinstance(node, dict):
            inside = visit(node, around)
            if inside is not None:
                todo += [(part, inside) for part in node.values()]


def class_of(node: Any) -> str:
    """Return the full name of a node's class, empty for what is no node."""
    return f"{node.get('__module__')}.{node.get('__class__')}" if isinstance(node, dict) else ""


def state_of(node: Any) -> dict[str, Any]:
    """Return the attributes of an object's node, empty when it has none."""
    found = node.get("content") if isinstance(node, dict) else None
    inner = found.get("content") if isinstance(found, dict) else None
    return inner if isinstance(inner, dict) else {}


def parts_of(node: Any) -> list[Any]:
    """Return the parts of a node that is made by calling its class, empty when it has none."""
    found = node.get("content") if isinstance(node, dict) else None
    inner = found.get("content") if isinstance(found, dict) else None
    return inner if isinstance(inner, list) else []


def constant_of(node: Any) -> Any:
    """Return the value of a constant; the node itself when it is none."""
    if isinstance(node, dict) and node.get("__loader__") == "JsonNode":
        try:
            return json.loads(node.get("content", ""))
        except (ValueError, TypeError):
            return node
    return node


def number_of(node: Any) -> int | None:
    """Return the integer that a node holds, None when it holds something else."""
    value = constant_of(node) if isinstance(node, dict) else None
    return value if type(value) is int else None


def array_of(node: Any, load: Load) -> Any:
    """Return the array that a node names, by loading its file."""
    if not isinstance(node, dict) or not isinstance(node.get("file"), str):
        raise refuse("the model has no array where one belongs")
    return load(node["file"])


def demand(true: Any, message: str) -> None:
    """Refuse the model with a message unless something is true of it."""
    if not true:
        raise refuse(message)
