"""Log-ins of programs by a person at a browser: the program's side and the person's."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import msgspec

from etiq_jupyter.dashboard.identity.device import INTERVAL, SECONDS
from etiq_jupyter.dashboard.web.endpoint import Call, Routes
from etiq_jupyter.errors import Forbidden
from etiq_jupyter.model import DeviceCode, DeviceRequest, IssuedToken, User

routes = Routes("device")


class NewDevice(msgspec.Struct, kw_only=True):
    """What a program calls itself."""

    name: Annotated[str, msgspec.Meta(max_length=1000)] = ""


class UserCode(msgspec.Struct, kw_only=True):
    """The code that a program shows to a person."""

    user_code: Annotated[str, msgspec.Meta(max_length=100)]


class DeviceSecret(msgspec.Struct, kw_only=True):
    """The code that a program keeps to itself."""

    device_code: Annotated[str, msgspec.Meta(max_length=200)]


@routes.add("POST", "/device/codes", scope=None, status=201)
def ask_for_device_code(call: Call, body: NewDevice) -> DeviceCode:
    """Begin to log a program in: codes for it and for a person at a browser."""
    device_code, user_code = call.services.devices.ask(body.name, call.address)
    page = f"{call.base_url}/device"
    return DeviceCode(
        device_code=device_code,
        user_code=user_code,
        verification_url=page,
        verification_url_complete=f"{page}?code={quote(user_code, safe='')}",
        interval=INTERVAL,
        expires_in=SECONDS,
    )


@routes.add("GET", "/device/codes/{user_code}", scope="admin")
def device_request(call: Call, user_code: str) -> DeviceRequest:
    """Who waits under a user code."""
    return call.services.devices.look_up(_at_a_browser(call), user_code, call.address)


@routes.add("POST", "/device/approve", scope="admin", status=204)
def approve_device(call: Call, body: UserCode) -> None:
    """Let the program that waits under a user code act as the person who asks."""
    user = _at_a_browser(call)
    call.services.devices.answer(user, body.user_code, call.address, approve=True)


@routes.add("POST", "/device/deny", scope="admin", status=204)
def deny_device(call: Call, body: UserCode) -> None:
    """Refuse to log a program in."""
    user = _at_a_browser(call)
    call.services.devices.answer(user, body.user_code, call.address, approve=False)


@routes.add("POST", "/device/token", scope=None, status=201)
def redeem_device_code(call: Call, body: DeviceSecret) -> IssuedToken:
    """Make the token of an approved program; its code is dead then. Else the code tells why not."""
    token, secret, user = call.services.devices.redeem(body.device_code, call.address)
    call.services.announce("token", user_id=user.id, id=token.id)
    return IssuedToken(token=token, secret=secret, dashboard_url=call.base_url)


def _at_a_browser(call: Call) -> User:
    """Return who is signed in; a token must not make more tokens this way, unseen by anybody."""
    if call.who.token_id is not None:
        raise Forbidden(
            "this needs somebody signed in at a browser",
            why="an access token was sent",
            hint="open the page /device of the dashboard",
        )
    return call.who.user
