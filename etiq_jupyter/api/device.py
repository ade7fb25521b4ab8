"""Logging in with somebody's word at a browser instead of a token (RFC 8628)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import msgspec

from etiq_jupyter.capture.redact import register_secret
from etiq_jupyter.credentials import check_url
from etiq_jupyter.errors import (
    AccessDenied,
    AuthorizationPending,
    ExpiredCode,
    NotADashboard,
    NotFound,
    Offline,
    RateLimited,
    ServerError,
    SlowDown,
)
from etiq_jupyter.model import DeviceCode, IssuedToken
from etiq_jupyter.process import describe_run
from etiq_jupyter.sync.transport import Transport

if TYPE_CHECKING:
    from etiq_jupyter.sessions import Session

SLOWER = 5
"""Seconds that are added to the interval when the dashboard asks to slow down."""
LONGEST_INTERVAL = 60
LONGEST_WAIT = 3600

T = TypeVar("T")


def device_login(
    session: Session,
    url: str,
    *,
    name: str = "",
    say: Callable[[DeviceCode], object],
    sleep: Callable[[float], object] = time.sleep,
    timeout: float | None = None,
    verify: bool | str = True,
) -> None:
    """Log a session in as whoever approves it on the dashboard's page.

    Waits until somebody has answered. Breaks of the network meanwhile are waited out. The token
    is in memory only, and registered with the redactor before anything else is done with it.

    Parameters
    ----------
    session : Session
        What is to be logged in.
    url : str
        The dashboard's address.
    name : str, optional
        What is shown on the page, and the token's name; by default notebook and machine.
    say : callable
        Is given the codes and shows link and user code to a person; never the device code.
    sleep : callable
        Waits some seconds.
    timeout : float, optional
        Seconds to wait for an answer; by default as long as the code is valid.
    verify : bool or str, default True
        Verify TLS; a path names a CA bundle.

    Raises
    ------
    AuthError
        `AccessDenied` when somebody said no, `ExpiredCode` when nobody answered in time.
    NotADashboard, Offline
        When the URL is wrong or nothing answers.
    NotFound
        When the dashboard is too old for this.
    """
    url = check_url(url)
    transport = Transport(url, verify=verify)
    try:
        code = _ask(transport, name or default_name())
        say(code)
        token = _wait(transport, code, sleep, timeout)
    finally:
        transport.close()
    session.login(url, token, verify=verify)


def default_name() -> str:
    """Return how this process is called on the dashboard: notebook and machine."""
    run = describe_run()
    text = f"{run.name} on {run.host}" if run.host else run.name
    return "".join(filter(str.isprintable, text))[:200]


def _ask(transport: Transport, name: str) -> DeviceCode:
    try:
        code = _call(transport, "codes", {"name": name}, DeviceCode)
    except NotFound:
        raise NotFound(
            f"The dashboard at {transport.url} cannot log in this way",
            why="its version is older than this package's",
            hint="log in with a token from its tokens page",
        ) from None
    register_secret(code.device_code)  # with it anybody could fetch the token
    link = code.verification_url_complete
    if urlsplit(link).scheme not in ("http", "https") or not (link + code.user_code).isprintable():
        raise NotADashboard(
            f"{transport.url} answers, but not as an etiq dashboard does",
            why="the link to open is not an http address",
        )
    return code


def _wait(
    transport: Transport,
    code: DeviceCode,
    sleep: Callable[[float], object],
    timeout: float | None,
) -> str:
    """Ask until there is a token; returns its text."""
    interval = float(min(max(code.interval, 1), LONGEST_INTERVAL))
    wait = min(code.expires_in, LONGEST_WAIT) if timeout is None else timeout
    end = time.monotonic() + wait
    while time.monotonic() + interval <= end:
        sleep(interval)
        try:
            issued = _call(transport, "token", {"device_code": code.device_code}, IssuedToken)
        except SlowDown:
            interval = min(interval + SLOWER, LONGEST_INTERVAL)
        except AuthorizationPending:
            continue
        except RateLimited as error:
            interval = min(max(interval, error.retry_after), LONGEST_INTERVAL)
        except (Offline, ServerError):
            continue  # the code is still good; the dashboard may come back
        except AccessDenied:
            raise AccessDenied(
                "Not logged in", why="the log-in was denied on the dashboard"
            ) from None
        except ExpiredCode:
            break
        else:
            register_secret(issued.secret)
            return issued.secret
    raise ExpiredCode(
        "Not logged in",
        why=f"the code {code.user_code} has expired: nobody approved it in time",
        hint="ask for a new one with %etiq_login --device",
    )


def _call(transport: Transport, path: str, body: dict[str, str], kind: type[T]) -> T:
    answer = transport.request("POST", f"/api/v1/device/{path}", json=body, retries=0)
    try:
        return msgspec.json.decode(answer.content, type=kind)
    except msgspec.MsgspecError:
        raise NotADashboard(
            f"{transport.url} answers, but not as an etiq dashboard does",
            hint="check the address; it is the one you open in the browser",
        ) from None
