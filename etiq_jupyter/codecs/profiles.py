"""A profile per column of a stored frame: type, nulls, distinct values, range, histogram.

On demand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from etiq_jupyter.errors import NotKept
from etiq_jupyter.objects.content import ContentReader

MAX_COLUMNS = 200
"""Columns that are profiled in one call."""


def profile(reader: ContentReader, columns: Sequence[str] | None = None) -> dict[str, Any]:
    """Profile the columns of a stored frame.

    Parameters
    ----------
    columns : sequence of str, optional
        Only these; at most 200 are profiled in one call.

    Returns
    -------
    dict
        ``rows`` and ``columns``: a list with ``name``, ``type``, ``nulls``, and for numbers and
        times
        ``min``, ``max``, ``mean``, ``std``, ``histogram`` {edges, counts}; else ``distinct`` and
        ``top`` [{value, count}].

    Raises
    ------
    NotKept
        When the content is not a table.
    """
    from etiq_jupyter.codecs.frame_meta import is_table

    if not is_table(reader):
        raise NotKept(f"a {reader.codec} has no columns")
    from etiq_jupyter.codecs.arrow_view import table_of
    from etiq_jupyter.codecs.column_profiles import column_profile

    table = table_of(reader, columns)
    names = table.column_names[:MAX_COLUMNS]
    made = [column_profile(name, table.column(place)) for place, name in enumerate(names)]
    found: dict[str, Any] = {"rows": table.num_rows, "columns": made}
    if len(table.column_names) > MAX_COLUMNS:
        found["columns_left_out"] = len(table.column_names) - MAX_COLUMNS
    return found
