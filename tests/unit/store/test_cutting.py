"""Where buffers are cut."""

import itertools
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etiq_jupyter.objects.hashing import blake3_digest
from etiq_jupyter.objects.recipe import ChunkRef
from etiq_jupyter.store import cutting

BYTES = os.urandom(3_000_000)


def refs(data, cuts):
    return [ChunkRef(blake3_digest(data[a:b]).hex(), b - a) for a, b in cuts]


def shared(digests, earlier):
    """The share of pieces that the earlier form has, too."""
    known = {ref.hash for ref in earlier}
    return sum(digest.hex() in known for digest in digests) / len(digests)


def whole(data, cuts, digests, itemsize):
    assert cuts[0][0] == 0
    assert cuts[-1][1] == len(data)
    assert all(a[1] == b[0] for a, b in itertools.pairwise(cuts))
    assert all(end % itemsize == 0 for _, end in cuts[:-1])
    assert digests == [blake3_digest(data[a:b]) for a, b in cuts]


@pytest.mark.parametrize("itemsize", [1, 8, 12])
def test_what_did_not_change_is_cut_as_before(itemsize):
    data = memoryview(BYTES)
    cuts = cutting.by_content(data, itemsize)
    again, digests = cutting.following(data, itemsize, refs(data, cuts))
    assert again == cuts
    whole(data, again, digests, itemsize)


def test_an_insertion_changes_the_pieces_around_it_and_no_others():
    data = memoryview(BYTES)
    earlier = refs(data, cutting.by_content(data, 8))
    changed = memoryview(BYTES[:800_000] + os.urandom(40_000) + BYTES[800_000:])
    cuts, digests = cutting.following(changed, 8, earlier)
    whole(changed, cuts, digests, 8)
    assert sum(digest.hex() not in {ref.hash for ref in earlier} for digest in digests) <= 4


def test_a_window_that_moved_on_is_followed():
    data = memoryview(BYTES)
    earlier = refs(data, cutting.by_content(data, 8))
    changed = memoryview(BYTES[400_000:] + os.urandom(400_000))
    cuts, digests = cutting.following(changed, 8, earlier)
    whole(changed, cuts, digests, 8)
    assert shared(digests, earlier) > 0.7


def test_rows_that_are_added_again_and_again_leave_no_small_pieces_behind():
    data, earlier = memoryview(BYTES[:200_000]), []
    for step in range(200):
        data = memoryview(BYTES[: 200_000 + step * 1000])
        earlier = refs(data, cutting.following(data, 8, earlier)[0])
    assert all(ref.size >= cutting.AVERAGE // 4 for ref in earlier[:-1])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 600_000), st.integers(0, 30_000), st.binary(max_size=400)),
        max_size=4,
    ),
    st.sampled_from([1, 4, 8]),
)
def test_any_edits_are_followed(edits, itemsize):
    before = memoryview(BYTES[:600_000])
    earlier = refs(before, cutting.by_content(before, itemsize))
    edited = bytes(before)
    for at, gone, new in edits:
        edited = edited[:at] + new + edited[at + gone :]
    data = memoryview(edited + b"\0" * (-len(edited) % itemsize) or b"\0" * itemsize)
    cuts, digests = cutting.following(data, itemsize, earlier)
    whole(data, cuts, digests, itemsize)
