"""Bring a database to the tables of this version: made when empty, migrated after a backup."""

from __future__ import annotations

import logging
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from etiq_jupyter.dashboard.db.engine import Database, advisory_lock
from etiq_jupyter.dashboard.db.tables import counters, metadata
from etiq_jupyter.errors import ConfigError

log = logging.getLogger(__name__)

MIGRATIONS = Path(__file__).parent / "migrations"
COUNTED = ("WSP", "PRJ", "RUN", "SNP", "PIP")
_LOCK = 0x6574_6971


def newest() -> str:
    """Return the revision that this version of the package works with."""
    return max(path.stem.partition("_")[0] for path in MIGRATIONS.glob("versions/[0-9]*.py"))


def current(connection: Connection) -> str | None:
    """Return the revision a database is at; None when it is empty.

    Raises
    ------
    ConfigError
        When the database holds other tables, so that it is somebody else's.
    """
    names = set(inspect(connection).get_table_names())
    if "alembic_version" in names:
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        return str(found) if found else None
    if names:
        raise ConfigError(
            "the database is not empty and is not a dashboard's",
            why=f"it has the table {sorted(names)[0]!r} and no revision",
            hint="give the dashboard a database of its own",
        )
    return None


def upgrade(database: Database, sqlite_path: Path | None) -> str:
    """Make or migrate the tables.

    Parameters
    ----------
    database : Database
        Where.
    sqlite_path : Path or None
        The SQLite file, copied beside itself before a migration.

    Returns
    -------
    str
        What was done: ``"made"``, ``"migrated"`` or ``"current"``.
    """
    target = newest()
    with database.write() as tx:
        advisory_lock(tx, _LOCK)
        found = current(tx)
        if found is None:
            create(tx, target)
            return "made"
    if found == target:
        return "current"
    if found > target:
        raise ConfigError(
            f"the database is at revision {found}, this version knows only {target}",
            why="a newer version of the dashboard has used it",
            hint="update the package, or restore a backup made before the update",
        )
    if sqlite_path is not None:
        from etiq_jupyter.dashboard.administration import copy_sqlite

        saved = sqlite_path.with_name(f"{sqlite_path.name}.before-{target}")
        copy_sqlite(sqlite_path, saved)
        log.info("Backed up the database to %s before migrating it.", saved)
    migrate(database, target)
    return "migrated"


def create(tx: Connection, revision: str) -> None:
    """Make all tables in an empty database.

    This is what the migrations from the first to the newest would make (a test compares them), in
    a tenth of the time, as they need not be imported.
    """
    metadata.create_all(tx)
    tx.execute(counters.insert(), [{"prefix": prefix, "value": 0} for prefix in COUNTED])
    tx.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
    tx.execute(text("INSERT INTO alembic_version VALUES (:revision)"), {"revision": revision})


def migrate(database: Database, target: str) -> None:
    """Run the migrations up to ``target``, in one transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with database.write() as tx:
        advisory_lock(tx, _LOCK)
        config.attributes["connection"] = tx
        command.upgrade(config, target)
