"""Finds the endpoint of a request: a short list of patterns for each method, and nothing between.

Starlette's own routing builds a scope for every route it tries and wraps every answer in layers for
errors, which the endpoints here do not need: theirs become answers in `respond_to`. What is not
found here (another method, another address) goes on to it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from etiq_jupyter.dashboard.web.endpoint import Endpoint

PREFIX = "/api/v1"
Respond = Callable[[Request], Awaitable[Response]]


class Direct:
    """ASGI application that answers for endpoints, and hands the rest on.

    Parameters
    ----------
    endpoints : iterable of (Endpoint, callable)
        Each with what answers for it; the first that fits a path counts.
    otherwise : ASGIApp
        Answers for everything else.
    """

    def __init__(self, endpoints: Iterable[tuple[Endpoint, Respond]], otherwise: ASGIApp) -> None:
        self._otherwise = otherwise
        self._patterns: dict[str, list[tuple[Any, Any, Respond]]] = {}
        for endpoint, respond in endpoints:
            pattern, _, convertors = compile_path(PREFIX + endpoint.path)
            self._patterns.setdefault(endpoint.method, []).append((pattern, convertors, respond))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and not scope.get("root_path"):
            path = scope["path"]
            for pattern, convertors, respond in self._patterns.get(scope["method"], ()):
                match = pattern.match(path)
                if match is not None:
                    scope["path_params"] = {
                        name: convertors[name].convert(value)
                        for name, value in match.groupdict().items()
                    }
                    response = await respond(Request(scope, receive))
                    await response(scope, receive, send)
                    return
        await self._otherwise(scope, receive, send)
