"""What is wrong with an index, and where: SQLite's own check, and every row against its seal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from etiq_jupyter import model
from etiq_jupyter.errors import Corrupt
from etiq_jupyter.store import entries
from etiq_jupyter.store.database import DamagedIndex, Database
from etiq_jupyter.store.pages import Pages
from etiq_jupyter.store.rebuild import STATES
from etiq_jupyter.store.repair import read_index
from etiq_jupyter.store.salvage import COLUMNS

_MOST = 20  # complaints of SQLite that are named one by one
_PAGE = re.compile(r"\b[Pp]age (\d+)")
_BATCH = 200


def check_form(database: Database) -> list[str]:
    """Return what SQLite finds wrong with the form of an index, with the table it is in."""
    try:
        rows = database.rows(f"PRAGMA integrity_check({_MOST})")
    except Corrupt as error:
        return [error.why or error.what]
    lines = [line for (text,) in rows for line in str(text).splitlines()]
    lines = [line for line in lines if line != "ok" and not line.startswith("***")]
    if not lines:
        return []
    pages = Pages(*read_index(database.path))
    return list(dict.fromkeys(_placed(line, pages) for line in lines))


def _placed(line: str, pages: Pages) -> str:
    """Say beside a complaint of SQLite in which table or index it is."""
    found = _PAGE.search(line)
    owner = pages.owner(int(found[1])) if found else ""
    return f"{owner}: {line}" if owner else line


def check_snapshots(database: Database) -> Iterator[tuple[str, model.Snapshot | None, list[str]]]:
    """Go through all snapshots in the index.

    Yields
    ------
    (str, Snapshot or None, list of str)
        Its id; what was kept, unless that is damaged or its bytes are no longer kept here; what is
        wrong with its row.
    """
    last = -1
    while True:
        try:
            rows = database.rows(
                f"SELECT rowid, {', '.join(COLUMNS)} FROM snapshots NOT INDEXED "  # noqa: S608
                "WHERE rowid > ? ORDER BY rowid LIMIT ?",
                (last, _BATCH),
            )
        except DamagedIndex:
            return  # `check_form` has said what is wrong
        if not rows:
            return
        last = rows[-1][0]
        for values in rows:
            yield _checked(dict(zip(COLUMNS, values[1:], strict=True)))


def _checked(row: dict[str, Any]) -> tuple[str, model.Snapshot | None, list[str]]:
    label = str(row["id"])
    try:
        snapshot = entries.read_manifest(row["destination"], row["manifest"], row["seal"])
        entries.read_summary(row["summary"], row["seal"])
    except DamagedIndex as error:
        return label, None, [f"{error.what} ({error.why})"]
    wrong = [
        f"its column {name!r} is not what was kept"
        for name, value in entries.describe(snapshot).items()
        if row[name] != value
    ]
    if row["state"] not in STATES:
        wrong.append(f"its state is {row['state']!r}")
    if row["state"] == "synced" and not _receipt_fits(row):
        wrong.append("its receipt is damaged")
    return label, snapshot if _is_kept(row) else None, wrong


def _is_kept(row: dict[str, Any]) -> bool:
    return bool(row["kept"]) or row["state"] != "synced"


def _receipt_fits(row: dict[str, Any]) -> bool:
    try:
        found = msgspec.msgpack.decode(row["receipt"], type=model.Receipt)
    except (msgspec.MsgspecError, TypeError):
        return False
    told = (found.id, found.short_id, found.url, found.manifest)
    return told == (row["id"], row["short_id"], row["url"], row["sent_hash"])
