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
        self._pools: dict[str, tuple[str, int, bytearray]] = {}

    def add(self, value: Any) -> tuple[str, str, int, list[int]] | None:
        """Take an array; return its pool, dtype, place and shape. None for what is no small array.

        Only what a dtype code and a shape describe wholly is taken.
        """
        numpy = sys.modules.get("numpy")
        if numpy is None or type(value) is not numpy.ndarray:
            return None
        dtype = value.dtype
        if dtype.kind not in "biufcmM" or dtype.metadata or value.nbytes > MAX_SMALL:
            return None
        if value.ndim > 1 and not value.flags.c_contiguous:
            return None
        code = dtype.str
        if code not in self._pools:
            if len(self._pools) == _MAX_POOLS:
                return None
            self._pools[code] = (f"a{len(self._pools)}", dtype.itemsize, bytearray())
        name, _, data = self._pools[code]
        start = len(data)
        data += value.tobytes()
        return name, code, start, list(value.shape)

    def buffers(self) -> list[Buffer]:
        """Return one buffer per dtype."""
        return [
            Buffer(name, memoryview(data), itemsize=size)
            for name, size, data in self._pools.values()
        ]


class ArrayReader:
    """Gives the arrays of the pools back, each stretch of bytes once."""

    def __init__(self, reader: ContentReader | None) -> None:
        self._reader = reader
        self._pools: dict[str, memoryview] = {}
        self._left: dict[str, int] = {}

    def read(self, pool: Any, code: Any, start: Any, shape: Any) -> Any:
        """Return one array.

        Raises
        ------
        Corrupt
            When it lies outside its pool.
        UnsafeContent
            When the arrays together are larger than what holds them.
        """
        from etiq_jupyter.codecs.arrays import read_array
        from etiq_jupyter.codecs.dtypes import simple_dtype

        data = self._pool(pool)
        dtype = simple_dtype(code)
        if type(start) is not int or type(shape) is not list or dtype.itemsize == 0:
            raise Corrupt("a small array is damaged")
        if not all(type(n) is int and n >= 0 for n in shape):
            raise Corrupt("a small array is damaged", why="its shape is not one")
        size = math.prod(shape) * dtype.itemsize
        if not 0 <= start <= start + size <= data.nbytes:
            raise Corrupt("a small array is damaged", why="it lies outside its buffer")
        # Else many nodes could name the same bytes, and a small content fill the memory.
        self._left[pool] -= size
        if self._left[pool] < 0:
            raise refuse("its arrays overlap")
        return read_array(data[start : start + size], dtype, shape)

    def _pool(self, name: Any) -> memoryview:
        if type(name) is not str or self._reader is None or not _POOL.fullmatch(name):
            raise Corrupt("a small array is damaged", why="it names no buffer")
        if name not in self._pools:
            self._pools[name] = self._reader.read(name)
            self._left[name] = self._pools[name].nbytes
        return self._pools[name]
