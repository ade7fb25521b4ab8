"""Small arrays inside plain values, side by side: a column of embeddings is one buffer.

Each array by its own codec would be a buffer of its own, with a name, a digest and a description
that are longer than a short array.
"""

from __future__ import annotations

import math
import re
import sys
from typing import Any

from etiq_jupyter.codecs.base import refuse
from etiq_jupyter.errors import Corrupt
from etiq_jupyter.objects.content import Buffer, ContentReader

MAX_SMALL = 64 << 10
"""Bytes of an array up to which it shares a buffer with others."""
MAX_CONTENTS = 100_000
"""Frames, models and larger arrays inside one plain value: each has buffers of its own."""
_POOL = re.compile(r"a\d{1,4}")
_MAX_POOLS = 1_000


class ArrayPools:
    """Collects the small arrays of one value while it is written."""

    def __init__(self) -> None:
        numpy = sys.modules.get("numpy")
        self._array = numpy.ndarray if numpy is not None else None
        self._pools: dict[Any, tuple[str, str, int, bytearray]] = {}

    def add(self, value: Any) -> list[Any] | None:
        """Take an array; return its node: pool, dtype, place and shape.

        None for everything but a small array that a dtype's code and a shape describe wholly.
        """
        if type(value) is not self._array or value.nbytes > MAX_SMALL:
            return None
        if value.ndim > 1 and not value.flags.c_contiguous:
            return None
        pool = self._pools.get(value.dtype) or self._pool(value.dtype)
        if pool is None:
            return None
        name, code, _, data = pool
        start = len(data)
        data += value.tobytes()
        return ["array", name, code, start, list(value.shape)]

    def _pool(self, dtype: Any) -> tuple[str, str, int, bytearray] | None:
        if dtype.kind not in "biufcmM" or dtype.metadata or len(self._pools) == _MAX_POOLS:
            return None
        pool = (f"a{len(self._pools)}", dtype.str, dtype.itemsize, bytearray())
        self._pools[dtype] = pool
        return pool

    def buffers(self) -> list[Buffer]:
        """Return one buffer per dtype."""
        return [
            Buffer(name, memoryview(data), itemsize=size)
            for name, _, size, data in self._pools.values()
        ]


class ArrayReader:
    """Gives the arrays of the pools back, each stretch of bytes once."""

    def __init__(self, reader: ContentReader | None) -> None:
        self._reader = reader
        self._pools: dict[str, memoryview] = {}
        self._left: dict[str, int] = {}
        self._dtypes: dict[str, Any] = {}

    def read(self, pool: Any, code: Any, start: Any, shape: Any) -> Any:
        """Return one array.

        Raises
        ------
        Corrupt
            When it lies outside its pool.
        UnsafeContent
            When the arrays together are larger than what holds them.
        """
        data, dtype = self._pool(pool), self._dtype(code)
        if type(start) is not int or type(shape) is not list:
            raise Corrupt("a small array is damaged")
        if not all(type(n) is int and n >= 0 for n in shape):
            raise Corrupt("a small array is damaged", why="its shape is not one")
        count = math.prod(shape)
        size = count * dtype.itemsize
        if not 0 <= start <= start + size <= data.nbytes:
            raise Corrupt("a small array is damaged", why="it lies outside its buffer")
        # Else many nodes could name the same bytes, and a small content fill the memory.
        self._left[pool] -= size
        if self._left[pool] < 0:
            raise refuse("its arrays overlap")
        import numpy as np

        if not size:
            return np.empty(shape, dtype)
        return np.frombuffer(data, dtype, count, start).reshape(shape).copy()

    def _dtype(self, code: Any) -> Any:
        from etiq_jupyter.codecs.dtypes import simple_dtype

        dtype = self._dtypes.get(code) if type(code) is str else None
        if dtype is None:
            dtype = simple_dtype(code)
            if dtype.itemsize == 0:
                raise Corrupt("a small array is damaged", why="its elements have no bytes")
            self._dtypes[code] = dtype
        return dtype

    def _pool(self, name: Any) -> memoryview:
        data = self._pools.get(name) if type(name) is str else None
        if data is None:
            if type(name) is not str or self._reader is None or not _POOL.fullmatch(name):
                raise Corrupt("a small array is damaged", why="it names no buffer")
            data = self._pools[name] = self._reader.read(name)
            self._left[name] = data.nbytes
        return data
