"""Identity: UUIDv7 made where a thing is made, and the short ids that a dashboard adds.

The layout of a UUIDv7 is RFC 9562, section 5.7: 48 bits of Unix milliseconds, then version,
variant and random bits. Here the 12 bits after the version continue the clock (method 3 of
section 6.2), so ids made by one process sort in the order in which they were made.
"""

from __future__ import annotations

import os
import re
import threading
import time
import uuid

from etiq_jupyter.errors import Invalid

KINDS = {
    "WSP": "workspace",
    "PRJ": "project",
    "PHA": "phase",
    "RUN": "run",
    "SNP": "snapshot",
    "DTS": "dataset",
    "DTV": "dataset version",
    "MDL": "model",
    "MDV": "model version",
    "PIP": "pipeline",
    "PPE": "pipe",
}
"""Prefix of a short id and the noun it stands for."""

_SHORT = re.compile(r"\s*([A-Za-z]{3})-(\d{1,12})\s*")
_CANONICAL = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_lock = threading.Lock()
_last = 0


def _after_fork() -> None:
    # A lock held by another thread at the time of the fork would stay locked in the child.
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def new_id() -> str:
    """Make a UUIDv7 that sorts after every earlier one of this process.

    Returns
    -------
    str
        36 characters, lower case.
    """
    global _last
    with _lock:
        now = (time.time_ns() << 12) // 1_000_000  # milliseconds, 12 bits of fraction
        _last = now = now if now > _last else _last + 1
    value = (now >> 12 << 80) | (0x7 << 76) | ((now & 0xFFF) << 64)
    value |= (0b10 << 62) | (int.from_bytes(os.urandom(8), "big") >> 2)
    return str(uuid.UUID(int=value))


def parse_short_id(text: str) -> tuple[str, int] | None:
    """Split a short id such as ``SNP-42``, in any letter case, matched in full.

    Returns
    -------
    tuple of (str, int) or None
        The upper-case prefix and the number; None when the text is not a short id of a known kind.
    """
    match = _SHORT.fullmatch(text)
    if match is None or match[1].upper() not in KINDS:
        return None
    return match[1].upper(), int(match[2])


def parse_uuid(text: str) -> str | None:
    """Return the canonical form of a hyphenated UUID, or None when the text is not one."""
    if _CANONICAL.fullmatch(text):
        return text
    text = text.strip()
    if len(text) != 36:
        return None
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None


def parse_id(text: str) -> str:
    """Return the canonical form of a UUID or short id.

    Raises
    ------
    Invalid
        When the text is neither.
    """
    short = parse_short_id(text)
    if short is not None:
        return f"{short[0]}-{short[1]}"
    found = parse_uuid(text)
    if found is None:
        raise Invalid(
            f"{text!r} is not an id",
            why="an id is a UUID or a short id such as SNP-42 or PRJ-3",
            hint="copy it from the dashboard or from snapshot.id",
        )
    return found
