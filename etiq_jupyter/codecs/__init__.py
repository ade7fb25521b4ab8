"""Values to bytes and back, safely.

Reading never executes what a content says: no pickle, no import of named modules, no constructors
of named classes; sizes that do not fit the bytes are refused before anything is allocated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from etiq_jupyter.codecs.base import (
    Codec,
    Encoded,
    Facts,
    Reading,
    Writing,
)
from etiq_jupyter.codecs.registry import guarded, registry
from etiq_jupyter.errors import Corrupt, EtiqError, NotKept, UnsafeContent

if TYPE_CHECKING:
    from etiq_jupyter.model import Item, Preview
    from etiq_jupyter.objects.content import ContentReader

__all__ = [
    "Codec",
    "Encoded",
    "Facts",
    "Reading",
    "Writing",
    "decode",
    "encode",
    "export",
    "formats_of",
    "preview",
    "profile",
    "registry",
]


def encode(value: Any) -> Encoded:
    """Turn a value into a `Content` and what people see of it.

    Raises
    ------
    NotKept
        When the value has no safe form; says why.
    """
    return registry.encode(value)


def decode(
    reader: ContentReader,
    *,
    columns: Sequence[Any] | None = None,
    stand_in: bool = True,
    name: str = "",
) -> Any:
    """Make the value of a content again, without executing anything of it.

    Parameters
    ----------
    columns : sequence of str, optional
        Only these columns of a frame; the others are not even fetched.
    stand_in : bool
        Read values of classes that are not defined here as records instead of raising `NotKept`.
    name : str
        The item's name, for messages.

    Raises
    ------
    UnsafeContent
        When the content could run code or exhaust memory.
    Corrupt
        When it is damaged.
    NotKept
        When a library or class that it needs is not here.
    """
    how = Reading(columns=columns, stand_in=stand_in)
    try:
        return registry.decode_content(reader, how)
    except (UnsafeContent, Corrupt, NotKept) as error:
        if name:
            raise named(error, name) from error
        raise


def named(error: EtiqError, name: str) -> EtiqError:
    """Return the same error with the item's name before what it says."""
    return type(error)(f"{name}: {error.what}", why=error.why, hint=error.hint)


def preview(reader: ContentReader, item: Item | None = None, **options: Any) -> Preview:
    """Return what people see of a stored item; see `etiq_jupyter.codecs.previews.preview`."""
    from etiq_jupyter.codecs import previews as module

    with guarded():
        return module.preview(reader, item, **options)


def export(reader: ContentReader, format: str) -> tuple[str, bytes]:  # noqa: A002 - the API's name
    """Return media type and bytes of a content as a file.

    See `etiq_jupyter.codecs.exports.export`.
    """
    from etiq_jupyter.codecs import exports as module

    with guarded():
        return module.export(reader, format)


def formats_of(reader: ContentReader) -> tuple[str, ...]:
    """Return the formats in which a content can be exported, the best first."""
    from etiq_jupyter.codecs import exports as module

    with guarded():
        return module.formats_of(reader)


def profile(reader: ContentReader, columns: Sequence[str] | None = None) -> dict[str, Any]:
    """Return a profile per column of a stored frame; see `etiq_jupyter.codecs.profiles.profile`."""
    from etiq_jupyter.codecs import profiles as module

    with guarded():
        return module.profile(reader, columns)
