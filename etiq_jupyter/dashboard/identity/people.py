"""Users, their browser sessions, and who it is that asks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.exc import IntegrityError
from starlette.requests import Request

from etiq_jupyter import ids
from etiq_jupyter.dashboard import audit
from etiq_jupyter.dashboard.db import tables
from etiq_jupyter.dashboard.db.engine import Database, next_numbers, now
from etiq_jupyter.dashboard.db.statement import Statement, among
from etiq_jupyter.dashboard.identity import secrets
from etiq_jupyter.dashboard.identity.passwords import hash_password, password_fits
from etiq_jupyter.dashboard.identity.throttle import Throttle
from etiq_jupyter.dashboard.names import clean_email, clean_username
from etiq_jupyter.dashboard.web.guards import COOKIE
from etiq_jupyter.errors import AuthError, Conflict, Forbidden, NotFound
from etiq_jupyter.model import User

ALL_SCOPES = ("read", "write", "admin")
SESSION_SECONDS = 30 * 24 * 3600
OWNER = 3
LAST_USED_STEP = 60_000_000  # microseconds; "last used" is written at most once a minute


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks, and what they may do with this token or browser session."""

    user: User
    scopes: frozenset[str]
    token_id: str | None = None


class People:
    """The accounts of a dashboard."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.throttle = Throttle(database)

    # --- who asks ---------------------------------------------------------------------------

    def identify(self, request: Request, scope: str) -> Identity:
        """Find out who makes a request. Nothing is remembered: a deleted token is dead at once.

        Raises
        ------
        AuthError
            When there is no valid token or session.
        Forbidden
            When the token may not do this.
        """
        header = request.headers.get("authorization")
        if header is not None:
            kind, _, secret = header.partition(" ")
            if kind.lower() != "bearer":
                raise AuthError(
                    f"the dashboard does not know {kind[:20]!r} authentication",
                    hint="send the header Authorization: Bearer <access token>",
                )
            who = self._by_token(secret.strip())
        elif COOKIE in request.cookies:
            who = self._by_cookie(request.cookies[COOKIE])
        else:
            raise AuthError(
                "this needs an access token", hint="make one on the dashboard's tokens page"
            )
        check_scope(who.scopes, scope)
        return who

    def _by_token(self, secret: str) -> Identity:
        digest = secrets.digest(secret)
        with self._database.read() as connection:
            rows = TOKENS.all(connection, lookups=token_lookups([digest]))
        row = matching(rows, [digest]).get(digest)
        if row is None:
            raise refused(secret)
        check_expiry(row)
        if (row.last_used_at or 0) < now() - LAST_USED_STEP:
            self.mark_used([row.id])
        return Identity(_user(row), frozenset(row.scopes.split()), row.id)

    def _by_cookie(self, secret: str) -> Identity:
        sessions, users = tables.browser_sessions, tables.users
        query = (
            select(users)
            .join(sessions, sessions.c.user_id == users.c.id)
            .where(sessions.c.hash == secrets.digest(secret), sessions.c.expires_at > now())
        )
        with self._database.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise AuthError("the browser's session has ended", hint="sign in again")
        return Identity(user_of(row), frozenset(ALL_SCOPES))

    def mark_used(self, token_ids: list[str]) -> None:
        """Write when tokens were last used."""
        table = tables.tokens
        with self._database.write() as tx:
            tx.execute(update(table).where(table.c.id.in_(token_ids)).values(last_used_at=now()))

    # --- accounts ---------------------------------------------------------------------------

    def anybody(self) -> bool:
        """Whether there is at least one user."""
        with self._database.read() as connection:
            return connection.execute(select(tables.users.c.id).limit(1)).first() is not None

    def add(
        self,
        username: str,
        email: str,
        password: str,
        *,
        admin: bool = False,
        only_first: bool = False,
        address: str = "",
    ) -> User:
        """Make an account and its personal workspace.

        Parameters
        ----------
        username, email, password : str
            Checked here.
        admin : bool
            Whether this person administers the dashboard.
        only_first : bool
            Refuse when there is a user already (the set-up link works once).
        address : str
            Where the request came from, for the audit log.

        Raises
        ------
        Invalid
            Names what is wrong with the name, email or password.
        Conflict
            When the name is taken.
        """
        username, email = clean_username(username), clean_email(email)
        user = User(id=ids.new_id(), username=username, email=email, admin=admin)
        hashed = hash_password(password, username)
        try:
            with self._database.write() as tx:
                if only_first and tx.execute(select(tables.users.c.id).limit(1)).first():
                    raise Forbidden("the dashboard has been set up already", hint="sign in")
                self._insert(tx, user, hashed)
                audit.record(
                    tx, "user.add", username, user_id=user.id, username=username, address=address
                )
        except IntegrityError:
            raise Conflict(f"the user name {username!r} is taken", hint="choose another") from None
        return user

    def _insert(self, tx: Connection, user: User, hashed: str) -> None:
        moment = now()
        tx.execute(
            tables.users.insert().values(
                id=user.id,
                username=user.username,
                folded=user.username.casefold(),
                email=user.email,
                password=hashed,
                admin=user.admin,
                created_at=moment,
            )
        )
        workspace = ids.new_id()
        tx.execute(
            tables.workspaces.insert().values(
                id=workspace,
                number=next_numbers(tx, "WSP"),
                name=user.username,
                personal=True,
                created_at=moment,
            )
        )
        tx.execute(
            tables.workspace_members.insert().values(
                workspace_id=workspace, user_id=user.id, rank=OWNER
            )
        )

    def check_password(self, username: str, password: str, address: str) -> User:
        """Return the user whose name and password these are.

        Raises
        ------
        AuthError
            When they do not belong together; it does not say which of the two is wrong.
        RateLimited
            After many failures.
        """
        counted = self.throttle.attempt(username, address)
        query = select(tables.users).where(tables.users.c.folded == username.strip().casefold())
        with self._database.read() as connection:
            row = connection.execute(query).first()
        if not password_fits(row.password if row else None, password) or row is None:
            with self._database.write() as tx:
                audit.record(
                    tx, "sign-in.failed", username[:64], username=username[:64], address=address
                )
            raise AuthError(
                "user name and password do not belong together",
                hint="check both; whoever runs the dashboard can set a new password",
            )
        self.throttle.forgive(counted)
        return user_of(row)

    def set_password(self, username: str, password: str) -> None:
        """Set a new password and end all browser sessions of this user."""
        users = tables.users
        hashed = hash_password(password, username)
        with self._database.write() as tx:
            row = tx.execute(
                update(users)
                .where(users.c.folded == username.casefold())
                .values(password=hashed)
                .returning(users.c.id)
            ).first()
            if row is None:
                raise NotFound(f"there is no user {username!r}")
            sessions = tables.browser_sessions
            tx.execute(delete(sessions).where(sessions.c.user_id == row.id))
            audit.record(tx, "user.password", username, user_id=row.id)

    def all_users(self) -> list[Any]:
        """All accounts by name, as rows."""
        with self._database.read() as connection:
            return list(
                connection.execute(select(tables.users).order_by(tables.users.c.folded)).all()
            )

    def starting_with(self, prefix: str, limit: int = 10) -> list[User]:
        """Users whose name starts so, for the box in which one shares a project."""
        folded = prefix.strip().casefold()
        users = tables.users
        query = (
            select(users)
            .where(func.substr(users.c.folded, 1, len(folded)) == folded)
            .order_by(users.c.folded)
            .limit(limit)
        )
        with self._database.read() as connection:
            # The email address of somebody else is nobody's business.
            return [
                User(id=row.id, username=row.username) for row in connection.execute(query).all()
            ]

    # --- browser sessions -------------------------------------------------------------------

    def begin_session(self, user: User, address: str) -> str:
        """Start a browser session; returns the secret for its cookie."""
        secret = secrets.new_session_secret()
        moment = now()
        sessions = tables.browser_sessions
        with self._database.write() as tx:
            tx.execute(delete(sessions).where(sessions.c.expires_at <= moment))
            tx.execute(
                sessions.insert().values(
                    hash=secrets.digest(secret),
                    user_id=user.id,
                    created_at=moment,
                    expires_at=moment + SESSION_SECONDS * 1_000_000,
                )
            )
            audit.record(
                tx,
                "sign-in",
                user.username,
                user_id=user.id,
                username=user.username,
                address=address,
            )
        return secret

    def end_session(self, secret: str) -> None:
        """Forget a browser session."""
        sessions = tables.browser_sessions
        with self._database.write() as tx:
            tx.execute(delete(sessions).where(sessions.c.hash == secrets.digest(secret)))


# Built once, as it is asked with every request.
TOKENS = Statement(
    select(
        tables.tokens.c.id,
        tables.tokens.c.hash,
        tables.tokens.c.scopes,
        tables.tokens.c.expires_at,
        tables.tokens.c.last_used_at,
        tables.users.c.id.label("user_id"),
        tables.users.c.username,
        tables.users.c.email,
        tables.users.c.admin,
    )
    .join(tables.users, tables.users.c.id == tables.tokens.c.user_id)
    .where(among(tables.tokens.c.lookup, "lookups"))
)
"""Tokens, with their users, by `token_lookups`; `matching` says whose secrets were meant."""


def token_lookups(digests: Iterable[str]) -> list[str]:
    """Return what tokens are looked up by, for digests of their secrets."""
    return list({digest[: secrets.LOOKUP_CHARS] for digest in digests})


def matching(rows: Iterable[Any], digests: Iterable[str]) -> dict[str, Any]:
    """Return those rows of tokens whose secrets have these digests, by digest."""
    return {digest: row for row in rows for digest in digests if secrets.same(row.hash, digest)}


def refused(secret: str) -> AuthError:
    """Say why a token is not accepted, as far as its own text tells."""
    if secrets.is_token(secret):
        return AuthError(
            "the dashboard does not know this token",
            why="it was deleted, or belongs to another dashboard",
            hint="make a new one on the tokens page",
        )
    return AuthError(
        "this is not an access token",
        why="it has the wrong length or form, or was cut or mistyped",
        hint="copy the whole text from the tokens page, starting with etq_",
    )


def check_expiry(row: Any) -> None:
    """Refuse a token whose time is over."""
    if row.expires_at is not None and row.expires_at <= now():
        raise AuthError("the token has expired", hint="make a new one on the tokens page")


def check_scope(scopes: frozenset[str], needed: str) -> None:
    """Refuse what a token may not do."""
    if needed not in scopes:
        raise Forbidden(
            f"the token may not do this: it lacks the scope {needed!r}",
            why=f"it has {', '.join(sorted(scopes)) or 'none'}",
            hint=f"make a token with the scope {needed!r} on the tokens page",
        )


def user_of(row: Any) -> User:
    """Return a user from a row of the users table."""
    return User(id=row.id, username=row.username, email=row.email, admin=row.admin)


def _user(row: Any) -> User:
    return User(id=row.user_id, username=row.username, email=row.email, admin=bool(row.admin))
