"""Sorting and filtering the rows of a preview. Conditions are parsed, never evaluated as code.

A condition is a comparison such as ``price > 10``, ``city == "Rome"``, ``age >= 18 and age < 65``,
``not done``, ``name in ["a", "b"]``, ``isnull(price)``, ``contains(name, "ab")``; column names that
are not Python names stand in backticks. Anything else is looked for as words in the text columns.
"""

from __future__ import annotations

import ast
import re
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from etiq_jupyter.codecs.frame_meta import index_names, label
from etiq_jupyter.errors import Invalid
from etiq_jupyter.objects.content import ContentReader

MAX_CONDITION = 2_000
_TICKED = re.compile(r"`([^`]*)`")
_COMPARE: dict[type[ast.cmpop], Any] = {
    ast.Eq: pc.equal,
    ast.NotEq: pc.not_equal,
    ast.Lt: pc.less,
    ast.LtE: pc.less_equal,
    ast.Gt: pc.greater,
    ast.GtE: pc.greater_equal,
}


def _parse(condition: str) -> tuple[ast.expr | None, dict[str, str]]:
    """Return the condition's tree, None when it is words.

    And what the backticked names stand for.
    """
    if len(condition) > MAX_CONDITION:
        raise Invalid(f"a condition has at most {MAX_CONDITION:,} characters", path="$.filter")
    names: dict[str, str] = {}

    def plain(match: re.Match[str]) -> str:
        name = f"column_{len(names)}_"
        names[name] = match[1]
        return name

    try:
        tree = ast.parse(_TICKED.sub(plain, condition.strip()), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None, names
    if isinstance(tree, (ast.Compare, ast.BoolOp, ast.UnaryOp, ast.Call)) or names:
        return tree, names
    return None, names


def used_columns(reader: ContentReader, sort: str | None, condition: str | None) -> list[str]:
    """Return the columns that sorting and filtering need, so that no others are read."""
    known = {label(spec) for spec in reader.meta.get("columns", []) if isinstance(spec, dict)}
    index = set(index_names(reader.meta)) | {"index"}
    used = [sort.removeprefix("-")] if sort else []
    if condition:
        tree, names = _parse(condition)
        if tree is None:
            used += sorted(known)
        else:
            used += [names.get(n.id, n.id) for n in ast.walk(tree) if isinstance(n, ast.Name)]
    return [name for name in dict.fromkeys(used) if name in known and name not in index - known]


def order_rows(table: pa.Table, sort: str, first: int) -> pa.Table:
    """Return the rows in the order of one column, nulls last. Only the first ``first`` are made."""
    name = sort if sort in table.column_names else sort.removeprefix("-")
    column = _column(table, name, "$.sort")
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    order = "descending" if sort != name else "ascending"
    try:
        places = (
            pc.sort_indices(column, sort_keys=[("", order)])
            if isinstance(column, pa.Table)
            else pc.array_sort_indices(
                column.combine_chunks(), order=order, null_placement="at_end"
            )
        )
    except (pa.ArrowNotImplementedError, pa.ArrowTypeError, TypeError) as error:
        raise Invalid(
            f"column {name!r} cannot be sorted", why=f"it holds {column.type}", path="$.sort"
        ) from error
    picked = table.take(places[: max(first, 0)])
    rest = table.num_rows - picked.num_rows
    return _Padded.of(picked, rest) if rest else picked


class _Padded:
    """The first rows of a sorted table, which still says how many rows there are."""

    def __init__(self, table: pa.Table, rest: int) -> None:
        self._table = table
        self.num_rows = table.num_rows + rest
        self.column_names = table.column_names

    @classmethod
    def of(cls, table: pa.Table, rest: int) -> Any:
        return cls(table, rest)

    def slice(self, offset: int, limit: int) -> pa.Table:
        return self._table.slice(offset, limit)


def filter_rows(table: pa.Table, condition: str) -> pa.Table:
    """Return the rows that meet a condition, or that contain its words."""
    tree, names = _parse(condition)
    if tree is None:
        return table.filter(_words(table, condition))
    try:
        mask = _mask(table, tree, names)
        return table.filter(mask)
    except RecursionError as error:
        raise Invalid("the condition is nested too deep", path="$.filter") from error
    except (pa.ArrowException, TypeError, OverflowError) as error:
        raise Invalid(
            "the condition does not fit the columns", why=str(error)[:200], path="$.filter"
        ) from error


def _words(table: pa.Table, condition: str) -> Any:
    mask = None
    for word in condition.split()[:10]:
        found = None
        for column in table.columns:
            kind = column.type
            if pa.types.is_dictionary(kind):
                column, kind = column.cast(kind.value_type), kind.value_type
            if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
                continue
            hit = pc.fill_null(pc.match_substring(column, word, ignore_case=True), False)
            found = hit if found is None else pc.or_(found, hit)
        if found is None:
            found = (
                pa.array([False] * table.num_rows, pa.bool_())
                if table.num_rows < 10**7
                else pc.is_null(table.column(0))
            )
        mask = found if mask is None else pc.and_(mask, found)
    return mask


def _column(table: pa.Table, name: str, path: str) -> Any:
    places = [n for n, known in enumerate(table.column_names) if known == name]
    if not places:
        names = ", ".join(table.column_names[:10])
        raise Invalid(f"there is no column {name!r}", why=f"the columns are {names}", path=path)
    return table.column(places[0])


def _mask(table: pa.Table, tree: ast.expr, names: dict[str, str]) -> Any:
    if isinstance(tree, ast.BoolOp):
        join = pc.and_kleene if isinstance(tree.op, ast.And) else pc.or_kleene
        mask = _mask(table, tree.values[0], names)
        for part in tree.values[1:]:
            mask = join(mask, _mask(table, part, names))
        return mask
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.Not):
        return pc.invert(_mask(table, tree.operand, names))
    if isinstance(tree, ast.Compare):
        mask = None
        sides = [tree.left, *tree.comparators]
        for left, op, right in zip(sides, tree.ops, sides[1:], strict=False):
            one = _compare(table, left, op, right, names)
            mask = one if mask is None else pc.and_kleene(mask, one)
        return mask
    if (
        isinstance(tree, ast.Call)
        and isinstance(tree.func, ast.Name)
        and tree.func.id in ("isnull", "notnull", "contains")
    ):
        return _call(table, tree.func.id, tree.args, names)
    if isinstance(tree, ast.Name):
        column = _side(table, tree, names)
        return column if pa.types.is_boolean(column.type) else pc.not_equal(column, 0)
    raise Invalid(
        "the condition cannot be understood",
        why='write for example price > 10 and city == "Rome"',
        path="$.filter",
    )


def _call(table: pa.Table, name: str, args: list[ast.expr], names: dict[str, str]) -> Any:
    if len(args) != (2 if name == "contains" else 1):
        raise Invalid(f"{name} has a wrong number of arguments", path="$.filter")
    column = _side(table, args[0], names)
    if name == "contains":
        return pc.match_substring(column, str(_constant(args[1])), ignore_case=True)
    mask = pc.is_null(column)
    return mask if name == "isnull" else pc.invert(mask)


def _compare(
    table: pa.Table, left: ast.expr, op: ast.cmpop, right: ast.expr, names: dict[str, str]
) -> Any:
    a = _side(table, left, names)
    if isinstance(op, (ast.In, ast.NotIn)):
        if not isinstance(right, (ast.List, ast.Tuple, ast.Set)):
            raise Invalid('"in" wants a list', path="$.filter")
        values = pa.array([_constant(part) for part in right.elts])
        mask = pc.is_in(a, value_set=values.cast(a.type))
        return pc.invert(mask) if isinstance(op, ast.NotIn) else mask
    compare = _COMPARE.get(type(op))
    if compare is None:
        raise Invalid("this comparison is not known", path="$.filter")
    b = _side(table, right, names)
    for side, other in ((a, b), (b, a)):
        if (
            isinstance(side, pa.Scalar)
            and hasattr(other, "chunks")
            and pa.types.is_temporal(other.type)
            and pa.types.is_string(side.type)
        ):
            cast = side.cast(other.type)
            a, b = (cast, b) if side is a else (a, cast)
            break
    return compare(a, b)


def _side(table: pa.Table, tree: ast.expr, names: dict[str, str]) -> Any:
    if isinstance(tree, ast.Name):
        column = _column(table, names.get(tree.id, tree.id), "$.filter")
        return (
            column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
        )
    return pa.scalar(_constant(tree))


def _constant(tree: ast.expr) -> Any:
    if isinstance(tree, ast.Constant) and isinstance(tree.value, (int, float, str, bool)):
        return tree.value
    if (
        isinstance(tree, ast.UnaryOp)
        and isinstance(tree.op, ast.USub)
        and isinstance(tree.operand, ast.Constant)
    ):
        value = tree.operand.value
        if isinstance(value, (int, float)):
            return -value
    raise Invalid(
        "the condition compares with something that is not a number or text", path="$.filter"
    )
