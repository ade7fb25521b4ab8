"""What is wrong with an index, and where: SQLite's own check, and every row against its seal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from etiq_jupyter import model
from etiq_jupyter.errors import Corrupt
from etiq_jupyter.store import entries
from etiq_jupyter.store.database import DamagedIndex, Database
from etiq_jupyter.store.pages import Pages
from etiq_jupyter.store.rebuild import STATES
from etiq_jupyter.store.repair import read_index
from etiq_jupyter.store.salvage import COLUMNS

_MOST = 100  # complaints that SQLite is asked for
_MOST_NAMED = 5  # of these, how many are passed on
_PAGE = re.compile(r"\b[Pp]age (\d+)")
_BATCH = 200


def check_form(database: Database) -> list[str]:
    """Return what SQLite finds wrong with the form of an index, with the table it is in."""
    try:
        rows = database.rows(f"PRAGMA integrity_check({_MOST})")
    except Corrupt as error:
        return name_damage(database.path, [error.why or error.what])
    lines = [line for (text,) in rows for line in str(text).splitlines()]
    lines = [line for line in lines if line != "ok" and not line.startswith("***")]
    return name_damage(database.path, lines) if lines else []


def name_damage(index: Path, lines: list[str]) -> list[str]:
    """Say in which table or index the damage is of which SQLite tells, as far as that is known."""
    pages = Pages(*read_index(index))
    for _ in pages.rows():
        pass  # reading them is what finds the damage
    placed = [_placed(number, what, pages) for number, what in sorted(pages.damaged.items())]
    # Pages "never used" are those that a damaged page led to.
    told = [line for line in lines if not line.endswith("is never used")] or lines
    for line in told[:_MOST_NAMED]:
        found = _PAGE.search(line)
        number = int(found[1]) if found else 0
        if number not in pages.damaged:
            placed.append(_placed(number, line, pages))
    return list(dict.fromkeys(placed))


def _placed(number: int, what: str, pages: Pages) -> str:
    owner = pages.owner(number) if number else ""
    place = ", ".join(part for part in (owner, f"page {number}" if number else "") if part)
    return f"{place}: {what}" if place else what


class Checked(NamedTuple):
    """A snapshot in the index.

    Attributes
    ----------
    id : str
    label : str
        Its short id and name, and whether it is on the dashboard.
    snapshot : Snapshot, optional
        What was kept, unless that is damaged or its bytes are no longer kept here.
    wrong : list of str
        What is wrong with its row.
    """

    id: str
    label: str
    snapshot: model.Snapshot | None
    wrong: list[str]


def check_snapshots(database: Database) -> Iterator[Checked]:
    """Go through all snapshots in the index."""
    seen: set[str] = set()
    try:
        for row in _all_rows(database):
            seen.add(str(row["id"]))
            yield _checked(row)
    except DamagedIndex:
        for row in _named_rows(database, seen):
            if len(row) > 1:
                yield _checked(row)
            else:
                yield Checked(row["id"], "", None, ["its row cannot be read"])


def _all_rows(database: Database) -> Iterator[dict[str, Any]]:
    last = -1
    while rows := database.rows(
        f"SELECT rowid, {', '.join(COLUMNS)} FROM snapshots NOT INDEXED "  # noqa: S608
        "WHERE rowid > ? ORDER BY rowid LIMIT ?",
        (last, _BATCH),
    ):
        last = rows[-1][0]
        for values in rows:
            yield dict(zip(COLUMNS, values[1:], strict=True))


def _named_rows(database: Database, seen: set[str]) -> Iterator[dict[str, Any]]:
    """Return the rows that are not seen yet, one by one by id; only the id where one is damaged."""
    try:
        ids = [name for (name,) in database.rows("SELECT id FROM snapshots ORDER BY id")]
    except DamagedIndex:
        return
    for name in ids:
        if name in seen:
            continue
        try:
            values = database.row(
                f"SELECT {', '.join(COLUMNS)} FROM snapshots WHERE {entries.ROW}",  # noqa: S608
                (name,),
            )
        except DamagedIndex:
            values = None
        yield dict(zip(COLUMNS, values, strict=True)) if values else {"id": name}


def _label(row: dict[str, Any]) -> str:
    name = " ".join(str(part) for part in (row["short_id"], row["name"]) if part)
    where = "on the dashboard" if row["state"] == "synced" else "only here"
    return ", ".join(part for part in (name, where) if part)


def _checked(row: dict[str, Any]) -> Checked:
    name, label = str(row["id"]), _label(row)
    try:
        snapshot = entries.read_manifest(row["destination"], row["manifest"], row["seal"])
        entries.read_summary(row["summary"], row["seal"])
    except DamagedIndex as error:
        return Checked(name, label, None, [f"{error.what} ({error.why})"])
    wrong = [
        f"its column {column!r} is not what was kept"
        for column, value in entries.describe(snapshot).items()
        if row[column] != value
    ]
    if row["state"] not in STATES:
        wrong.append(f"its state is {row['state']!r}")
    if row["state"] == "synced" and not _receipt_fits(row):
        wrong.append("its receipt is damaged")
    return Checked(name, label, snapshot if _is_kept(row) else None, wrong)


def _is_kept(row: dict[str, Any]) -> bool:
    return bool(row["kept"]) or row["state"] != "synced"


def _receipt_fits(row: dict[str, Any]) -> bool:
    try:
        found = msgspec.msgpack.decode(row["receipt"], type=model.Receipt)
    except (msgspec.MsgspecError, TypeError):
        return False
    told = (found.id, found.short_id, found.url, found.manifest)
    return told == (row["id"], row["short_id"], row["url"], row["sent_hash"])
