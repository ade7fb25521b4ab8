"""What the pages of a damaged index still say: every row that can be read, sorted by its table."""

from __future__ import annotations

import re
from typing import Any

from etiq_jupyter.store.entries import is_sound_list
from etiq_jupyter.store.pages import Pages, Row

# fmt: off
COLUMNS = (
    "id", "project", "project_name", "run", "sequence", "name", "created_at", "summary", "manifest",
    "words", "new_bytes", "kept", "destination", "state", "reason", "attempts", "sent_hash",
    "receipt", "short_id", "url", "seal",
)
# fmt: on
"""The columns of `snapshots` in the order in which they are kept."""
FACTS = ("version", "generation", "quota")
_HASH, _DIGEST = 32, 16  # bytes
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SHORT = re.compile(r"[A-Z]+-[0-9]+")
_PACK = re.compile(r"[0-9a-f-]{36}\.pack")


class Found:
    """Rows of an index, as they stand on its pages, and what its own indexes tell beside them.

    Attributes
    ----------
    snapshots : dict
        Number of the row -> columns by name; not yet compared with their seals.
    chunks, blobs, packs, destinations : dict
        Number of the row -> its columns, or its one column.
    buffers, projects, local_projects, facts : dict
        Key -> the rest of the row.
    ids : dict
        Number of a snapshot's row -> its id, from an index.
    short_ids : dict
        Number of a snapshot's row -> its short id, from an index.
    unsent : set
        Ids of snapshots without a receipt, from an index.
    names : dict
        Number of a chunk's row -> its name, or that of its base, from indexes.
    accounts : dict
        Number of a destination -> its address and user, from an index.
    damaged : dict
        Page -> what is damaged there.
    """

    def __init__(self, pages: Pages) -> None:
        self.snapshots: dict[int, dict[str, Any]] = {}
        self.chunks: dict[int, tuple[Any, ...]] = {}
        self.blobs: dict[int, bytes] = {}
        self.packs: dict[int, str] = {}
        self.destinations: dict[int, tuple[str, ...]] = {}
        self.buffers: dict[tuple[bytes, int], bytes] = {}
        self.projects: dict[tuple[int, str], str] = {}
        self.local_projects: dict[str, tuple[str, float]] = {}
        self.facts: dict[str, int] = {}
        self.ids: dict[int, str] = {}
        self.short_ids: dict[int, str] = {}
        self.unsent: set[str] = set()
        self.names: dict[int, set[bytes]] = {}
        self.accounts: dict[int, tuple[str, str]] = {}
        for row in pages.rows():
            if row.number is not None:
                self._row(row.number, row.values)
            else:
                self._entry(row)
        self.damaged = dict(sorted(pages.damaged.items()))

    def _row(self, number: int, values: tuple[Any, ...]) -> None:
        kinds = _kinds(values)
        if len(values) >= len(COLUMNS) - 1 and kinds[0] == "s":
            self.snapshots[number] = dict(zip(COLUMNS, values, strict=False))
        elif re.fullmatch("nbiii[in]i[bn]", kinds) and len(values[1]) == _HASH:
            self.chunks[number] = values[1:]
        elif kinds == "nb":
            self.blobs[number] = values[1]
        elif kinds == "ns" and _PACK.fullmatch(values[1]):
            self.packs[number] = values[1]
        elif kinds == "nsssss":
            self.destinations[number] = values[1:]

    def _entry(self, row: Row) -> None:
        """Sort in a row of a table without numbers, or an entry of an index."""
        values = row.values
        kinds = _kinds(values)
        if re.fullmatch("bib[bn]?", kinds) and len(values[0]) == _DIGEST:
            if is_sound_list(values[2], (*values, None)[3]):
                self.buffers[values[0], values[1]] = values[2]
        elif kinds == "si" and values[0] in FACTS:
            self.facts[values[0]] = values[1]
        elif kinds == "iss" and _UUID.fullmatch(values[1]):
            self.projects[values[0], values[1]] = values[2]
        elif re.fullmatch("ss[fi]", kinds) and _UUID.fullmatch(values[0]):
            self.local_projects[values[0]] = values[1], float(values[2])
        elif kinds == "ss" and _UUID.fullmatch(values[1]):
            self.local_projects.setdefault(values[1], (values[0], 0.0))
        elif kinds == "bi" and len(values[0]) == _HASH:
            self.names.setdefault(values[1], set()).add(values[0])
        elif kinds == "si" and _UUID.fullmatch(values[0]):
            self.ids[values[1]] = values[0]
        elif kinds == "si" and _SHORT.fullmatch(values[0]):
            self.short_ids[values[1]] = values[0]
        elif re.fullmatch("[in]si", kinds) and _UUID.fullmatch(values[1]):
            self.unsent.add(values[1])
            self.ids.setdefault(values[2], values[1])
        elif kinds == "ssi" and not _UUID.fullmatch(values[0]):
            self.accounts[values[2]] = values[0], values[1]


def _kinds(values: tuple[Any, ...]) -> str:
    """Return one letter per value: null, integer, float, string or bytes."""
    return "".join(
        "n" if each is None else {int: "i", float: "f", str: "s", bytes: "b"}[type(each)]
        for each in values
    )
