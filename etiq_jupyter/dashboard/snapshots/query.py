"""The query language of snapshot lists: words, and terms such as ``metric.acc>0.9`` or ``tag:x``.

Everything must match. A word is looked for in name, tags, note, variable names and source, in any
letter case; ``"two words"`` in quotes is one word. Terms: ``metric.NAME`` with ``> >= < <= = !=``
and a number, ``tag:T``, ``failed:yes|no``, ``run:RUN-3`` (or its UUID), ``author:USERNAME``.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from typing import Any

from sqlalchemy import exists, select

from etiq_jupyter import ids
from etiq_jupyter.dashboard.db import tables
from etiq_jupyter.dashboard.snapshots.manifest import fold
from etiq_jupyter.errors import Invalid

MAX_TERMS = 30
_SPLIT = re.compile(r'(?:[^\s"]|"[^"]*"?)+')
_METRIC = re.compile(r"metric\.(?P<name>.+?)(?P<op>>=|<=|!=|=|>|<)(?P<value>.*)", re.IGNORECASE)
_FIELD = re.compile(r"(?P<field>tag|failed|run|author|name):(?P<value>.*)", re.IGNORECASE)
_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "!=": operator.ne,
}
_YES, _NO = {"yes", "true", "1"}, {"no", "false", "0"}


def conditions(q: str) -> list[Any]:
    """Translate a query to conditions on the snapshots table.

    Raises
    ------
    Invalid
        When a term cannot be understood; says which, and how it is written.
    """
    pieces = _SPLIT.findall(q)
    if len(pieces) > MAX_TERMS:
        raise Invalid(f"a query has at most {MAX_TERMS} terms", path="$.q")
    return [_condition(piece) for piece in pieces if piece.strip('"').strip()]


def _condition(piece: str) -> Any:
    plain = piece.replace('"', "")
    if piece.startswith('"'):
        return has_word(plain)
    metric = _METRIC.fullmatch(plain)
    if metric:
        return _metric(metric["name"], metric["op"], metric["value"])
    field = _FIELD.fullmatch(plain)
    if field:
        return _FIELDS[field["field"].lower()](field["value"])
    return has_word(plain)


def has_word(word: str) -> Any:
    """Return the snapshots in whose text a word is."""
    manifests = tables.manifests
    part = literal(fold(word))
    return exists(
        select(manifests.c.snapshot_id).where(
            manifests.c.snapshot_id == tables.snapshots.c.id,
            manifests.c.text.like(f"%{part}%", escape="\\"),
        )
    )


def literal(text: str) -> str:
    """Escape what LIKE takes as a pattern."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def has_tag(tag: str) -> Any:
    """Return the snapshots with a tag."""
    table = tables.tags
    return exists(
        select(table.c.snapshot_id).where(
            table.c.snapshot_id == tables.snapshots.c.id, table.c.tag == tag
        )
    )


def in_run(run: str) -> Any:
    """Return the snapshots of a run, by UUID or short id."""
    try:
        canonical = ids.parse_id(run)
    except Invalid as error:
        raise Invalid(f"{run!r} is not a run's id", why=error.why, path="$.run") from None
    short = ids.parse_short_id(canonical)
    if short is None:
        return tables.snapshots.c.run_id == canonical
    number = short[1] if short[0] == "RUN" else -1
    table = tables.runs
    return exists(
        select(table.c.id).where(
            table.c.id == tables.snapshots.c.run_id,
            table.c.project_id == tables.snapshots.c.project_id,
            table.c.number == number,
        )
    )


def _metric(name: str, op: str, value: str) -> Any:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if math.isnan(number):
        raise Invalid(
            f"{value!r} is not a number",
            hint=f"write for example metric.{name}{op}0.9",
            path="$.q",
        )
    # Under its own name: the list may be sorted by a metric, and then reads this table too.
    table = tables.metrics.alias()
    return exists(
        select(table.c.snapshot_id).where(
            table.c.snapshot_id == tables.snapshots.c.id,
            table.c.name == name,
            _OPERATORS[op](table.c.value, number),
        )
    )


def _failed(value: str) -> Any:
    folded = value.casefold()
    if folded not in _YES | _NO:
        raise Invalid(f"{value!r} is neither yes nor no", hint="write failed:yes", path="$.q")
    return tables.snapshots.c.failed == (folded in _YES)


def _author(value: str) -> Any:
    users = tables.users
    return tables.snapshots.c.user_id.in_(
        select(users.c.id).where(users.c.folded == value.casefold())
    )


def _named(value: str) -> Any:
    return tables.snapshots.c.name == value


_FIELDS: dict[str, Callable[[str], Any]] = {
    "tag": has_tag,
    "failed": _failed,
    "run": in_run,
    "author": _author,
    "name": _named,
}
