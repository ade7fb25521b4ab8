"""An endpoint is a plain function whose signature says what it takes and answers.

``call`` is the request and who makes it; parameters named as in the path are its parts; ``query``
and ``body`` are structs, checked before the function runs; the annotation of the result is what
is answered. The same signature makes the OpenAPI document, so the two cannot differ.
"""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from etiq_jupyter.dashboard.web.guards import header

if TYPE_CHECKING:
    from starlette.requests import Request

    from etiq_jupyter.dashboard.identity.people import Identity
    from etiq_jupyter.dashboard.services import Services

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Scope = Literal["read", "write", "admin"]
T = TypeVar("T")
Handler = TypeVar("Handler", bound=Callable[..., Any])

JSON_BODY = 1 << 20
"""Bytes of a request body, where an endpoint does not say otherwise."""


@dataclass(slots=True)
class Call:
    """One request on its way to an endpoint.

    Attributes
    ----------
    services : Services
        What the dashboard consists of.
    request : starlette.requests.Request
        Headers, cookies, address.
    who : Identity
        Who asks. Endpoints that are open to anybody must not touch it.
    raw : bytes
        The body of an endpoint that takes bytes.
    is_part : bool
        Whether the sender went away before the body was whole; only where `in_part` is declared.
    """

    services: Services
    request: Request
    _who: Identity | None = None
    raw: bytes = b""
    is_part: bool = False

    @property
    def who(self) -> Identity:
        """Who asks."""
        if self._who is None:
            raise RuntimeError("this endpoint is open: nobody has been identified")
        return self._who

    @property
    def address(self) -> str:
        """The network address the request came from."""
        return self.request.client.host if self.request.client else ""

    @property
    def base_url(self) -> str:
        """The dashboard's own address as its users write it, without a slash at the end."""
        public = self.services.settings.public_url
        if public:
            return public.rstrip("/")
        scope = self.request.scope
        server = tuple(scope.get("server") or ("", None))
        return _base_url(scope["scheme"], header(scope, b"host"), server)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What `Routes` has learnt of one function."""

    method: Method
    path: str
    handler: Callable[..., Any]
    scope: Scope | None
    status: int
    limit: int
    parts: tuple[str, ...]
    query: type[Any] | None
    body: Any
    answers: Any
    is_async: bool
    media: str
    also: tuple[int, ...]
    takes: str
    """Type of a body of bytes; empty for structs and for no body."""
    in_part: bool
    """Whether it makes use of what had arrived when the sender went away."""

    @property
    def name(self) -> str:
        """The function's name, the ``operationId`` of OpenAPI."""
        return self.handler.__name__


@dataclass(slots=True)
class Answer(Generic[T]):
    """What an endpoint returns when the struct alone does not say all."""

    value: T | None = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cookie: str | None = None
    """Text of a Set-Cookie header."""


class Routes:
    """The endpoints of one domain.

    Parameters
    ----------
    tag : str
        The domain, shown as a group in the OpenAPI document.
    """

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.endpoints: list[Endpoint] = []

    def add(
        self,
        method: Method,
        path: str,
        *,
        scope: Scope | None,
        status: int = 200,
        limit: int = JSON_BODY,
        media: str = "application/json",
        also: tuple[int, ...] = (),
        takes: str = "",
        in_part: bool = False,
    ) -> Callable[[Handler], Handler]:
        """Declare a function as an endpoint.

        Parameters
        ----------
        method, path : str
            Where it is, below ``/api/v1``.
        scope : {"read", "write", "admin"} or None
            What the asker's token must allow; None leaves the endpoint open to anybody.
        status : int
            Of the usual answer.
        limit : int
            Bytes of body that are read at most.
        media : str
            Type of the usual answer.
        also : tuple of int
            Other statuses of success, with the same answer.
        takes : str
            Type of the body, for endpoints that read it themselves from ``call.raw``.
        in_part : bool
            Whether the function is also called, with ``call.is_part``, with what had arrived of the
            body when its sender went away. Nobody hears its answer.
        """

        def declare(handler: Handler) -> Handler:
            hints = typing.get_type_hints(handler)
            parts = tuple(re.findall(r"{(\w+)(?::\w+)?}", path))
            self.endpoints.append(
                Endpoint(
                    method=method,
                    path=path,
                    handler=handler,
                    scope=scope,
                    status=status,
                    limit=limit,
                    parts=parts,
                    query=hints.get("query"),
                    body=hints.get("body"),
                    answers=_unwrapped(hints.get("return")),
                    is_async=inspect.iscoroutinefunction(handler),
                    media=media,
                    also=also,
                    takes=takes,
                    in_part=in_part,
                )
            )
            return handler

        return declare


@lru_cache(maxsize=256)
def _base_url(scheme: str, host: str, server: tuple[Any, ...]) -> str:
    """Return the address that a request was sent to, without path; most requests share it."""
    from starlette.datastructures import URL

    headers = [(b"host", host.encode("latin-1"))] if host else []
    scope = {"scheme": scheme, "server": server, "path": "/", "query_string": b""}
    return str(URL(scope=scope | {"headers": headers})).rstrip("/")


def _unwrapped(answers: Any) -> Any:
    """Tell what an `Answer` holds; other annotations as they are."""
    if typing.get_origin(answers) is Answer:
        return typing.get_args(answers)[0]
    return answers
