"""The ASGI application: `/api/v1`, and the single page app at every other address."""

from __future__ import annotations

import asyncio
import gc
import logging
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio import to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp

from etiq_jupyter.dashboard.events.routes import events
from etiq_jupyter.dashboard.identity.device_routes import routes as device_routes
from etiq_jupyter.dashboard.identity.routes import routes as identity_routes
from etiq_jupyter.dashboard.objects.collection import Collector
from etiq_jupyter.dashboard.objects.routes import routes as object_routes
from etiq_jupyter.dashboard.projects.routes import routes as project_routes
from etiq_jupyter.dashboard.services import Services
from etiq_jupyter.dashboard.snapshots.browse import routes as browse_routes
from etiq_jupyter.dashboard.snapshots.item_routes import routes as item_routes
from etiq_jupyter.dashboard.snapshots.many import routes as batch_routes
from etiq_jupyter.dashboard.snapshots.routes import routes as snapshot_routes
from etiq_jupyter.dashboard.web import openapi, pages
from etiq_jupyter.dashboard.web.dispatch import respond_to
from etiq_jupyter.dashboard.web.endpoint import Routes
from etiq_jupyter.dashboard.web.guards import Guard
from etiq_jupyter.dashboard.web.problems import problem, typed
from etiq_jupyter.dashboard.web.routing import PREFIX, Direct
from etiq_jupyter.errors import Invalid, NotFound

ALL_ROUTES: tuple[Routes, ...] = (
    snapshot_routes,
    batch_routes,
    object_routes,
    item_routes,
    project_routes,
    identity_routes,
    device_routes,
    browse_routes,
)
THREADS = 16
"""Requests that may wait for the database or for objects at the same time."""
DAY = 24 * 3600.0
log = logging.getLogger("etiq_jupyter.dashboard")


def create_app(services: Services) -> ASGIApp:
    """Make the application that answers for these services."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        to_thread.current_default_thread_limiter().total_tokens = THREADS
        services.hub.start()
        # What has been imported stays, so no pass of the collector looks at it again. What a
        # request leaves behind goes without the collector; looking for more can wait.
        gc.freeze()
        gc.set_threshold(20_000, 10, 10)
        cleaning = asyncio.create_task(_collect_daily(services))
        try:
            yield
        finally:
            cleaning.cancel()
            await to_thread.run_sync(services.close)

    answers = [
        (endpoint, respond_to(endpoint, services))
        for domain in ALL_ROUTES
        for endpoint in domain.endpoints
    ]
    # Also known to Starlette, which answers HEAD, and says of other methods which there are.
    api: list[BaseRoute] = [
        Route(endpoint.path, respond, methods=[endpoint.method]) for endpoint, respond in answers
    ]
    api.append(Route("/events", events(services)))
    api.append(Route("/openapi.json", openapi.document(ALL_ROUTES)))
    app = Starlette(
        routes=[Mount(PREFIX, routes=api), *pages.routes()],
        exception_handlers={HTTPException: _http_problem, Exception: _any_problem},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return Guard(Direct(answers, app), services.settings.hosts)


async def _collect_daily(services: Services) -> None:
    """Free what no snapshot needs, once a day; several processes at once do no harm."""
    while True:
        await asyncio.sleep(DAY * random.uniform(0.9, 1.1))  # noqa: S311 - no secret, only spread
        collector = Collector(services.database, services.holdings)
        try:
            done = await to_thread.run_sync(collector.collect)
            log.info("Collected %d chunks, %d bytes.", done.chunks, done.bytes)
        except Exception:
            log.exception("Collecting what is not needed failed; it is tried again tomorrow.")


async def _http_problem(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 500)
    where = f"{request.method} {request.url.path}"
    if status == 405:
        answer = problem(Invalid(f"{where} is not offered", hint="see /api/v1/openapi.json"))
        answer.status_code = 405
        answer.headers.update(getattr(error, "headers", None) or {})
        return answer
    return problem(
        NotFound(f"there is nothing at {where}", hint="see /api/v1/openapi.json for what there is")
    )


async def _any_problem(_request: Request, error: Exception) -> Response:
    return problem(typed(error))
