"""A manifest comes from a stranger: checked and bounded here, and turned into rows."""

from __future__ import annotations

import math
import re
import threading
import unicodedata
from dataclasses import dataclass

import msgspec
import zstandard
from blake3 import blake3

from etiq_jupyter import ids, model
from etiq_jupyter.compare.joining import is_trivial
from etiq_jupyter.dashboard.names import clean_name
from etiq_jupyter.errors import Corrupt, Invalid, UnsafeContent
from etiq_jupyter.model import Item, Snapshot
from etiq_jupyter.names import unseen_character

MAX_ITEMS = 10_000
MAX_READS = 10_000
MAX_METRICS = 5_000
MAX_TAGS = 100
MAX_REDACTIONS = 1_000
LONGEST_NOTE = 20_000
LONGEST_SUMMARY = 4_000
LONGEST_TEXT = 200_000
"""Characters of a snapshot that words are looked for in."""
LARGEST = 1 << 53
"""Sizes above this lose digits in JavaScript."""
TRIVIAL = "~"
"""Marks the hash of a content that joins within one run only."""

_CONTENT_HASH = re.compile(r"[0-9a-f]{32}")
_OBJECT_HASH = re.compile(r"[0-9a-f]{64}")


class Brief(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What a list shows of a snapshot, beside its columns."""

    tags: list[str] = []
    metrics: dict[str, float] = {}
    variables: int = 0
    biggest: Item | None = None


@dataclass(slots=True)
class Manifest:
    """A checked manifest and what the tables hold of it."""

    snapshot: Snapshot
    sent_hash: str
    """BLAKE3 of the body as it was sent, for the receipt."""
    hash: str
    """BLAKE3 of the stored form, the same for JSON and MessagePack."""
    body: bytes
    text: str
    brief: bytes
    metrics: dict[str, float]
    tags: list[str]
    has_lineage: bool
    objects: list[str]
    size: int


_briefs = msgspec.msgpack.Decoder(Brief)
_snapshots = msgspec.msgpack.Decoder(Snapshot)
_packer = msgspec.msgpack.Encoder()
_local = threading.local()


def check(snapshot: Snapshot, snapshot_id: str, sent: bytes) -> Manifest:
    """Check a manifest that was sent for this id.

    Parameters
    ----------
    snapshot : Snapshot
        The decoded manifest.
    snapshot_id : str
        From the address.
    sent : bytes
        The body as it came.

    Raises
    ------
    Invalid
        Names the part that cannot be taken.
    """
    _check_head(snapshot, snapshot_id)
    _check_items(snapshot.items)
    for position, read in enumerate(snapshot.reads):
        _check_word(read.name, f"$.reads[{position}].name", 500)
        _check_hash(read.hash, _CONTENT_HASH, f"$.reads[{position}].hash")
    for name in snapshot.metrics:
        _check_word(name, f"$.metrics[{name[:40]!r}]", 200)
    tags = clean_tags(snapshot.tags)
    try:
        packed = _packer.encode(snapshot)
    except (OverflowError, ValueError, RecursionError) as error:
        raise Invalid("the manifest holds something that cannot be kept", why=str(error)) from None
    sent_hash = blake3(sent).hexdigest()
    made = model.variables(snapshot)
    metrics = {name: value for name, value in snapshot.metrics.items() if math.isfinite(value)}
    brief = Brief(
        tags=tags,
        metrics=metrics,
        variables=len(made),
        biggest=_bare(max(made, key=lambda item: item.size, default=None)),
    )
    return Manifest(
        snapshot=snapshot,
        sent_hash=sent_hash,
        hash=sent_hash if packed == sent else blake3(packed).hexdigest(),
        body=_compress(packed),
        text=searchable(snapshot, snapshot.name, snapshot.note, tags),
        brief=_packer.encode(brief),
        metrics=metrics,
        tags=tags,
        has_lineage=bool(snapshot.reads) or any(item.hash for item in made),
        objects=list({item.object: None for item in snapshot.items if item.object}),
        size=sum(item.size for item in snapshot.items if not item.same_as),
    )


def contents(snapshot: Snapshot) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return names and content hashes of what a snapshot wrote, and of what it read.

    The hash of a trivial content that was written ends in `TRIVIAL`.
    """
    wrote = {
        (item.name, item.hash + TRIVIAL * is_trivial(item)): None
        for item in model.variables(snapshot)
        if item.hash
    }
    read = {(read.name, read.hash): None for read in snapshot.reads if read.hash}
    return list(wrote), list(read)


def _compress(packed: bytes) -> bytes:
    # Making a compressor costs as much as using it once, and threads must not share one.
    compressor: zstandard.ZstdCompressor | None = getattr(_local, "compressor", None)
    if compressor is None:
        compressor = _local.compressor = zstandard.ZstdCompressor(level=1)
    return compressor.compress(packed)


def read_body(body: bytes) -> Snapshot:
    """Read a manifest back from its stored form."""
    limit = model.Limits().manifest_bytes * 2
    try:
        packed = zstandard.ZstdDecompressor().decompress(body, max_output_size=limit)
        return _snapshots.decode(packed)
    except (zstandard.ZstdError, msgspec.DecodeError) as error:
        raise Corrupt("a stored manifest cannot be read", why=str(error)) from error


def read_brief(brief: bytes) -> Brief:
    """Read the list form back."""
    return _briefs.decode(brief)


def write_brief(brief: Brief) -> bytes:
    """Return the list form as it is stored."""
    return _packer.encode(brief)


def clean_tags(tags: list[str]) -> list[str]:
    """Return tags without outer blanks and doubles.

    Raises
    ------
    Invalid
        When there are too many, or one cannot be a tag.
    """
    if len(tags) > MAX_TAGS:
        raise Invalid(f"a snapshot has at most {MAX_TAGS} tags", path="$.tags")
    cleaned: dict[str, None] = {}
    for position, tag in enumerate(tags):
        cleaned[clean_name(tag, "tag", path=f"$.tags[{position}]")] = None
    return list(cleaned)


def check_note(note: str) -> None:
    """Refuse a note that is too long."""
    if len(note) > LONGEST_NOTE:
        raise Invalid(f"the note is longer than {LONGEST_NOTE} characters", path="$.note")


def searchable(snapshot: Snapshot, name: str, note: str, tags: list[str]) -> str:
    """Return the text in which words are looked for: without letter case, bounded."""
    names = " ".join(item.name for item in model.variables(snapshot))
    text = "\n".join((name, " ".join(tags), note, names, snapshot.source))
    return fold(text[:LONGEST_TEXT])


def fold(text: str) -> str:
    """Take out what a search does not look at: letter case, forms of one letter, nulls."""
    if text.isascii():
        return text.lower().replace("\x00", " ")
    return unicodedata.normalize("NFKC", text).casefold().replace("\x00", " ")


def _check_head(snapshot: Snapshot, snapshot_id: str) -> None:
    if ids.parse_uuid(snapshot.id) != snapshot_id:
        raise Invalid(
            "the manifest's id is not the one in the address", why=snapshot.id[:60], path="$.id"
        )
    if snapshot.format > model.FORMAT:
        raise UnsafeContent(
            f"the manifest has format {snapshot.format}",
            why=f"this dashboard knows up to {model.FORMAT}",
            hint="update the dashboard",
        )
    if not snapshot.project:
        raise Invalid("the manifest names no project", path="$.project")
    clean_name(snapshot.name, "snapshot", empty=True)
    check_note(snapshot.note)
    run_id = ids.parse_uuid(snapshot.run.id)
    if run_id is None:
        raise Invalid("the run's id is not a UUID", path="$.run.id")
    snapshot.id, snapshot.run.id = snapshot_id, run_id  # in their one canonical form
    _check_word(snapshot.run.name, "$.run.name", 1000, empty=True)
    _check_word(snapshot.run.host, "$.run.host", 255, empty=True)
    _check_word(snapshot.cell_id, "$.cell_id", 200, empty=True)
    _check_number(snapshot.sequence, "$.sequence", (1 << 31) - 1)
    _check_number(snapshot.execution_count, "$.execution_count", (1 << 31) - 1)
    _check_number(snapshot.new_bytes, "$.new_bytes", LARGEST)
    if not math.isfinite(snapshot.duration) or snapshot.duration < 0:
        raise Invalid("the duration is not a time", path="$.duration")
    for what, length, most in (
        ("items", len(snapshot.items), MAX_ITEMS),
        ("reads", len(snapshot.reads), MAX_READS),
        ("metrics", len(snapshot.metrics), MAX_METRICS),
        ("redactions", len(snapshot.redactions), MAX_REDACTIONS),
    ):
        if length > most:
            raise Invalid(
                f"a manifest has at most {most} {what}", why=f"{length}", path=f"$.{what}"
            )


def _check_items(items: list[Item]) -> None:
    seen: set[str] = set()
    for position, item in enumerate(items):
        where = f"$.items[{position}]"
        _check_word(item.name, f"{where}.name", 500)
        if item.name in seen:
            raise Invalid(f"two items are named {item.name!r}", path=f"{where}.name")
        seen.add(item.name)
        _check_hash(item.hash, _CONTENT_HASH, f"{where}.hash")
        _check_hash(item.object, _OBJECT_HASH, f"{where}.object")
        _check_number(item.size, f"{where}.size", LARGEST)
        for name in ("type", "summary", "codec", "reason", "same_as"):
            if len(getattr(item, name)) > LONGEST_SUMMARY:
                raise Invalid(f"{name} is too long", path=f"{where}.{name}")


def _check_word(text: str, path: str, longest: int, *, empty: bool = False) -> None:
    if not text and not empty:
        raise Invalid("a name is empty", path=path)
    if len(text) > longest:
        raise Invalid(f"longer than {longest} characters", path=path)
    unseen = unseen_character(text)
    if unseen:
        raise Invalid("a name has a control character", why=f"U+{ord(unseen):04X}", path=path)


def _check_hash(text: str, form: re.Pattern[str], path: str) -> None:
    if text and not form.fullmatch(text):
        raise Invalid("this is not a hash", why=text[:80], path=path)


def _check_number(value: int, path: str, most: int) -> None:
    if not 0 <= value <= most:
        raise Invalid(f"a number out of its range: {value}", path=path)


def _bare(item: Item | None) -> Item | None:
    """Return an item without its detail, which a list does not show."""
    if item is None:
        return None
    return Item(
        name=item.name,
        role=item.role,
        kind=item.kind,
        type=item.type,
        summary=item.summary,
        size=item.size,
        hash=item.hash,
        codec=item.codec,
    )
