"""The rule that joins a snapshot which read a content to the one that made it.

Kept here once, for manifests on this disk and for a dashboard's tables alike.

1. Only snapshots of the same project that come before the reader count: earlier by the time at
   which they were taken, ids decide between equal times.
2. A snapshot of the reader's own run that holds the content is taken before all others, as a kernel
   reads what it made itself; there any name counts, the one that was read before others.
3. Else one of another run, but only where the variable has the same name, and never for a trivial
   content (a number, or no more than 8 bytes such as None, True or an empty list): those are equal
   by chance everywhere, and a false edge is worse than a missing one.
4. Among those left, the latest counts; of two variables of one snapshot, the last by name.
5. If that one only kept what its run held already, unchanged under the same name, the one that
   began to hold it is the maker.

A content that was changed in between has another hash and joins nothing of before.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from etiq_jupyter.model import Item

TRIVIAL_BYTES = 8


@dataclass(frozen=True, slots=True)
class Holder:
    """A snapshot that holds a content under a name, or one that reads.

    Attributes
    ----------
    id, run : str
        Of the snapshot.
    moment : int
        When it was taken: microseconds since 1970.
    name : str
        Of the variable; empty for a reader.
    trivial : bool
        Whether the content is so small that it is equal elsewhere by chance.
    """

    id: str
    run: str
    moment: int
    name: str = ""
    trivial: bool = False


def is_trivial(item: Item) -> bool:
    """Tell whether a content is so small that others have the same by chance."""
    return item.kind == "number" or item.size <= TRIVIAL_BYTES


def nearest(reader: Holder, name: str, holders: Iterable[Holder]) -> Holder | None:
    """Return the holder of a content that a read of it under ``name`` joins (rules 1 to 4)."""
    best: tuple[bool, bool, int, str, str] | None = None
    chosen = None
    for holder in holders:
        same_run, same_name = holder.run == reader.run, holder.name == name
        if (holder.moment, holder.id) >= (reader.moment, reader.id):
            continue
        if not same_run and (holder.trivial or not same_name):
            continue
        rank = (same_run, same_name, holder.moment, holder.id, holder.name)
        if best is None or rank > best:
            best, chosen = rank, holder
    return chosen


def maker_of(holder: Holder, history: Iterable[tuple[str, str]]) -> str:
    """Return the id of the snapshot that began to hold what the holder holds (rule 5).

    Parameters
    ----------
    holder : Holder
        What `nearest` found.
    history : iterable of (str, str)
        Snapshots of its run that hold the variable, with the content, oldest first.
    """
    first, last = holder.id, None
    for snapshot, content in history:
        if content != last:
            first, last = snapshot, content
        if snapshot == holder.id:
            return first
    return holder.id
