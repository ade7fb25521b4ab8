"""Limits attempts per person and address. In the database: all workers count together."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from sqlalchemy import delete, select, tuple_, update

from etiq_jupyter.dashboard.db import tables
from etiq_jupyter.dashboard.db.engine import Database
from etiq_jupyter.errors import RateLimited

WINDOW = 300
"""Seconds after which failures are forgotten."""
PER_PERSON_AND_ADDRESS = 10
PER_PERSON = 100  # from many addresses; high, so that strangers cannot lock somebody out easily
PER_ADDRESS = 50


class Throttle:
    """Counts attempts before they are checked, so that many at once cannot slip through."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def attempt(self, username: str, address: str) -> list[str]:
        """Count an attempt; returns the counted keys, for `forgive`.

        Raises
        ------
        RateLimited
            When there were too many in these five minutes.
        """
        name = username.casefold()[:200]
        limits = {
            f"both:{name}|{address}": PER_PERSON_AND_ADDRESS,
            f"name:{name}": PER_PERSON,
            f"address:{address}": PER_ADDRESS,
        }
        self.count(
            limits, "too many attempts to sign in", "several have failed in the last minutes"
        )
        return list(limits)

    def count(self, limits: Mapping[str, int], what: str, why: str) -> None:
        """Count one attempt under each key.

        Parameters
        ----------
        limits : mapping of str to int
            For each key, how many attempts there may be in five minutes.
        what, why : str
            Of the refusal.

        Raises
        ------
        RateLimited
            When there were more under one of the keys.
        """
        seconds = int(time.time())
        window = seconds // WINDOW
        table = tables.attempts
        insert = self._database.insert(table)
        with self._database.write() as tx:
            tx.execute(delete(table).where(table.c.window < window))
            tx.execute(
                insert.on_conflict_do_update(
                    index_elements=["key", "window"], set_={"count": table.c.count + 1}
                ),
                [{"key": key, "window": window, "count": 1} for key in limits],
            )
            counted = tx.execute(
                select(table.c.key, table.c.count).where(
                    tuple_(table.c.key, table.c.window).in_([(key, window) for key in limits])
                )
            ).all()
        if any(count > limits[key] for key, count in counted):
            wait = (window + 1) * WINDOW - seconds
            raise RateLimited(
                what,
                why=why,
                hint=f"wait {wait} seconds and try again",
                retry_after=wait,
            )

    def give_back(self, keys: Iterable[str]) -> None:
        """Take one attempt back under each key, because it was no failure.

        Unlike `forgive` this leaves the failures of before: somebody who guesses cannot wipe them
        out by being right about something of their own now and then.
        """
        table = tables.attempts
        with self._database.write() as tx:
            tx.execute(
                update(table)
                .where(table.c.key.in_(list(keys)), table.c.count > 0)
                .values(count=table.c.count - 1)
            )

    def forgive(self, keys: list[str]) -> None:
        """Forget the failures of somebody who has just proved who they are."""
        table = tables.attempts
        with self._database.write() as tx:
            tx.execute(delete(table).where(table.c.key.in_(keys)))
