"""NumPy dtypes as small structures, and back without evaluating anything."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from etiq_jupyter.errors import Corrupt, NotKept

if TYPE_CHECKING:
    import numpy as np

_CODE = re.compile(
    r"[<>|=][biufcSUVmM]\d{1,9}(\[\d{0,6}(ns|us|ms|s|m|h|D|W|M|Y|ps|fs|as|generic)\])?|[<>|=][mM]8"
)
MAX_FIELDS = 10_000


def write_dtype(dtype: np.dtype[Any]) -> Any:
    """Return a str for a simple dtype, a dict for a structured one or one with a shape.

    Raises
    ------
    NotKept
        When it holds Python objects or is of a kind without raw bytes.
    """
    if dtype.hasobject or dtype.kind not in "biufcSUVmM":
        raise NotKept(f"arrays of {dtype} have no raw bytes")
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return {"base": write_dtype(base), "shape": list(shape)}
    if dtype.names is None:
        return dtype.str
    fields = [dtype.fields[name] for name in dtype.names] if dtype.fields else []
    return {
        "names": list(dtype.names),
        "formats": [write_dtype(field[0]) for field in fields],
        "offsets": [field[1] for field in fields],
        "titles": [
            field[2] if len(field) > 2 and isinstance(field[2], str) else None for field in fields
        ],
        "itemsize": dtype.itemsize,
        "aligned": dtype.isalignedstruct,
    }


def simple_dtype(code: Any) -> np.dtype[Any]:
    """Return the dtype of a code such as ``<f8`` or ``<M8[ns]``; never one of objects."""
    import numpy as np

    if not isinstance(code, str) or not _CODE.fullmatch(code):
        raise Corrupt(f"{str(code)[:40]!r} is not the type of an array")
    try:
        return np.dtype(code)
    except (TypeError, ValueError) as error:
        raise Corrupt(f"{code!r} is not the type of an array") from error


def read_dtype(form: Any, depth: int = 0) -> np.dtype[Any]:
    """Return the dtype of a written form. Raises `Corrupt` when it is none."""
    import numpy as np

    if depth > 20:
        raise Corrupt("the type of an array is nested too deep")
    if not isinstance(form, dict):
        return simple_dtype(form)
    try:
        if "base" in form:
            shape = tuple(form["shape"])
            if not all(type(n) is int and 0 <= n < 2**31 for n in shape):
                raise Corrupt("the type of an array has a wrong shape")
            dtype = np.dtype((read_dtype(form["base"], depth + 1), shape))
        else:
            if len(form["names"]) > MAX_FIELDS:
                raise Corrupt("the type of an array has too many fields")
            spec: Any = {
                "names": form["names"],
                "formats": [read_dtype(part, depth + 1) for part in form["formats"]],
                "offsets": form["offsets"],
                "itemsize": form["itemsize"],
            }
            if any(form["titles"]):
                spec["titles"] = form["titles"]
            dtype = np.dtype(spec, align=bool(form["aligned"]))
    except (TypeError, ValueError, KeyError, OverflowError, MemoryError) as error:
        raise Corrupt("the type of an array is damaged", why=str(error)) from error
    if dtype.hasobject:
        raise Corrupt("the type of an array holds objects")
    return dtype
