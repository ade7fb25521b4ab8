"""From a content to a recipe and the chunks that are new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from etiq_jupyter.errors import Corrupt, UnsafeContent
from etiq_jupyter.objects.chunk import DELTAS, PREFIX, ZSTD, encode_chunk
from etiq_jupyter.objects.content import Buffer
from etiq_jupyter.objects.hashing import blake3_digest
from etiq_jupyter.objects.pack import Frame
from etiq_jupyter.objects.recipe import (
    FORMAT,
    Part,
    Recipe,
    decode_recipe,
    encode_recipe,
    packed_size,
    unpack_refs,
)
from etiq_jupyter.store import cutting, selecting
from etiq_jupyter.store.chunks import ChunkStore, ahead, in_groups, in_parallel
from etiq_jupyter.store.database import Database
from etiq_jupyter.store.entries import is_sound_list
from etiq_jupyter.store.sections import (
    Base,
    New,
    Section,
    alike,
    digests,
    encode_all,
    pairs_of,
    prepare,
    raw_size,
    sections_of,
)
from etiq_jupyter.store.sink import Sink
from etiq_jupyter.store.sources import BufferSource, ContentSource

INLINE = 4 << 10
"""Buffers up to this size are held in the recipe itself."""
_INLINE_TOTAL = 32 << 10
MERGE = 64 << 10
"""Smaller buffers than this are cut together."""
_SOME = 8  # of many chunks, to see whether they are like the earlier ones


@dataclass
class Draft:
    """A content whose new chunks are in a sink: its object, and (digest, size, chunks) to keep."""

    object: str
    recipe: Recipe
    buffers: list[tuple[bytes, int, bytes]] = field(default_factory=list)


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
            "SELECT chunks, seal FROM buffers WHERE digest = ? AND size = ?", (source.digest, size)
        )
        return row[0] if row and is_sound_list(*row) else b""

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
            section = prepare(Section(data, width))
            self._keep(section, sink)
            selection.chunks = section.refs()
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
        sections = (section for _, source, old in new for section in sections_of(source, old))
        # While one buffer's chunks are compressed and written, the next ones are cut and hashed.
        # (Not where memory is used again as soon as the next section is asked for.)
        several = len(new) > 1 and all(source.lasting for _, source, _ in new)
        prepared = ahead(prepare, sections) if several else map(prepare, sections)
        for part, source, _ in new:
            packed, size = [], 0
            while size < source.size:
                section = next(prepared)
                self._keep(section, sink)
                packed.append(section.refs())
                size += section.data.nbytes
            part.chunks = b"".join(packed)
        next(prepared, None)  # the last section, too, may be used again
        for part, _, _ in large:
            draft.buffers.append((part.digest, part.size, part.chunks))

    def _cut_merged(self, blob: bytes, earlier: Recipe | None, sink: Sink) -> bytes:
        data = memoryview(blob)
        old = list(unpack_refs(earlier.merged)) if earlier else []
        section = prepare(Section(data, earlier=old))
        self._keep(section, sink)
        return section.refs()

    def _keep(self, section: Section, sink: Sink) -> None:
        section.hashes = section.hashes or digests(section.data, section.cuts)
        if section.aligned and len(section.cuts) == len(section.earlier):
            same = sum(
                ref.hash == digest.hex()
                for ref, digest in zip(section.earlier, section.hashes, strict=True)
            )
            if same < len(section.cuts) / 2 and not section.row_bytes:
                self._recut(section, same / len(section.cuts))
        known = self._chunks.known(section.hashes) | sink.hashes
        bases = self._bases(section, known)
        work: list[New] = []
        for number, digest in enumerate(section.hashes):
            if digest not in known:
                known.add(digest)
                work.append((section, number, bases.get(number)))
        # While one task's chunks are written, the next ones are compressed.
        for frames in in_parallel(encode_all, in_groups(work, raw_size)):
            sink.add(frames)

    def _recut(self, section: Section, same: float) -> None:
        """Cut by content where the earlier cuts fit badly, as in a window that moved on."""
        data, itemsize = section.data, section.itemsize
        old = {ref.hash for ref in section.earlier}
        # If nothing moved, it shows in the middle already.
        some = cutting.middle(data, itemsize)
        cuts = cutting.by_content(some, itemsize, of=data.nbytes)
        if not any(each.hex() in old for each in digests(some, cuts)):
            return
        cuts, hashes = cutting.following(data, itemsize, section.earlier)
        kept = sum(
            end - start
            for (start, end), digest in zip(cuts, hashes, strict=True)
            if digest.hex() in old
        )
        if kept / data.nbytes > same + 0.2:
            section.cuts, section.hashes, section.aligned = cuts, hashes, False

    def _bases(self, section: Section, known: set[bytes]) -> dict[int, Base]:
        """Find for each new chunk the earlier chunk that stood in its place."""
        new = {number for number, digest in enumerate(section.hashes) if digest not in known}
        if not section.earlier or not new:
            return {}
        pairs = pairs_of(section, new)
        places = self._chunks.places(
            bytes.fromhex(section.earlier[at].hash) for at in pairs.values()
        )
        if section.fixed and section.aligned and not self._worth(section, pairs):
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
        found: dict[int, Base] = {}
        for number, at in pairs.items():
            root = roots.get(bytes.fromhex(section.earlier[at].hash))
            data = raw.get(root.hex()) if root else None
            if root and data is not None:
                found[number] = Base(root, data)
        return found

    def _worth(self, section: Section, pairs: dict[int, int]) -> bool:
        """Whether some of many changed chunks are like the earlier ones, before all are read."""
        if len(pairs) < 4 * _SOME:
            return True
        numbers = sorted(pairs)[:: len(pairs) // _SOME]
        try:
            raw = self._chunks.fetch([section.earlier[pairs[number]].hash for number in numbers])
        except Corrupt:
            return False
        for number in numbers:
            start, end = section.cuts[number]
            base = raw.get(section.earlier[pairs[number]].hash)
            if base is not None and alike(section.data[start:end], base):
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
                form, base = PREFIX, Base(root, raw)
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
