"""Passwords: argon2id, with bounded memory."""

from __future__ import annotations

import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from etiq_jupyter.errors import Invalid

SHORTEST = 8
LONGEST = 1024

# OWASP's second recommendation: 19 MiB, 2 passes, 1 lane.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Each check holds 19 MiB, so a burst of sign-ins waits here instead of filling the memory.
_slots = threading.BoundedSemaphore(2)
_NOBODY = _hasher.hash("nobody has this password")


def hash_password(password: str, username: str) -> str:
    """Return the argon2id form of a new password.

    Raises
    ------
    Invalid
        When it is shorter than 8 or longer than 1024 characters, or is the user name.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise Invalid(
            "the password cannot be taken",
            why=f"it has {len(password)} characters",
            hint=f"use {SHORTEST} to {LONGEST}",
            path="$.password",
        )
    if password.lower() == username.lower():
        raise Invalid("the password cannot be taken", why="it is the user name", path="$.password")
    with _slots:
        return _hasher.hash(password)


def password_fits(stored: str | None, password: str) -> bool:
    """Whether a password is the stored one; takes as long when there is no such user."""
    with _slots:
        try:
            return _hasher.verify(stored or _NOBODY, password[:LONGEST]) and stored is not None
        except (VerificationError, InvalidHashError):
            return False
