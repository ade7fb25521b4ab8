"""The statements that run for every snapshot go by an index, however full the tables are."""

from __future__ import annotations

import importlib
import pkgutil

import pytest
from sqlalchemy.exc import IntegrityError

import etiq_jupyter.dashboard
from etiq_jupyter.dashboard.db import upgrade
from etiq_jupyter.dashboard.db.engine import Database
from etiq_jupyter.dashboard.db.statement import Insert, Statement, array
from etiq_jupyter.dashboard.db.tables import facts
from etiq_jupyter.dashboard.db.writer import Writer


def _statements():
    package = etiq_jupyter.dashboard
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if ".versions" in found.name or found.name.endswith("__main__"):
            continue
        module = importlib.import_module(found.name)
        for name, value in vars(module).items():
            if isinstance(value, Statement):
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


@pytest.mark.parametrize("count", [1, 2, 3, 7, 31, 32, 33, 100])
def test_any_number_of_rows_goes_in_with_few_statements(count, database):
    rows = [{"name": f"{count}-{number}", "value": str(number)} for number in range(count)]
    writer = Writer(database)
    with writer.begin() as tx:
        Insert(facts).run(tx, *rows)
    writer.close()
    with database.read() as connection:
        found = connection.execute(facts.select().where(facts.c.name.startswith(f"{count}-"))).all()
    assert sorted(row.value for row in found) == sorted(row["value"] for row in rows)


def test_a_transaction_that_fails_leaves_nothing_and_the_next_one_works(database):
    writer, insert = Writer(database), Insert(facts)
    row = {"name": "twice", "value": ""}

    def write_twice():
        with writer.begin() as tx:
            insert.run(tx, {"name": "before", "value": ""}, row)
            insert.run(tx, row)

    with pytest.raises(IntegrityError):
        write_twice()
    with writer.begin() as tx:
        insert.run(tx, {"name": "after", "value": ""})
    writer.close()
    with database.read() as connection:
        names = set(connection.execute(facts.select()).scalars())
    assert names & {"before", "twice", "after"} == {"after"}


def test_arrays_are_written_as_postgresql_reads_them():
    values = ['a "b"', "c\\d", "NULL", None, 1, -2.5, True, b"\x00\xff"]
    assert array(values) == ('{"a \\"b\\"","c\\\\d","NULL",NULL,1,-2.5,True,"\\\\x00ff"}')
