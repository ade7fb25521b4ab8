"""Items of snapshots: what they hold as files and as previews. Content is hostile input."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from etiq_jupyter.dashboard.snapshots.reading import Opened
from etiq_jupyter.errors import Corrupt, EtiqError, Invalid, NotFound, TooLarge
from etiq_jupyter.model import Item, Preview

if TYPE_CHECKING:
    from etiq_jupyter.dashboard.services import Services
    from etiq_jupyter.objects.reader import StoredContent

log = logging.getLogger(__name__)

LARGEST_EXPORT = 1 << 30
"""Bytes of content that the dashboard converts; larger items are read chunk by chunk."""
FORMATS = {
    "arrow": ("application/vnd.apache.arrow.stream", "arrows"),
    "parquet": ("application/vnd.apache.parquet", "parquet"),
    "csv": ("text/csv", "csv"),
    "json": ("application/json", "json"),
    "png": ("image/png", "png"),
    "raw": ("application/octet-stream", "bin"),
    "safetensors": ("application/octet-stream", "safetensors"),
}
_RAW_EXTENSIONS = {"source": "py"}
"""Of raw content that has a usual name; an array tells it by its first bytes."""
_NPY = b"\x93NUMPY"
_EXTENSIONS = {
    "image/svg+xml": "svg",
    "image/jpeg": "jpg",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/png": "png",
}
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
# Decoding holds whole columns in memory, so a burst of requests waits here.
_slots = threading.BoundedSemaphore(3)


@dataclass(frozen=True, slots=True)
class Stored:
    """An item with its content opened for reading."""

    item: Item
    content: StoredContent


def stored_item(services: Services, opened: Opened, name: str) -> Stored:
    """Open an item's content.

    Raises
    ------
    NotFound
        When there is no such item, or its content was not kept; says why.
    """
    item = opened.item(name)
    holder = opened.item(item.same_as) if item.same_as and not item.object else item
    if not holder.object:
        raise NotFound(
            f"the content of {name!r} was not kept",
            why=holder.reason or "only its summary was",
            hint="run the cell again to make it",
        )
    content = services.holdings.content(opened.row.workspace_id, holder.object)
    return Stored(holder, content)


def preview(services: Services, opened: Opened, name: str, **options: Any) -> Preview:
    """Return the readable part of an item; what cannot be shown says why, it is no error."""
    from etiq_jupyter import codecs

    item = opened.item(name)
    try:
        stored = stored_item(services, opened, name)
    except NotFound as error:
        return Preview(form="none", reason=error.why or str(error))
    try:
        with decoding(repr(name)):
            return codecs.preview(stored.content, item, **options)
    except Invalid:
        raise
    except EtiqError as error:
        return Preview(form="none", reason=str(error))


def profile(
    services: Services, opened: Opened, name: str, columns: list[str] | None
) -> dict[str, Any]:
    """Return the profile per column of a frame; see `codecs.profile`."""
    from etiq_jupyter import codecs

    stored = stored_item(services, opened, name)
    if stored.content.size > LARGEST_EXPORT:
        raise TooLarge(f"{name!r} is too large to be profiled here")
    with decoding(repr(name)):
        return codecs.profile(stored.content, columns)


def download(request: Request, services: Services, opened: Opened, name: str) -> Response:
    """Answer with an item as a file, in the form asked for by ``format`` or Accept."""
    from etiq_jupyter import codecs

    stored = stored_item(services, opened, name)
    chosen = _chosen(request, codecs.formats_of(stored.content))
    tag = f'"{stored.item.object}-{chosen}"'
    headers = {
        "Cache-Control": "private, no-cache",
        "ETag": tag,
        "Vary": "Accept, Authorization, Cookie",
        "Accept-Ranges": "bytes",
        # Never a page of this origin, whatever the bytes say that they are.
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    }
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if stored.content.size > LARGEST_EXPORT:
        raise TooLarge(
            f"{name!r} is too large to be converted here",
            why=f"it has {stored.content.size:,} bytes, the limit is {LARGEST_EXPORT:,}",
            hint="restore it in a session: snapshot[name] reads it piece by piece",
        )
    with decoding(repr(name)):
        mime, data = codecs.export(stored.content, chosen)
    mime, extension = _harmless(mime, chosen)
    if chosen == "raw" and extension == "bin":
        usual = _RAW_EXTENSIONS.get(stored.content.codec, extension)
        extension = "npy" if data.startswith(_NPY) else usual
    headers["Content-Disposition"] = _attachment(opened, name, extension)
    return _ranged(request, data, mime, headers)


def _chosen(request: Request, offered: tuple[str, ...]) -> str:
    asked = request.query_params.get("format")
    if asked:
        return asked
    accept = request.headers.get("accept", "*/*")
    for part in accept.split(","):
        mime = part.partition(";")[0].strip().lower()
        for name, (known, _) in FORMATS.items():
            if mime == known and name in offered:
                return name
        if mime == "application/vnd.apache.arrow.file" and "arrow" in offered:
            return "arrow"
    if "*/*" in accept or "application/octet-stream" in accept:
        return offered[0]
    raise Invalid(
        f"this item has no form {accept[:80]!r}",
        why=f"it has {', '.join(offered)}",
        hint="say which with ?format=",
        path="$.format",
    )


def _harmless(mime: str, chosen: str) -> tuple[str, str]:
    """Return a media type that no browser runs, and the file's extension."""
    plain = mime.partition(";")[0].strip().lower()
    if plain in _EXTENSIONS and plain != "image/svg+xml":
        return plain, _EXTENSIONS[plain]
    if chosen in FORMATS and plain == FORMATS[chosen][0]:
        return mime, FORMATS[chosen][1]
    return "application/octet-stream", _EXTENSIONS.get(plain, FORMATS[chosen][1])


def _attachment(opened: Opened, name: str, extension: str) -> str:
    full = f"SNP-{opened.row.number}-{name}.{extension}"
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", full)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(full, safe='')}"


def _ranged(request: Request, data: bytes, mime: str, headers: dict[str, str]) -> Response:
    """Answer with all bytes, or the one range asked for (RFC 9110, section 14)."""
    match = _RANGE.fullmatch(request.headers.get("range", ""))
    if match is None or match[0] == "bytes=-":
        return Response(data, headers=headers, media_type=mime)
    size = len(data)
    if match[1]:
        first = int(match[1])
        last = min(int(match[2]), size - 1) if match[2] else size - 1
    else:
        first, last = max(0, size - int(match[2])), size - 1
    if first > last or first >= size:
        headers["Content-Range"] = f"bytes */{size}"
        return Response(status_code=416, headers=headers)
    headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    return Response(data[first : last + 1], 206, headers, mime)


@contextmanager
def decoding(what: str) -> Iterator[None]:
    """Decode few things at once; what a decoder did not foresee is a damaged content, no crash."""
    with _slots:
        try:
            yield
        except EtiqError:
            raise
        except (MemoryError, RecursionError) as error:
            raise TooLarge(f"{what} is too large to be read here") from error
        except Exception as error:
            log.warning("%s cannot be read", what, exc_info=True)
            raise Corrupt(f"{what} cannot be read", why=type(error).__name__) from error
