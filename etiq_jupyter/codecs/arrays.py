"""NumPy arrays: raw bytes, dtype, shape and order.

Object arrays of plain values as a plain list.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from etiq_jupyter.codecs.base import Codec, Facts, Reading, Writing, need, refuse, type_name
from etiq_jupyter.codecs.dtypes import read_dtype, write_dtype
from etiq_jupyter.errors import Corrupt, NotKept
from etiq_jupyter.objects.content import Buffer, Content, ContentReader

_FORMS: dict[type, str] = {
    np.ndarray: "array",
    np.memmap: "array",
    np.recarray: "record",
    np.matrix: "matrix",
    np.ma.MaskedArray: "masked",
}
MAX_DIMENSIONS = 64
_WORTH_TAKING = (
    1 << 20
)  # smaller arrays are copied even where it is not needed: they own their data


def raw(array: np.ndarray[Any, Any]) -> memoryview:
    """Return the bytes of a C-contiguous array, without a copy."""
    if array.nbytes == 0:
        return memoryview(b"")
    return array.reshape(-1).view(np.uint8).data.cast("B")


def without_padding_noise(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return a structured array whose bytes between the fields are zero.

    They hold chance otherwise, and equal arrays would have different hashes.
    """
    dtype = array.dtype
    if dtype.names is None or dtype.itemsize == sum(dtype[name].itemsize for name in dtype.names):
        return array
    clean = np.zeros(array.shape, dtype)
    for name in dtype.names:
        clean[name] = array[name]
    return clean


def array_buffer(name: str, array: np.ndarray[Any, Any]) -> tuple[Buffer, str]:
    """Return an array's buffer and its order (``C`` or ``F``); copies only what has gaps."""
    order = "C"
    if not array.flags.c_contiguous:
        if array.flags.f_contiguous:
            order, array = "F", array.T
        else:
            array = np.ascontiguousarray(array)
    rows = array.shape[0] if array.ndim else 1
    row_bytes = array.nbytes // rows if rows else 0
    size = array.dtype.itemsize
    return Buffer(name, raw(array), itemsize=max(size, 1), row_bytes=row_bytes), order


def read_array(
    data: memoryview, dtype: np.dtype[Any], shape: Any, order: str = "C"
) -> np.ndarray[Any, Any]:
    """Return a fresh, writable array of raw bytes. The size must be exactly what the shape says."""
    if not isinstance(shape, list) or len(shape) > MAX_DIMENSIONS:
        raise Corrupt("an array's shape is damaged")
    if not all(type(n) is int and 0 <= n < 2**62 for n in shape):
        raise Corrupt("an array's shape is damaged")
    count = math.prod(shape)
    if count * dtype.itemsize != data.nbytes:
        raise refuse(
            f"an array of shape {tuple(shape)} and type {dtype} does not have {data.nbytes} bytes"
        )
    if dtype.itemsize == 0 and count > 2**40:
        raise refuse("an array of empty elements is too long")
    turned = tuple(reversed(shape)) if order == "F" else tuple(shape)
    if data.nbytes >= _WORTH_TAKING and not data.readonly:
        array: np.ndarray[Any, Any] = np.ndarray(turned, dtype, data)
    else:
        # Into memory of our own: what was read may be a view on a file or on the user's value.
        array = np.empty(turned, dtype)
        if data.nbytes:
            raw(array)[:] = data
    return array.T if order == "F" else array


class ArrayCodec(Codec):
    """`numpy.ndarray`, its record, matrix and masked forms."""

    name = "numpy.array"
    packages = ("numpy",)

    def accepts(self, value: Any) -> bool:
        return type(value) in _FORMS

    def encode(self, value: Any, how: Writing) -> Content:
        meta: dict[str, Any] = {"form": _FORMS[type(value)]}
        buffers = []
        if meta["form"] == "masked":
            if value.mask is not np.ma.nomask:
                buffer, meta["mask_order"] = array_buffer("mask", np.asarray(value.mask))
                meta["mask"] = write_dtype(value.mask.dtype)
                buffers.append(buffer)
            fill, _ = array_buffer("fill", np.asarray(value.fill_value, value.dtype))
            buffers.append(fill)
            meta["hard"] = bool(value.hardmask)
        plain = np.asarray(value) if meta["form"] != "masked" else value.data
        meta["shape"] = list(plain.shape)
        if plain.dtype.kind in "OT":
            return self._objects(plain, meta, how)
        meta["dtype"] = write_dtype(plain.dtype)
        buffer, meta["order"] = array_buffer("data", without_padding_noise(plain))
        return Content(self.name, self.version, meta, [buffer, *buffers])

    def _objects(self, array: np.ndarray[Any, Any], meta: dict[str, Any], how: Writing) -> Content:
        from etiq_jupyter.codecs.plain import PlainCodec

        if meta["form"] == "masked":
            raise NotKept("a masked array of objects has no raw bytes")
        if array.dtype.kind == "T" and not _simple_text(array.dtype):
            raise NotKept("a StringDType with a missing value of its own has no portable form")
        meta["dtype"] = array.dtype.kind
        meta["order"] = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
        part = PlainCodec().encode(array.reshape(-1).tolist(), Writing(how.depth + 1))
        return Content(self.name, self.version, meta, part.buffers)

    def decode(self, reader: ContentReader, how: Reading) -> Any:
        meta = reader.meta
        if meta.get("dtype") in ("O", "T"):
            return self._read_objects(reader, how)
        dtype = read_dtype(need(meta, "dtype", (str, dict)))
        array = read_array(
            reader.read("data"), dtype, need(meta, "shape", list), meta.get("order", "C")
        )
        form = meta.get("form")
        if form == "record":
            return array.view(np.recarray)
        if form == "matrix":
            return array.view(np.matrix)
        if form == "masked":
            return self._read_masked(reader, array)
        return array

    def _read_masked(self, reader: ContentReader, array: np.ndarray[Any, Any]) -> Any:
        mask: Any = np.ma.nomask
        if "mask" in reader.meta:
            kind = read_dtype(reader.meta["mask"])
            if kind.kind != "b" and kind.names is None:
                raise Corrupt("the mask of an array is damaged")
            mask = read_array(
                reader.read("mask"), kind, list(array.shape), reader.meta.get("mask_order", "C")
            )
        fill = read_array(reader.read("fill"), array.dtype, [])
        make: Any = np.ma.MaskedArray
        return make(array, mask, fill_value=fill[()], hard_mask=bool(reader.meta.get("hard")))

    def _read_objects(self, reader: ContentReader, how: Reading) -> Any:
        from etiq_jupyter.codecs.plain import PlainCodec

        shape = need(reader.meta, "shape", list)
        values = PlainCodec().decode(reader, how)
        if not isinstance(values, list) or math.prod(shape) != len(values):
            raise Corrupt("an array of objects does not have the length it says")
        text = reader.meta["dtype"] == "T"
        array = np.empty(len(values), np.dtypes.StringDType() if text else object)
        for place, value in enumerate(values):
            array[place] = value
        return (
            array.reshape(shape, order="C")
            if reader.meta.get("order") != "F"
            else np.asfortranarray(array.reshape(shape))
        )

    def summarise(self, value: Any, content: Content) -> Facts:
        shape = list(value.shape)
        size = " x ".join(f"{n:,}" for n in shape) or "scalar"
        detail = {"shape": shape, "dtype": str(value.dtype)}
        return Facts("array", type_name(type(value)), f"{size} {value.dtype}", detail)


def _simple_text(dtype: Any) -> bool:
    return not hasattr(dtype, "na_object")


CODECS = (ArrayCodec,)
