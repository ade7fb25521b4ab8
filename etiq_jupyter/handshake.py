"""The first call of a login: who are we there, and is it a dashboard at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from etiq_jupyter import model
from etiq_jupyter.capture.redact import register_secret
from etiq_jupyter.credentials import Credentials
from etiq_jupyter.errors import AuthError, NotADashboard, NotFound
from etiq_jupyter.sync.recorder import Destination
from etiq_jupyter.sync.transport import Transport


@dataclass(frozen=True)
class Login:
    """One successful login. Swapped as a whole, so no thread sees half of it."""

    url: str
    me: model.Me
    source: str
    transport: Transport
    destination: Destination


def handshake(
    found: Credentials,
    *,
    verify: bool | str = True,
    proxies: Mapping[str, str] | None = None,
    timeout: float = 30.0,
) -> Login:
    """Ask the dashboard who these credentials belong to.

    Raises
    ------
    AuthError
        When the token is not accepted: the URL is right then.
    NotADashboard
        When something else answers there.
    Offline
        When nothing answers.
    """
    register_secret(found.token)
    transport = Transport(found.url, found.token, verify=verify, proxies=proxies, timeout=timeout)
    try:
        answer = transport.request("GET", "/api/v1/me")
        me = msgspec.json.decode(answer.content, type=model.Me)
    except AuthError as error:
        raise AuthError(
            f"The dashboard at {found.url} does not accept this token",
            why=error.why or f"the token from {found.source} is wrong, expired or deleted",
            hint=f"make a new one at {found.url}/tokens",
        ) from None
    except (NotFound, msgspec.MsgspecError):
        raise NotADashboard(
            f"{found.url} answers, but not as an etiq dashboard does",
            hint="check the address; it is the one you open in the browser",
        ) from None
    destination = Destination(found.url, me.user.id, me.user.username)
    return Login(found.url, me, found.source, transport, destination)
