"""Items of snapshots: contents as files, and previews."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from starlette.responses import Response

from etiq_jupyter.dashboard.snapshots import comparing, items
from etiq_jupyter.dashboard.web.endpoint import Call, Routes
from etiq_jupyter.errors import Invalid
from etiq_jupyter.model import Preview

routes = Routes("items")

Text = Annotated[str, msgspec.Meta(max_length=4000)]


class PreviewQuery(msgspec.Struct, kw_only=True):
    """Which part of a table. ``columns`` are names with commas between, or a JSON list."""

    offset: Annotated[int, msgspec.Meta(ge=0, le=1 << 53)] = 0
    limit: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 50
    columns: Annotated[str, msgspec.Meta(max_length=20_000)] = ""
    sort: Text = ""
    filter: Text = ""


class FormatQuery(msgspec.Struct, kw_only=True):
    """In which form; without it Accept decides."""

    format: Text = ""


class SliceQuery(msgspec.Struct, kw_only=True):
    """An item of the snapshot; empty for the whole."""

    item: Text = ""


@routes.add("GET", "/snapshots/{snapshot}/script", scope="read", media="text/x-python")
def get_script(call: Call, snapshot: str, query: SliceQuery) -> Response:
    """Return the least cells that made a snapshot, or one item of it, as a script."""
    name, text = comparing.cells(call.services, call.who, snapshot, query.item, "script")
    return _file(text, "text/x-python; charset=utf-8", f"{name}.py")


@routes.add("GET", "/snapshots/{snapshot}/notebook", scope="read", media="application/x-ipynb+json")
def get_notebook(call: Call, snapshot: str, query: SliceQuery) -> Response:
    """Return the least cells that made a snapshot, or one item of it, as a notebook."""
    name, text = comparing.cells(call.services, call.who, snapshot, query.item, "notebook")
    return _file(text, "application/x-ipynb+json", f"{name}.ipynb")


@routes.add("GET", "/snapshots/{snapshot}/items/{item:path}/preview", scope="read")
def preview_item(call: Call, snapshot: str, item: str, query: PreviewQuery) -> Preview:
    """Return the readable part of an item: a page of a table, a text, a picture."""
    opened = call.services.reading.open(call.who, snapshot)
    return items.preview(
        call.services,
        opened,
        item,
        offset=query.offset,
        limit=query.limit,
        columns=_columns(query.columns),
        sort=query.sort or None,
        filter=query.filter or None,
    )


class ProfileQuery(msgspec.Struct, kw_only=True):
    """Which columns: names with commas between, or a JSON list; empty for all."""

    columns: Annotated[str, msgspec.Meta(max_length=20_000)] = ""


@routes.add("GET", "/snapshots/{snapshot}/items/{item:path}/profile", scope="read")
def profile_item(call: Call, snapshot: str, item: str, query: ProfileQuery) -> dict[str, Any]:
    """Return type, nulls, distinct values, range and distribution of a frame's columns."""
    opened = call.services.reading.open(call.who, snapshot)
    return items.profile(call.services, opened, item, _columns(query.columns))


@routes.add(
    "GET",
    "/snapshots/{snapshot}/items/{item:path}",
    scope="read",
    media="application/octet-stream",
    also=(206,),
)
def get_item(call: Call, snapshot: str, item: str, query: FormatQuery) -> Response:
    """Return an item as a file: Arrow, Parquet, CSV, JSON, PNG or its own bytes; with ranges."""
    if query.format and query.format not in items.FORMATS:
        raise Invalid(
            f"there is no format {query.format[:40]!r}",
            hint=f"use one of {', '.join(items.FORMATS)}",
            path="$.format",
        )
    opened = call.services.reading.open(call.who, snapshot)
    return items.download(call.request, call.services, opened, item)


def _file(text: str, media: str, name: str) -> Response:
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="{name}"',
    }
    return Response(text.encode("utf-8", "replace"), headers=headers, media_type=media)


def _columns(text: str) -> list[str] | None:
    if not text:
        return None
    if text.startswith("["):
        try:
            return msgspec.json.decode(text, type=list[str])
        except msgspec.DecodeError:
            raise Invalid("columns is not a JSON list of names", path="$.columns") from None
    return text.split(",")
