"""From a content to a recipe and the chunks that are new."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from etiq_jupyter.objects.chunk import (
    DELTAS,
    PREFIX,
    RAW,
    SAMPLE,
    XOR,
    ZSTD,
    choose_form,
    encode_chunk,
)
from etiq_jupyter.objects.content import Buffer, Content
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
)
from etiq_jupyter.store import cutting
from etiq_jupyter.store.chunks import ChunkStore, in_parallel
from etiq_jupyter.store.database import Database

INLINE = 4 << 10
"""Buffers up to this size are held in the recipe itself."""
_INLINE_TOTAL = 32 << 10
MERGE = 64 << 10
"""Smaller buffers than this are cut together."""
_WORTH = 0.6  # a delta must be at most this much of the plain form, else it is not worth a base
_FIXED = ("rows", "lengths")
_TASK = 1 << 20  # bytes per parallel task


@dataclass
class Draft:
    """What must be written so that a content is in the store.

    ``frames`` are the new chunks, the recipe last; a base comes before what needs it or is in the
    store. ``buffers`` are (digest, size, chunks) to be remembered.
    """

    object: str
    recipe: Recipe
    frames: list[Frame] = field(default_factory=list)
    buffers: list[tuple[bytes, int, bytes]] = field(default_factory=list)

    @property
    def new_bytes(self) -> int:
        """Stored bytes that are new."""
        return sum(len(frame.data) for frame in self.frames)


class _Base(NamedTuple):
    """A chunk to which another one is kept as the change."""

    hash: bytes
    data: bytes


@dataclass
class _Job:
    """One buffer (or several merged ones) to be cut, with its earlier form."""

    data: memoryview
    itemsize: int
    fixed: bool
    cuts: cutting.Cuts
    earlier: list[ChunkRef]
    aligned: bool
    form: int = ZSTD
    hashes: list[bytes] = field(default_factory=list)

    def refs(self) -> bytes:
        sizes = (end - start for start, end in self.cuts)
        return pack_refs(
            ChunkRef(digest.hex(), size) for digest, size in zip(self.hashes, sizes, strict=True)
        )


class Writer:
    """Turns contents into drafts against one store."""

    def __init__(self, database: Database, chunks: ChunkStore) -> None:
        self._database = database
        self._chunks = chunks

    def draft(self, content: Content, parent: str = "", drafts: Iterable[Draft] = ()) -> Draft:
        """Work out recipe and new chunks of a content.

        Parameters
        ----------
        content : Content
            The content; its buffers are only read.
        parent : str
            Object of an earlier form of the same thing: what changed since is kept as the change.
        drafts : iterable of Draft
            Drafts of the same transaction, whose chunks count as known.
        """
        earlier = self._recipe(parent)
        pending = {bytes.fromhex(frame.hash) for draft in drafts for frame in draft.frames}
        recipe = Recipe(
            format=FORMAT,
            codec=content.codec,
            version=content.version,
            meta=content.meta,
            rows=content.rows,
            parts=[],
        )
        draft = Draft("", recipe)
        jobs, merged = self._place(content, earlier, draft)
        self._hash(jobs)
        self._add_new(jobs, pending, draft)
        for part, job in zip(merged.parts, merged.jobs, strict=True):
            part.chunks = job.refs()
            draft.buffers.append((part.digest, part.size, part.chunks))
        if merged.blob is not None:
            recipe.merged = merged.blob.refs()
        self._add_recipe(draft, parent, pending)
        return draft

    # --- where each buffer goes -----------------------------------------------------------

    def _place(
        self, content: Content, earlier: Recipe | None, draft: Draft
    ) -> tuple[list[_Job], _Cut]:
        before = {part.name: part for part in earlier.parts} if earlier else {}
        cut, small, inlined = _Cut(), list[memoryview](), 0
        offset = 0
        for buffer in content.buffers:
            size = buffer.data.nbytes
            part = Part(
                name=buffer.name,
                size=size,
                digest=buffer.digest,
                layout=buffer.layout,
                itemsize=buffer.itemsize,
                row_bytes=buffer.row_bytes,
            )
            draft.recipe.parts.append(part)
            if not size:
                continue
            if size <= INLINE and inlined + size <= _INLINE_TOTAL:
                part.inline = bytes(buffer.data)
                inlined += size
            elif size < MERGE:
                part.at = offset
                small.append(buffer.data)
                offset += size
            else:
                known = self._same(buffer, before.get(buffer.name))
                if known is not None:
                    part.chunks = known
                else:
                    cut.parts.append(part)
                    cut.jobs.append(self._job(buffer, before.get(buffer.name)))
        jobs = list(cut.jobs)
        if small:
            data = memoryview(b"".join(small))
            old = list(_refs(earlier.merged)) if earlier else []
            cut.blob = _Job(data, 1, False, cutting.by_content(data), old, False)
            jobs.append(cut.blob)
        return jobs, cut

    def _same(self, buffer: Buffer, before: Part | None) -> bytes | None:
        """Return the chunks of an equal buffer that is in the store."""
        size = buffer.data.nbytes
        equal = before is not None and before.digest == buffer.digest and before.size == size
        if equal and before and before.chunks and not before.selected:
            return before.chunks
        row = self._database.row(
            "SELECT chunks FROM buffers WHERE digest = ? AND size = ?", (buffer.digest, size)
        )
        return row[0] if row else None

    def _job(self, buffer: Buffer, before: Part | None) -> _Job:
        aligned = cutting.same_shape(buffer, before)
        cuts = cutting.like(before) if aligned and before else cutting.cut(buffer)
        usable = before is not None and not before.selected and before.itemsize == buffer.itemsize
        earlier = before.refs() if usable and before else []
        if buffer.row_bytes and before is not None:
            aligned = before.size == buffer.data.nbytes and before.row_bytes == buffer.row_bytes
        fixed = buffer.layout in _FIXED or bool(buffer.row_bytes)
        job = _Job(buffer.data, buffer.itemsize, fixed, cuts, earlier, aligned)
        job.form = choose_form(_sample(buffer.data, buffer.itemsize), buffer.itemsize)
        return job

    # --- names and bytes ------------------------------------------------------------------

    def _hash(self, jobs: Sequence[_Job]) -> None:
        for job in jobs:
            job.hashes = _digests(job.data, job.cuts)
            if not job.aligned or not job.cuts or len(job.cuts) != len(job.earlier):
                continue
            same = sum(
                ref.hash == digest.hex()
                for ref, digest in zip(job.earlier, job.hashes, strict=True)
            )
            if same < len(job.cuts) / 2:
                self._recut(job, same / len(job.cuts))

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

    def _add_new(self, jobs: Sequence[_Job], pending: set[bytes], draft: Draft) -> None:
        known = self._chunks.known(digest for job in jobs for digest in job.hashes) | pending
        work: list[tuple[_Job, int, _Base | None]] = []
        for job in jobs:
            bases = self._bases(job, known)
            for number, digest in enumerate(job.hashes):
                if digest not in known:
                    known.add(digest)
                    work.append((job, number, bases.get(number)))
        for frames in in_parallel(_encode_all, _tasks(work)):
            draft.frames += frames

    def _bases(self, job: _Job, known: set[bytes]) -> dict[int, _Base]:
        """Find for each new chunk the earlier chunk that stood in its place."""
        if not job.earlier:
            return {}
        new = [number for number, digest in enumerate(job.hashes) if digest not in known]
        if not new:
            return {}
        pairs = _pairs(job, set(new))
        places = self._chunks.places(bytes.fromhex(job.earlier[at].hash) for at in pairs.values())
        # Depth one: a chunk that is itself kept as a change lends its own base.
        roots = {
            name: place.base if place.encoding in DELTAS and place.base else name
            for name, place in places.items()
        }
        raw = self._chunks.fetch([root.hex() for root in set(roots.values())])
        found: dict[int, _Base] = {}
        for number, at in pairs.items():
            root = roots.get(bytes.fromhex(job.earlier[at].hash))
            data = raw.get(root.hex()) if root else None
            if root and data is not None:
                found[number] = _Base(root, data)
        return found

    # --- the recipe -----------------------------------------------------------------------

    def _add_recipe(self, draft: Draft, parent: str, pending: set[bytes]) -> None:
        data = encode_recipe(draft.recipe)
        digest = blake3_digest(data)
        draft.object = digest.hex()
        if digest in pending or self._chunks.known([digest]):
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
        draft.frames.append(Frame(draft.object, used, len(data), name, stored))

    def _recipe(self, name: str) -> Recipe | None:
        raw = self._chunks.read_raw(bytes.fromhex(name)) if name else None
        return decode_recipe(raw) if raw is not None else None


@dataclass
class _Cut:
    """Parts that are cut, each with its job, and the job of all small ones together."""

    parts: list[Part] = field(default_factory=list)
    jobs: list[_Job] = field(default_factory=list)
    blob: _Job | None = None


def _refs(packed: bytes) -> list[ChunkRef]:
    return Part(name="", size=0, digest=b"", chunks=packed).refs()


def _sample(data: memoryview, itemsize: int) -> memoryview:
    if data.nbytes <= SAMPLE:
        return data[: data.nbytes - data.nbytes % itemsize]
    middle = data.nbytes // 2
    start = middle - middle % itemsize
    return data[start : min(start + SAMPLE, data.nbytes - data.nbytes % itemsize)]


def _digests(data: memoryview, cuts: cutting.Cuts) -> list[bytes]:
    step = max(1, _TASK // max(1, data.nbytes // max(1, len(cuts))))
    groups = [cuts[at : at + step] for at in range(0, len(cuts), step)]

    def names(group: cutting.Cuts) -> list[bytes]:
        return [blake3_digest(data[start:end]) for start, end in group]

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


def _tasks(
    work: list[tuple[_Job, int, _Base | None]],
) -> list[list[tuple[_Job, int, _Base | None]]]:
    tasks: list[list[tuple[_Job, int, _Base | None]]] = []
    size = _TASK
    for entry in work:
        start, end = entry[0].cuts[entry[1]]
        if size >= _TASK:
            tasks.append([])
            size = 0
        tasks[-1].append(entry)
        size += end - start
    return tasks


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
