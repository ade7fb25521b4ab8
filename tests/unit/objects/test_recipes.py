import os

import msgspec
import numpy as np
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from etiq_jupyter.errors import Corrupt, UnsafeContent
from etiq_jupyter.objects.hashing import blake3_hex
from etiq_jupyter.objects.reader import StoredContent
from etiq_jupyter.objects.recipe import (
    FORMAT,
    ChunkRef,
    Part,
    Recipe,
    Selection,
    decode_recipe,
    encode_recipe,
    pack_refs,
    recipe_chunks,
)


class Chunks(dict):
    """A chunk store in memory that counts what is asked for."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def keep(self, *pieces):
        refs = []
        for piece in pieces:
            name = blake3_hex(piece)
            self[name] = piece
            refs.append(ChunkRef(name, len(piece)))
        return pack_refs(refs)

    def fetch(self, hashes):
        self.asked += hashes
        return {name: self[name] for name in hashes if name in self}


def part(name, data, **facts):
    return Part(name=name, size=len(data), digest=xxhash.xxh3_128_digest(data), **facts)


def small():
    chunks = Chunks()
    big, left, right = os.urandom(3000), b"left", b"right"
    recipe = Recipe(
        format=FORMAT,
        codec="test",
        version=3,
        meta={"a": [1, None, "b"]},
        merged=chunks.keep(left + right),
        parts=[
            part("tiny", b"abc", inline=b"abc"),
            part("left", left, at=0),
            part("right", right, at=4),
            part("big", big, chunks=chunks.keep(big[:2000], big[2000:]), itemsize=8, layout="rows"),
            part("none", b""),
        ],
    )
    return recipe, chunks, big


def test_a_recipe_reads_back_as_written():
    recipe, chunks, _ = small()
    again = decode_recipe(encode_recipe(recipe))
    assert again == recipe
    assert sorted(recipe_chunks(again)) == sorted(chunks)
    assert again.size == 3 + 4 + 5 + 3000


def test_only_the_buffers_asked_for_are_fetched():
    recipe, chunks, big = small()
    content = StoredContent(recipe, chunks.fetch)
    assert list(content.names()) == ["tiny", "left", "right", "big", "none"]
    assert bytes(content.read("tiny")) == b"abc"
    assert bytes(content.read("none")) == b""
    assert chunks.asked == []
    assert bytes(content.read("right")) == b"right"
    assert bytes(content.read("left")) == b"left"
    assert len(chunks.asked) == 1
    assert bytes(content.read("big")) == big
    with pytest.raises(KeyError):
        content.read("other")


def test_missing_short_and_swapped_chunks_are_noticed():
    recipe, chunks, _ = small()
    names = [ref.hash for ref in recipe.parts[3].refs()]
    content = StoredContent(recipe, chunks.fetch)
    first = chunks.pop(names[0])
    with pytest.raises(Corrupt, match="missing"):
        content.read("big")
    chunks[names[0]] = first[:-1]
    with pytest.raises(Corrupt):
        content.read("big")
    chunks[names[0]] = bytes(2000)
    with pytest.raises(Corrupt, match="hash"):
        content.read("big")


def test_a_reader_with_a_bound_refuses_larger_buffers():
    recipe, chunks, _ = small()
    with pytest.raises(UnsafeContent):
        StoredContent(recipe, chunks.fetch, max_bytes=1000).read("big")
    assert chunks.asked == []


@given(st.binary(max_size=200))
def test_garbage_is_refused(data):
    with pytest.raises((Corrupt, UnsafeContent)):
        decode_recipe(data)


def test_every_flipped_byte_is_refused_or_gives_another_name():
    data = encode_recipe(small()[0])
    for position in range(len(data)):
        bad = bytearray(data)
        bad[position] ^= 0xFF
        try:
            decode_recipe(bytes(bad))
        except (Corrupt, UnsafeContent):
            continue
        assert blake3_hex(bytes(bad)) != blake3_hex(data)


@pytest.mark.parametrize(
    "change",
    [
        {"size": 5},
        {"at": 7},
        {"at": 1, "inline": None, "size": 9},
        {"inline": None},
        {"base_size": 3},
        {"digest": b"short"},
        {"itemsize": 0},
        {"chunks": b"x" * 35},
        {"chunks": b"x" * 32 + b"\0\0\0\0"},
        {"chunks": b"x" * 32 + b"\xff\xff\xff\xff"},
    ],
)
def test_a_recipe_that_contradicts_itself_is_refused(change):
    recipe, _, _ = small()
    recipe.parts[0] = msgspec.structs.replace(recipe.parts[0], **change)
    with pytest.raises(Corrupt):
        decode_recipe(encode_recipe(recipe))


def test_two_parts_of_one_name_and_newer_formats_are_refused():
    recipe, _, _ = small()
    recipe.parts.append(recipe.parts[0])
    with pytest.raises(Corrupt):
        decode_recipe(encode_recipe(recipe))
    with pytest.raises(UnsafeContent, match="Update"):
        decode_recipe(encode_recipe(Recipe(format=FORMAT + 1, codec="t", version=1, meta={})))


def test_deeply_nested_metadata_does_not_crash_the_reader():
    deep = b"\x91" * 100_000 + b"\xc0"
    good = msgspec.msgpack.encode({"format": 1, "codec": "t", "version": 1})
    data = bytes([good[0] + 1]) + good[1:] + b"\xa4meta\x81\xa1a" + deep
    with pytest.raises((Corrupt, UnsafeContent)):
        decode_recipe(data)


# --- rows of an earlier frame -----------------------------------------------------------------


def selected(keep, form):
    """A frame of four columns, of which the rows `keep` are kept as a selection."""
    rng = np.random.default_rng(5)
    rows = 1003
    numbers = rng.normal(size=rows)
    words = ["w" * int(n) + str(n) for n in rng.integers(0, 12, rows)]
    words[7] = ""
    valid = rng.random(rows) > 0.2
    wide = rng.integers(0, 9, (rows, 3)).astype(np.uint8)

    def buffers(at):
        some = [words[i] for i in at]
        return {
            "c0/values": (numbers[at].tobytes(), "rows", 8),
            "c1/lengths": (np.array([len(w) for w in some], np.uint8).tobytes(), "lengths", 1),
            "c1/payload": ("".join(some).encode(), "payload", 1),
            "c1/validity": (np.packbits(valid[at], bitorder="little").tobytes(), "bits", 1),
            "c2/values": (wide[at].tobytes(), "rows", 3),
        }

    chunks = Chunks()
    if form == "bitmap":
        mask = np.zeros(rows, bool)
        mask[keep] = True
        raw = np.packbits(mask, bitorder="little").tobytes()
    else:
        raw = np.array(keep, np.uint32).tobytes()
    base, child = buffers(np.arange(rows)), buffers(np.array(keep, int))
    parts = []
    for name, (data, layout, itemsize) in child.items():
        whole = base[name][0]
        half = len(whole) // 2
        parts.append(
            part(
                name,
                data,
                layout=layout,
                itemsize=itemsize,
                base_size=len(whole),
                chunks=chunks.keep(whole[:half], whole[half:]),
            )
        )
    recipe = Recipe(
        format=FORMAT,
        codec="t",
        version=1,
        meta={},
        rows=len(keep),
        parts=parts,
        selection=Selection(
            form=form, base_rows=rows, rows=len(keep), size=len(raw), chunks=chunks.keep(raw)
        ),
    )
    return decode_recipe(encode_recipe(recipe)), chunks, child


@pytest.mark.parametrize(
    ("keep", "form"),
    [
        (list(range(0, 1003, 3)), "bitmap"),
        ([i for i in range(1003) if i != 500], "bitmap"),
        ([5, 7, 1002], "bitmap"),
        ([9, 2, 2, 1002, 7, 0], "indices"),
    ],
)
def test_rows_of_an_earlier_frame_read_like_a_frame_of_their_own(keep, form):
    recipe, chunks, child = selected(keep, form)
    content = StoredContent(recipe, chunks.fetch)
    for name, (data, _, _) in child.items():
        assert bytes(content.read(name)) == data, name
    assert set(content.chunks()) == set(chunks)
    needed = content.chunks(["c1/payload"])
    lengths = {ref.hash for ref in recipe.parts[1].refs()}
    assert lengths <= set(needed)


def test_a_selection_that_lies_is_refused():
    recipe, chunks, _ = selected([1, 2, 3], "indices")
    raw = np.array([1, 2, 5000], np.uint32).tobytes()
    recipe.selection.chunks = chunks.keep(raw)
    with pytest.raises(Corrupt):
        StoredContent(recipe, chunks.fetch).read("c0/values")
    recipe.selection.rows = 4
    with pytest.raises(Corrupt):
        decode_recipe(encode_recipe(recipe))
