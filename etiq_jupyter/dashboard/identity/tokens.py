"""Access tokens: shown once, stored as a hash, deleted and dead in the same moment."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, select, update

from etiq_jupyter import ids
from etiq_jupyter.dashboard import audit
from etiq_jupyter.dashboard.db import tables
from etiq_jupyter.dashboard.db.engine import Database, from_micros, now, to_micros
from etiq_jupyter.dashboard.identity import secrets
from etiq_jupyter.dashboard.identity.people import ALL_SCOPES
from etiq_jupyter.dashboard.names import clean_name
from etiq_jupyter.dashboard.web.paging import Cursor
from etiq_jupyter.errors import Invalid, NotFound
from etiq_jupyter.model import Page, Token, User

DEFAULT_SCOPES = ("read", "write")


class Tokens:
    """The access tokens of a dashboard's users."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def issue(
        self,
        user: User,
        name: str,
        scopes: list[str] | None,
        expires_at: datetime | None,
        address: str,
    ) -> tuple[Token, str]:
        """Make a token; returns it and its text, which is stored nowhere.

        Raises
        ------
        Invalid
            When the name, a scope or the expiry is not acceptable.
        """
        with self._database.write() as tx:
            return self.add(tx, user, name, scopes, expires_at, address)

    def add(
        self,
        tx: Connection,
        user: User,
        name: str,
        scopes: list[str] | None,
        expires_at: datetime | None,
        address: str,
    ) -> tuple[Token, str]:
        """Do as `issue` does, in a transaction that holds more than this."""
        name = clean_name(name, "token")
        chosen = check_scopes(DEFAULT_SCOPES if scopes is None else scopes)
        moment = now()
        ends = None if expires_at is None else to_micros(expires_at)
        if ends is not None and ends <= moment:
            raise Invalid("the token would have expired already", path="$.expires_at")
        secret = secrets.new_token()
        values = {
            "id": ids.new_id(),
            "user_id": user.id,
            "name": name,
            "scopes": " ".join(chosen),
            "created_at": moment,
            "expires_at": ends,
            "last_used_at": None,
        } | stored_form(secret)
        row = tx.execute(tables.tokens.insert().values(values).returning(tables.tokens)).one()
        audit.record(
            tx,
            "token.issue",
            row.id,
            user_id=user.id,
            username=user.username,
            address=address,
            detail={"name": name, "scopes": chosen},
        )
        return token_of(row), secret

    def page(self, user: User, cursor: str | None, limit: int) -> Page[Token]:
        """Return a user's own tokens, newest first."""
        table = tables.tokens
        mine = table.c.user_id == user.id
        query = select(table).where(mine).order_by(table.c.id.desc()).limit(limit + 1)
        if cursor:
            query = query.where(table.c.id < Cursor.decode(cursor, 1).text(0))
        with self._database.read() as connection:
            rows = connection.execute(query).all()
            total = connection.execute(
                select(func.count()).select_from(table).where(mine)
            ).scalar_one()
        more = Cursor((rows[limit - 1].id,)).encode() if len(rows) > limit else None
        return Page(items=[token_of(row) for row in rows[:limit]], next_cursor=more, total=total)

    def get(self, user: User, token_id: str) -> Token:
        """One of a user's own tokens."""
        table = tables.tokens
        query = select(table).where(table.c.id == token_id, table.c.user_id == user.id)
        with self._database.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise _no_token(token_id)
        return token_of(row)

    def delete(self, user: User, token_id: str, address: str) -> None:
        """Delete a token. The next request that brings it is refused."""
        table = tables.tokens
        with self._database.write() as tx:
            row = tx.execute(
                delete(table)
                .where(table.c.id == token_id, table.c.user_id == user.id)
                .returning(table.c.name)
            ).first()
            if row is None:
                raise _no_token(token_id)
            audit.record(
                tx,
                "token.delete",
                token_id,
                user_id=user.id,
                username=user.username,
                address=address,
                detail={"name": row.name},
            )

    def rotate(self, user: User, token_id: str, address: str) -> tuple[Token, str]:
        """Give a token a new text; name, scopes and expiry stay, the old text is dead."""
        table = tables.tokens
        secret = secrets.new_token()
        with self._database.write() as tx:
            row = tx.execute(
                update(table)
                .where(table.c.id == token_id, table.c.user_id == user.id)
                .values(created_at=now(), last_used_at=None, **stored_form(secret))
                .returning(table)
            ).first()
            if row is None:
                raise _no_token(token_id)
            audit.record(
                tx,
                "token.rotate",
                token_id,
                user_id=user.id,
                username=user.username,
                address=address,
                detail={"name": row.name},
            )
        return token_of(row), secret


def stored_form(secret: str) -> dict[str, str]:
    """Tell what the database keeps of a token's text."""
    hashed = secrets.digest(secret)
    return {
        "lookup": hashed[: secrets.LOOKUP_CHARS],
        "hash": hashed,
        "last_chars": secret[-4:],
    }


def check_scopes(scopes: Any) -> list[str]:
    """Return scopes in their usual order, without doubles."""
    unknown = [scope for scope in scopes if scope not in ALL_SCOPES]
    if unknown:
        raise Invalid(
            f"there is no scope {unknown[0]!r}",
            hint=f"choose from {', '.join(ALL_SCOPES)}",
            path="$.scopes",
        )
    if not scopes:
        raise Invalid("the token needs at least one scope", path="$.scopes")
    return [scope for scope in ALL_SCOPES if scope in scopes]


def token_of(row: Any) -> Token:
    """Return a token as it may be shown, from its row."""
    return Token(
        id=row.id,
        name=row.name,
        scopes=row.scopes.split(),
        last_chars=row.last_chars,
        created_at=from_micros(row.created_at),
        expires_at=None if row.expires_at is None else from_micros(row.expires_at),
        last_used_at=None if row.last_used_at is None else from_micros(row.last_used_at),
    )


def _no_token(token_id: str) -> NotFound:
    return NotFound(f"there is no token {token_id[:60]!r}", why="or it is somebody else's")
