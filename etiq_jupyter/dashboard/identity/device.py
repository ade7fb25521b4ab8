"""Log-ins of programs by a person at a browser: no secret is typed or pasted (RFC 8628).

A program asks for two codes. It keeps the device code to itself and asks with it again and again;
the user code it shows to a person, who is signed in here, sees who asks, and approves or denies.
The token is made in the moment in which the program asks next, so it is stored nowhere, and one
that nobody fetches is never made.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, delete, false, func, select, update

from etiq_jupyter.dashboard import audit
from etiq_jupyter.dashboard.db import tables
from etiq_jupyter.dashboard.db.engine import Database, from_micros, now
from etiq_jupyter.dashboard.identity import secrets
from etiq_jupyter.dashboard.identity.people import user_of
from etiq_jupyter.dashboard.identity.throttle import Throttle
from etiq_jupyter.dashboard.identity.tokens import DEFAULT_SCOPES, Tokens
from etiq_jupyter.dashboard.names import clean_name
from etiq_jupyter.errors import (
    AccessDenied,
    AuthorizationPending,
    ExpiredCode,
    NotFound,
    RateLimited,
    SlowDown,
)
from etiq_jupyter.model import DeviceRequest, Token, User

SECONDS = 600
"""How long a code waits for somebody."""
INTERVAL = 3
"""Seconds between two questions of a program."""
SLOWER = 5
"""Seconds that are added to the interval of a program that asks too often."""
SLOWEST = 60
OUTSTANDING = 1000
"""Codes that may wait at the same time."""
NEW_PER_ADDRESS = 100  # in five minutes; a class may sit behind one address
GUESSES_PER_PERSON = 20
GUESSES_PER_ADDRESS = 100
_EARLY = 500_000  # microseconds that a question may come too early, as networks jitter

_codes = tables.device_codes


class Devices:
    """The programs that wait to be logged in.

    Parameters
    ----------
    database : Database
        Where the codes are; all workers share them.
    throttle : Throttle
        Counts new codes and wrong guesses.
    tokens : Tokens
        Makes the token in the end.
    """

    def __init__(self, database: Database, throttle: Throttle, tokens: Tokens) -> None:
        self._database = database
        self._throttle = throttle
        self._tokens = tokens

    # --- the program --------------------------------------------------------------------------

    def ask(self, name: str, address: str) -> tuple[str, str]:
        """Begin to wait; returns the device code, which is not stored, and the user code.

        Parameters
        ----------
        name : str
            What the program calls itself; the name of its token later.
        address : str
            Where the request came from.

        Raises
        ------
        Invalid
            When the name cannot be shown.
        RateLimited
            When this address asks too often, or too many codes wait.
        """
        name = clean_name(name or "Notebook", "device")
        self._throttle.count(
            {f"device:{address}": NEW_PER_ADDRESS},
            "too many codes have been asked for",
            "many came from this address in the last minutes",
        )
        device_code = secrets.new_device_code()
        moment = now()
        with self._database.write() as tx:
            tx.execute(delete(_codes).where(_codes.c.expires_at <= moment))
            if tx.execute(select(func.count()).select_from(_codes)).scalar_one() >= OUTSTANDING:
                raise RateLimited(
                    "too many log-ins are waiting already",
                    why=f"there are {OUTSTANDING}",
                    hint="try again in some minutes, or log in with an access token",
                    retry_after=SECONDS // 10,
                )
            inserting = self._database.insert(_codes).on_conflict_do_nothing()
            while True:
                user_code = secrets.new_user_code()
                values = {
                    "hash": secrets.digest(device_code),
                    "user_code": user_code,
                    "name": name,
                    "address": address,
                    "created_at": moment,
                    "expires_at": moment + SECONDS * 1_000_000,
                    "interval": INTERVAL,
                    "state": "pending",
                }
                if tx.execute(inserting.values(values).returning(_codes.c.hash)).first():
                    return device_code, spelled(user_code)

    def redeem(self, device_code: str, address: str) -> tuple[Token, str, User]:
        """Return the token, its text and its owner, once somebody has approved.

        Parameters
        ----------
        device_code : str
            As `ask` returned it.
        address : str
            Where the question came from, for the audit log.

        Raises
        ------
        AuthorizationPending, SlowDown
            When nobody has answered yet.
        AccessDenied
            When somebody has said no.
        ExpiredCode
            When the code's time is over, it was redeemed, or it never was one.
        """
        hashed = secrets.digest(device_code)
        moment = now()
        with self._database.read() as connection:
            row = connection.execute(select(_codes).where(_codes.c.hash == hashed)).first()
        if row is None or row.expires_at <= moment:
            raise _expired()
        if row.state == "denied":
            raise AccessDenied("the log-in was denied", why="somebody refused it on the dashboard")
        if row.state == "approved":
            return self._issue(hashed, address)
        self._note_question(row, moment)
        raise AuthorizationPending("nobody has answered yet", hint="ask again later")

    def _note_question(self, row: Any, moment: int) -> None:
        early = row.polled_at is not None and (
            moment < row.polled_at + row.interval * 1_000_000 - _EARLY
        )
        change = (
            {"interval": min(row.interval + SLOWER, SLOWEST)} if early else {"polled_at": moment}
        )
        # At the slowest nothing is written any more: asking fast costs the dashboard a look only.
        if not early or row.interval < SLOWEST:
            with self._database.write() as tx:
                tx.execute(update(_codes).where(_codes.c.hash == row.hash).values(change))
        if early:
            raise SlowDown(
                "nobody has answered yet, and this asks too often",
                hint=f"wait {SLOWER} seconds longer between two questions",
            )

    def _issue(self, hashed: str, address: str) -> tuple[Token, str, User]:
        with self._database.write() as tx:
            # Of several that ask at the same moment one finds the row.
            row = tx.execute(
                delete(_codes)
                .where(_codes.c.hash == hashed, _codes.c.state == "approved")
                .returning(_codes)
            ).first()
            if row is None:
                raise _expired()
            users = tables.users
            user = user_of(tx.execute(select(users).where(users.c.id == row.user_id)).one())
            scopes = list(DEFAULT_SCOPES)
            token, secret = self._tokens.add(tx, user, row.name, scopes, None, address)
        return token, secret, user

    # --- the person ---------------------------------------------------------------------------

    def look_up(self, user: User, user_code: str, address: str) -> DeviceRequest:
        """Say who waits under a user code.

        Raises
        ------
        NotFound
            When nobody does: mistyped, answered already, or expired.
        RateLimited
            After many wrong codes.
        """
        counted = self._count_guess(user, address)
        with self._database.read() as connection:
            row = connection.execute(select(_codes).where(_waiting(user_code))).first()
        if row is None:
            raise _nobody_waits()
        self._throttle.give_back(counted)
        return DeviceRequest(
            user_code=spelled(row.user_code),
            name=row.name,
            address=row.address,
            created_at=from_micros(row.created_at),
            expires_at=from_micros(row.expires_at),
        )

    def answer(self, user: User, user_code: str, address: str, *, approve: bool) -> None:
        """Approve or deny what waits under a user code, once.

        Raises
        ------
        NotFound
            When nothing does.
        RateLimited
            After many wrong codes.
        """
        counted = self._count_guess(user, address)
        with self._database.write() as tx:
            row = tx.execute(
                update(_codes)
                .where(_waiting(user_code))
                .values(state="approved" if approve else "denied", user_id=user.id)
                .returning(_codes)
            ).first()
            if row is None:
                raise _nobody_waits()
            audit.record(
                tx,
                "device.approve" if approve else "device.deny",
                spelled(row.user_code),
                user_id=user.id,
                username=user.username,
                address=address,
                detail={"name": row.name, "address": row.address},
            )
        self._throttle.give_back(counted)

    def _count_guess(self, user: User, address: str) -> list[str]:
        limits = {
            f"guess:{user.id}": GUESSES_PER_PERSON,
            f"guesses:{address}": GUESSES_PER_ADDRESS,
        }
        self._throttle.count(
            limits, "too many wrong codes", "several were tried in the last minutes"
        )
        return list(limits)


def spelled(user_code: str) -> str:
    """Return a user code as it is shown: ``BCDF-GHJK``."""
    return f"{user_code[:4]}-{user_code[4:]}"


def _waiting(user_code: str) -> ColumnElement[bool]:
    """Match the request that waits under a code, which people type in many ways."""
    letters = user_code.upper().replace("-", "").replace(" ", "")
    if not set(letters) <= set(secrets.USER_CODE_LETTERS):
        return false()
    return (
        (_codes.c.user_code == letters)
        & (_codes.c.state == "pending")
        & (_codes.c.expires_at > now())
    )


def _nobody_waits() -> NotFound:
    return NotFound(
        "no log-in waits under this code",
        why="it was mistyped, was answered already, or its time is over",
        hint="compare it with the code in the notebook, or run %etiq_login --device again",
    )


def _expired() -> ExpiredCode:
    return ExpiredCode(
        "the device code is not valid",
        why="its time is over, or it was used already",
        hint="begin again",
    )
