"""Who am I, set up, sign in and out, register, tokens."""

from __future__ import annotations

import hmac
from datetime import datetime
from typing import Annotated

import msgspec

from etiq_jupyter import model
from etiq_jupyter.dashboard.identity.people import ALL_SCOPES, SESSION_SECONDS
from etiq_jupyter.dashboard.snapshots.many import MOST as SNAPSHOTS_AT_ONCE
from etiq_jupyter.dashboard.web.endpoint import Answer, Call, Routes
from etiq_jupyter.dashboard.web.guards import COOKIE
from etiq_jupyter.dashboard.web.paging import PageQuery
from etiq_jupyter.errors import AuthError, Forbidden
from etiq_jupyter.model import IssuedToken, Me, Page, Token, User

routes = Routes("identity")

Short = Annotated[str, msgspec.Meta(max_length=1000)]
Password = Annotated[str, msgspec.Meta(max_length=4000)]


class NewAccount(msgspec.Struct, kw_only=True):
    """What a person gives to get an account."""

    username: Short
    email: Short = ""
    password: Password


class FirstAccount(NewAccount, kw_only=True):
    """The first account, with the secret of the set-up link."""

    secret: Short


class SignIn(msgspec.Struct, kw_only=True):
    """Name and password."""

    username: Short
    password: Password


class TokenForScript(SignIn, kw_only=True):
    """Name and password, for a token of this name."""

    name: Short


class NewToken(msgspec.Struct, kw_only=True):
    """A token to make. Without scopes it may read and write."""

    name: Short
    scopes: Annotated[list[Short], msgspec.Meta(max_length=20)] | None = None
    expires_at: datetime | None = None


class UserQuery(msgspec.Struct, kw_only=True):
    """The beginning of a user name."""

    q: Annotated[str, msgspec.Meta(min_length=2, max_length=64)]


@routes.add("GET", "/me", scope="read")
def me(call: Call) -> Me:
    """Who asks, with what, and what the dashboard is."""
    token_id = call.who.token_id
    token = call.services.tokens.get(call.who.user, token_id) if token_id else None
    return _me(call, call.who.user, sorted(call.who.scopes), token)


@routes.add("POST", "/setup", scope=None, status=201)
def setup(call: Call, body: FirstAccount) -> Answer[Me]:
    """Make the first account, with the secret of the link that the dashboard printed."""
    expected = call.services.setup_secret
    if not expected or not hmac.compare_digest(expected.encode(), body.secret.encode()):
        raise Forbidden(
            "the set-up link is not valid",
            why="it works once, and only until the dashboard is started again",
            hint="use the link that the dashboard printed last",
        )
    user = call.services.people.add(
        body.username,
        body.email,
        body.password,
        admin=True,
        only_first=True,
        address=call.address,
    )
    call.services.setup_secret = ""
    return _signed_in(call, user, status=201)


@routes.add("POST", "/register", scope=None, status=201)
def register(call: Call, body: NewAccount) -> Answer[Me]:
    """Make an account, where the dashboard allows it."""
    if not call.services.settings.allow_registration:
        raise Forbidden(
            "this dashboard does not let people register themselves",
            hint="ask whoever runs it: etiq dashboard users add NAME",
        )
    # Counted like a sign-in, so that nobody can make accounts or ask for names in bulk.
    call.services.people.throttle.attempt(f"register {body.username}", call.address)
    user = call.services.people.add(body.username, body.email, body.password, address=call.address)
    return _signed_in(call, user, status=201)


@routes.add("POST", "/sign-in", scope=None)
def sign_in(call: Call, body: SignIn) -> Answer[Me]:
    """Begin a browser session."""
    user = call.services.people.check_password(body.username, body.password, call.address)
    return _signed_in(call, user)


@routes.add("POST", "/sign-out", scope=None, status=204)
def sign_out(call: Call) -> Answer[None]:
    """End the browser session."""
    secret = call.request.cookies.get(COOKIE)
    if secret:
        call.services.people.end_session(secret)
    return Answer(status=204, cookie=_cookie(call, "", 0))


@routes.add("GET", "/users", scope="read")
def find_users(call: Call, query: UserQuery) -> Page[User]:
    """Users whose name begins so."""
    found = call.services.people.starting_with(query.q)
    return Page(items=found, total=len(found))


@routes.add("POST", "/tokens/issue", scope=None, status=201)
def issue_token_for_script(call: Call, body: TokenForScript) -> IssuedToken:
    """Make a token with user name and password, for scripts."""
    user = call.services.people.check_password(body.username, body.password, call.address)
    token, secret = call.services.tokens.issue(user, body.name, None, None, call.address)
    call.services.announce("token", user_id=user.id, id=token.id)
    return IssuedToken(token=token, secret=secret, dashboard_url=call.base_url)


@routes.add("GET", "/tokens", scope="admin")
def list_tokens(call: Call, query: PageQuery) -> Page[Token]:
    """My tokens, newest first; never their text."""
    return call.services.tokens.page(call.who.user, query.cursor, query.limit)


@routes.add("POST", "/tokens", scope="admin", status=201)
def issue_token(call: Call, body: NewToken) -> IssuedToken:
    """Make a token. Its text is in this answer and cannot be had again."""
    token, secret = call.services.tokens.issue(
        call.who.user, body.name, body.scopes, body.expires_at, call.address
    )
    call.services.announce("token", user_id=call.who.user.id, id=token.id)
    return IssuedToken(token=token, secret=secret, dashboard_url=call.base_url)


@routes.add("DELETE", "/tokens/{token_id}", scope="admin", status=204)
def delete_token(call: Call, token_id: str) -> None:
    """Delete a token; it is dead from this moment."""
    call.services.tokens.delete(call.who.user, token_id, call.address)
    call.services.announce("token", user_id=call.who.user.id, id=token_id)


@routes.add("POST", "/tokens/{token_id}/rotate", scope="admin")
def rotate_token(call: Call, token_id: str) -> IssuedToken:
    """Give a token a new text; the old one is dead."""
    token, secret = call.services.tokens.rotate(call.who.user, token_id, call.address)
    call.services.announce("token", user_id=call.who.user.id, id=token.id)
    return IssuedToken(token=token, secret=secret, dashboard_url=call.base_url)


def _signed_in(call: Call, user: User, status: int = 200) -> Answer[Me]:
    if call.request.headers.get("authorization"):
        raise AuthError("sign in without a token", hint="leave the Authorization header away")
    secret = call.services.people.begin_session(user, call.address)
    return Answer(
        _me(call, user, sorted(ALL_SCOPES), None),
        status,
        cookie=_cookie(call, secret, SESSION_SECONDS),
    )


def _cookie(call: Call, value: str, seconds: int) -> str:
    secure = "; Secure" if call.base_url.startswith("https:") else ""
    return f"{COOKIE}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}"


def _me(call: Call, user: User, scopes: list[str], token: Token | None) -> Me:
    return Me(
        user=user,
        scopes=scopes,
        server=call.services.server,
        limits=model.Limits(snapshots_per_batch=SNAPSHOTS_AT_ONCE),
        workspace=call.services.workspaces.personal(user.id),
        token=token,
    )
