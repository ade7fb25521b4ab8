"""The single page app: built files, and index.html at every address that is not the API's."""

from __future__ import annotations

import re
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from etiq_jupyter.dashboard.web.problems import problem
from etiq_jupyter.errors import NotFound

STATIC = Path(__file__).parent.parent / "static"
_HASHED = re.compile(r"[.-][A-Za-z0-9_-]{8,}\.\w+$")
_NOT_BUILT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Etiq dashboard</title></head><body>
<h1>The dashboard is running</h1>
<p>Its pages have not been built into this installation, so there is only the API at
<a href="/api/v1/openapi.json">/api/v1</a>. In a checkout, run <code>jlpm build:prod</code> in
<code>labextension</code>; a wheel has the pages in it.</p></body></html>"""


def routes() -> list[BaseRoute]:
    """Everything that is not the API."""
    return [Route("/{path:path}", page, methods=["GET", "HEAD"])]


async def page(request: Request) -> Response:
    """Answer with a built file, or with the app itself, which reads the address."""
    path = request.path_params["path"]
    if path == "api" or path.startswith("api/"):
        return problem(NotFound(f"there is nothing at /{path}", hint="the API is at /api/v1"))
    file = _file(path)
    if file is not None:
        lasting = _HASHED.search(file.name) and file.parent != STATIC
        caching = "public, max-age=31536000, immutable" if lasting else "no-cache"
        return FileResponse(file, headers={"Cache-Control": caching})
    if path.startswith("assets/"):
        return problem(NotFound(f"there is no file /{path}", hint="reload the page"))
    index = STATIC / "index.html"
    headers = {"Cache-Control": "no-store"}
    if not index.is_file():
        return HTMLResponse(_NOT_BUILT, headers=headers)
    return FileResponse(index, headers=headers, media_type="text/html")


def _file(path: str) -> Path | None:
    """Return the built file of this address, if there is one inside the folder."""
    if not path or "\x00" in path or path == "index.html":
        return None
    file = (STATIC / path).resolve()
    return file if file.is_relative_to(STATIC) and file.is_file() else None
