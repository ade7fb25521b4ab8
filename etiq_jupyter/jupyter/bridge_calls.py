"""What JupyterLab may ask of the session in a kernel, and how the answer is written.

No Jupyter in here: a request's content goes in, a reply's content comes out. Only the methods of
`METHODS` exist, only the paths of `READABLE` and `WRITABLE` pass, and nothing evaluates code.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar
from urllib.parse import unquote

import msgspec

from etiq_jupyter import model
from etiq_jupyter.errors import EtiqError, Invalid

VERSION = 1
"""Version of the requests and replies; both sides name theirs in ``v``."""

REPLY_BYTES = 32 << 20
"""Largest reply, in bytes of JSON. Previews are paged far below this."""


class BridgeFront(Protocol):
    """What the bridge asks of the session. Called from several threads, never from the main one.

    Paths are those of the dashboard's ``/api/v1``, without that prefix. Whether this disk or the
    dashboard answers is the front's business. All methods raise `EtiqError`.
    """

    def status(self) -> model.Status:
        """Return the session's state from memory, at once."""

    def get(self, path: str, query: Mapping[str, Any]) -> Any:
        """Read; the answer is a struct of `etiq_jupyter.model` or plain JSON."""

    def send(self, method: str, path: str, body: Any) -> Any:
        """Write; ``method`` and ``path`` are among `WRITABLE`."""

    def select_project(self, project: str, create: bool) -> model.Status:
        """Make a project, given by name or id, the current one."""

    def sync_now(self) -> model.Status:
        """Wake the sync, without waiting for its end."""

    def logout(self) -> model.Status:
        """Forget the token; what is unsent stays on this disk."""

    def subscribe(self, callback: Callable[[model.Status], None]) -> Callable[[], None]:
        """Call back with every new state, from any thread; return what ends this."""


_ID = r"[A-Za-z0-9-]{1,64}"
_ITEM = r"[^/?#\s]{1,600}"
READABLE = re.compile(
    rf"/(me|workspaces|projects|search|users|diff"
    rf"|projects/{_ID}(/(snapshots|runs|pipelines))?"
    rf"|snapshots/{_ID}(/(items/{_ITEM}(/(preview|profile))?|manifest|notebook|script))?"
    rf"|browse/{_ID})"
)
"""The paths that ``get`` passes on. Tokens are not among them."""

WRITABLE = {
    "POST": re.compile(r"/projects/open"),
    "PATCH": re.compile(rf"/(projects|snapshots)/{_ID}"),
    "DELETE": re.compile(rf"/snapshots/{_ID}"),
}
"""The paths that ``send`` passes on, by HTTP method."""

_TOKEN = re.compile(rb"etq_[A-Za-z0-9_-]{8,}")


class Request(msgspec.Struct):
    """Content of an ``etiq_request``."""

    v: int
    method: str
    params: dict[str, Any] = {}


class _Get(msgspec.Struct, forbid_unknown_fields=True):
    path: str
    query: dict[str, str | int | float | bool | list[str] | None] = {}


class _Send(msgspec.Struct, forbid_unknown_fields=True):
    method: str
    path: str
    body: Any = None


class _SelectProject(msgspec.Struct, forbid_unknown_fields=True):
    project: str
    create: bool = False


class _Nothing(msgspec.Struct, forbid_unknown_fields=True):
    pass


def _get(front: BridgeFront, params: dict[str, Any]) -> Any:
    asked = _read(params, _Get)
    if not READABLE.fullmatch(asked.path) or _climbs(asked.path):
        raise _closed_path("GET", asked.path)
    query = {name: value for name, value in asked.query.items() if value is not None}
    return front.get(asked.path, query)


def _send(front: BridgeFront, params: dict[str, Any]) -> Any:
    asked = _read(params, _Send)
    allowed = WRITABLE.get(asked.method)
    if allowed is None or not allowed.fullmatch(asked.path):
        raise _closed_path(asked.method, asked.path)
    return front.send(asked.method, asked.path, asked.body)


def _select_project(front: BridgeFront, params: dict[str, Any]) -> Any:
    asked = _read(params, _SelectProject)
    if not asked.project.strip():
        raise Invalid("A project needs a name", path="$.params.project")
    return front.select_project(asked.project, asked.create)


def _plain(call: Callable[[BridgeFront], Any]) -> Callable[[BridgeFront, dict[str, Any]], Any]:
    def run(front: BridgeFront, params: dict[str, Any]) -> Any:
        _read(params, _Nothing)
        return call(front)

    return run


METHODS: dict[str, Callable[[BridgeFront, dict[str, Any]], Any]] = {
    "status": _plain(lambda front: front.status()),
    "get": _get,
    "send": _send,
    "select_project": _select_project,
    "sync_now": _plain(lambda front: front.sync_now()),
    "logout": _plain(lambda front: front.logout()),
}
"""Every method of the bridge: its name and what it does with ``params``."""


def read_request(content: Any) -> Request:
    """Check the outer form of a request.

    Raises
    ------
    Invalid
        When it is malformed, of another version, or of a method that does not exist.
    """
    request = _read(content, Request, "$")
    if request.v != VERSION:
        raise Invalid(
            f"The page speaks version {request.v} of the bridge and this kernel version {VERSION}",
            why="JupyterLab and the kernel have different versions of etiq_jupyter",
            hint="install the same version in both, then reload the page",
            path="$.v",
        )
    if request.method not in METHODS:
        raise Invalid(
            f"The bridge has no method {request.method[:60]!r}",
            why="it has " + ", ".join(METHODS),
            path="$.method",
        )
    return request


def answer(front: BridgeFront, request: Request) -> dict[str, Any]:
    """Carry out a request.

    Returns
    -------
    dict
        Content of the ``etiq_reply``: ``v``, ``status`` and either ``result`` or ``error``. Never
        raises: whatever goes wrong is an ``error``.
    """
    try:
        return _finish({"status": "ok", "result": METHODS[request.method](front, request.params)})
    except Exception as error:  # noqa: BLE001 - a fault of the session must not kill the bridge
        return refusal(error)


def refusal(error: Exception) -> dict[str, Any]:
    """Write an exception as the content of an ``etiq_reply``."""
    if not isinstance(error, EtiqError):
        error = EtiqError(
            "The kernel could not answer", why=f"{type(error).__name__}: {str(error)[:500]}"
        )
    problem: dict[str, Any] = {
        "code": error.code,
        "what": error.what,
        "why": error.why,
        "hint": error.hint,
    }
    for extra in ("path", "nearest"):
        value = getattr(error, extra, None)
        if value:
            problem[extra] = value
    return _finish({"status": "error", "error": problem})


def clean(value: Any) -> Any:
    """Turn structs, dates and not-a-numbers into plain JSON, without anything shaped like a token.

    The session never hands a token to the bridge. Should an error message or an odd answer hold
    one all the same, this is the last place before the page where it can be taken out.
    """
    encoded = msgspec.json.encode(value)
    if len(encoded) > REPLY_BYTES:
        raise Invalid(
            "The answer is too large to be shown here",
            why=f"{len(encoded) / 1e6:.0f} MB, at most {REPLY_BYTES / 1e6:.0f} MB",
            hint="ask for fewer rows, or open it on the dashboard",
        )
    return json.loads(_TOKEN.sub(b"etq_...", encoded))


def _finish(content: dict[str, Any]) -> dict[str, Any]:
    finished: dict[str, Any] = clean({"v": VERSION, **content})
    return finished


_S = TypeVar("_S")


def _read(value: Any, kind: type[_S], at: str = "$.params") -> _S:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        # msgspec ends its messages in "- at `$.path`"; below an inner part that path is relative.
        why, _, where = str(error).partition(" - at ")
        raise Invalid(
            "The request is malformed", why=why, path=at + where.strip("`").removeprefix("$")
        ) from None


def _climbs(path: str) -> bool:
    return any(unquote(part) in (".", "..") for part in path.split("/"))


def _closed_path(method: str, path: str) -> Invalid:
    return Invalid(f"{method[:10]} {path[:120]} is not open to the page", path="$.params.path")
