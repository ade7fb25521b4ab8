"""What is on this disk and not yet acknowledged by the dashboard it is meant for.

States of a snapshot in the index:

========  ==================================================================================
local     stored here, meant for no dashboard
pending   stored here, to be sent
sending   being sent by some process (pending again when that process ends)
synced    the dashboard's receipt is here
parked    the dashboard refused it; ``reason`` says why. Kept, and tried again when asked
========  ==================================================================================

A destination (a dashboard and a user there) may be *paused* as a whole, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone
from typing import NamedTuple

import msgspec

from etiq_jupyter import model
from etiq_jupyter.store.database import Database
from etiq_jupyter.store.entries import ROW, check_manifest, seal

_ENTRY = (
    "SELECT state, reason, short_id, url, new_bytes, destination "  # noqa: S608 - our own names
    f"FROM snapshots WHERE {ROW}"
)
_UPDATE = "UPDATE snapshots SET"


class Waiting(NamedTuple):
    """A snapshot to be sent."""

    id: str
    project: str
    project_name: str
    manifest: bytes
    attempts: int
    run: str
    short_id: str


class Entry(NamedTuple):
    """What the outbox knows of one snapshot."""

    state: str
    reason: str
    short_id: str
    url: str
    new_bytes: int
    destination: int | None


def number_of(short_id: str) -> int:
    """Return the number in a short id such as ``SNP-42``; 0 when there is none."""
    tail = short_id.rpartition("-")[2]
    return int(tail) if tail.isdecimal() else 0


class Outbox:
    """The unsent of one store.

    Parameters
    ----------
    database : Database
        The index.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def destination(self, url: str, user: str, username: str) -> int:
        """Return the number of a destination, made when it is new."""
        find = "SELECT id FROM destinations WHERE url = ? AND user = ?"
        found = self._database.row(find, (url, user))
        if found is None:
            with self._database.write() as connection:
                connection.execute(
                    "INSERT OR IGNORE INTO destinations (url, user, username) VALUES (?, ?, ?)",
                    (url, user, username),
                )
                found = connection.execute(find, (url, user)).fetchone()
        return int(found[0])

    def entry(self, snapshot: str) -> Entry | None:
        """Return what is known of a snapshot, or None when it is not here."""
        found = self._database.row(_ENTRY, (snapshot,))
        return Entry(*found) if found else None

    def next(self, destination: int, count: int) -> list[Waiting]:
        """Return the oldest snapshots to be sent, in the order in which they were made."""

        def read() -> list[Waiting]:
            rows = self._database.rows(
                "SELECT id, project, project_name, manifest, attempts, run, short_id, seal "
                "FROM snapshots WHERE destination = ? AND state IN ('pending', 'sending') "
                "ORDER BY id LIMIT ?",
                (destination, count),
            )
            for row in rows:
                check_manifest(destination, row[3], row[7])
            return [Waiting(*row[:7]) for row in rows]

        return self._database.mending(read)

    def has_unsent(self, destination: int) -> bool:
        """Whether anything is left to be sent."""
        return bool(
            self._database.row(
                "SELECT EXISTS (SELECT 1 FROM snapshots "
                "WHERE destination = ? AND state IN ('pending', 'sending'))",
                (destination,),
            )[0]
        )

    def mark(self, snapshots: Iterable[str], state: str, reason: str = "") -> None:
        """Move unsent snapshots to another state; what has its receipt stays synced."""
        with self._database.write(durable=state == "parked") as connection:
            connection.executemany(
                f"{_UPDATE} state = ?2, reason = ?3 WHERE {ROW} AND state != 'synced'",
                [(snapshot, state, reason) for snapshot in snapshots],
            )

    def mark_unsent(self, snapshots: Iterable[str], state: str) -> None:
        """Move those that are still being sent to another state."""
        with self._database.write(durable=False) as connection:
            connection.executemany(
                f"{_UPDATE} state = ?2 WHERE {ROW} AND state = 'sending'",
                [(snapshot, state) for snapshot in snapshots],
            )

    def failed(self, snapshots: Iterable[str], reason: str) -> None:
        """Note that sending did not work this time; the snapshots stay pending."""
        with self._database.write(durable=False) as connection:
            connection.executemany(
                f"{_UPDATE} state = 'pending', reason = ?2, attempts = attempts + 1 "
                f"WHERE {ROW} AND state IN ('pending', 'sending')",
                [(snapshot, reason) for snapshot in snapshots],
            )

    def synced(self, receipts: Iterable[model.Receipt]) -> None:
        """Note the dashboard's receipts."""
        # A receipt that a power cut takes is given again: the dashboard knows the snapshot by id.
        with self._database.write(durable=False) as connection:
            connection.executemany(
                f"{_UPDATE} state = 'synced', reason = '', receipt = ?2, "
                f"sent_hash = ?3, short_id = ?4, url = ?5 WHERE {ROW}",
                [
                    (each.id, msgspec.msgpack.encode(each), each.manifest, each.short_id, each.url)
                    for each in receipts
                ],
            )

    def epoch(self, destination: int) -> str:
        """Return what the destination last said its life is called."""
        return str(
            self._database.row("SELECT epoch FROM destinations WHERE id = ?", (destination,))[0]
        )

    def know_epoch(self, destination: int, epoch: str) -> None:
        """Remember what the destination says its life is called."""
        with self._database.write() as connection:
            connection.execute(
                "UPDATE destinations SET epoch = ? WHERE id = ?", (epoch, destination)
            )

    def pause(self, destination: int, reason: str) -> None:
        """Stop sending to a destination until its next login, or go on (empty reason)."""
        with self._database.write(durable=False) as connection:
            connection.execute(
                "UPDATE destinations SET paused = ? WHERE id = ?", (reason, destination)
            )

    def retry_parked(self, destination: int) -> int:
        """Try parked snapshots again; return how many."""
        with self._database.write(durable=False) as connection:
            made = connection.execute(
                "UPDATE snapshots SET state = 'pending', reason = '' "
                "WHERE destination = ? AND state = 'parked'",
                (destination,),
            )
            return made.rowcount

    def adopt(self, destination: int, project: str | None = None) -> int:
        """Give local snapshots (of one project, or all) a destination; return how many."""
        with self._database.write() as connection:
            rows = connection.execute(
                "SELECT id, destination, manifest, summary, seal FROM snapshots "
                "WHERE state = 'local' AND (? IS NULL OR project = ? OR project_name = ?)",
                (project, project, project),
            ).fetchall()
            for snapshot, before, manifest, summary, given in rows:
                check_manifest(before, manifest, given)
                connection.execute(
                    f"{_UPDATE} destination = ?2, state = 'pending', seal = ?3 WHERE {ROW}",
                    (snapshot, destination, seal(destination, manifest, summary)),
                )
            return len(rows)

    def send_again(self, destination: int) -> int:
        """Treat everything sent to a destination as unsent: it has lost what it had received."""
        with self._database.write() as connection:
            made = connection.execute(
                "UPDATE snapshots SET state = 'pending', reason = 'the dashboard was restored' "
                "WHERE destination = ? AND state = 'synced' AND kept = 1",
                (destination,),
            )
            return made.rowcount

    def highest_number(self, destination: int) -> int:
        """Return the highest number in the short ids that a destination has given."""
        rows = self._database.rows(
            "SELECT short_id FROM snapshots WHERE destination = ? AND short_id != ''",
            (destination,),
        )
        return max((number_of(short_id) for (short_id,) in rows), default=0)

    # --- names of projects there ------------------------------------------------------------

    def remote_project(self, destination: int, project: str) -> str | None:
        """Return what a project is called there; None when nothing of it was ever sent."""
        found = self._database.row(
            "SELECT remote FROM projects WHERE destination = ? AND project = ?",
            (destination, project),
        )
        return found[0] if found else None

    def know_project(self, destination: int, project: str, remote: str) -> None:
        """Remember which project there is meant by one here."""
        if self.remote_project(destination, project) == remote:
            return
        with self._database.write(durable=False) as connection:
            connection.execute(
                "INSERT OR REPLACE INTO projects (destination, project, remote) VALUES (?, ?, ?)",
                (destination, project, remote),
            )

    # --- for people -------------------------------------------------------------------------

    def status(self, destination: int | None = None) -> model.SyncStatus:
        """Count what is unsent, to one destination or to all."""
        where = "" if destination is None else "AND destination = ?"
        values = () if destination is None else (destination,)
        pending, size, oldest, sending = self._database.row(
            "SELECT count(*), coalesce(sum(new_bytes), 0), min(created_at), "  # noqa: S608
            "coalesce(sum(state = 'sending'), 0) FROM snapshots "
            f"WHERE state IN ('pending', 'sending') {where}",
            values,
        )
        parked, last = self._database.row(
            "SELECT coalesce(sum(state = 'parked'), 0), max(reason) FROM snapshots "  # noqa: S608
            f"WHERE state != 'synced' AND reason != '' {where}",
            values,
        )
        local = self._database.row("SELECT count(*) FROM snapshots WHERE state = 'local'")[0]
        paused = self._database.row(
            f"SELECT max(paused) FROM destinations WHERE 1 {where.replace('destination', 'id')}",  # noqa: S608
            values,
        )[0]
        sent = self._database.row(
            f"SELECT count(*) FROM snapshots WHERE state = 'synced' {where}",  # noqa: S608
            values,
        )[0]
        return model.SyncStatus(
            sent=sent,
            pending=pending,
            pending_bytes=size,
            parked=parked,
            local=local,
            oldest=datetime.fromtimestamp(oldest, timezone.utc) if oldest else None,
            paused=paused or "",
            last_error=last or "",
            sending=bool(sending),
            safe_to_close=not pending and not parked,
        )
