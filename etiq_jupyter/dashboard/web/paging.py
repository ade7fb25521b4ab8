"""Pages of lists: a cursor holds the sort key of the last row, so any page costs the same."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from etiq_jupyter.errors import Invalid

Limit = Annotated[int, msgspec.Meta(ge=1, le=1000)]


class PageQuery(msgspec.Struct, kw_only=True):
    """Which page of a list."""

    cursor: str | None = None
    limit: Limit = 50


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a sorted list.

    Parameters
    ----------
    key : tuple
        Sort key of the last row of a page: strings, numbers, None.
    """

    key: tuple[Any, ...]

    def encode(self) -> str:
        """Return the cursor as text that fits an address."""
        return base64.urlsafe_b64encode(msgspec.msgpack.encode(self.key)).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str, length: int) -> Cursor:
        """Read a cursor.

        Raises
        ------
        Invalid
            When this dashboard did not make it, or not for this sort order.
        """
        try:
            raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            key = msgspec.msgpack.decode(raw)
        except (binascii.Error, ValueError, msgspec.DecodeError, RecursionError):
            key = None
        if not isinstance(key, list) or len(key) != length:
            raise _foreign()
        return cls(tuple(key))

    def text(self, position: int) -> str:
        """Return a string of the key."""
        value = self.key[position]
        if not isinstance(value, str) or "\x00" in value:
            raise _foreign()
        return value

    def number(self, position: int) -> float | int:
        """Return a number of the key."""
        value = self.key[position]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _foreign()
        if isinstance(value, int) and abs(value) >= 1 << 63:
            raise _foreign()
        return value


def _foreign() -> Invalid:
    return Invalid(
        "the cursor does not belong to this list",
        hint="start again without a cursor",
        path="$.cursor",
    )
