"""Comparing two frames: schema, rows by key or by position and content, cells, distributions.

Columns become arrays of 64-bit codes that are equal exactly where the cells are, so a frame of a
million rows is compared by a few vector operations per column.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from etiq_jupyter.codecs.arrow_view import plain_cells, table_of
from etiq_jupyter.codecs.column_profiles import distribution, word_distribution
from etiq_jupyter.codecs.frame_meta import index_count
from etiq_jupyter.codecs.previews import type_name
from etiq_jupyter.compare.rows import Match, by_content, by_key, by_position
from etiq_jupyter.objects.content import ContentReader

SAMPLE = 50
"""Changed, added and removed rows that are listed, each."""
MAX_DISTRIBUTIONS = 100
"""Columns whose distributions are compared."""
_KEY_NAME = re.compile(
    r"(?i)^(?:id|key|uuid|guid|index|code)$|(?:_|\b)(?:id|key|uuid|guid|code|no|nr)$|Id$"
)
MAX_KEY_TRIES = 4
Int = np.ndarray[Any, np.dtype[np.int64]]


@dataclass
class Codes:
    """One column of both frames as numbers.

    ``words`` are what the codes of a text column stand for; a missing cell is -1 then.
    """

    name: str
    a: Int
    b: Int
    words: Any = None

    @functools.cached_property
    def same(self) -> bool:
        """Nothing differs by position."""
        return len(self.a) == len(self.b) and bool(np.array_equal(self.a, self.b))


def frame_change(a: ContentReader, b: ContentReader) -> tuple[str, dict[str, Any]]:
    """Compare two stored frames (or series, indexes).

    Returns
    -------
    tuple of (str, dict)
        One line, and the detail: ``shape``, ``schema`` (added, removed, changed), ``matched_by``
        (``key``, ``position`` or ``content``), ``key``, ``rows`` (added, removed, changed, same),
        ``columns`` (per changed column: changed cells and distributions), ``sample`` of changed
        cells, ``added_rows`` and ``removed_rows`` (samples), ``reordered``.
    """
    left, right = _unique(table_of(a)), _unique(table_of(b))
    indexed = index_count(a.meta) and index_count(b.meta)
    detail: dict[str, Any] = {"form": "frame", "shape": [_shape(left, a), _shape(right, b)]}
    schema = _schema(left, right)
    detail["schema"] = schema
    names = [name for name in left.column_names if name in right.column_names]
    columns = [
        made for name in names if (made := _codes(name, left.column(name), right.column(name)))
    ]
    match = _match(columns, left, right, bool(indexed))
    detail |= _rows(match, columns)
    detail |= _samples(match, columns, left, right)
    detail["columns"] = _columns(match, columns, left, right)
    return _line(detail), detail


def _shape(table: pa.Table, reader: ContentReader) -> list[int]:
    return [table.num_rows, table.num_columns - index_count(reader.meta)]


def _unique(table: pa.Table) -> pa.Table:
    from etiq_jupyter.codecs.exports import unique_names

    return table.rename_columns(unique_names(table.column_names))


def _schema(a: pa.Table, b: pa.Table) -> dict[str, Any]:
    left = {
        name: type_name(column.type) for name, column in zip(a.column_names, a.columns, strict=True)
    }
    right = {
        name: type_name(column.type) for name, column in zip(b.column_names, b.columns, strict=True)
    }
    common = [name for name in left if name in right]
    return {
        "added": [{"name": name, "type": kind} for name, kind in right.items() if name not in left],
        "removed": [
            {"name": name, "type": kind} for name, kind in left.items() if name not in right
        ],
        "changed": [
            {"name": name, "a": left[name], "b": right[name]}
            for name in common
            if left[name] != right[name]
        ],
        "reordered": common != [name for name in right if name in left],
    }


# --- cells as numbers -------------------------------------------------------------------------


def _codes(name: str, a: pa.ChunkedArray, b: pa.ChunkedArray) -> Codes | None:
    """Return a column of both sides as codes, None when its cells cannot be compared."""
    a, b = _decoded(a), _decoded(b)
    if a.type != b.type:
        common = _common(a.type, b.type)
        if common is None:
            return None
        try:
            a, b = a.cast(common), b.cast(common)
        except pa.ArrowException:
            return None
    kind = a.type
    t = pa.types
    numeric = t.is_boolean(kind) or t.is_integer(kind) or t.is_floating(kind)
    if numeric or (t.is_temporal(kind) and not t.is_interval(kind)):
        return Codes(name, _numbers(a), _numbers(b))
    return _by_dictionary(name, a, b)


def _decoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
    if pa.types.is_string(column.type):
        column = column.cast(pa.large_string())
    return column


def _common(a: pa.DataType, b: pa.DataType) -> pa.DataType | None:
    t = pa.types
    if all(t.is_integer(kind) or t.is_floating(kind) or t.is_boolean(kind) for kind in (a, b)):
        if t.is_floating(a) or t.is_floating(b):
            return pa.float64()
        return pa.int64()
    if t.is_timestamp(a) and t.is_timestamp(b) and bool(a.tz) == bool(b.tz):
        return pa.timestamp("ns", a.tz)
    if all(t.is_null(kind) for kind in (a, b)):
        return a
    if t.is_null(a):
        return b
    return a if t.is_null(b) else None


_NULL = np.int64(-0x7ABCDEF012345678)
"""The code of a missing cell: a number that data hardly holds."""


def _numbers(column: pa.ChunkedArray) -> Int:
    kind = column.type
    t = pa.types
    missing = np.asarray(pc.is_null(column).to_numpy()) if column.null_count else None
    if t.is_temporal(kind):
        width = pa.int32() if kind.bit_width == 32 else pa.int64()
        column = pa.chunked_array([chunk.view(width) for chunk in column.chunks], width)
    if missing is not None:
        column = pc.fill_null(column, False if t.is_boolean(kind) else 0)
    if t.is_floating(kind):
        values = np.asarray(column.to_numpy()).astype(np.float64, copy=False)
        array = (values + 0.0).view(np.int64)  # -0.0 becomes 0.0
        odd = values != values
        if odd.any():
            array[odd] = np.float64("nan").view(np.int64)
    else:
        array = np.asarray(column.to_numpy())
        array = array.view(np.int64) if array.dtype == np.uint64 else array.astype(np.int64)
    if missing is not None:
        array = np.where(missing, _NULL, array)
    return array


def _by_dictionary(name: str, a: pa.ChunkedArray, b: pa.ChunkedArray) -> Codes | None:
    both = pa.chunked_array([*a.chunks, *b.chunks], a.type)
    try:
        coded = both.dictionary_encode().combine_chunks()
    except pa.ArrowException:
        if len(both) > 200_000:
            return None
        texts = pa.array(
            [None if v is None else repr(v) for v in both.to_pylist()], pa.large_string()
        )
        coded = texts.dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.unify_dictionaries().combine_chunks()
    codes = np.asarray(pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False)).astype(
        np.int64
    )
    return Codes(name, codes[: len(a)], codes[len(a) :], coded.dictionary)


# --- rows -------------------------------------------------------------------------------------


def _match(columns: list[Codes], a: pa.Table, b: pa.Table, indexed: bool) -> Match:
    """Find which row of one frame is which of the other."""
    rows = (a.num_rows, b.num_rows)
    if not columns:
        return by_position(*rows)
    if rows[0] == rows[1] and all(column.same for column in columns):
        return by_position(*rows)
    for column, named in _key_candidates(columns, a, indexed):
        # A column that only happens to be distinct has to pair nearly all rows.
        match = by_key(column.name, column.a, column.b, 0.5 if named else 0.95)
        if match is not None:
            return match
    pairs = [(column.a, column.b) for column in columns]
    return by_content(pairs, *rows)


def _key_candidates(columns: list[Codes], a: pa.Table, indexed: bool) -> list[tuple[Codes, bool]]:
    found = []
    for place, column in enumerate(columns):
        kind = a.column(column.name).type
        t = pa.types
        text = t.is_string(kind) or t.is_large_string(kind)
        if not (t.is_integer(kind) or text or (t.is_timestamp(kind) and place == 0)):
            continue
        named = bool(_KEY_NAME.search(column.name))
        first = indexed and place == 0
        if named or first or place < 3:
            found.append((not (named or first), place, column))
    ordered = sorted(found, key=lambda entry: entry[:2])
    return [(column, not plain) for plain, _, column in ordered][:MAX_KEY_TRIES]


def _rows(match: Match, columns: list[Codes]) -> dict[str, Any]:
    changed = match.changed([(column.a, column.b) for column in columns])
    counts = {
        "added": len(match.added),
        "removed": len(match.removed),
        "changed": int(changed.sum()),
        "same": int(len(match.a) - changed.sum()),
    }
    return {"matched_by": match.how, "key": match.key, "rows": counts, "reordered": match.reordered}


def _samples(match: Match, columns: list[Codes], a: pa.Table, b: pa.Table) -> dict[str, Any]:
    changed = match.changed([(column.a, column.b) for column in columns])
    places = np.flatnonzero(changed)[:SAMPLE]
    rows_a, rows_b = match.a[places], match.b[places]
    left, right = _cells(a, rows_a), _cells(b, rows_b)
    sample = []
    for n in range(len(places)):
        cells = [
            {"column": column.name, "a": left[column.name][n], "b": right[column.name][n]}
            for column in columns
            if column.a[rows_a[n]] != column.b[rows_b[n]]
        ]
        row = {"row_a": int(rows_a[n]), "row_b": int(rows_b[n]), "cells": cells}
        if match.key:
            row["key"] = right[match.key][n]
        sample.append(row)
    return {
        "sample": sample,
        "added_rows": _listed(b, match.added[:SAMPLE]),
        "removed_rows": _listed(a, match.removed[:SAMPLE]),
    }


def _cells(table: pa.Table, rows: Any) -> dict[str, list[Any]]:
    part = table.take(pa.array(rows))
    return {
        name: plain_cells(column.combine_chunks())
        for name, column in zip(part.column_names, part.columns, strict=True)
    }


def _listed(table: pa.Table, rows: Any) -> dict[str, Any]:
    part = table.select(table.column_names[:50])
    cells = _cells(part, rows)
    return {
        "columns": list(cells),
        "places": [int(row) for row in rows],
        "rows": [list(row) for row in zip(*cells.values(), strict=True)],
    }


def _columns(match: Match, columns: list[Codes], a: pa.Table, b: pa.Table) -> list[dict[str, Any]]:
    """Count changed cells per column; compare distributions where anything differs."""
    made: list[dict[str, Any]] = []
    moved = bool(len(match.added) or len(match.removed))
    changed = np.flatnonzero(match.changed([(column.a, column.b) for column in columns]))
    rows_a, rows_b = match.a[changed], match.b[changed]
    for column in columns:
        differ = int((column.a[rows_a] != column.b[rows_b]).sum())
        if not differ and not moved:
            continue
        entry: dict[str, Any] = {"name": column.name, "changed": differ}
        if len(made) < MAX_DISTRIBUTIONS:
            if column.words is None:
                entry |= distribution(a.column(column.name), b.column(column.name))
            else:
                entry |= word_distribution(column.a, column.b, column.words)
        made.append(entry)
    return made


def _line(detail: dict[str, Any]) -> str:
    rows, schema = detail["rows"], detail["schema"]
    parts = [
        f"{rows[what]:,} rows {what}" for what in ("added", "removed", "changed") if rows[what]
    ]
    parts += [
        f"{len(schema[what]):,} columns {what}" for what in ("added", "removed") if schema[what]
    ]
    if schema["changed"]:
        parts.append(f"{len(schema['changed']):,} columns with another type")
    if detail["reordered"]:
        parts.append("rows reordered")
    if schema["reordered"]:
        parts.append("columns reordered")
    return ", ".join(parts) or "same cells, other index, attributes or exact types"
