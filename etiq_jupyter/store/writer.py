"""From a content to a recipe and the chunks that are new."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from blake3 import blake3

from etiq_jupyter.errors import Corrupt, UnsafeContent
from etiq_jupyter.objects.chunk import (
    DELTAS,
    GAIN,
    PREFIX,
    RAW,
    SAMPLE,
    XOR,
    ZSTD,
    choose_form,
    encode_chunk,
)
from etiq_jupyter.objects.content import Buffer, Content, Layout
from etiq_jupyter.objects.hashing import blake3_digest
from etiq_jupyter.objects.pack import Frame
from etiq_jupyter.objects.recipe import (
    FORMAT,
    ChunkRef,
    Part,
    Recipe,
    decode_recipe,
    encode_recipe,
    pack_refs,
    packed_size,
    unpack_refs,
)
from etiq_jupyter.store import cutting, selecting
from etiq_jupyter.store.chunks import ChunkStore, ahead, in_groups, in_parallel
from etiq_jupyter.store.database import Database
from etiq_jupyter.store.sink import Sink

INLINE = 4 << 10
"""Buffers up to this size are held in the recipe itself."""
_INLINE_TOTAL = 32 << 10
MERGE = 64 << 10
"""Smaller buffers than this are cut together."""
_WORTH = 0.6  # a delta must be at most this much of the raw bytes, else it is not worth a base
_LARGE = 64 << 20
_GAIN_OF_LARGE = 0.75  # large buffers: time counts more, and noise is most of what is large
_SOME = 8  # of many chunks, to see whether they are like the earlier ones
_FIXED = ("rows", "lengths")


class BufferSource(Protocol):
    """A buffer to be kept, whose bytes come section by section (`cutting.sections`)."""

    name: str
    layout: Layout
    itemsize: int
    row_bytes: int
    size: int
    digest: bytes
    lasting: bool
    """Whether the bytes of a section stay when the next one is asked for."""

    def sections(self) -> Iterator[memoryview]: ...


class ContentSource(Protocol):
    """A content to be kept."""

    codec: str
    version: int
    meta: dict[str, Any]
    rows: int

    @property
    def sources(self) -> Sequence[BufferSource]: ...


class HeldBuffer:
    """A buffer that is whole in memory."""

    lasting = True

    def __init__(self, buffer: Buffer) -> None:
        self.name, self.layout = buffer.name, buffer.layout
        self.itemsize, self.row_bytes = buffer.itemsize, buffer.row_bytes
        self.size, self.digest = buffer.data.nbytes, buffer.digest
        self._data = buffer.data

    def sections(self) -> Iterator[memoryview]:
        """Return the bytes, in sections."""
        for start, end in cutting.sections(self.size, self.itemsize, self.row_bytes):
            yield self._data[start:end]


class HeldContent:
    """A content that is whole in memory."""

    def __init__(self, content: Content) -> None:
        self.codec, self.version = content.codec, content.version
        self.meta, self.rows = content.meta, content.rows
        self.sources: list[BufferSource] = [HeldBuffer(each) for each in content.buffers]


@dataclass
class Draft:
    """A content whose new chunks are in a sink: its object, and (digest, size, chunks) to keep."""

    object: str
    recipe: Recipe
    buffers: list[tuple[bytes, int, bytes]] = field(default_factory=list)


class _Base(NamedTuple):
    """A chunk to which another one is kept as the change."""

    hash: bytes
    data: bytes


@dataclass
class _Job:
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


class Writer:
    """Turns contents into recipes and chunks against one store."""

    def __init__(self, database: Database, chunks: ChunkStore) -> None:
        self._database = database
        self._chunks = chunks

    def draft(self, content: ContentSource, parents: Sequence[str], sink: Sink) -> Draft:
        """Work out the recipe of a content, and put what is new into a sink.

        Parameters
        ----------
        content : ContentSource
            The content; its buffers are only read.
        parents : sequence of str
            Objects of earlier forms of the same thing: what changed since is kept as the change.
        sink : Sink
            Takes the new chunks, the recipe last.
        """
        # A small content is one chunk or few: what changed would cost more to find than to keep.
        small_one = sum(source.size for source in content.sources) < MERGE
        parent, earlier = ("", None) if small_one else self._parent(parents)
        recipe = Recipe(
            format=FORMAT,
            codec=content.codec,
            version=content.version,
            meta=content.meta,
            rows=content.rows,
            parts=[],
        )
        draft = Draft("", recipe)
        before = {part.name: part for part in earlier.parts} if earlier else {}
        selected = self._select(content, parents, draft, sink)
        small: list[memoryview] = []
        large: list[tuple[Part, BufferSource, Part | None]] = []
        inlined = offset = 0
        for source in content.sources:
            part = _part(source)
            recipe.parts.append(part)
            if not source.size:
                continue
            if source.size <= INLINE and inlined + source.size <= _INLINE_TOTAL:
                part.inline = b"".join(source.sections())
                inlined += source.size
            elif source.name in selected:
                part.chunks = selected[source.name]
                part.base_size = packed_size(part.chunks)
            elif source.size < MERGE and source.layout != "lengths":
                # (Lengths stay apart: with them the payload can be kept as a selection of rows.)
                part.at = offset
                small += source.sections()
                offset += source.size
            else:
                large.append((part, source, before.get(source.name)))
        self._keep_large(large, draft, sink)
        if small:
            recipe.merged = self._cut_merged(b"".join(small), earlier, sink)
        self._add_recipe(draft, parent, sink)
        return draft

    def same(self, source: BufferSource | Buffer, before: Part | None = None) -> bytes:
        """Return the chunks of an equal buffer that is in the store; empty when there is none."""
        size = source.size if not isinstance(source, Buffer) else source.data.nbytes
        equal = before is not None and before.digest == source.digest and before.size == size
        if equal and before and before.chunks and not before.selected:
            return before.chunks
        row = self._database.row(
            "SELECT chunks FROM buffers WHERE digest = ? AND size = ?", (source.digest, size)
        )
        return row[0] if row else b""

    def _select(
        self, content: ContentSource, parents: Sequence[str], draft: Draft, sink: Sink
    ) -> dict[str, bytes]:
        """Find out whether a frame consists of rows of an earlier one; return the parts that do."""
        sources = content.sources
        whole = all(source.lasting and len(_sections(source)) <= 1 for source in sources)
        if content.rows < selecting.FEWEST_ROWS or not whole:
            return {}
        # What the store has already costs nothing, and its bytes may not even be at hand.
        new = [
            each for each in sources if each.size and not (each.size >= MERGE and self.same(each))
        ]
        if all(source.size < MERGE for source in new):
            return {}
        columns: list[selecting.Column] = []
        for name in parents:
            recipe = self._parent([name])[1]
            if recipe is None or recipe.codec != content.codec:
                continue
            # (Before the bytes are asked for, which may still be on their way.)
            if not selecting.plausible(content.rows, recipe):
                continue
            if selecting.stands_still(sources, content.rows, recipe):
                continue
            columns = columns or [_column(source) for source in new]
            found = selecting.find(columns, content.rows, recipe, self._chunks.fetch)
            if found is not None:
                self._add_selection(found, draft, sink)
                return found.chunks
        return {}

    def _add_selection(self, found: selecting.Selected, draft: Draft, sink: Sink) -> None:
        selection, raw = found.selection, found.raw
        if len(raw) <= INLINE:
            selection.inline = raw
        else:
            width = selection.width if selection.form == "indices" else 1
            data = memoryview(raw)
            job = _prepare(_Job(data, width))
            self._keep(job, sink)
            selection.chunks = job.refs()
        draft.recipe.selection = selection

    # --- cutting --------------------------------------------------------------------------

    def _keep_large(
        self, large: Sequence[tuple[Part, BufferSource, Part | None]], draft: Draft, sink: Sink
    ) -> None:
        new: list[tuple[Part, BufferSource, Part | None]] = []
        for part, source, old in large:
            part.chunks = self.same(source, old)
            if not part.chunks:
                new.append((part, source, old))
        jobs = (job for _, source, old in new for job in _jobs(source, old))
        # While one buffer's chunks are compressed and written, the next ones are cut and hashed.
        # (Not where memory is used again as soon as the next section is asked for.)
        several = len(new) > 1 and all(source.lasting for _, source, _ in new)
        prepared = ahead(_prepare, jobs) if several else map(_prepare, jobs)
        for part, source, _ in new:
            packed, size = [], 0
            while size < source.size:
                job = next(prepared)
                self._keep(job, sink)
                packed.append(job.refs())
                size += job.data.nbytes
            part.chunks = b"".join(packed)
        next(prepared, None)  # the last section, too, may be used again
        for part, _, _ in large:
            draft.buffers.append((part.digest, part.size, part.chunks))

    def _cut_merged(self, blob: bytes, earlier: Recipe | None, sink: Sink) -> bytes:
        data = memoryview(blob)
        old = list(unpack_refs(earlier.merged)) if earlier else []
        job = _prepare(_Job(data, earlier=old))
        self._keep(job, sink)
        return job.refs()

    def _keep(self, job: _Job, sink: Sink) -> None:
        job.hashes = job.hashes or _digests(job.data, job.cuts)
        if job.aligned and len(job.cuts) == len(job.earlier):
            same = sum(
                ref.hash == digest.hex()
                for ref, digest in zip(job.earlier, job.hashes, strict=True)
            )
            if same < len(job.cuts) / 2:
                self._recut(job, same / len(job.cuts))
        known = self._chunks.known(job.hashes) | sink.hashes
        bases = self._bases(job, known)
        work: list[tuple[_Job, int, _Base | None]] = []
        for number, digest in enumerate(job.hashes):
            if digest not in known:
                known.add(digest)
                work.append((job, number, bases.get(number)))
        # While one task's chunks are written, the next ones are compressed.
        for frames in in_parallel(_encode_all, in_groups(work, _task_size)):
            sink.add(frames)

    def _recut(self, job: _Job, same: float) -> None:
        """Cut by content where the earlier cuts fit badly, as in a window that moved on."""
        cuts = cutting.by_content(job.data, job.itemsize)
        hashes = _digests(job.data, cuts)
        old = {ref.hash for ref in job.earlier}
        kept = sum(
            end - start
            for (start, end), digest in zip(cuts, hashes, strict=True)
            if digest.hex() in old
        )
        if kept / job.data.nbytes > same + 0.2:
            job.cuts, job.hashes, job.aligned = cuts, hashes, False

    def _bases(self, job: _Job, known: set[bytes]) -> dict[int, _Base]:
        """Find for each new chunk the earlier chunk that stood in its place."""
        new = {number for number, digest in enumerate(job.hashes) if digest not in known}
        if not job.earlier or not new:
            return {}
        pairs = _pairs(job, new)
        places = self._chunks.places(bytes.fromhex(job.earlier[at].hash) for at in pairs.values())
        if job.fixed and job.aligned and not self._worth(job, pairs):
            return {}
        # Depth one: a chunk that is itself kept as a change lends its own base.
        roots = {
            name: place.base if place.encoding in DELTAS and place.base else name
            for name, place in places.items()
        }
        try:
            raw = self._chunks.fetch([root.hex() for root in set(roots.values())])
        except Corrupt:
            return {}
        found: dict[int, _Base] = {}
        for number, at in pairs.items():
            root = roots.get(bytes.fromhex(job.earlier[at].hash))
            data = raw.get(root.hex()) if root else None
            if root and data is not None:
                found[number] = _Base(root, data)
        return found

    def _worth(self, job: _Job, pairs: dict[int, int]) -> bool:
        """Whether some of many changed chunks are like the earlier ones, before all are read."""
        if len(pairs) < 4 * _SOME:
            return True
        numbers = sorted(pairs)[:: len(pairs) // _SOME]
        try:
            raw = self._chunks.fetch([job.earlier[pairs[number]].hash for number in numbers])
        except Corrupt:
            return False
        for number in numbers:
            start, end = job.cuts[number]
            base = raw.get(job.earlier[pairs[number]].hash)
            if base is not None and _alike(job.data[start:end], base):
                return True
        return False

    # --- the recipe -----------------------------------------------------------------------

    def _add_recipe(self, draft: Draft, parent: str, sink: Sink) -> None:
        data = encode_recipe(draft.recipe)
        digest = blake3_digest(data)
        draft.object = digest.hex()
        if digest in sink.hashes or self._chunks.known([digest]):
            return
        form, base = ZSTD, None
        if parent and len(data) > 2048:
            place = self._chunks.places([bytes.fromhex(parent)]).get(bytes.fromhex(parent))
            root = place.base if place and place.base else bytes.fromhex(parent)
            raw = self._chunks.read_raw(root)
            if raw is not None:
                form, base = PREFIX, _Base(root, raw)
        used, stored = encode_chunk(data, form, 1, base.data if base else None)
        name = base.hash.hex() if base and used in DELTAS else ""
        sink.add([Frame(draft.object, used, len(data), name, stored)])

    def _parent(self, parents: Sequence[str]) -> tuple[str, Recipe | None]:
        """Return the first earlier form that can be read."""
        for name in parents:
            raw = self._chunks.read_raw(bytes.fromhex(name)) if name else None
            if raw is not None:
                try:
                    return name, decode_recipe(raw)
                except (Corrupt, UnsafeContent):
                    continue
        return "", None


def _part(source: BufferSource) -> Part:
    return Part(
        name=source.name,
        size=source.size,
        digest=source.digest,
        layout=source.layout,
        itemsize=source.itemsize,
        row_bytes=source.row_bytes,
    )


def _sections(source: BufferSource) -> cutting.Cuts:
    return cutting.sections(source.size, source.itemsize, source.row_bytes)


def _column(source: BufferSource) -> selecting.Column:
    return selecting.Column(
        source.name,
        source.layout,
        source.itemsize,
        source.size,
        source.digest,
        next(source.sections()),
    )


def _sample(data: memoryview, itemsize: int) -> memoryview:
    whole = data.nbytes - data.nbytes % itemsize
    if whole <= SAMPLE:
        return data[:whole]
    middle = whole // 2
    start = middle - middle % itemsize
    length = SAMPLE - SAMPLE % itemsize
    return data[start : min(start + length, whole)]


def _jobs(source: BufferSource, before: Part | None) -> Iterator[_Job]:
    """Divide a buffer into its sections, each with what stood there earlier."""
    usable = before is not None and not before.selected and before.itemsize == source.itemsize
    earlier = before.refs() if usable and before else []
    same = before is not None and cutting.same_shape(
        before, source.size, source.itemsize, source.row_bytes
    )
    number = 0
    for data in source.sections():
        whole = data.nbytes == source.size
        job = _Job(
            data,
            source.itemsize,
            source.row_bytes,
            source.layout in _FIXED or bool(source.row_bytes),
            earlier,
            before if same and whole else None,
            same and (whole or bool(source.row_bytes)),
            GAIN if source.size < _LARGE else _GAIN_OF_LARGE,
        )
        if job.aligned and not whole:
            count = len(cutting.by_rows(data.nbytes, source.row_bytes))
            job.earlier = earlier[number : number + count]
            number += count
        yield job


def _prepare(job: _Job) -> _Job:
    """Cut a section, and hash the pieces unless it is so large that all cores should."""
    if job.like is not None:
        job.cuts = cutting.like(job.like)
    elif job.earlier and not job.row_bytes:
        job.cuts, job.hashes = cutting.following(job.data, job.itemsize, job.earlier)
    else:
        job.cuts = cutting.cut(job.data, job.itemsize, job.row_bytes)
    if not job.hashes and job.data.nbytes < _LARGE:
        job.hashes = [blake3(job.data[start:end]).digest() for start, end in job.cuts]
    return job


def _digests(data: memoryview, cuts: cutting.Cuts) -> list[bytes]:
    def names(group: cutting.Cuts) -> list[bytes]:
        return [blake3(data[start:end]).digest() for start, end in group]

    groups = in_groups(cuts, lambda cut: cut[1] - cut[0])
    return [digest for group in in_parallel(names, groups) for digest in group]


def _pairs(job: _Job, new: set[int]) -> dict[int, int]:
    """Map each new chunk to the earlier one in its place.

    With equal cuts that is the same number. Otherwise unchanged chunks are the landmarks: the n-th
    new chunk after one is paired with the n-th earlier chunk after it.
    """
    if job.aligned:
        return {number: number for number in new if number < len(job.earlier)}
    where = {ref.hash: at for at, ref in enumerate(job.earlier)}
    pairs, at = {}, -1
    for number, digest in enumerate(job.hashes):
        landmark = where.get(digest.hex())
        at = landmark if landmark is not None else at + 1
        if number in new and at < len(job.earlier):
            pairs[number] = at
    return pairs


def _task_size(entry: tuple[_Job, int, _Base | None]) -> int:
    start, end = entry[0].cuts[entry[1]]
    return end - start


def _encode_all(task: list[tuple[_Job, int, _Base | None]]) -> list[Frame]:
    return [_encode(job, number, base) for job, number, base in task]


def _encode(job: _Job, number: int, base: _Base | None) -> Frame:
    start, end = job.cuts[number]
    data = job.data[start:end]
    name = job.hashes[number].hex()
    if base is not None:
        delta = _delta(job, data, base)
        if delta is not None:
            return Frame(name, delta[0], len(data), base.hash.hex(), delta[1])
    if job.form == RAW:
        return Frame(name, RAW, len(data), "", data)  # written from where it is, not copied
    used, stored = encode_chunk(data, job.form, job.itemsize)
    return Frame(name, used, len(data), "", stored)


def _delta(job: _Job, data: memoryview, base: _Base) -> tuple[int, bytes] | None:
    if job.fixed and job.aligned:
        if not _alike(data, base.data):
            return None
        form, stored = encode_chunk(data, XOR, job.itemsize, base.data)
    elif job.form == RAW and not job.fixed:
        return None
    else:
        form, stored = encode_chunk(data, PREFIX, 1, base.data)
    return (form, stored) if form in DELTAS and len(stored) < _WORTH * len(data) else None


def _alike(data: memoryview, base: bytes) -> bool:
    import numpy as np

    common = min(len(data), len(base))
    if common * 2 < len(data):
        return False
    a = np.frombuffer(data, np.uint8, count=common)
    b = np.frombuffer(base, np.uint8, count=common)
    return int(np.count_nonzero(a == b)) * 10 >= len(data) * 6
