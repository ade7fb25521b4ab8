"""From an HTTP request to an endpoint's function and back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import msgspec
from anyio import to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from etiq_jupyter.dashboard.web.endpoint import JSON_BODY, Answer, Call, Endpoint
from etiq_jupyter.dashboard.web.guards import header, refuse_cross_site
from etiq_jupyter.dashboard.web.problems import problem, typed
from etiq_jupyter.errors import Invalid, TooLarge

if TYPE_CHECKING:
    from etiq_jupyter.dashboard.services import Services

_json = msgspec.json.Encoder()
_msgpack = msgspec.msgpack.Encoder()
MSGPACK = "application/msgpack"
_NOT_KEPT = ((b"cache-control", b"no-store"), (b"vary", b"Authorization, Cookie"))
_AS_JSON = ((b"content-type", b"application/json"),)
_AS_MSGPACK = ((b"content-type", MSGPACK.encode()),)
SMALL_BODY = 256 << 10
"""Bytes that are read before it is known who sends them."""


def respond_to(endpoint: Endpoint, services: Services) -> Callable[[Request], Awaitable[Response]]:
    """Make the Starlette handler of an endpoint.

    The database is asked in a thread, as its drivers block. A function that is ``async`` runs on
    the loop, is trusted not to block it, and makes sure itself who asks.
    """
    decoder = _decoder(endpoint.body)

    async def respond(request: Request) -> Response:
        try:
            call = Call(services, request)
            refuse_cross_site(request)
            if endpoint.scope is not None and _is_large(request, endpoint):
                # A stranger must not make the dashboard hold megabytes.
                call._who = await to_thread.run_sync(
                    services.people.identify, request, endpoint.scope
                )
            if endpoint.method not in {"GET", "DELETE"}:
                try:
                    call.raw = await read_body(request, endpoint.limit)
                except _CutShort as cut:
                    if not endpoint.in_part:
                        raise
                    call.raw, call.is_part = cut.received, True
            if not endpoint.is_async:
                return await to_thread.run_sync(_run, endpoint, call, decoder)
            arguments = _arguments(endpoint, call, decoder)
            return _answer(request, endpoint, await endpoint.handler(call, **arguments))
        except ClientDisconnect:
            return Response(status_code=499)
        except Exception as error:  # noqa: BLE001 - every error becomes a typed answer
            return problem(typed(error))

    return respond


def _is_large(request: Request, endpoint: Endpoint) -> bool:
    """Tell whether a body may come that is more than a few pages of JSON."""
    if endpoint.limit <= JSON_BODY:
        return False
    declared = header(request.scope, b"content-length")
    return not declared.isdigit() or int(declared) > SMALL_BODY


def _run(endpoint: Endpoint, call: Call, decoder: Any) -> Response:
    # Who asks comes first: a stranger learns nothing, not even that a request was malformed.
    if endpoint.scope is not None and call._who is None:
        call._who = call.services.people.identify(call.request, endpoint.scope)
    arguments = _arguments(endpoint, call, decoder)
    return _answer(call.request, endpoint, endpoint.handler(call, **arguments))


def _arguments(endpoint: Endpoint, call: Call, decoder: Any) -> dict[str, Any]:
    """Return what the function is called with, beside the call itself."""
    parts = call.request.path_params
    arguments: dict[str, Any] = {name: parts[name] for name in endpoint.parts}
    if endpoint.query is not None:
        arguments["query"] = _query(call.request, endpoint.query)
    if decoder is not None:
        arguments["body"] = decoder(call.request, call.raw)
    return arguments


def _answer(request: Request, endpoint: Endpoint, result: Any) -> Response:
    if isinstance(result, Response):
        return result
    if not isinstance(result, Answer):
        result = Answer(result, endpoint.status)
    if result.status == 204:
        response = _Plain(204)
    elif MSGPACK in header(request.scope, b"accept"):
        response = _Plain(result.status, _msgpack.encode(result.value), _AS_MSGPACK)
    else:
        response = _Plain(result.status, _json.encode(result.value), _AS_JSON)
    if result.headers:
        response.headers.update(result.headers)
    if result.cookie is not None:
        response.headers.append("Set-Cookie", result.cookie)
    return response


class _Plain(Response):
    """An answer whose few headers are known beforehand: working them out anew takes time."""

    def __init__(
        self, status: int, body: bytes = b"", media: tuple[tuple[bytes, bytes], ...] = ()
    ) -> None:
        self.status_code = status
        self.background = None
        self.body = body
        self.raw_headers = [*_NOT_KEPT, *media]
        if media:
            self.raw_headers.append((b"content-length", b"%d" % len(body)))


class _CutShort(ClientDisconnect):
    """The sender went away before the body was whole."""

    def __init__(self, received: bytes) -> None:
        super().__init__()
        self.received = received


async def read_body(request: Request, limit: int) -> bytes:
    """Read a body of at most ``limit`` bytes, and not one byte more."""
    declared = header(request.scope, b"content-length")
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    parts: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise _CutShort(b"".join(parts))
        part, more = message.get("body", b""), message.get("more_body", False)
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the body is larger than {limit} bytes", hint="send less in one request")


def _query(request: Request, form: type[Any]) -> Any:
    """Decode the query string; a name given twice is refused, as one of them would be ignored."""
    given: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name in given:
            raise Invalid(f"the parameter {name!r} is given twice", path=f"$.{name}")
        if "\x00" in value:
            raise Invalid(f"the parameter {name!r} holds a null character", path=f"$.{name}")
        given[name] = value
    try:
        return msgspec.convert(given, form, strict=False)
    except msgspec.ValidationError as error:
        raise typed(error) from None


def decode(decoder: Any, raw: bytes) -> Any:
    """Decode a body that may hold anything.

    Raises
    ------
    Invalid
        When it is nested too deeply or is not UTF-8.
    msgspec.DecodeError, msgspec.ValidationError
        When it is malformed or has another form.
    """
    try:
        return decoder.decode(raw)
    except RecursionError:
        raise Invalid("the body is nested too deeply") from None
    except UnicodeDecodeError as error:
        raise Invalid("the body is not UTF-8", why=str(error)) from None


def is_msgpack(request: Request) -> bool:
    """Tell whether a body is MessagePack; anything else is taken for JSON."""
    return header(request.scope, b"content-type").startswith(MSGPACK)


def _decoder(body: Any) -> Callable[[Request, bytes], Any] | None:
    if body is None:
        return None
    from_json = msgspec.json.Decoder(body)
    from_msgpack = msgspec.msgpack.Decoder(body)
    return lambda request, raw: decode(from_msgpack if is_msgpack(request) else from_json, raw)
