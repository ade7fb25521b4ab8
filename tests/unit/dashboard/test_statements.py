"""The statements that run for every snapshot go by an index, however full the tables are."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import etiq_jupyter.dashboard
from etiq_jupyter.dashboard.db import upgrade
from etiq_jupyter.dashboard.db.engine import Database
from etiq_jupyter.dashboard.db.statement import Insert, Statement


def _statements():
    package = etiq_jupyter.dashboard
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if ".versions" in found.name or found.name.endswith("__main__"):
            continue
        module = importlib.import_module(found.name)
        for name, value in vars(module).items():
            if isinstance(value, Statement) and not isinstance(value, Insert):
                yield pytest.param(value, id=f"{found.name.rpartition('.')[2]}.{name.lower()}")


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    made = Database(f"sqlite:///{tmp_path_factory.mktemp('plans') / 'd.sqlite'}")
    upgrade.upgrade(made, None)
    yield made
    made.close()


@pytest.mark.parametrize("statement", list(_statements()))
def test_no_table_is_scanned(statement, database):
    with database.read() as connection:
        text, order = statement.compiled(connection)
        asked = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", tuple(None for _ in order))
        plan = [row.detail for row in asked]
    assert plan
    assert [step for step in plan if step.startswith("SCAN") and "json_each" not in step] == []
