"""Comparison of decoded values with originals: value, type, dtype, order."""

from __future__ import annotations

import math
from typing import Any

import pytest

from etiq_jupyter import codecs
from etiq_jupyter.objects.content import Buffer, Content, canonical


def same(a: Any, b: Any) -> bool:
    """Equal in type and value, all the way down; NaN equals NaN, -0.0 differs from 0.0."""
    if type(a) is not type(b):
        return False
    module = type(a).__module__.partition(".")[0]
    if isinstance(a, float):
        return (a != a and b != b) or (a == b and math.copysign(1, a) == math.copysign(1, b))
    if isinstance(a, complex):
        return same(a.real, b.real) and same(a.imag, b.imag)
    if isinstance(a, dict):
        return list(map(repr, a)) == list(map(repr, b)) and all(
            same(x, y) for x, y in zip(a.values(), b.values(), strict=True)
        )
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if module == "numpy" and hasattr(a, "dtype"):
        return _same_numpy(a, b)
    if module == "pandas":
        return _same_pandas(a, b)
    if module == "polars":
        return bool(a.equals(b, null_equal=True)) and _polars_schema(a) == _polars_schema(b)
    if module == "scipy":
        return a.dtype == b.dtype and a.format == b.format and (a.toarray() == b.toarray()).all()
    if module == "PIL":
        return (a.mode, a.size, a.tobytes(), a.getpalette()) == (
            b.mode,
            b.size,
            b.tobytes(),
            b.getpalette(),
        )
    if module == "altair":
        return a.to_dict() == b.to_dict()
    return bool(a == b)


def _polars_schema(value: Any) -> Any:
    return value.schema if hasattr(value, "schema") else value.dtype


def _same_numpy(a: Any, b: Any) -> bool:
    import numpy as np

    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    if isinstance(a, np.ma.MaskedArray):
        return (
            np.array_equal(np.ma.getmaskarray(a), np.ma.getmaskarray(b))
            and np.array_equal(a.filled(), b.filled())
            and a.fill_value == b.fill_value
        )
    if isinstance(a, np.ndarray) and (a.flags.c_contiguous, a.flags.f_contiguous) != (
        b.flags.c_contiguous, b.flags.f_contiguous,
    ) and (a.flags.c_contiguous or a.flags.f_contiguous):  # fmt: skip
        return False
    if a.dtype.kind == "O":
        return all(same(x, y) for x, y in zip(a.ravel().tolist(), b.ravel().tolist(), strict=True))
    return bool(np.asarray(a).tobytes() == np.asarray(b).tobytes() or np.array_equal(a, b))


def _same_pandas(a: Any, b: Any) -> bool:
    import pandas as pd
    from pandas import testing

    if isinstance(a, pd.DataFrame):
        testing.assert_frame_equal(a, b, check_exact=True, check_freq=True, check_flags=True)
        return a.attrs == b.attrs
    if isinstance(a, pd.Series):
        testing.assert_series_equal(a, b, check_exact=True, check_freq=True, check_flags=True)
        return a.attrs == b.attrs
    if isinstance(a, pd.Index):
        testing.assert_index_equal(a, b, exact=True)
        return getattr(a, "freq", None) == getattr(b, "freq", None)
    if isinstance(a, pd.api.extensions.ExtensionArray):
        testing.assert_extension_array_equal(a, b)
        return True
    if a is pd.NA or a is pd.NaT:
        return a is b
    return bool(a == b)


class Stored:
    """A content whose description went through bytes, as it does on disk."""

    def __init__(self, content: Content) -> None:
        import msgspec

        self.codec, self.version = content.codec, content.version
        self.meta = msgspec.msgpack.decode(canonical(content.meta))
        self._parts = {buffer.name: memoryview(bytes(buffer.data)) for buffer in content.buffers}
        self.asked: list[str] = []

    def names(self) -> list[str]:
        return list(self._parts)

    def read(self, name: str) -> memoryview:
        self.asked.append(name)
        return self._parts[name]


def round_trip(value: Any) -> Any:
    return codecs.decode(Stored(codecs.encode(value).content), stand_in=False)


@pytest.fixture
def stored() -> type[Stored]:
    return Stored


@pytest.fixture
def back() -> Any:
    return round_trip


@pytest.fixture
def equal() -> Any:
    return same


__all__ = ["Buffer"]
