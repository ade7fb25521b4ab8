"""Which row of one frame is which row of another, over columns of 64-bit codes."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

Int = np.ndarray[Any, np.dtype[np.int64]]
_START = secrets.randbits(64)
Pairs = list[tuple[Int, Int]]


@dataclass
class Match:
    """Rows that belong together.

    Attributes
    ----------
    how : str
        ``key``, ``position`` or ``content``.
    a, b : arrays of int
        Row numbers of both frames, pairwise.
    added, removed : arrays of int
        Rows of ``b`` without a partner, rows of ``a`` without one.
    reordered : bool
        The pairs stand in another order on the two sides.
    unsure : array of int, optional
        Pairs (their places in ``a``) that may differ; the others are known to be equal. By default
        all may.
    """

    how: Literal["key", "position", "content"]
    a: Int
    b: Int
    added: Int
    removed: Int
    key: str = ""
    reordered: bool = False
    unsure: Any = field(default=None, repr=False)
    _changed: Any = field(default=None, repr=False)

    def changed(self, columns: Pairs) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Return for each pair whether any cell differs."""
        if self._changed is None:
            differ = np.zeros(len(self.a), bool)
            if self.unsure is not None:
                rows_a, rows_b = self.a[self.unsure], self.b[self.unsure]
                for left, right in columns:
                    differ[self.unsure] |= left[rows_a] != right[rows_b]
                self._changed = differ
                return differ
            straight = _straight(self.a) and _straight(self.b)
            for left, right in columns:
                if straight:
                    differ |= left[: len(self.a)] != right[: len(self.b)]
                else:
                    differ |= left[self.a] != right[self.b]
            self._changed = differ
        return self._changed  # type: ignore[no-any-return]


def _straight(rows: Int) -> bool:
    return len(rows) == 0 or (
        int(rows[0]) == 0 and int(rows[-1]) == len(rows) - 1 and bool((np.diff(rows) == 1).all())
    )


def by_position(rows_a: int, rows_b: int) -> Match:
    """Pair rows that stand at the same place."""
    shared = min(rows_a, rows_b)
    rows = np.arange(shared)
    return Match("position", rows, rows, np.arange(shared, rows_b), np.arange(shared, rows_a))


def by_key(name: str, a: Int, b: Int, share: float = 0.5) -> Match | None:
    """Pair rows of the same key; None when it is not one.

    Or pairs less than a share of the rows.
    """
    if not all(_may_be_key(side) for side in (a, b)):
        return None
    if len(a) == len(b) and np.array_equal(a, b):
        rows = np.arange(len(a))
        none = np.arange(0)
        return Match("key", rows, rows, none, none, name)
    order_a, order_b = np.argsort(a, kind="stable"), np.argsort(b, kind="stable")
    sorted_a, sorted_b = a[order_a], b[order_b]
    place = np.searchsorted(sorted_b, sorted_a)
    place_in = np.minimum(place, max(len(sorted_b) - 1, 0))
    hit = sorted_b[place_in] == sorted_a if len(sorted_b) else np.zeros(len(sorted_a), bool)
    if hit.sum() < min(len(a), len(b)) * share:
        return None
    rows_a, rows_b = order_a[hit], order_b[place_in[hit]]
    in_order = np.argsort(rows_a)
    rows_a, rows_b = rows_a[in_order], rows_b[in_order]
    reordered = bool((np.diff(rows_b) < 0).any())
    return Match(
        "key", rows_a, rows_b, _rest(len(b), rows_b), _rest(len(a), rows_a), name, reordered
    )


def _may_be_key(values: Int) -> bool:
    """Say whether all are distinct; most columns that are no key show it in their first rows."""
    return all(_distinct(np.sort(part)) for part in (values[:2000], values))


def _distinct(values: Int) -> bool:
    return bool((values[1:] != values[:-1]).all())


def _rest(count: int, used: Int) -> Int:
    free = np.ones(count, bool)
    free[used] = False
    return np.flatnonzero(free)


def by_content(columns: Pairs, rows_a: int, rows_b: int) -> Match:
    """Pair equal rows wherever they stand; then rows that were edited between equal neighbours.

    Frames of equal length are paired by position when that leaves fewer rows different.
    """
    a, b = (
        _row_hashes([left for left, _ in columns], rows_a),
        _row_hashes([right for _, right in columns], rows_b),
    )
    pairs_a, pairs_b = _equal(a, b)
    rest_a, rest_b = _rest(rows_a, pairs_a), _rest(rows_b, pairs_b)
    reordered = bool((pairs_b[1:] < pairs_b[:-1]).any())
    if rows_a == rows_b and int((a != b).sum()) <= max(len(rest_a), len(rest_b)):
        return by_position(rows_a, rows_b)
    how: Literal["content"] = "content"
    if reordered:
        none = np.zeros(0, np.int64)
        return Match(how, pairs_a, pairs_b, rest_b, rest_a, reordered=True, unsure=none)
    edited_a, edited_b = _between(pairs_a, pairs_b, rest_a, rest_b)
    together_a = np.concatenate([pairs_a, edited_a])
    together_b = np.concatenate([pairs_b, edited_b])
    in_order = np.argsort(together_a, kind="stable")
    together_a, together_b = together_a[in_order], together_b[in_order]
    left_a, left_b = _rest(rows_a, together_a), _rest(rows_b, together_b)
    edited = np.flatnonzero(in_order >= len(pairs_a))
    return Match(how, together_a, together_b, left_b, left_a, unsure=edited)


def _row_hashes(columns: list[Int], rows: int) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """Mix the codes of a row to 64 bits.

    From a start that nobody knows: rows made to have the hash of others would pass for them.
    """
    made = np.full(rows, _START, np.uint64)
    with np.errstate(over="ignore"):
        for column in columns:
            made ^= column.view(np.uint64)
            made *= np.uint64(0xBF58476D1CE4E5B9)
            made ^= made >> np.uint64(29)
            made *= np.uint64(0x94D049BB133111EB)
            made ^= made >> np.uint64(32)
    return made


def _equal(a: Any, b: Any) -> tuple[Int, Int]:
    """Pair equal hashes, the n-th of one side with the n-th of the other; in the order of ``a``."""
    order_a, sorted_a = _sorted(a)
    order_b, sorted_b = _sorted(b)
    place = np.searchsorted(sorted_b, sorted_a, "left") + _ranks(sorted_a)
    inside = place < len(sorted_b)
    hit = np.zeros(len(sorted_a), bool)
    hit[inside] = sorted_b[place[inside]] == sorted_a[inside]
    partner = np.full(len(a), -1, np.int64)
    partner[order_a[hit]] = order_b[place[hit]]
    rows = np.flatnonzero(partner >= 0)
    return rows, partner[rows]


def _sorted(values: Any) -> tuple[Int, Any]:
    """Return the order of values, equal ones as they stood, and the values in it."""
    order = np.argsort(values)  # several times as fast as the stable sort
    ordered = values[order]
    if not _distinct(ordered):
        order = np.argsort(values, kind="stable")
        ordered = values[order]
    return order, ordered


def _ranks(values: Any) -> Int:
    """How many equal ones stand before each element of a sorted array."""
    if not len(values):
        return np.zeros(0, np.int64)
    starts = np.flatnonzero(np.r_[True, values[1:] != values[:-1]])
    return np.arange(len(values)) - np.repeat(starts, np.diff(np.r_[starts, len(values)]))


def _between(pairs_a: Int, pairs_b: Int, rest_a: Int, rest_b: Int) -> tuple[Int, Int]:
    """Pair the rows left over between the same two equal neighbours, in order."""
    gap_a, gap_b = np.searchsorted(pairs_a, rest_a), np.searchsorted(pairs_b, rest_b)
    rank_a, rank_b = _ranks(gap_a), _ranks(gap_b)
    wide = max(len(rest_a), len(rest_b)) + 1
    key_a, key_b = gap_a * wide + rank_a, gap_b * wide + rank_b
    _, at_a, at_b = np.intersect1d(key_a, key_b, assume_unique=True, return_indices=True)
    return rest_a[at_a], rest_b[at_b]
