"""Which life of its data a dashboard is in.

A random name, made with the database and again when a backup is put back. Clients remember it:
another one tells them to offer again what they had sent, since some of it may be lost.
"""

from __future__ import annotations

import secrets

from sqlalchemy import delete, select

from etiq_jupyter.dashboard.db.engine import Database
from etiq_jupyter.dashboard.db.tables import facts

_EPOCH = "epoch"


def epoch(database: Database) -> str:
    """Return the name of this life; gives one to a database that has none."""
    query = select(facts.c.value).where(facts.c.name == _EPOCH)
    with database.read() as connection:
        found = connection.execute(query).scalar()
    if found is None:
        new = {"name": _EPOCH, "value": secrets.token_hex(8)}
        with database.write() as tx:
            # Another process of this dashboard may have been quicker.
            tx.execute(database.insert(facts).values(new).on_conflict_do_nothing())
            found = tx.execute(query).scalar()
    return str(found)


def begin_again(database: Database) -> None:
    """Let a new life begin: what came after a backup is gone."""
    with database.write() as tx:
        tx.execute(delete(facts).where(facts.c.name == _EPOCH))
    epoch(database)
