"""What people may call things: checked in one place, so that every list can show every name."""

from __future__ import annotations

import re
import unicodedata

from etiq_jupyter.errors import Invalid
from etiq_jupyter.names import LONGEST, unseen_character

_USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def clean_name(text: str, noun: str, *, empty: bool = False, path: str = "$.name") -> str:
    """Return a name without outer blanks.

    Parameters
    ----------
    text : str
        As given.
    noun : str
        What is being named, for the message.
    empty : bool
        Whether it may be empty.
    path : str
        Where in the request it stands.

    Raises
    ------
    Invalid
        When it is empty, longer than 200 characters or has characters that cannot be seen.
    """
    name = unicodedata.normalize("NFC", text).strip()
    if not name and not empty:
        raise Invalid(f"the {noun} needs a name", why="the one given is empty", path=path)
    if len(name) > LONGEST:
        raise Invalid(
            f"the name of the {noun} is too long",
            why=f"it has {len(name)} characters",
            hint=f"use at most {LONGEST}",
            path=path,
        )
    unseen = unseen_character(name)
    if unseen:
        raise Invalid(
            f"the name of the {noun} has a character that cannot be seen",
            why=f"U+{ord(unseen):04X}",
            hint="leave it out",
            path=path,
        )
    return name


def clean_username(text: str) -> str:
    """Return a user name: letters, digits, dot, dash, underscore; at most 64 characters."""
    name = text.strip()
    if not _USERNAME.fullmatch(name):
        raise Invalid(
            f"{text[:80]!r} cannot be a user name",
            why="it has letters, digits, '.', '-' and '_' only, at most 64, and starts with "
            "a letter or digit",
            path="$.username",
        )
    return name


def clean_email(text: str) -> str:
    """Return an email address, or the empty string; only its form is checked."""
    email = text.strip()
    local, at, domain = email.rpartition("@")
    bad = email and (not at or not local or not domain or len(email) > 254)
    if bad or not email.isprintable() or " " in email:
        raise Invalid(f"{text[:80]!r} is not an email address", path="$.email")
    return email
