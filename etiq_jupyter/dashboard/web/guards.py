"""What is refused before any endpoint is asked, and the headers that every answer carries."""

from __future__ import annotations

from collections.abc import MutableMapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from etiq_jupyter.dashboard.web.problems import problem
from etiq_jupyter.errors import Forbidden, Invalid

COOKIE = "etiq_session"

_POLICY = "; ".join(
    [
        "default-src 'self'",
        "script-src 'self'",
        # Captured HTML (tables of pandas) brings style attributes into its sandboxed frame.
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        # Captured HTML is shown in sandboxed frames with srcdoc and an opaque origin.
        "frame-src 'self' blob: data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
)

SECURITY_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
_SENT = [(name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]


class Guard:
    """ASGI middleware: the Host header must be known, and every answer has the security headers.

    Parameters
    ----------
    app : ASGIApp
        What answers.
    hosts : frozenset of str or None
        Names accepted in the Host header, without port; None accepts all.
    """

    def __init__(self, app: ASGIApp, hosts: frozenset[str] | None) -> None:
        self.app = app
        self.hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                add_security_headers(message)
            await send(message)

        if self.hosts is not None:
            name = host_name(header(scope, b"host"))
            if name not in self.hosts:
                refusal = Invalid(
                    f"this dashboard is not called {name!r}",
                    why="it listens on this machine only and accepts only this machine's names",
                    hint="use the address it printed at its start, or start it with --allowed-host",
                )
                await problem(refusal)(scope, receive, send_guarded)
                return
        await self.app(scope, receive, send_guarded)


def add_security_headers(message: MutableMapping[str, Any]) -> None:
    """Add the headers that an answer does not already have (a raw item brings its own policy)."""
    headers = message.setdefault("headers", [])
    there = {name for name, _ in headers}
    message["headers"] = [*headers, *(pair for pair in _SENT if pair[0] not in there)]


def header(scope: Scope, wanted: bytes) -> str:
    """Return a header of a request by its name in lower case; empty when it is not there.

    Starlette's mapping of them encodes, decodes and compares for each question; some are asked
    several times in every request.
    """
    for name, value in scope["headers"]:
        if name == wanted:
            text: str = value.decode("latin-1")
            return text
    return ""


@lru_cache(maxsize=256)
def host_name(host: str) -> str:
    """Return the name in a Host header, without port and brackets, in lower case."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def refuse_cross_site(request: Request) -> None:
    """Refuse a write that another site's page made the browser send.

    Browsers add ``Sec-Fetch-Site`` themselves; a page cannot change it. Requests with a bearer
    token are exempt, as no browser adds that by itself; so is one without cookie and Origin, which
    no browser sends.

    Raises
    ------
    Forbidden
        When the write comes from another origin.
    """
    if request.method in {"GET", "HEAD", "OPTIONS"}:
        return
    if header(request.scope, b"authorization").lower().startswith("bearer "):
        return
    headers = request.headers
    site = headers.get("sec-fetch-site")
    if site in {"same-origin", "none"}:
        return
    origin = headers.get("origin")
    if site is None and origin is None and COOKIE not in request.cookies:
        return
    if site is None and origin is not None:
        parts = urlsplit(origin)
        if parts.netloc and parts.netloc == headers.get("host"):
            return
    raise Forbidden(
        "this write was refused",
        why="it came from a page of another site",
        hint="use the dashboard's own pages, or a token",
    )
