"""What all frames have in common: the description of rows and columns, without any library."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from etiq_jupyter.codecs.base import MAX_COLUMNS, need, refuse
from etiq_jupyter.codecs.describe import describe
from etiq_jupyter.codecs.plain import unpack_plain
from etiq_jupyter.errors import Invalid
from etiq_jupyter.objects.content import ContentReader

MAX_ROWS = 2**40
FRAMES = (
    "pandas.frame",
    "pandas.series",
    "pandas.array",
    "pandas.index",
    "polars.frame",
    "polars.series",
    "pyarrow.table",
    "pyarrow.array",
    "numpy.array",
)
"""Codecs whose contents can be seen as a table."""
SHOWN_COLUMNS = 1_000
"""Columns that are listed in an item's detail; the frame itself keeps all."""


def frame_rows(meta: dict[str, Any]) -> int:
    """Return the number of rows that a frame says it has, within bounds."""
    rows = need(meta, "rows", int)
    if not 0 <= rows <= MAX_ROWS:
        raise refuse(f"a frame claims {rows:,} rows")
    return int(rows)


def frame_columns(meta: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the descriptions of a frame's columns, within bounds."""
    columns: list[dict[str, Any]] = need(meta, "columns", list)
    if len(columns) > MAX_COLUMNS:
        raise refuse(f"a frame claims {len(columns):,} columns")
    if not all(isinstance(spec, dict) for spec in columns):
        raise refuse("a column has no description")
    return columns


def label(spec: dict[str, Any]) -> str:
    """Return a column's name as people read it."""
    shown = spec.get("label", spec.get("name", ""))
    return shown if isinstance(shown, str) else str(shown)


def wanted(meta: dict[str, Any], columns: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield number and description of the columns asked for, in the frame's order when all are.

    Parameters
    ----------
    columns : sequence of str or int, or None
        Names as `label` gives them, or positions; None for all.

    Raises
    ------
    Invalid
        When there is no such column.
    """
    specs = frame_columns(meta)
    if columns is None:
        yield from enumerate(specs)
        return
    places: dict[str, list[int]] = {}
    for number, spec in enumerate(specs):
        places.setdefault(label(spec), []).append(number)
    for asked in columns:
        found = places.get(asked if isinstance(asked, str) else str(asked))
        if found is None and type(asked) is int and 0 <= asked < len(specs):
            found = [asked]
        if found is None:
            names = ", ".join(list(places)[:10])
            raise Invalid(
                f"there is no column {asked!r}", why=f"the columns are {names}", path="$.columns"
            )
        for number in found:
            yield number, specs[number]


def type_label(spec: dict[str, Any]) -> str:
    """Return a column's type as people read it."""
    shown = spec.get("type")
    if isinstance(shown, str):
        return shown
    kind = spec.get("arrow")
    if isinstance(kind, str):
        return kind
    if isinstance(kind, list) and kind:
        if kind[0] == "timestamp":
            return f"timestamp[{kind[1]}{', ' + str(kind[2]) if kind[2] else ''}]"
        return str(kind[0])
    return ""


def frame_summary(meta: dict[str, Any]) -> str:
    """Return ``950,000 x 12``."""
    return f"{meta['rows']:,} x {len(meta['columns']):,}"


def column_detail(meta: dict[str, Any]) -> dict[str, Any]:
    """Return shape and columns with type and number of nulls.

    ``nulls`` is None where counting needs a pass over the data; `profile` counts it on demand.
    """
    specs = meta["columns"]
    shown = [
        {
            "name": label(spec),
            "type": type_label(spec),
            "nulls": None if (n := spec.get("nulls")) == -1 else n,
        }
        for spec in specs[:SHOWN_COLUMNS]
    ]
    detail: dict[str, Any] = {"shape": [meta["rows"], len(specs)], "columns": shown}
    if len(specs) > SHOWN_COLUMNS:
        detail["columns_left_out"] = len(specs) - SHOWN_COLUMNS
    return detail


def is_table(reader: ContentReader) -> bool:
    """Say whether a content can be seen as a table."""
    if reader.codec not in FRAMES:
        return False
    shape = reader.meta.get("shape")
    if not isinstance(shape, list):
        return True
    return len(shape) == 1 or (len(shape) == 2 and type(shape[1]) is int and 0 < shape[1] <= 10_000)


def index_names(meta: dict[str, Any]) -> list[str]:
    """Return the names of a pandas frame's index columns, as people read them."""
    spec = meta.get("index")
    if not isinstance(spec, dict):
        return []
    names = [
        unpack_plain(name) if isinstance(name, bytes) else name for name in spec.get("names", [])
    ]
    return [
        "" if name is None else name if isinstance(name, str) else describe(name) for name in names
    ]


def index_count(meta: dict[str, Any]) -> int:
    """Return how many leading columns of `table_of` are the index."""
    spec = meta.get("index")
    if not isinstance(spec, dict):
        return 0
    if spec.get("index") == "multi":
        return len(spec["levels"])
    return 0 if default_range(spec) else 1


def default_range(spec: dict[str, Any]) -> bool:
    """Say whether an index is the plain one that counts rows from 0."""
    return (
        spec.get("index") == "range"
        and spec.get("range", [1])[0] == 0
        and spec["range"][2] == 1
        and index_names({"index": spec}) == [""]
    )
