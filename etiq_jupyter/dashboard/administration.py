"""What whoever runs a dashboard does: users, backup, restore, check, clean.

All functions say by keyword which dashboard: ``data_dir``, and ``database_url`` and ``objects``
where these are not in it. They work beside a running dashboard, but `restore` needs it stopped.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TypedDict

import msgspec
from sqlalchemy import func, select, text
from typing_extensions import Required, Unpack

from etiq_jupyter.dashboard.config import Settings
from etiq_jupyter.dashboard.db import tables
from etiq_jupyter.dashboard.db.engine import Database, from_micros
from etiq_jupyter.dashboard.db.epoch import begin_again
from etiq_jupyter.dashboard.db.upgrade import upgrade
from etiq_jupyter.dashboard.identity.people import People
from etiq_jupyter.dashboard.objects.collection import GRACE, Collected, Collector
from etiq_jupyter.dashboard.objects.holdings import Holdings
from etiq_jupyter.dashboard.objects.storage import open_storage
from etiq_jupyter.errors import ConfigError, Conflict, EtiqError, NotFound
from etiq_jupyter.model import User
from etiq_jupyter.objects.recipe import recipe_chunks


class Account(msgspec.Struct, kw_only=True):
    """A user in a list."""

    username: str
    email: str
    admin: bool
    created_at: datetime


class CheckReport(msgspec.Struct, kw_only=True):
    """What a check has looked at, and what is wrong."""

    snapshots: int = 0
    objects: int = 0
    chunks: int = 0
    packs: int = 0
    problems: list[str] = []

    @property
    def sound(self) -> bool:
        """Tell whether nothing is wrong."""
        return not self.problems

    def __str__(self) -> str:
        looked = (
            f"{self.snapshots:,} snapshots, {self.objects:,} objects, "
            f"{self.chunks:,} chunks in {self.packs:,} packs: "
        )
        if self.sound:
            return looked + "all is well."
        return "\n".join([looked + f"{len(self.problems)} problems", *self.problems])


class Place(TypedDict, total=False):
    """Which dashboard: the arguments of that name of `serve.run`."""

    data_dir: Required[Path | str]
    database_url: str
    objects: str


def settings_of(place: Place) -> Settings:
    """Return the settings of a dashboard that is looked after."""
    return Settings(
        data_dir=Path(place["data_dir"]).expanduser().resolve(),
        database_url=place.get("database_url", ""),
        objects=place.get("objects", ""),
    )


@contextmanager
def opened(settings: Settings) -> Iterator[Database]:
    """Open the database of a dashboard, brought up to date."""
    from etiq_jupyter.dashboard.serve import make_private_folder, open_database

    make_private_folder(settings.data_dir)
    database = open_database(settings)
    try:
        upgrade(database, settings.sqlite_path)
        yield database
    finally:
        database.close()


# --- users ------------------------------------------------------------------------------------


def add_user(
    username: str, email: str, password: str, *, admin: bool = False, **place: Unpack[Place]
) -> User:
    """Make an account.

    Raises
    ------
    Invalid, Conflict
        When the name, email or password is not acceptable, or the name is taken.
    """
    with opened(settings_of(place)) as database:
        return People(database).add(username, email, password, admin=admin)


def list_users(**place: Unpack[Place]) -> list[Account]:
    """Return all accounts by name."""
    with opened(settings_of(place)) as database:
        return [
            Account(
                username=row.username,
                email=row.email,
                admin=row.admin,
                created_at=from_micros(row.created_at),
            )
            for row in People(database).all_users()
        ]


def reset_password(username: str, password: str, **place: Unpack[Place]) -> None:
    """Set a new password; the user's browser sessions end, tokens stay.

    Raises
    ------
    NotFound
        When there is no such user.
    """
    with opened(settings_of(place)) as database:
        People(database).set_password(username, password)


# --- backup -----------------------------------------------------------------------------------


def backup(target: Path, **place: Unpack[Place]) -> Path:
    """Copy database and objects to a new folder, while the dashboard runs.

    The database goes first: packs are never changed, so every one that it names is copied after.

    Raises
    ------
    Conflict
        When the folder is there already.
    ConfigError
        With PostgreSQL or an object store, which have tools of their own for this.
    """
    settings = settings_of(place)
    path = _local(settings, "backup")
    if target.exists():
        raise Conflict(f"{target} is there already", hint="give a folder that does not exist yet")
    partial = target.with_name(target.name + ".part")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True, mode=0o700)
    copy_sqlite(path, partial / "dashboard.sqlite")
    packs = Path(settings.objects_url) / "packs"
    if packs.is_dir():
        shutil.copytree(packs, partial / "objects" / "packs", copy_function=_link_or_copy)
    partial.replace(target)
    return target


def restore(source: Path, **place: Unpack[Place]) -> None:
    """Put a backup in place of an empty data folder. The dashboard must not run.

    Raises
    ------
    NotFound
        When the folder is no backup.
    Conflict
        When there is a database already.
    """
    from etiq_jupyter.dashboard.serve import make_private_folder

    settings = settings_of(place)
    path = _local(settings, "restore")
    saved = source / "dashboard.sqlite"
    if not saved.is_file():
        raise NotFound(f"{source} is not a backup", why="it has no dashboard.sqlite")
    if path.exists():
        raise Conflict(
            f"{path} is there already",
            hint="stop the dashboard and give an empty --data-dir, or move that file away",
        )
    make_private_folder(settings.data_dir)
    packs = source / "objects" / "packs"
    if packs.is_dir():
        shutil.copytree(packs, Path(settings.objects_url) / "packs", dirs_exist_ok=True)
    copy_sqlite(saved, path)
    database = Database(settings.sqlalchemy_url)
    try:
        upgrade(database, path)
        begin_again(database)  # clients send again what came after the backup
    finally:
        database.close()


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy a database that may be in use, as one consistent state."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with (
        closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as old,
        closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new)
    target.chmod(0o600)


def _local(settings: Settings, what: str) -> Path:
    path = settings.sqlite_path
    if path is None or "://" in settings.objects_url:
        raise ConfigError(
            f"{what} works with SQLite and a folder of objects",
            why="PostgreSQL and object stores have their own, which also work under load",
            hint="use pg_dump or pg_basebackup, and the store's versioning or replication",
        )
    if what == "backup" and not path.is_file():
        raise NotFound(f"there is no dashboard in {settings.data_dir}")
    return path


def _link_or_copy(source: str, target: str) -> None:
    # Packs are never changed, so a second name for the same file is a copy that takes no room.
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


# --- check and clean --------------------------------------------------------------------------


def check(*, deep: bool = True, **place: Unpack[Place]) -> CheckReport:
    """Look whether everything is there and is what its hash says.

    Parameters
    ----------
    deep : bool
        Read every chunk and verify it; otherwise only look that its pack is there.
    **place
        Which dashboard; it may run meanwhile.
    """
    settings = settings_of(place)
    report = CheckReport()
    with opened(settings) as database:
        holdings = Holdings(database, open_storage(settings.objects_url))
        _check_database(database, report)
        with database.read() as connection:
            workspaces = list(connection.execute(select(tables.workspaces.c.id)).scalars())
            count = select(func.count()).select_from(tables.snapshots)
            report.snapshots = connection.execute(count).scalar_one()
        for workspace_id in workspaces:
            _check_chunks(database, holdings, workspace_id, report, deep)
            _check_objects(database, holdings, workspace_id, report)
    return report


def collect(*, grace: float = GRACE, **place: Unpack[Place]) -> Collected:
    """Free what no snapshot needs; ``grace`` is in seconds."""
    settings = settings_of(place)
    with opened(settings) as database:
        holdings = Holdings(database, open_storage(settings.objects_url))
        return Collector(database, holdings, grace).collect()


def _check_database(database: Database, report: CheckReport) -> None:
    if not database.is_sqlite:
        return
    with database.read() as connection:
        for (line,) in connection.execute(text("PRAGMA integrity_check")):
            if line != "ok":
                report.problems.append(f"database: {line}")
        for row in connection.execute(text("PRAGMA foreign_key_check")):
            report.problems.append(f"database: a row of {row[0]} refers to a missing one")


def _check_chunks(
    database: Database, holdings: Holdings, workspace_id: str, report: CheckReport, deep: bool
) -> None:
    packs, chunks = tables.packs, tables.chunks
    with database.read() as connection:
        names = list(
            connection.execute(
                select(packs.c.hash).where(packs.c.workspace_id == workspace_id)
            ).scalars()
        )
    for name in names:
        report.packs += 1
        with database.read() as connection:
            held = list(
                connection.execute(
                    select(chunks.c.hash).where(
                        chunks.c.workspace_id == workspace_id, chunks.c.pack == name
                    )
                ).scalars()
            )
        report.chunks += len(held)
        step = 256 if deep else max(1, len(held))
        for start in range(0, len(held), step):
            part = held[start : start + step]
            try:
                if deep:
                    holdings.read(workspace_id, part)
                else:
                    holdings.read(workspace_id, part[:1])
            except EtiqError as error:
                report.problems.append(f"pack {name[:12]}: {error}")


def _check_objects(
    database: Database, holdings: Holdings, workspace_id: str, report: CheckReport
) -> None:
    table, chunks = tables.objects, tables.chunks
    with database.read() as connection:
        names = list(
            connection.execute(
                select(table.c.hash).where(table.c.workspace_id == workspace_id)
            ).scalars()
        )
        held = set(
            connection.execute(
                select(chunks.c.hash).where(chunks.c.workspace_id == workspace_id)
            ).scalars()
        )
    for name in names:
        report.objects += 1
        try:
            recipe = holdings.recipes(workspace_id, [name])[name]
        except EtiqError as error:
            report.problems.append(f"object {name[:12]}: {error}")
            continue
        missing = set(recipe_chunks(recipe)) - held
        if missing:
            report.problems.append(f"object {name[:12]} lacks {len(missing)} chunks")
