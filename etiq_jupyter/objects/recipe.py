"""Recipe: how the buffers of one content are put together from chunks.

A recipe is a MessagePack map, at most `MAX_RECIPE` bytes. It is self-contained: every chunk that is
needed to read the content is named in it (`recipe_chunks`), also where the content is kept as a row
selection of an earlier one. Its BLAKE3 is the name of the object (`model.Item.object`).

The bytes of a part are held in exactly one of four ways:

* ``inline``: in the recipe itself (tiny buffers, so that a small value is one object);
* ``at``: at this offset of the recipe's ``merged`` chunks (small buffers, cut together);
* ``chunks``: in chunks of its own, in order;
* ``base_size``: ``chunks`` hold the buffer of an earlier frame, ``base_size`` bytes long, of which
  the rows named by the recipe's ``selection`` are this part.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from etiq_jupyter.errors import Corrupt, UnsafeContent
from etiq_jupyter.objects.content import Layout
from etiq_jupyter.objects.hashing import HASH_BYTES, Data, blake3_hex

FORMAT = 1
"""Version of the recipe's form. Readers accept every version up to theirs."""
MAX_RECIPE = 64 << 20
"""Bytes of an encoded recipe at most."""
MAX_CHUNK = 16 << 20
"""Bytes of one chunk at most (recipes, which are stored as chunks too, up to `MAX_RECIPE`)."""
MAX_PARTS = 1_000_000

_REF = struct.Struct(f"<{HASH_BYTES}sI")


class ChunkRef(NamedTuple):
    """A chunk by name: 64 hex digits of BLAKE3 of its raw bytes, and how many bytes these are."""

    hash: str
    size: int


def pack_refs(refs: Iterable[ChunkRef]) -> bytes:
    """Return the compact form of chunk references: 32 bytes of hash and 4 of size for each."""
    return b"".join(_REF.pack(bytes.fromhex(ref.hash), ref.size) for ref in refs)


def unpack_refs(packed: bytes) -> Iterator[ChunkRef]:
    """Read the compact form back."""
    return (ChunkRef(digest.hex(), size) for digest, size in _REF.iter_unpack(packed))


def packed_size(packed: bytes) -> int:
    """Return how many bytes the chunks of a compact list hold together."""
    return sum(size for _, size in _REF.iter_unpack(packed))


class Part(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One buffer of a content: what it is, and where its bytes are (see the module's page).

    ``size`` is in bytes; ``digest`` is its xxh3-128 (16 bytes). ``layout``, ``itemsize`` and
    ``row_bytes`` are those of `content.Buffer`.
    """

    name: str
    size: int
    digest: bytes
    layout: Layout = "bytes"
    itemsize: int = 1
    row_bytes: int = 0
    inline: bytes | None = None
    at: int = -1
    chunks: bytes = b""
    base_size: int = -1

    @property
    def selected(self) -> bool:
        """Whether this part is a row selection of an earlier buffer."""
        return self.base_size >= 0

    def refs(self) -> list[ChunkRef]:
        """Return this part's own chunks, in order."""
        return list(unpack_refs(self.chunks))


class Selection(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Which rows of an earlier frame a frame consists of.

    ``form`` is ``bitmap`` (one bit per earlier row, least significant first: rows keep their
    order) or ``indices`` (unsigned little-endian positions of ``width`` bytes: any order, repeats
    allowed). The bytes are ``inline`` or in ``chunks``; ``size`` counts them.
    """

    form: str
    base_rows: int
    rows: int
    size: int
    width: int = 4
    inline: bytes | None = None
    chunks: bytes = b""


class Recipe(msgspec.Struct, kw_only=True, omit_defaults=True):
    """How one content is stored. ``merged`` are the chunks shared by its small parts."""

    format: int
    codec: str
    version: int
    meta: dict[str, Any]
    rows: int = -1
    parts: list[Part] = []
    merged: bytes = b""
    selection: Selection | None = None

    @property
    def size(self) -> int:
        """Bytes of all buffers together."""
        return sum(part.size for part in self.parts)


_encoder = msgspec.msgpack.Encoder(order="deterministic")
_decoder = msgspec.msgpack.Decoder(Recipe)


def encode_recipe(recipe: Recipe) -> bytes:
    """Return the recipe's bytes; equal recipes give equal bytes."""
    return _encoder.encode(recipe)


def recipe_hash(recipe: Recipe) -> str:
    """Return the object name of a recipe."""
    return blake3_hex(encode_recipe(recipe))


def decode_recipe(data: Data) -> Recipe:
    """Read a recipe that may come from anybody.

    Raises
    ------
    Corrupt
        When the bytes are not a recipe, or contradict themselves.
    UnsafeContent
        When it is larger than any recipe may be, or of a newer format.
    """
    if len(data) > MAX_RECIPE:
        raise UnsafeContent("The description of an object is too large to read")
    try:
        recipe = _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Corrupt("The description of an object cannot be read", why=str(error)) from error
    if recipe.format > FORMAT:
        raise UnsafeContent(
            f"This object has format {recipe.format}",
            why=f"this version reads up to {FORMAT}",
            hint="update etiq_jupyter",
        )
    if len(recipe.parts) > MAX_PARTS:
        raise UnsafeContent("An object has too many parts")
    _check(recipe)
    return recipe


def recipe_chunks(recipe: Recipe) -> list[str]:
    """Return the names of all chunks that must exist to read the content, each once."""
    packed = [part.chunks for part in recipe.parts]
    packed.append(recipe.merged)
    if recipe.selection is not None:
        packed.append(recipe.selection.chunks)
    return list(
        dict.fromkeys(digest.hex() for blob in packed for digest, _ in _REF.iter_unpack(blob))
    )


def _fault(what: str) -> Corrupt:
    return Corrupt("The description of an object contradicts itself", why=what)


def _check(recipe: Recipe) -> None:
    merged = _checked_size(recipe.merged)
    names = set()
    for part in recipe.parts:
        if part.name in names:
            raise _fault(f"two parts are named {part.name!r}")
        names.add(part.name)
        _check_part(part, merged, recipe.selection)
    if recipe.selection is not None:
        _check_selection(recipe.selection, recipe.rows)


def _checked_size(packed: bytes) -> int:
    if len(packed) % _REF.size:
        raise _fault("a list of chunks is cut short")
    total = 0
    for _, size in _REF.iter_unpack(packed):
        if not 0 < size <= MAX_CHUNK:
            raise _fault(f"a chunk of {size} bytes")
        total += size
    return total


def _check_part(part: Part, merged: int, selection: Selection | None) -> None:
    if part.size < 0 or part.itemsize < 1 or part.row_bytes < 0 or len(part.digest) != 16:
        raise _fault(f"part {part.name!r} has impossible sizes")
    own = _checked_size(part.chunks)
    if part.inline is not None:
        fits = len(part.inline) == part.size and not own and part.at < 0 and not part.selected
    elif part.at >= 0:
        fits = part.at + part.size <= merged and not own and not part.selected
    elif part.selected:
        fits = selection is not None and own == part.base_size and part.layout != "bytes"
    else:
        fits = own == part.size
    if not fits:
        raise _fault(f"the chunks of part {part.name!r} do not add up to its {part.size} bytes")


def _check_selection(selection: Selection, rows: int) -> None:
    own = _checked_size(selection.chunks)
    held = len(selection.inline) if selection.inline is not None else own
    if selection.inline is not None and own:
        raise _fault("a selection is held twice")
    if selection.form == "bitmap":
        expected = (selection.base_rows + 7) // 8
    elif selection.form == "indices" and selection.width in (4, 8):
        expected = selection.rows * selection.width
    else:
        raise _fault(f"a selection of form {selection.form!r}")
    if selection.rows != rows or min(selection.rows, selection.base_rows) < 0:
        raise _fault("the rows of a selection do not add up")
    if not (selection.size == held == expected):
        raise _fault("a selection is cut short")
