"""Whatever plain value or frame: it comes back equal, and equal values have equal hashes."""

# ruff: noqa: E501 - tables read better unbroken

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from hypothesis.extra.pandas import column, data_frames, range_indexes

from etiq_jupyter import codecs

QUICK = settings(
    max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)

texts = st.text(st.characters(exclude_categories=()), max_size=20)
hashable = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.complex_numbers(allow_nan=False), texts, st.binary(max_size=20),
    st.dates(), st.datetimes(), st.timedeltas(), st.decimals(allow_nan=False), st.fractions(), st.uuids(), st.timezones(), st.datetimes(timezones=st.just(dt.timezone.utc)),
)  # fmt: skip
keys = st.recursive(
    hashable, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3), max_leaves=4
)
plain = st.recursive(
    keys | st.floats(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(keys, inner, max_size=4)
        | st.tuples(inner, inner)
        | st.sets(keys, max_size=3)
    ),
    max_leaves=20,
)


def same(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return (math.isnan(a) and math.isnan(b)) or (
            a == b and math.copysign(1, a) == math.copysign(1, b)
        )
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return len(a) == len(b) and all(
            same(x, y) for x, y in zip(a.items(), b.items(), strict=True)
        )
    return bool(a == b)


@QUICK
@given(plain)
def test_plain_values_come_back(value: Any) -> None:
    content = codecs.encode(value).content
    made = codecs.decode(content)
    assert same(value, made)
    assert codecs.encode(made).content.hash == content.hash


@QUICK
@given(st.lists(st.integers(0, 9), max_size=12), st.randoms())
def test_shared_and_self_references_come_back(edges: list[int], random: Any) -> None:
    nodes: list[list[Any]] = [[n] for n in range(10)]
    for target in edges:
        nodes[random.randrange(10)].append(nodes[target])
    made = codecs.decode(codecs.encode(nodes).content)
    for old, new in zip(nodes, made, strict=True):
        assert len(old) == len(new)
        for a, b in zip(old[1:], new[1:], strict=True):
            assert b is made[a[0]]


@QUICK
@given(
    npst.arrays(
        npst.scalar_dtypes() | npst.unicode_string_dtypes() | npst.byte_string_dtypes(),
        npst.array_shapes(min_dims=0, max_dims=3, min_side=0),
    )
)
def test_arrays_come_back(array: Any) -> None:
    made = codecs.decode(codecs.encode(array).content)
    assert made.dtype == array.dtype
    assert made.shape == array.shape
    np.testing.assert_array_equal(made, array)


frames = data_frames(
    [
        column("i", dtype=np.int64), column("f", dtype=np.float64), column("b", dtype=bool),
        column("s", elements=st.none() | st.text(st.characters(exclude_categories=("Cs",)), max_size=5), dtype=object), column("t", dtype="datetime64[ns]"),
        column("o", elements=st.none() | st.integers() | texts | st.lists(st.integers(), max_size=2), dtype=object),
    ],
    index=range_indexes(max_size=8),
)  # fmt: skip


@QUICK
@given(frames, st.booleans())
def test_frames_come_back_and_show(frame: Any, text_type: bool) -> None:
    if text_type:
        frame["s"] = frame["s"].astype("string")
        frame["c"] = frame["i"].astype("category")
    content = codecs.encode(frame).content
    made = codecs.decode(content)
    pd.testing.assert_frame_equal(frame, made, check_exact=True)
    assert codecs.encode(made).content.hash == content.hash
    assert codecs.encode(frame.copy()).content.hash == content.hash
    shown = codecs.preview(content, sort="-i", limit=3)
    assert shown.total == len(frame)
    codecs.export(content, "parquet")
    assert list(codecs.decode(content, columns=["f", "s"]).columns) == ["f", "s"]
