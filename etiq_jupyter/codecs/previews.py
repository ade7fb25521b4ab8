"""The readable part of a stored item: a page of a table, text, JSON or a picture."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from etiq_jupyter.codecs.base import Reading
from etiq_jupyter.codecs.describe import describe
from etiq_jupyter.codecs.frame_meta import index_count, is_table
from etiq_jupyter.codecs.images import Picture, pixel_size
from etiq_jupyter.codecs.plain_reader import Record
from etiq_jupyter.codecs.registry import registry
from etiq_jupyter.errors import EtiqError, Invalid
from etiq_jupyter.model import Column, Item, Preview
from etiq_jupyter.objects.content import ContentReader

MAX_TEXT = 100_000
"""Characters of text in one preview."""
MAX_PARTS = 2_000
"""Elements of nested plain values in one preview, all levels together."""
MAX_ROWS = 1_000
_DECODED = frozenset(("plain", "source", "numpy.array"))
"""Codecs whose values are made in order to be looked at; they are pure Python and NumPy."""
MAX_CELLS = 50_000
MAX_PICTURE = 8 << 20


def preview(
    reader: ContentReader,
    item: Item | None = None,
    *,
    offset: int = 0,
    limit: int = 50,
    columns: Sequence[str] | None = None,
    sort: str | None = None,
    filter: str | None = None,  # noqa: A002 - the name of the parameter in the API
) -> Preview:
    """Return what people see of a stored item. Never runs anything of the content.

    Parameters
    ----------
    offset, limit : int
        Rows of a table, after sorting and filtering; at most 1,000 at a time.
    columns : sequence of str, optional
        Columns of a table.
    sort : str, optional
        A column's name, with ``-`` before it for descending.
    filter : str, optional
        A condition such as ``price > 10 and city == "Rome"`` or words that a text cell contains.

    Raises
    ------
    Invalid
        When a column or a condition does not exist or cannot be understood.
    Corrupt, UnsafeContent
        When the content is damaged or made to harm.
    """
    if offset < 0 or limit < 0:
        raise Invalid("offset and limit must not be negative", path="$.offset")
    codec = reader.codec
    if codec in _TABLES or is_table(reader):
        shown = list(columns) if columns is not None else None
        asked = _Asked(offset, min(limit, MAX_ROWS), shown, sort, filter)
        return _TABLES.get(codec, _table)(reader, asked)
    if codec in _SPECIAL:
        return _SPECIAL[codec](reader)  # type: ignore[no-any-return]
    if codec not in _DECODED:
        # Models are made by native code of their libraries: not in a process that only looks.
        detail = dict(item.detail) if item is not None else {}
        if detail:
            return Preview(form="json", data=detail)
        return Preview(form="none", reason="restore it in a notebook to look inside")
    try:
        value = registry.decode_content(reader, Reading())
    except EtiqError as error:
        return Preview(form="none", reason=str(error))
    return _value(value)


# --- tables -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Asked:
    """Which part of a table is asked for; ``columns`` is None for all."""

    offset: int
    limit: int
    columns: list[str] | None
    sort: str | None
    condition: str | None

    def first(self, others: Sequence[str]) -> list[str] | None:
        """Return the columns that are shown, then those of the others that are not."""
        if self.columns is None:
            return None
        return self.columns + [name for name in others if name not in self.columns]


def _table(reader: ContentReader, asked: _Asked) -> Preview:
    from etiq_jupyter.codecs.arrow_view import table_of
    from etiq_jupyter.codecs.table_query import used_columns

    extra = used_columns(reader, asked.sort, asked.condition) if asked.columns is not None else []
    return _page(table_of(reader, asked.first(extra)), index_count(reader.meta), asked)


def _sparse(reader: ContentReader, asked: _Asked) -> Preview:
    """Show the cells that are set, as rows of place and value."""
    import pyarrow as pa

    from etiq_jupyter.codecs.arrow_view import numpy_column
    from etiq_jupyter.codecs.sparse import cells_of

    arrays = [numpy_column(part) for part in cells_of(reader)]
    table = pa.Table.from_arrays(arrays, names=["row", "column", "value"])
    names = asked.first(table.column_names)
    unknown = [name for name in names or () if name not in table.column_names]
    if unknown:
        raise Invalid(f"there is no column {str(unknown[0])[:80]!r}", path="$.columns")
    return _page(table if names is None else table.select(names), 0, asked)


def _page(table: Any, leading: int, asked: _Asked) -> Preview:
    """Show rows of a table whose first ``leading`` columns are its index.

    After these come the columns that are shown, in order.
    """
    from etiq_jupyter.codecs.arrow_view import plain_cells
    from etiq_jupyter.codecs.table_query import filter_rows, order_rows

    limit = asked.limit
    if asked.condition:
        table = filter_rows(table, asked.condition)
    total = table.num_rows
    if asked.sort:
        table = order_rows(table, asked.sort, asked.offset + limit)
    page = table.slice(asked.offset, limit)
    if asked.columns is not None:
        page = page.select(list(range(leading + _count(table, leading, asked.columns))))
    width = max(1, MAX_CELLS // max(limit, 1))
    cut = page.num_columns > width
    if cut:
        page = page.select(list(range(width)))
    cells = [plain_cells(column.combine_chunks()) for column in page.columns]
    heads = [
        Column(
            name=name, type=type_name(column.type), align=_align(column.type), index=place < leading
        )
        for place, (name, column) in enumerate(zip(page.column_names, page.columns, strict=True))
    ]
    rows = [list(row) for row in zip(*cells, strict=True)] if cells else []
    return Preview(
        form="table", columns=heads, rows=rows, offset=asked.offset, total=total, truncated=cut
    )


def _count(table: Any, leading: int, shown: list[str]) -> int:
    names = table.column_names[leading:]
    return sum(names.count(name) for name in dict.fromkeys(str(name) for name in shown))


def type_name(kind: Any) -> str:
    """Return an Arrow type as people read it."""
    text = str(kind)
    if text.startswith("dictionary<"):
        return "category"
    text = {
        "large_string": "string",
        "double": "float64",
        "float": "float32",
        "halffloat": "float16",
    }.get(text, text)
    return text if len(text) <= 60 else text[:59] + "…"


def _align(kind: Any) -> Any:
    import pyarrow.types as t

    number = t.is_integer(kind) or t.is_floating(kind) or t.is_decimal(kind)
    return "right" if number else "left"


_TABLES: dict[str, Callable[[ContentReader, _Asked], Preview]] = {"scipy.sparse": _sparse}
"""Codecs whose contents are shown as a table of their own making."""


# --- everything else --------------------------------------------------------------------------


def _outputs(reader: ContentReader) -> Preview:
    return Preview(form="outputs", data=registry.decode_content(reader, Reading()))


def _environment(reader: ContentReader) -> Preview:
    return Preview(form="json", data=registry.decode_content(reader, Reading()))


def _picture(reader: ContentReader) -> Preview:
    return _show(registry.decode_content(reader, Reading()))


def _show(picture: Picture) -> Preview:
    if len(picture.data) > MAX_PICTURE:
        return Preview(
            form="none", reason=f"the picture has {len(picture.data):,} bytes; export it to see it"
        )
    return Preview(form="picture", mime=picture.mime, data=base64.b64encode(picture.data).decode())


def _pixels(reader: ContentReader) -> Preview:
    from etiq_jupyter.codecs.png import encode_png

    mode, width, height = pixel_size(reader)
    if width * height > 4_000_000:
        return Preview(
            form="none", reason=f"a picture of {width:,} x {height:,} is shown by exporting it"
        )
    palette = reader.read("palette") if reader.meta.get("palette") == "RGB" else None
    data = encode_png(mode, width, height, reader.read("pixels"), palette)
    if data is None:
        return Preview(form="none", reason=f"a picture of mode {mode} is not shown here")
    return _show(Picture("image/png", data))


def _json_figure(reader: ContentReader) -> Preview:
    from etiq_jupyter.codecs.figures import read_json

    mime = reader.meta.get("mime")
    return Preview(
        form="mime",
        mime=mime if isinstance(mime, str) else "application/json",
        data=read_json(reader),
    )


_SPECIAL: dict[str, Any] = {
    "outputs": _outputs,
    "environment": _environment,
    "picture": _picture,
    "matplotlib.figure": _picture,
    "picture.pixels": _pixels,
    "plotly.figure": _json_figure,
    "altair.chart": _json_figure,
}


def _value(value: Any) -> Preview:
    if isinstance(value, str):
        text = value[:MAX_TEXT].encode("utf-8", "replace").decode()
        return Preview(form="text", text=text, truncated=len(value) > MAX_TEXT)
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return Preview(form="text", text=_array_text(value))
    budget = [MAX_PARTS]
    data = json_able(value, budget)
    return Preview(form="json", data=data, truncated=budget[0] <= 0)


def _array_text(array: Any) -> str:
    import numpy as np

    if isinstance(array, np.ndarray):
        return np.array2string(array, threshold=1000, edgeitems=3, max_line_width=120)[:MAX_TEXT]
    return describe(array)


def json_able(value: Any, budget: list[int], depth: int = 0) -> Any:
    """Return a plain value as JSON, at most ``budget[0]`` elements of it.

    The rest is marked by ``…``.
    """
    budget[0] -= 1
    kind = type(value)
    if value is None or kind is bool:
        return value
    if kind is int:
        return (
            value
            if abs(value) < 2**53
            else str(value)
            if value.bit_length() < 4000
            else describe(value)
        )
    if kind is float:
        return value if value == value and abs(value) != float("inf") else str(value)
    if kind is str:
        text = value.encode("utf-8", "replace").decode()
        return text if len(text) <= 2000 else text[:1999] + "…"
    if kind in (dt.datetime, dt.date, dt.time):
        return value.isoformat()
    if isinstance(value, Record):
        return _entries(value.__dict__["__record__"][1], budget, depth)
    if isinstance(value, dict):
        return _entries(value, budget, depth)
    if kind in (list, tuple, set, frozenset) or kind.__name__ == "deque":
        made = []
        for part in value:
            if budget[0] <= 0 or depth > 20:
                made.append("…")
                break
            made.append(json_able(part, budget, depth + 1))
        return made
    return describe(value)


def _entries(value: dict[Any, Any], budget: list[int], depth: int) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, part in value.items():
        if budget[0] <= 0 or depth > 20:
            made["…"] = "…"
            break
        made[key if type(key) is str else describe(key)] = json_able(part, budget, depth + 1)
    return made
