"""The stream of events that a page keeps open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING

import msgspec
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from etiq_jupyter.dashboard.events.hub import Event, Listener
from etiq_jupyter.dashboard.projects.access import roles_of
from etiq_jupyter.dashboard.web.problems import problem, typed
from etiq_jupyter.errors import EtiqError

if TYPE_CHECKING:
    from etiq_jupyter.dashboard.services import Services

HEARTBEAT = 15.0
"""Seconds of silence after which a comment is sent, so that proxies keep the stream open."""


def events(services: Services) -> Callable[[Request], Awaitable[Response]]:
    """Make the handler of ``GET /events``."""

    async def stream(request: Request) -> Response:
        try:
            who = await to_thread.run_sync(services.people.identify, request, "read")
        except EtiqError as error:
            return problem(typed(error))
        listener = services.hub.listen(who.user.id)
        return StreamingResponse(
            _lines(services, request, listener),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    return stream


async def _lines(services: Services, request: Request, listener: Listener) -> AsyncIterator[bytes]:
    try:
        yield b"retry: 2000\n: connected\n\n"
        while True:
            try:
                event = await listener.next(HEARTBEAT)
            except asyncio.TimeoutError:
                # A silent stream must not outlive the token that opened it.
                if not await to_thread.run_sync(_still_valid, services, request):
                    return
                yield b": still here\n\n"
                continue
            if event is None or not await to_thread.run_sync(_still_valid, services, request):
                return
            if await to_thread.run_sync(_may_see, services, listener.user_id, event):
                body = msgspec.json.encode({"id": event.id, "project": event.project})
                yield b"event: " + event.kind.encode() + b"\ndata: " + body + b"\n\n"
    finally:
        services.hub.leave(listener)


def _may_see(services: Services, user_id: str, event: Event) -> bool:
    if event.user == user_id:
        return True
    if not event.project:
        return False
    with services.database.read() as connection:
        return bool(roles_of(connection, [(user_id, event.project)]))


def _still_valid(services: Services, request: Request) -> bool:
    try:
        services.people.identify(request, "read")
    except EtiqError:
        return False
    return True
