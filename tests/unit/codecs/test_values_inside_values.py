"""Arrays, frames and long lists inside plain values and object columns: kept small, read once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from etiq_jupyter import codecs
from etiq_jupyter.codecs import plain
from etiq_jupyter.errors import NotKept


def back(value: Any) -> Any:
    return codecs.decode(codecs.encode(value).content)


def test_a_column_of_embeddings_is_one_buffer() -> None:
    rows = 3_000
    vectors = np.random.default_rng(0).normal(size=(rows, 8)).astype(np.float32)
    column = np.empty(rows, object)
    for place, vector in enumerate(vectors):
        column[place] = vector
    frame = pd.DataFrame({"embedding": column})
    content = codecs.encode(frame).content
    assert [name for name in content.names() if name.startswith("c0/")] == ["c0/value", "c0/a0"]
    assert content.size < vectors.nbytes + rows * 40
    found = codecs.decode(content)["embedding"]
    assert all(map(np.array_equal, column, found))
    assert {each.dtype for each in found} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    "array",
    [
        np.array(3.5),
        np.zeros((0, 4), np.int8),
        np.arange(12).reshape(3, 4),
        np.arange(12)[::3],
        np.asfortranarray(np.arange(12).reshape(3, 4)),
        np.arange(4, dtype=">i2"),
        np.array([True, False]),
        np.array(["2020-01-01", "NaT"], "M8[D]"),
        np.array([1, 2], "m8[us]"),
        np.array([1 + 2j]),
        np.array(["a", "bc"]),
        np.array([(1, 2.0)], [("a", "i4"), ("b", "f8")]),
        np.array([1, "a", None], object),
        np.arange(100_000),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_arrays_inside_containers_come_back(array: np.ndarray) -> None:
    found = back({"one": array, "more": [array + array if array.dtype.kind == "f" else array, 5]})
    assert found["one"].dtype == array.dtype
    assert found["one"].shape == array.shape
    assert found["one"].tolist() == array.tolist()
    assert found["one"].flags.writeable
    assert found["one"].flags.f_contiguous == (
        array.flags.f_contiguous or (array.ndim == 1 and array.size > 0)
    )


def test_one_array_in_two_places_is_one_array_again() -> None:
    array = np.arange(3)
    found = back([array, {"again": array}, np.arange(3)])
    assert found[0] is found[1]["again"]
    assert found[0] is not found[2]


def test_equal_values_have_equal_hashes_whatever_their_arrays_lie_in() -> None:
    one = codecs.encode({"a": np.arange(9)[::2], "b": [np.ones(3)]})
    other = codecs.encode({"a": np.array([0, 2, 4, 6, 8]), "b": [np.ones(3)]})
    assert one.content.hash == other.content.hash


def test_more_frames_than_can_be_described_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain, "MAX_CONTENTS", 3)
    frame = pd.DataFrame({"a": [1]})
    assert len(back([frame.copy() for _ in range(3)])) == 3
    with pytest.raises(NotKept, match="more than 3"):
        codecs.encode([frame.copy() for _ in range(4)])


@pytest.mark.parametrize("odd", [2**64, -(2**63) - 1, 10**40, "\ud800", "a\udfff"])
def test_odd_numbers_and_text_come_back_beside_everything_else(odd: Any) -> None:
    value = {
        "list": [1, odd, "x"],
        "tuple": (odd,),
        "set": {odd, (1, odd)},
        "deep": [[[odd], np.arange(3)], {"k": odd}],
        odd: 1,
    }
    found = back(value)
    assert found["deep"][0][1].tolist() == [0, 1, 2]
    found["deep"][0].pop()
    value["deep"][0].pop()
    assert found == value


def test_what_cannot_be_kept_is_named_by_its_place() -> None:
    with pytest.raises(NotKept) as caught:
        codecs.encode({"a": [1, {"b": (0, iter([]))}]})
    assert caught.value.path == "['a'][1]['b'][1]"  # type: ignore[attr-defined]


def test_a_restored_array_shares_no_memory_with_the_value_it_was_made_of() -> None:
    array = np.zeros(400_000)
    found = back(array)
    found[:] = 1
    assert not array.any()
