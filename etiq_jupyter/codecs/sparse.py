"""SciPy sparse matrices and arrays: their own arrays, checked so that no index points outside."""

from __future__ import annotations

from typing import Any

import numpy as np

from etiq_jupyter.codecs.arrays import array_buffer, read_array
from etiq_jupyter.codecs.base import Codec, Facts, Reading, Writing, need, refuse, type_name
from etiq_jupyter.codecs.dtypes import read_dtype, write_dtype
from etiq_jupyter.errors import Corrupt, NotKept
from etiq_jupyter.objects.content import Content, ContentReader

_PARTS = {
    "csr": ("data", "indices", "indptr"),
    "csc": ("data", "indices", "indptr"),
    "bsr": ("data", "indices", "indptr"),
    "coo": ("data", "row", "col"),
    "dia": ("data", "offsets"),
}
MAX_SIDE = 2**40


class SparseCodec(Codec):
    """`scipy.sparse` matrices and arrays in every format.

    lil and dok are kept as coo and come back as they were.
    """

    name = "scipy.sparse"
    packages = ("scipy",)

    def accepts(self, value: Any) -> bool:
        return type(value).__module__.startswith("scipy.sparse") and hasattr(value, "tocoo")

    def encode(self, value: Any, how: Writing) -> Content:
        form = value.format
        if len(value.shape) != 2:
            raise NotKept("a sparse array that is not of two dimensions has no portable form")
        stored = value if form in _PARTS else value.tocoo()
        kind = stored.format
        meta: dict[str, Any] = {
            "format": form,
            "stored": kind,
            "shape": [int(n) for n in value.shape],
            "array": not _is_matrix(value),
        }
        buffers = []
        for name in _PARTS[kind]:
            array = np.ascontiguousarray(getattr(stored, name))
            buffer, _ = array_buffer(name, array)
            meta[name] = {"dtype": write_dtype(array.dtype), "shape": list(array.shape)}
            buffers.append(buffer)
        return Content(self.name, self.version, meta, buffers)

    def decode(self, reader: ContentReader, how: Reading) -> Any:
        from scipy import sparse

        kind = need(reader.meta, "stored", str)
        form = need(reader.meta, "format", str)
        if kind not in _PARTS or form not in (*_PARTS, "lil", "dok"):
            raise Corrupt(f"{kind[:20]!r} is not a form of sparse matrices")
        shape = need(reader.meta, "shape", list)
        if len(shape) != 2 or not all(type(n) is int and 0 <= n < MAX_SIDE for n in shape):
            raise refuse("a sparse matrix has no shape that could be true")
        if form == "lil" and shape[0] > 2**24:
            raise refuse(f"a sparse matrix of lists claims {shape[0]:,} rows")
        parts = {name: self._part(reader, name) for name in _PARTS[kind]}
        make = getattr(sparse, f"{kind}_{'array' if reader.meta.get('array') else 'matrix'}")
        if kind in ("csr", "csc", "bsr"):
            _check_compressed(kind, parts, shape)
            made = make((parts["data"], parts["indices"], parts["indptr"]), shape=tuple(shape))
            made.check_format(full_check=True)
        elif kind == "coo":
            made = make((parts["data"], (parts["row"], parts["col"])), shape=tuple(shape))
        else:
            made = make((parts["data"], parts["offsets"]), shape=tuple(shape))
        return made if form == kind else made.asformat(form)

    @staticmethod
    def _part(reader: ContentReader, name: str) -> Any:
        spec = need(reader.meta, name, dict)
        return read_array(
            reader.read(name), read_dtype(spec.get("dtype")), need(spec, "shape", list)
        )

    def summarise(self, value: Any, content: Content) -> Facts:
        rows, columns = content.meta["shape"]
        cells = rows * columns
        share = f", {value.nnz / cells:.2%} set" if cells else ""
        detail = {
            "shape": [rows, columns],
            "dtype": str(value.dtype),
            "set": int(value.nnz),
            "format": value.format,
        }
        return Facts(
            "array", type_name(type(value)), f"{rows:,} x {columns:,} {value.dtype}{share}", detail
        )


def _is_matrix(value: Any) -> bool:
    from scipy import sparse

    return isinstance(value, sparse.spmatrix)


def _check_compressed(kind: str, parts: dict[str, Any], shape: list[int]) -> None:
    """Refuse index arrays that native code would follow outside its memory."""
    pointers, indices = parts["indptr"], parts["indices"]
    if (
        pointers.dtype.kind != "i"
        or indices.dtype.kind != "i"
        or pointers.ndim != 1
        or indices.ndim != 1
    ):
        raise Corrupt("a sparse matrix is damaged")
    if (
        len(pointers) == 0
        or int(pointers[0]) != 0
        or bool((np.diff(pointers) < 0).any())
        or int(pointers[-1]) > len(indices)
    ):
        raise Corrupt("a sparse matrix is damaged", why="its pointers do not fit its indices")
    if kind != "bsr":
        minor = shape[0] if kind == "csc" else shape[1]
        if len(indices) and (int(indices.min()) < 0 or int(indices.max()) >= minor):
            raise Corrupt("a sparse matrix is damaged", why="an index points outside it")


CODECS = (SparseCodec,)
