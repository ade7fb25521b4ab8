"""The texts that let somebody in, and what is stored of them: never the text itself.

An access token is ``etq_``, 32 characters that carry 160 random bits, and 6 characters of
checksum, all of ``a-z2-7``. The checksum finds mistyped and cut tokens without asking anybody,
and lets scanners for leaked secrets be sure of a find.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import zlib

PREFIX = "etq_"
PATTERN = re.compile(r"etq_([a-z2-7]{32})([a-z2-7]{6})")
LOOKUP_CHARS = 8
USER_CODE_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
"""Easy to tell apart, and without vowels, so that no words come out (RFC 8628, 6.1)."""


def new_token() -> str:
    """Make the text of an access token."""
    body = base64.b32encode(secrets.token_bytes(20)).decode().lower()
    return f"{PREFIX}{body}{_checksum(body)}"


def is_token(text: str) -> bool:
    """Whether a text has the form of an access token, checksum included."""
    match = PATTERN.fullmatch(text)
    return match is not None and match[2] == _checksum(match[1])


def new_session_secret() -> str:
    """Make the text of a browser's session cookie: 256 random bits."""
    return secrets.token_urlsafe(32)


def new_device_code() -> str:
    """Make the text by which a waiting program is known: 256 random bits."""
    return secrets.token_urlsafe(32)


def new_user_code() -> str:
    """Make the eight letters that a person compares or types."""
    return "".join(secrets.choice(USER_CODE_LETTERS) for _ in range(8))


def digest(secret: str) -> str:
    """Tell what is stored of a secret: SHA-256, 64 hex digits.

    The secrets are random and long, so one fast round is as safe as many: there is no list of
    likely ones to try.
    """
    return hashlib.sha256(secret.encode()).hexdigest()


def same(stored: str, computed: str) -> bool:
    """Compare two digests in a time that does not depend on where they differ."""
    return hmac.compare_digest(stored, computed)


def _checksum(body: str) -> str:
    crc = zlib.crc32(body.encode()).to_bytes(4, "big")
    return base64.b32encode(crc).decode().lower()[:6]
