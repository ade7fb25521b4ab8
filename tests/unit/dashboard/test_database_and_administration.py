"""Migrations, backup and restore, check, accounts from the command line, settings."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from etiq_jupyter.dashboard import administration
from etiq_jupyter.dashboard.config import Settings
from etiq_jupyter.dashboard.db import tables, upgrade
from etiq_jupyter.dashboard.db.engine import Database
from etiq_jupyter.dashboard.serve import listen, prepare, run
from etiq_jupyter.errors import ConfigError, Conflict, Invalid, NotFound


def test_the_migrations_make_exactly_the_tables(tmp_path):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    made = Database(f"sqlite:///{tmp_path / 'made.sqlite'}")
    assert upgrade.upgrade(made, None) == "made"
    assert upgrade.upgrade(made, None) == "current"
    migrated = Database(f"sqlite:///{tmp_path / 'migrated.sqlite'}")
    upgrade.migrate(migrated, upgrade.newest())
    schemas = []
    for database in (made, migrated):
        with database.read() as connection:
            assert upgrade.current(connection) == upgrade.newest()
            assert compare_metadata(MigrationContext.configure(connection), tables.metadata) == []
            counters = connection.execute(text("SELECT * FROM counters ORDER BY prefix")).all()
            shape = {
                name: (
                    sorted(str(column) for column in inspect(connection).get_columns(name)),
                    sorted(str(index) for index in inspect(connection).get_indexes(name)),
                    sorted(str(key) for key in inspect(connection).get_foreign_keys(name)),
                )
                for name in inspect(connection).get_table_names()
            }
            schemas.append((counters, shape))
        database.close()
    assert schemas[0] == schemas[1]


def test_a_database_is_backed_up_before_it_is_migrated(tmp_path, monkeypatch):
    path = tmp_path / "dashboard.sqlite"
    database = Database(f"sqlite:///{path}")
    upgrade.upgrade(database, path)
    with database.write() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    ran = []
    monkeypatch.setattr(upgrade, "migrate", lambda _database, target: ran.append(target))
    assert upgrade.upgrade(database, path) == "migrated"
    assert ran == [upgrade.newest()]
    with sqlite3.connect(tmp_path / f"dashboard.sqlite.before-{upgrade.newest()}") as saved:
        assert saved.execute("SELECT version_num FROM alembic_version").fetchone() == ("0000",)


def test_a_newer_or_foreign_database_is_left_alone(tmp_path):
    newer = Database(f"sqlite:///{tmp_path / 'newer.sqlite'}")
    upgrade.upgrade(newer, None)
    with newer.write() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigError, match="9999"):
        upgrade.upgrade(newer, None)
    foreign = Database(f"sqlite:///{tmp_path / 'foreign.sqlite'}")
    with foreign.write() as tx:
        tx.execute(text("CREATE TABLE customers (id INTEGER)"))
    with pytest.raises(ConfigError, match="not a dashboard's"):
        upgrade.upgrade(foreign, None)


def test_the_data_folder_is_for_its_owner_only(tmp_path):
    prepare(Settings(data_dir=tmp_path / "data"))
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"workers": 0}, "--workers 0"),
        ({"workers": 2}, "needs PostgreSQL"),
        ({"public_url": "etiq.example.org"}, "not an http address"),
    ],
)
def test_settings_that_cannot_work_are_refused(tmp_path, change, words):
    settings = replace(Settings(data_dir=tmp_path), **change)
    with pytest.raises(ConfigError, match=words):
        settings.check()


def test_failures_to_start_are_said_in_words(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="data folder"):
        run(port=0, data_dir=tmp_path / "file" / "data")
    with pytest.raises(ConfigError, match="cannot be opened") as caught:
        run(
            port=0,
            data_dir=tmp_path / "data",
            database_url="postgresql://eve:hunter2@127.0.0.1:9/nothing",
        )
    assert "hunter2" not in str(caught.value)
    settings = Settings(data_dir=tmp_path, port=0)
    taken = listen(settings)
    with pytest.raises(ConfigError, match="cannot listen"):
        listen(replace(settings, port=taken.getsockname()[1]))
    taken.close()


def test_accounts_from_the_command_line(tmp_path):
    place = {"data_dir": tmp_path / "data"}
    administration.add_user("ana", "ana@example.org", "long enough", admin=True, **place)
    administration.add_user("bea", "", "long enough", **place)
    listed = administration.list_users(**place)
    assert [(user.username, user.admin) for user in listed] == [("ana", True), ("bea", False)]
    with pytest.raises(Conflict):
        administration.add_user("ANA", "", "long enough", **place)
    with pytest.raises(Invalid):
        administration.add_user("carl", "", "short", **place)
    with pytest.raises(NotFound):
        administration.reset_password("nobody", "long enough", **place)


def test_a_new_password_ends_the_browser_sessions(house, ana, settings):
    assert ana.browser.get("/api/v1/me").status_code == 200
    administration.reset_password("ana", "another password", data_dir=settings.data_dir)
    assert ana.browser.get("/api/v1/me").status_code == 401
    assert ana.client.get("/api/v1/me").status_code == 200
    body = {"username": "ana", "password": "another password"}
    assert ana.browser.post("/api/v1/sign-in", json=body).status_code == 200


@pytest.fixture
def filled(house, ana, stored):
    project = ana.project()
    content = stored(os.urandom(4_000))
    ana.send(project, content)
    manifest = house.manifest(project, stored={"x": content})
    ana.put(manifest)
    return content, manifest


def test_a_backup_of_a_running_dashboard_restores_to_the_same(
    house, ana, settings, filled, tmp_path
):
    from etiq_jupyter.dashboard.services import build

    content, manifest = filled
    place = {"data_dir": settings.data_dir}
    administration.backup(tmp_path / "saved", **place)
    with pytest.raises(Conflict):
        administration.backup(tmp_path / "saved", **place)
    ana.put(house.manifest(ana.project("later")))
    with pytest.raises(Conflict):
        administration.restore(tmp_path / "saved", **place)
    with pytest.raises(NotFound):
        administration.restore(tmp_path, data_dir=tmp_path / "new")
    administration.restore(tmp_path / "saved", data_dir=tmp_path / "new")
    assert administration.check(data_dir=tmp_path / "new").sound
    services = build(Settings(data_dir=tmp_path / "new"))
    try:
        again = type(house)(services)
        client = again.new_client(ana.client.headers["Authorization"][7:])
        assert client.get(f"/api/v1/snapshots/{manifest['id']}").status_code == 200
        assert client.get("/api/v1/projects").json()["total"] == 1
        # What came after the backup can be sent again.
        body = {"snapshot": manifest["id"], "hashes": content.hashes}
        assert client.post("/api/v1/chunks/read", json=body).status_code == 200
    finally:
        services.close()
    with pytest.raises(ConfigError, match="pg_dump"):
        administration.backup(tmp_path / "x", database_url="postgresql://h/d", **place)


def test_a_check_names_what_is_damaged(settings, filled):
    place = {"data_dir": settings.data_dir}
    report = administration.check(**place)
    assert report.sound
    assert (report.snapshots, report.objects, report.chunks, report.packs) == (1, 1, 5, 1)
    assert "all is well" in str(report)
    (pack,) = (path for path in Path(settings.objects_url).rglob("?" * 64) if path.is_file())
    body = bytearray(pack.read_bytes())
    body[500] ^= 1
    pack.write_bytes(body)
    damaged = administration.check(**place)
    assert not damaged.sound
    assert pack.name[:12] in damaged.problems[0]
    pack.unlink()
    assert not administration.check(deep=False, **place).sound
    assert "problems" in str(administration.check(**place))
