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
        parts = {name: _part(reader, name) for name in _PARTS[kind]}
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


def cells_of(reader: ContentReader) -> tuple[Any, Any, Any]:
    """Return row, column and value of each cell that is set. Needs no SciPy, makes no matrix."""
    kind = need(reader.meta, "stored", str)
    shape = need(reader.meta, "shape", list)
    if kind not in _PARTS or len(shape) != 2 or not all(type(n) is int for n in shape):
        raise Corrupt("a sparse matrix is damaged")
    first, *others = (_part(reader, name) for name in _PARTS[kind])
    if any(part.ndim != 1 or part.dtype.kind != "i" for part in others):
        raise Corrupt("a sparse matrix is damaged")
    if kind == "coo":
        cells = (others[0], others[1], first)
    elif kind == "dia":
        cells = _diagonals(first, others[0], shape)
    else:
        _check_compressed(kind, dict(zip(_PARTS[kind], (first, *others), strict=True)), shape)
        indices, pointers = others
        major = np.repeat(np.arange(len(pointers) - 1), np.diff(pointers))
        minor, first = indices[: len(major)].astype(np.int64), first[: len(major)]
        if kind == "bsr" and first.ndim == 3 and len(first) == len(major):
            cells = _blocks(first, major, minor)
        else:
            cells = (minor, major, first) if kind == "csc" else (major, minor, first)
    if any(part.ndim != 1 or len(part) != len(cells[0]) for part in cells):
        raise Corrupt("a sparse matrix is damaged", why="its parts have different lengths")
    return cells


def _diagonals(data: Any, offsets: Any, shape: list[int]) -> tuple[Any, Any, Any]:
    if data.ndim != 2 or len(data) != len(offsets):
        raise Corrupt("a sparse matrix is damaged")
    columns = np.broadcast_to(np.arange(data.shape[1]), data.shape)
    rows = columns - offsets.astype(np.int64)[:, None]
    inside = (rows >= 0) & (rows < shape[0]) & (columns < shape[1]) & (data != 0)
    return rows[inside], columns[inside], data[inside]


def _blocks(data: Any, major: Any, minor: Any) -> tuple[Any, Any, Any]:
    high, wide = data.shape[1:]
    rows = np.broadcast_to(major[:, None, None] * high + np.arange(high)[:, None], data.shape)
    columns = np.broadcast_to(minor[:, None, None] * wide + np.arange(wide), data.shape)
    is_set = data != 0
    return rows[is_set], columns[is_set], data[is_set]


def _part(reader: ContentReader, name: str) -> Any:
    spec = need(reader.meta, name, dict)
    return read_array(reader.read(name), read_dtype(spec.get("dtype")), need(spec, "shape", list))


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
