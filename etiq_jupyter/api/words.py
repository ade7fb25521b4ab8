"""How sizes, times and counts are written for people."""

from __future__ import annotations

import re
from datetime import datetime, timezone

from etiq_jupyter.errors import Invalid


def count(number: int, noun: str) -> str:
    """Write ``1 variable``, ``4 variables``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def size(nbytes: int) -> str:
    """Write bytes in powers of 10, with three significant digits: ``44.9 MB``."""
    if nbytes < 1000:
        return f"{nbytes} B"
    value = float(nbytes)
    for unit in ("kB", "MB", "GB", "TB"):
        value /= 1000
        if value < 999.5 or unit == "TB":
            digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
            return f"{value:.{digits}f} {unit}"
    raise AssertionError("unreachable")


def duration(seconds: float) -> str:
    """Write ``12 ms``, ``3.4 s``, ``2 min 5 s``."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def ago(then: datetime, now: datetime | None = None) -> str:
    """Write how long ago: ``just now``, ``2 min ago``, ``3 h ago``, ``5 days ago``."""
    seconds = ((now or datetime.now(timezone.utc)) - then).total_seconds()
    if seconds < 10:
        return "just now"
    for limit, unit, length in ((60, "s", 1), (3600, "min", 60), (86400, "h", 3600)):
        if seconds < limit:
            return f"{seconds // length:.0f} {unit} ago"
    days = int(seconds // 86400)
    return "1 day ago" if days == 1 else f"{days} days ago"


def number(value: float) -> str:
    """Write a metric with at most six significant digits."""
    if isinstance(value, int) or (value == int(value) if abs(value) < 1e15 else False):
        return f"{int(value):,}"
    return f"{value:.6g}"


_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def parse_size(text: str) -> int:
    """Read a size as `size` writes it: ``5GB``, ``500 MB``.

    Raises
    ------
    Invalid
        When it is not a size.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", text)
    if match is None or match[2].upper() not in _UNITS:
        raise Invalid(f"{text!r} is not a size", hint="write it like 5GB or 500MB")
    return int(float(match[1]) * _UNITS[match[2].upper()])
