"""Sections of buffers on their way into the store: cut, hashed, and made small."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from blake3 import blake3

from etiq_jupyter.objects.chunk import (
    DELTAS,
    GAIN,
    PREFIX,
    RAW,
    SAMPLE,
    XOR,
    choose_form,
    encode_chunk,
)
from etiq_jupyter.objects.pack import Frame
from etiq_jupyter.objects.recipe import ChunkRef, Part, pack_refs
from etiq_jupyter.store import cutting
from etiq_jupyter.store.chunks import in_groups, in_parallel
from etiq_jupyter.store.sources import BufferSource

_WORTH = 0.6  # a delta must be at most this much of the raw bytes, else it is not worth a base
_LARGE = 64 << 20
_GAIN_OF_LARGE = 0.75  # large buffers: time counts more, and noise is most of what is large
_FIXED = ("rows", "lengths")


class Base(NamedTuple):
    """A chunk to which another one is kept as the change."""

    hash: bytes
    data: bytes


@dataclass
class Section:
    """One section of a buffer (or several merged ones) to be cut, with its earlier form."""

    data: memoryview
    itemsize: int = 1
    row_bytes: int = 0
    fixed: bool = False
    earlier: list[ChunkRef] = field(default_factory=list)
    like: Part | None = None  # an earlier buffer of this shape, whose cuts are taken over
    aligned: bool = False  # whether the n-th chunk stands where the n-th earlier one stood
    gain: float = GAIN
    cuts: cutting.Cuts = field(default_factory=list)
    hashes: list[bytes] = field(default_factory=list)
    _form: int | None = None

    @property
    def form(self) -> int:
        """The form for chunks that are no change to another one."""
        if self._form is None:
            sample = _sample(self.data, self.itemsize)
            self._form = choose_form(sample, self.itemsize, gain=self.gain)
        return self._form

    def refs(self) -> bytes:
        """Return the references of a recipe."""
        sizes = (end - start for start, end in self.cuts)
        return pack_refs(
            ChunkRef(digest.hex(), size) for digest, size in zip(self.hashes, sizes, strict=True)
        )


def _sample(data: memoryview, itemsize: int) -> memoryview:
    whole = data.nbytes - data.nbytes % itemsize
    if whole <= SAMPLE:
        return data[:whole]
    middle = whole // 2
    start = middle - middle % itemsize
    length = SAMPLE - SAMPLE % itemsize
    return data[start : min(start + length, whole)]


def sections_of(source: BufferSource, before: Part | None) -> Iterator[Section]:
    """Divide a buffer into its sections, each with what stood there earlier."""
    usable = before is not None and not before.selected and before.itemsize == source.itemsize
    earlier = before.refs() if usable and before else []
    same = before is not None and cutting.same_shape(
        before, source.size, source.itemsize, source.row_bytes
    )
    number = 0
    for data in source.sections():
        whole = data.nbytes == source.size
        section = Section(
            data,
            source.itemsize,
            source.row_bytes,
            source.layout in _FIXED or bool(source.row_bytes),
            earlier,
            before if same and whole else None,
            same and (whole or bool(source.row_bytes)),
            GAIN if source.size < _LARGE else _GAIN_OF_LARGE,
        )
        if section.aligned and not whole:
            count = len(cutting.by_rows(data.nbytes, source.row_bytes))
            section.earlier = earlier[number : number + count]
            number += count
        yield section


def prepare(section: Section) -> Section:
    """Cut a section, and hash the pieces unless it is so large that all cores should."""
    if section.like is not None:
        section.cuts = cutting.like(section.like)
    elif section.earlier and not section.row_bytes:
        section.cuts, section.hashes = cutting.following(
            section.data, section.itemsize, section.earlier
        )
    else:
        section.cuts = cutting.cut(section.data, section.itemsize, section.row_bytes)
    if not section.hashes and section.data.nbytes < _LARGE:
        section.hashes = [blake3(section.data[start:end]).digest() for start, end in section.cuts]
    return section


def digests(data: memoryview, cuts: cutting.Cuts) -> list[bytes]:
    """Hash all pieces, on all cores."""

    def names(group: cutting.Cuts) -> list[bytes]:
        return [blake3(data[start:end]).digest() for start, end in group]

    groups = in_groups(cuts, lambda cut: cut[1] - cut[0])
    return [digest for group in in_parallel(names, groups) for digest in group]


def pairs_of(section: Section, new: set[int]) -> dict[int, int]:
    """Map each new chunk to the earlier one in its place.

    With equal cuts that is the same number. Otherwise unchanged chunks are the landmarks: the n-th
    new chunk after one is paired with the n-th earlier chunk after it.
    """
    if section.aligned:
        return {number: number for number in new if number < len(section.earlier)}
    where = {ref.hash: at for at, ref in enumerate(section.earlier)}
    pairs, at = {}, -1
    for number, digest in enumerate(section.hashes):
        landmark = where.get(digest.hex())
        at = landmark if landmark is not None else at + 1
        if number in new and at < len(section.earlier):
            pairs[number] = at
    return pairs


New = tuple[Section, int, "Base | None"]
"""A new chunk: its section, its number in it, and the chunk to which it may be kept as a change."""


def raw_size(new: New) -> int:
    """Return the bytes of a new chunk."""
    start, end = new[0].cuts[new[1]]
    return end - start


def encode_all(task: list[New]) -> list[Frame]:
    """Make the stored forms of new chunks: as a change where that is worth it."""
    return [_encode(section, number, base) for section, number, base in task]


def _encode(section: Section, number: int, base: Base | None) -> Frame:
    start, end = section.cuts[number]
    data = section.data[start:end]
    name = section.hashes[number].hex()
    if base is not None:
        delta = _delta(section, data, base)
        if delta is not None:
            return Frame(name, delta[0], len(data), base.hash.hex(), delta[1])
    if section.form == RAW:
        return Frame(name, RAW, len(data), "", data)  # written from where it is, not copied
    used, stored = encode_chunk(data, section.form, section.itemsize)
    return Frame(name, used, len(data), "", stored)


def _delta(section: Section, data: memoryview, base: Base) -> tuple[int, bytes] | None:
    if section.fixed and section.aligned:
        if not alike(data, base.data):
            return None
        form, stored = encode_chunk(data, XOR, section.itemsize, base.data)
    elif section.form == RAW and not section.fixed:
        return None
    else:
        form, stored = encode_chunk(data, PREFIX, 1, base.data)
    return (form, stored) if form in DELTAS and len(stored) < _WORTH * len(data) else None


def alike(data: memoryview, base: bytes) -> bool:
    """Whether most bytes are those that stood there before."""
    import numpy as np

    common = min(len(data), len(base))
    if common * 2 < len(data):
        return False
    a = np.frombuffer(data, np.uint8, count=common)
    b = np.frombuffer(base, np.uint8, count=common)
    return int(np.count_nonzero(a == b)) * 10 >= len(data) * 6
