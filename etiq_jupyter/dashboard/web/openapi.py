"""The OpenAPI 3.1 document, made from the same signatures that the endpoints are called by."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from etiq_jupyter.dashboard.web.endpoint import Endpoint, Routes
from etiq_jupyter.version import __version__

_REF = "#/components/schemas/{name}"


class Problem(msgspec.Struct, kw_only=True):
    """An error (RFC 9457). ``code`` names it; what, why and hint are its parts in words."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    what: str
    why: str = ""
    hint: str = ""
    path: str | None = None
    nearest: list[str] | None = None
    lacking: list[str] | None = None
    retry_after: int | None = None


def document(domains: Iterable[Routes]) -> Callable[[Request], Awaitable[Response]]:
    """Make the handler that answers with the document; it is written at the first request."""
    made: list[bytes] = []

    async def openapi(_request: Request) -> Response:
        if not made:
            made.append(msgspec.json.encode(describe(domains)))
        return Response(made[0], media_type="application/json")

    return openapi


def describe(domains: Iterable[Routes]) -> dict[str, Any]:
    """Return the document as plain dicts."""
    domains = list(domains)
    endpoints = [endpoint for domain in domains for endpoint in domain.endpoints]
    types = [Problem]
    for endpoint in endpoints:
        types += [form for form in (endpoint.body, endpoint.query) if form is not None]
        if endpoint.answers not in (None, type(None)) and _is_schema(endpoint.answers):
            types.append(endpoint.answers)
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    by_type = dict(zip(map(repr, types), schemas, strict=True))
    paths: dict[str, Any] = {}
    for domain in domains:
        for endpoint in domain.endpoints:
            operation = _operation(endpoint, domain.tag, by_type, components)
            path = re.sub(r"{(\w+):\w+}", r"{\1}", endpoint.path)
            paths.setdefault(path, {})[endpoint.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Etiq dashboard", "version": __version__},
        "servers": [{"url": "/api/v1"}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "browser": {"type": "apiKey", "in": "cookie", "name": "etiq_session"},
            },
        },
    }


def _operation(
    endpoint: Endpoint, tag: str, by_type: dict[str, Any], components: dict[str, Any]
) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in endpoint.parts
    ]
    if endpoint.query is not None:
        form = components[by_type[repr(endpoint.query)]["$ref"].rsplit("/", 1)[1]]
        required = form.get("required", [])
        parameters += [
            {"name": name, "in": "query", "required": name in required, "schema": schema}
            for name, schema in form["properties"].items()
        ]
    failure = {"application/problem+json": {"schema": {"$ref": _REF.format(name="Problem")}}}
    responses: dict[str, Any] = {"default": {"description": "A problem", "content": failure}}
    for status in (endpoint.status, *endpoint.also):
        responses[str(status)] = {"description": "Success"} | _content(endpoint, status, by_type)
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "tags": [tag],
        "summary": (inspect.getdoc(endpoint.handler) or endpoint.name).partition("\n")[0],
        "parameters": parameters,
        "responses": responses,
        "security": [{"token": []}, {"browser": []}] if endpoint.scope else [],
    }
    if endpoint.scope:
        operation["x-scope"] = endpoint.scope
    if endpoint.body is not None:
        content = {"application/json": {"schema": by_type[repr(endpoint.body)]}}
        operation["requestBody"] = {"required": True, "content": content}
    elif endpoint.takes:
        content = {endpoint.takes: {"schema": {"type": "string", "format": "binary"}}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _content(endpoint: Endpoint, status: int, by_type: dict[str, Any]) -> dict[str, Any]:
    if status in {204, 304} or endpoint.answers in (None, type(None)):
        return {}
    schema = by_type.get(repr(endpoint.answers), {"type": "string", "format": "binary"})
    return {"content": {endpoint.media: {"schema": schema}}}


def _is_schema(answers: Any) -> bool:
    """Whether an answer is a struct, not a finished response."""
    return not (isinstance(answers, type) and issubclass(answers, Response))
