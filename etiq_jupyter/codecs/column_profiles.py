"""How the values of a column are distributed, on one side or on two with the same bins."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

BINS = 20
TOP = 10


def distribution(a: Any, b: Any) -> dict[str, Any]:
    """Return facts of both sides of a column, and histograms over the same bins or top values.

    Returns
    -------
    dict
        ``nulls`` [a, b]; for numbers and times ``min``, ``max``, ``mean``, ``std`` [a, b] and
        ``histogram`` {edges, a, b}; else ``distinct`` [a, b] and ``top`` [{value, a, b}].
    """
    found: dict[str, Any] = {"nulls": [a.null_count, b.null_count]}
    left, right = _as_numbers(a), _as_numbers(b)
    if left is not None and right is not None:
        return found | _numeric(left, right)
    return found | _counts(a, b)


def _as_numbers(column: Any) -> np.ndarray[Any, np.dtype[np.float64]] | None:
    kind = column.type
    t = pa.types
    if t.is_boolean(kind):
        return None
    if t.is_temporal(kind) and not t.is_interval(kind) and kind.bit_width in (32, 64):
        width = pa.int32() if kind.bit_width == 32 else pa.int64()
        column = pa.chunked_array([chunk.view(width) for chunk in column.chunks], width)
    elif t.is_decimal(kind):
        column = column.cast(pa.float64())
    elif not (t.is_integer(kind) or t.is_floating(kind)):
        return None
    values = np.asarray((pc.drop_null(column) if column.null_count else column).to_numpy())
    values = values.astype(np.float64, copy=False)
    finite = np.isfinite(values)
    return values if finite.all() else values[finite]


def _numeric(a: Any, b: Any) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, measure in (("min", np.min), ("max", np.max), ("mean", np.mean), ("std", np.std)):
        made[name] = [float(measure(side)) if len(side) else None for side in (a, b)]
    ends = [value for value in (*made["min"], *made["max"]) if value is not None]
    if ends and max(ends) > min(ends):
        low, high = min(ends), max(ends)
        edges = np.linspace(low, high, BINS + 1)
        made["histogram"] = {
            "edges": edges.tolist(),
            "a": histogram(a, low, high),
            "b": histogram(b, low, high),
        }
    return made


def histogram(values: Any, low: float, high: float, bins: int = BINS) -> list[int]:
    """Count values in bins of equal width; several times faster than `numpy.histogram`."""
    with np.errstate(all="ignore"):
        scale = bins / (high - low)
        if not np.isfinite(scale) or not len(values):
            return [0] * bins
        places = ((values - low) * scale).astype(np.int64)
    np.clip(places, 0, bins - 1, out=places)
    counts: list[int] = np.bincount(places, minlength=bins).tolist()
    return counts


def _counts(a: Any, b: Any) -> dict[str, Any]:
    try:
        left, right = top_values(a), top_values(b)
    except (pa.ArrowException, TypeError):
        return {}
    names = list(dict.fromkeys([*list(left[1])[:TOP], *list(right[1])[:TOP]]))[: TOP * 2]
    top = [{"value": name, "a": left[1].get(name, 0), "b": right[1].get(name, 0)} for name in names]
    return {"distinct": [left[0], right[0]], "top": top}


def word_distribution(a: Any, b: Any, words: Any) -> dict[str, Any]:
    """Return the same for a column whose cells are codes of words, -1 where missing."""
    counts = [np.bincount(side + 1, minlength=len(words) + 1) for side in (a, b)]
    found: dict[str, Any] = {"nulls": [int(count[0]) for count in counts]}
    counts = [count[1:] for count in counts]
    found["distinct"] = [int((count > 0).sum()) for count in counts]
    most = [_largest(count) for count in counts]
    places = list(dict.fromkeys(int(n) for n in np.concatenate(most)))
    shown = words.take(pa.array(places, pa.int64())).to_pylist()
    found["top"] = [
        {"value": str(value)[:100], "a": int(counts[0][n]), "b": int(counts[1][n])}
        for value, n in zip(shown, places, strict=True)
        if counts[0][n] or counts[1][n]
    ]
    return found


def _largest(counts: Any) -> Any:
    """Places of the `TOP` largest counts, largest first, without sorting all."""
    few = min(TOP, len(counts))
    places = np.argpartition(-counts, few - 1)[:few] if few else np.zeros(0, np.int64)
    return places[np.argsort(-counts[places], kind="stable")]


def top_values(column: Any) -> tuple[int, dict[str, int]]:
    """Return the number of distinct values and the most frequent ones with their counts."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
    counted = pc.value_counts(
        column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    )
    counts = np.asarray(counted.field("counts").to_numpy())
    first = np.argsort(-counts, kind="stable")[: TOP * 5]
    values = counted.field("values").take(pa.array(first)).to_pylist()
    top = {
        str(v)[:100]: int(counts[n]) for v, n in zip(values, first, strict=True) if v is not None
    }
    distinct = len(counts) - (1 if column.null_count else 0)
    return distinct, top


def column_profile(name: str, column: Any) -> dict[str, Any]:
    """Return the profile of one column."""
    from etiq_jupyter.codecs.arrow_view import plain_cells
    from etiq_jupyter.codecs.previews import type_name

    made: dict[str, Any] = {
        "name": name,
        "type": type_name(column.type),
        "nulls": column.null_count,
    }
    numbers = _as_numbers(column)
    if numbers is None:
        try:
            distinct, top = top_values(column)
        except (pa.ArrowException, TypeError):
            return made
        made |= {
            "distinct": distinct,
            "top": [{"value": v, "count": n} for v, n in list(top.items())[:TOP]],
        }
        return made
    made["distinct"] = int(pc.count_distinct(column).as_py())
    if not len(numbers):
        return made
    low, high = float(numbers.min()), float(numbers.max())
    made |= {"mean": float(numbers.mean()), "std": float(numbers.std())}
    if pa.types.is_temporal(column.type):
        ends = pc.min_max(column)
        shown = [
            plain_cells(pa.array([ends[side].as_py()], column.type))[0] for side in ("min", "max")
        ]
        made |= {"min": shown[0], "max": shown[1]}
        made.pop("mean"), made.pop("std")
    else:
        made |= {"min": low, "max": high}
    if high > low:
        made["histogram"] = {
            "edges": np.linspace(low, high, BINS + 1).tolist(),
            "counts": histogram(numbers, low, high),
        }
    return made
