"""Parents, children and pipelines by content hash, whatever the order of arrival."""

from __future__ import annotations

import random

import pytest

from etiq_jupyter import ids


@pytest.fixture
def project(ana):
    return ana.project()


def links(person, snapshot, side):
    detail = person.get(f"/snapshots/{snapshot['id']}")
    return [(link["name"], link["items"]) for link in detail[side]]


def pipelines(person, project, **params):
    page = person.get(f"/projects/{project['id']}/pipelines", **params)
    return [
        (p["short_id"], sorted(node["name"] for node in p["nodes"]), len(p["edges"]))
        for p in page["items"]
    ]


def chain(house, project):
    """load -> clean -> fit -> evaluate (which also reads what clean made)."""
    return [
        house.manifest(project, "load", wrote={"raw": "r"}),
        house.manifest(project, "clean", wrote={"df": "d"}, read={"raw": "r"}),
        house.manifest(project, "fit", wrote={"clf": "c"}, read={"df": "d"}),
        house.manifest(project, "evaluate", wrote={"acc": "a"}, read={"clf": "c", "df": "d"}),
    ]


@pytest.mark.parametrize("seed", range(6))
def test_any_order_of_arrival_gives_the_same_lineage(house, ana, project, seed):
    manifests = chain(house, project)
    order = manifests[:]
    random.Random(seed).shuffle(order)
    for number, manifest in enumerate(order):
        ana.put(manifest)
        if number % 2:
            ana.get(f"/projects/{project['id']}/pipelines")  # links what has come so far
    assert links(ana, manifests[3], "parents") == [("clean", ["df"]), ("fit", ["clf"])]
    assert links(ana, manifests[1], "children") == [("fit", ["df"]), ("evaluate", ["df"])]
    assert links(ana, manifests[0], "parents") == []
    ((_, names, edges),) = pipelines(ana, project)
    assert names == ["clean", "evaluate", "fit", "load"]
    assert edges == 4


def test_an_edited_value_is_another_version(house, ana, project):
    first = house.manifest(project, "load", wrote={"df": "one"})
    second = house.manifest(project, "edit", wrote={"df": "two"}, read={"df": "one"})
    reader = house.manifest(project, "plot", read={"df": "two"})
    for manifest in (first, second, reader):
        ana.put(manifest)
    assert links(ana, reader, "parents") == [("edit", ["df"])]
    assert links(ana, first, "children") == [("edit", ["df"])]


def test_the_one_that_made_a_value_counts_not_those_that_kept_it(house, ana, project):
    made = house.manifest(project, "load", wrote={"df": "d"})
    kept = house.manifest(project, "look", wrote={"df": "d"})
    reader = house.manifest(project, "plot", read={"df": "d"})
    for manifest in (made, kept, reader):
        ana.put(manifest)
    assert links(ana, reader, "parents") == [("load", ["df"])]


def test_a_value_goes_by_another_name_in_its_run_only(house, ana, project):
    ana.put(house.manifest(project, "start", wrote={"n": "0"}))
    alias = house.manifest(project, "alias", read={"m": "0"})
    other_run = {"id": ids.new_id(), "name": "other.ipynb"}
    stranger = house.manifest(project, "stranger", read={"m": "0"}, run=other_run)
    colleague = house.manifest(project, "colleague", read={"n": "0"}, run=other_run)
    for manifest in (alias, stranger, colleague):
        ana.put(manifest)
    assert links(ana, alias, "parents") == [("start", ["m"])]
    assert links(ana, stranger, "parents") == []
    assert links(ana, colleague, "parents") == [("start", ["n"])]


def test_the_own_run_comes_before_others(house, ana, project):
    own = house.manifest(project, "mine", wrote={"df": "d"})
    theirs = house.manifest(project, "theirs", wrote={"df": "d"}, run={"id": ids.new_id()})
    reader = house.manifest(project, "plot", read={"df": "d"})
    for manifest in (own, theirs, reader):
        ana.put(manifest)
    assert links(ana, reader, "parents") == [("mine", ["df"])]


def test_other_projects_are_no_parents(house, ana, project):
    other = ana.project("Other")
    ana.put(house.manifest(other, "load", wrote={"df": "d"}))
    reader = house.manifest(project, "plot", read={"df": "d"})
    ana.put(reader)
    assert links(ana, reader, "parents") == []


def test_pipelines_that_grow_together_become_the_older_one(house, ana, project):
    left = [
        house.manifest(project, "a1", wrote={"a": "1"}),
        house.manifest(project, "a2", wrote={"b": "2"}, read={"a": "1"}),
    ]
    right = [
        house.manifest(project, "b1", wrote={"c": "3"}),
        house.manifest(project, "b2", wrote={"d": "4"}, read={"c": "3"}),
    ]
    for manifest in left + right:
        ana.put(manifest)
    apart = pipelines(ana, project)
    assert sorted(names for _, names, _ in apart) == [["a1", "a2"], ["b1", "b2"]]
    ana.put(house.manifest(project, "join", read={"b": "2", "d": "4"}))
    ((short_id, names, edges),) = pipelines(ana, project)
    assert short_id == "PIP-1"
    assert names == ["a1", "a2", "b1", "b2", "join"]
    assert edges == 4
    assert ana.get(f"/browse/{short_id}")["object"]["nodes"][0]["name"] == "a1"


def test_a_deleted_snapshot_lets_its_pipeline_fall_apart_and_keep_its_id(house, ana, project):
    manifests = chain(house, project)
    for manifest in manifests:
        ana.put(manifest)
    ((short_id, _, _),) = pipelines(ana, project)
    ana.call("DELETE", f"/snapshots/{manifests[0]['id']}", 204)
    ((kept, names, _),) = pipelines(ana, project)
    assert kept == short_id
    assert names == ["clean", "evaluate", "fit"]
    ana.call("DELETE", f"/snapshots/{manifests[1]['id']}", 204)
    ana.call("DELETE", f"/snapshots/{manifests[2]['id']}", 204)
    assert pipelines(ana, project) == []
    assert links(ana, manifests[3], "parents") == []


def test_a_reader_turns_to_an_earlier_writer_when_its_own_is_deleted(house, ana, project):
    first = house.manifest(project, "first", wrote={"df": "d"})
    between = house.manifest(project, "between", wrote={"df": "x"})
    second = house.manifest(project, "second", wrote={"df": "d"})
    reader = house.manifest(project, "plot", read={"df": "d"})
    for manifest in (first, between, second, reader):
        ana.put(manifest)
    assert links(ana, reader, "parents") == [("second", ["df"])]
    ana.call("DELETE", f"/snapshots/{second['id']}", 204)
    assert links(ana, reader, "parents") == [("first", ["df"])]


def test_pipelines_are_paged(house, ana, project):
    for number in range(5):
        name = f"v{number}"
        ana.put(house.manifest(project, f"w{number}", wrote={name: name}))
        ana.put(house.manifest(project, f"r{number}", read={name: name}))
    path = f"/projects/{project['id']}/pipelines"
    first = ana.get(path, limit=3)
    second = ana.get(path, limit=3, cursor=first["next_cursor"])
    seen = [p["nodes"][0]["name"] for p in first["items"] + second["items"]]
    assert seen == ["w4", "w3", "w2", "w1", "w0"]
    assert (first["total"], second["next_cursor"]) == (5, None)


def test_the_cells_that_made_a_snapshot_are_a_script_and_a_notebook(house, ana, project):
    sources = {"load": "raw = 1", "idle": "other = 5", "clean": "df = raw + 1"}
    ana.put(house.manifest(project, "load", wrote={"raw": "r"}, source=sources["load"]))
    ana.put(house.manifest(project, "idle", wrote={"other": "o"}, source=sources["idle"]))
    last = house.manifest(
        project, "clean", wrote={"df": "d"}, read={"raw": "r"}, source=sources["clean"]
    )
    ana.put(last)
    answer = ana.call("GET", f"/snapshots/{last['id']}/script")
    assert answer.status_code == 200
    assert "raw = 1" in answer.text
    assert "other = 5" not in answer.text
    assert answer.text.index("raw = 1") < answer.text.index("df = raw + 1")
    assert answer.headers["content-disposition"] == 'attachment; filename="SNP-3.py"'
    notebook = ana.call("GET", "/snapshots/SNP-3/notebook", params={"item": "df"}).json()
    assert [cell["source"] for cell in notebook["cells"]] == ["raw = 1", "df = raw + 1"]
    assert ana.call("GET", "/snapshots/SNP-3/script", params={"item": "no"}).status_code == 404
