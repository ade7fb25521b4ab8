"""The one place where errors become HTTP: RFC 9457 problem documents that carry the typed error."""

from __future__ import annotations

import logging
import re
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.responses import Response

from etiq_jupyter.errors import (
    EtiqError,
    Invalid,
    Lacking,
    NotFound,
    RateLimited,
    ServerError,
)

log = logging.getLogger("etiq_jupyter.dashboard")
_AT = re.compile(r" - at `(?:key in )?`?(.+?)`$")


def problem(error: EtiqError) -> Response:
    """Answer with an error, so that a client can raise the same one again."""
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
        "detail": str(error),
        "code": error.code,
        "what": error.what,
        "why": error.why,
        "hint": error.hint,
    }
    headers: dict[str, str] = {"Cache-Control": "no-store"}
    if isinstance(error, NotFound) and error.nearest:
        document["nearest"] = list(error.nearest)
    if isinstance(error, Lacking):
        document["lacking"] = list(error.lacking)
    if isinstance(error, Invalid) and error.path:
        document["path"] = error.path
    if isinstance(error, RateLimited):
        document["retry_after"] = error.retry_after
        headers["Retry-After"] = str(error.retry_after)
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="etiq"'
    return Response(
        msgspec.json.encode(document),
        error.status,
        headers,
        media_type="application/problem+json",
    )


def typed(error: Exception) -> EtiqError:
    """Return the typed error for anything; what nobody foresaw is logged, not shown."""
    if isinstance(error, EtiqError):
        return error
    if isinstance(error, msgspec.ValidationError):
        return unfit(error)
    if isinstance(error, msgspec.DecodeError):
        return Invalid("the body cannot be read", why=str(error))
    log.error("A request failed", exc_info=error)
    return ServerError(
        "the dashboard failed while answering",
        hint="its log has the details; the request can be repeated",
    )


def unfit(error: msgspec.ValidationError) -> Invalid:
    """Say where an input does not have the form it should have."""
    text = str(error)
    found = _AT.search(text)
    path = found[1] if found else ""
    return Invalid(
        "the request does not have the right form" + (f" at {path}" if path else ""),
        why=_AT.sub("", text),
        path=path,
    )
