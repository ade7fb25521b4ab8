"""Limits failed sign-ins, per person and address. In the database: all workers count together."""

from __future__ import annotations

import time

from sqlalchemy import delete, select, tuple_

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
                "too many attempts to sign in",
                why="several have failed in the last minutes",
                hint=f"wait {wait} seconds and try again",
                retry_after=wait,
            )
        return list(limits)

    def forgive(self, keys: list[str]) -> None:
        """Forget the failures of somebody who has just proved who they are."""
        table = tables.attempts
        with self._database.write() as tx:
            tx.execute(delete(table).where(table.c.key.in_(keys)))
