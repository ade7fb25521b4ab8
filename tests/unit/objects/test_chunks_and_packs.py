import os

import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from etiq_jupyter.errors import Corrupt, UnsafeContent
from etiq_jupyter.objects import chunk, pack
from etiq_jupyter.objects.hashing import blake3_hex

FORMS = range(6)


@given(
    data=st.binary(max_size=3000),
    base=st.binary(max_size=3000),
    form=st.sampled_from(FORMS),
    itemsize=st.sampled_from([1, 2, 3, 4, 8, 16]),
)
def test_every_form_gives_the_bytes_back(data, base, form, itemsize):
    if form == chunk.DIFFERENCE and itemsize not in (2, 4, 8):
        itemsize = 4
    used, stored = chunk.encode_chunk(data, form, itemsize, base)
    assert used in (form, chunk.RAW)
    assert len(stored) <= len(data)
    again = chunk.decode_chunk(used, stored, len(data), base, expected=blake3_hex(data))
    assert again == data


def test_the_sample_decides_for_the_form_that_fits():
    noise = os.urandom(chunk.SAMPLE)
    counting = np.arange(0, 40960, 10, dtype=np.int64).tobytes()
    text = b"the quick brown fox jumps over the lazy dog, " * 700
    drifting = (np.arange(4096) * 1000 + np.random.default_rng(1).integers(0, 9, 4096)).astype("i8")
    assert chunk.choose_form(noise, 8) == chunk.RAW
    assert chunk.choose_form(text, 1) == chunk.ZSTD
    assert chunk.choose_form(counting, 8) == chunk.DIFFERENCE
    assert chunk.choose_form(drifting.tobytes(), 8) in (chunk.DIFFERENCE, chunk.SHUFFLE)
    assert chunk.choose_form(b"", 1) == chunk.RAW


def test_a_change_to_a_parent_chunk_is_small():
    rng = np.random.default_rng(2)
    parent = rng.normal(size=8192)
    child = parent.copy()
    child[rng.integers(0, 8192, 80)] = 0.5
    used, stored = chunk.encode_chunk(child.tobytes(), chunk.XOR, 8, parent.tobytes())
    assert used == chunk.XOR
    assert len(stored) < 0.06 * child.nbytes
    assert chunk.decode_chunk(used, stored, child.nbytes, parent.tobytes()) == child.tobytes()


def test_a_frame_that_lies_about_its_size_allocates_nothing():
    bomb = zstandard.ZstdCompressor().compress(bytes(64 << 20))
    with pytest.raises(Corrupt):
        chunk.decode_chunk(chunk.ZSTD, bomb, 100)
    with pytest.raises(UnsafeContent):
        chunk.decode_chunk(chunk.ZSTD, bomb, 1 << 40)


@pytest.mark.parametrize("encoding", [*FORMS, 6, 255])
def test_garbage_is_refused_whatever_form_it_claims(encoding):
    for data in (b"", b"\0", b"\x08", os.urandom(200), b"\x03" + os.urandom(20)):
        with pytest.raises(Corrupt):
            chunk.decode_chunk(encoding, data, 300, b"base", expected="0" * 64)


def test_a_delta_without_its_base_is_refused():
    _, stored = chunk.encode_chunk(b"a" * 500, chunk.XOR, 4, b"a" * 400)
    with pytest.raises(Corrupt, match="missing"):
        chunk.decode_chunk(chunk.XOR, stored, 500)


def _frames():
    base = os.urandom(1000)
    child = base[:500] + b"!" + base[501:]
    frames = []
    for data, form, parent in ((base, chunk.RAW, None), (child, chunk.XOR, base), (b"x", 1, None)):
        used, stored = chunk.encode_chunk(data, form, 4, parent)
        name = blake3_hex(parent) if used in chunk.DELTAS else ""
        frames.append(pack.Frame(blake3_hex(data), used, len(data), name, stored))
    return frames, [base, child, b"x"]


def test_a_pack_holds_its_frames_in_order():
    frames, raw = _frames()
    found = list(pack.read_pack(pack.write_pack(frames)))
    assert [frame.hash for frame in found] == [frame.hash for frame in frames]
    assert found[1].base == frames[0].hash
    held = {}
    for frame, data in zip(found, raw, strict=True):
        held[frame.hash] = pack.decode_frame(frame, held.get(frame.base))
        assert held[frame.hash] == data
    assert list(pack.read_pack(pack.write_pack([]))) == []


def test_a_flipped_bit_anywhere_in_a_pack_is_noticed():
    frames, raw = _frames()
    good = pack.write_pack(frames)
    for position in range(len(good)):
        bad = bytearray(good)
        bad[position] ^= 0x10
        held = {}
        try:
            for frame in pack.read_pack(bytes(bad)):
                held[frame.hash] = pack.decode_frame(frame, held.get(frame.base))
        except (Corrupt, UnsafeContent):
            continue
        # Reserved bytes and unused flags may change without effect: then nothing else may differ.
        assert list(held.values()) == raw


def test_a_pack_cut_anywhere_is_noticed():
    frames, _ = _frames()
    good = pack.write_pack(frames)
    borders = {len(pack.write_pack(frames[:n])) for n in range(len(frames) + 1)}
    for length in range(len(good)):
        if length in borders:
            continue
        with pytest.raises((Corrupt, UnsafeContent)):
            list(pack.read_pack(good[:length]))


def test_a_pack_of_a_newer_format_says_so():
    newer = bytearray(pack.write_pack([]))
    newer[6] = pack.VERSION + 1
    with pytest.raises(UnsafeContent, match="Update"):
        list(pack.read_pack(bytes(newer)))
