"""Snapshots: taken in once, listed, found, sorted, changed, deleted."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from etiq_jupyter import ids, model
from etiq_jupyter.objects.hashing import blake3_hex


@pytest.fixture
def project(ana):
    return ana.project()


def listed(person, project, **params):
    page = person.get(f"/projects/{project['id']}/snapshots", **params)
    return [one["name"] for one in page["items"]]


def test_the_same_manifest_again_answers_the_same_receipt(house, ana, project):
    manifest = house.manifest(project, wrote={"x": "1"}, metrics={"acc": 0.9})
    first = ana.put(manifest, 201)
    again = ana.put(manifest, 200)
    assert first == again
    assert first["short_id"] == "SNP-1"
    assert first["url"] == "http://127.0.0.1:8765/s/SNP-1"
    changed = ana.put(manifest | {"source": "other"}, 409)
    assert changed["code"] == "conflict"
    assert ana.get(f"/projects/{project['id']}/snapshots")["total"] == 1


def test_messagepack_and_json_are_the_same_manifest(house, ana, project):
    manifest = house.manifest(project, wrote={"x": "1"}, metrics={"b": 1, "a": 0.5})
    snapshot = msgspec.convert(manifest, model.Snapshot)
    packed = msgspec.msgpack.encode(snapshot)
    path = f"/snapshots/{manifest['id']}"
    headers = {"Content-Type": "application/msgpack"}
    receipt = ana.call("PUT", path, 201, content=packed, headers=headers)
    assert receipt["manifest"] == blake3_hex(packed)
    ana.put(manifest, 200)
    answer = ana.call("GET", f"{path}/manifest", headers={"Accept": "application/msgpack"})
    assert msgspec.msgpack.decode(answer.content, type=model.Snapshot) == snapshot
    assert list(ana.get(path)["metrics"]) == ["b", "a"]


def test_fifty_at_once_are_all_there_each_once(house, ana, project):
    manifests = [house.manifest(project, f"s{number}") for number in range(50)]
    with ThreadPoolExecutor(16) as pool:
        receipts = list(pool.map(ana.put, manifests))
        again = list(pool.map(lambda one: ana.put(one, 200), manifests))
    assert sorted(receipt["short_id"] for receipt in receipts) == sorted(
        f"SNP-{number}" for number in range(1, 51)
    )
    assert again == receipts
    run = ana.get(f"/projects/{project['id']}/runs")["items"][0]
    assert (run["snapshots"], run["short_id"], run["name"]) == (50, "RUN-1", "analysis.ipynb")
    assert ana.get(f"/projects/{project['id']}")["snapshots"] == 50


def test_one_bad_snapshot_in_a_batch_does_not_harm_the_others(house, ana, bea, project):
    good = [house.manifest(project) for _ in range(5)]
    foreign = bea.project("Hers")
    bad = [house.manifest(foreign), house.manifest({"id": ids.new_id()})]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda one: ana.put(one, None).status_code, good + bad))
    assert results == [201] * 5 + [404] * 2


def test_a_detail_has_everything(house, ana, project):
    first = house.manifest(
        project, "load", wrote={"df": "frame"}, cell_id="c1", metrics={"rows": 10}
    )
    ana.put(first)
    second = house.manifest(
        project,
        "load",
        wrote={"df": "frame2"},
        cell_id="c1",
        metrics={"rows": 12},
        note="again",
        tags=["clean", "clean "],
        error={"name": "ValueError", "message": "no", "traceback": ["line"]},
        duration=3.4,
        execution_count=7,
        redactions=[{"kind": "token", "count": 2, "where": "source"}],
    )
    receipt = ana.put(second)
    detail = ana.get(f"/snapshots/{receipt['short_id'].lower()}")
    assert detail["id"] == second["id"]
    assert detail["project_name"] == "Churn model"
    assert detail["project_short_id"] == "PRJ-1"
    assert detail["role"] == "owner"
    assert detail["author"] == "ana"
    assert detail["failed"] is True
    assert detail["error"]["name"] == "ValueError"
    assert detail["tags"] == ["clean"]
    assert detail["run_detail"]["short_id"] == "RUN-1"
    assert detail["previous"]["short_id"] == "SNP-1"
    assert detail["previous_source"] == first["source"]
    assert detail["previous_metrics"] == {"rows": 10}
    assert detail["redactions"] == second["redactions"]
    assert (detail["duration"], detail["execution_count"], detail["note"]) == (3.4, 7, "again")
    assert msgspec.convert(detail, model.SnapshotDetail).items[0].name == "df"


def test_lists_are_sorted_and_paged_by_every_key(house, ana, project):
    for number in range(12):
        metrics = {"acc": (number * 7) % 12 / 10} if number % 4 else {}
        items = {f"v{index}": "x" for index in range(number % 5)}
        ana.put(house.manifest(project, f"s{number:02}", metrics=metrics, wrote=items))
    base = f"/projects/{project['id']}/snapshots"
    everything = ana.get(base, limit=100)["items"]
    assert [one["name"] for one in everything] == [f"s{n:02}" for n in range(11, -1, -1)]
    for sort in (
        "created",
        "-created",
        "name",
        "-name",
        "size",
        "-size",
        "metric:acc",
        "-metric:acc",
    ):
        whole = listed(ana, project, sort=sort, limit=100)
        seen, cursor = [], None
        while True:
            params = {"cursor": cursor} if cursor else {}
            page = ana.get(base, sort=sort, limit=5, **params)
            seen += [one["name"] for one in page["items"]]
            assert page["total"] == 12
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert seen == whole
        assert sorted(seen) == [f"s{n:02}" for n in range(12)]
    by_metric = ana.get(base, sort="-metric:acc", limit=100)["items"]
    values = [one["metrics"].get("acc") for one in by_metric]
    present = [value for value in values if value is not None]
    assert present == sorted(present, reverse=True)
    assert values[len(present) :] == [None] * 3  # the ones without it come last


def test_the_query_language(house, ana, bea, project):
    ana.put(house.manifest(project, "load", tags=["raw", "two words"], source="read_csv('Ä.csv')"))
    ana.put(house.manifest(project, "fit", metrics={"acc": 0.9, "val.f1": 0.5}, wrote={"clf": "1"}))
    ana.put(
        house.manifest(
            project, "fit", metrics={"acc": 0.95}, error={"name": "E", "message": ""}, note="Oops_1"
        )
    )
    ana.call("PUT", f"/projects/{project['id']}/members/bea", 200, json={"role": "editor"})
    bea.put(house.manifest(project, "hers", run={"id": ids.new_id(), "name": "b.py"}))
    cases = {
        "": ["hers", "fit", "fit", "load"],
        "fit": ["fit", "fit"],
        "READ_CSV": ["load"],
        "ä.CSV": ["load"],
        "clf": ["fit"],
        "oops_": ["fit"],
        "oops%": [],
        "metric.acc>0.9": ["fit"],
        "metric.acc>=0.9": ["fit", "fit"],
        "metric.acc=0.9": ["fit"],
        "metric.acc!=0.9 fit": ["fit"],
        "metric.val.f1<1": ["fit"],
        "tag:raw": ["load"],
        'tag:"two words"': ["load"],
        '"two words"': ["load"],
        "failed:yes": ["fit"],
        "failed:no load": ["load"],
        "author:bea": ["hers"],
        "author:BEA": ["hers"],
        "run:RUN-2": ["hers"],
        "run:run-1 failed:yes": ["fit"],
        f"run:{house.run}": ["fit", "fit", "load"],
        "run:SNP-1": [],
        "name:fit metric.acc<0.92": ["fit"],
        "http://x": [],
        "'; DROP TABLE snapshots; --": [],
    }
    for q, names in cases.items():
        page = ana.get(f"/projects/{project['id']}/snapshots", q=q)
        assert [one["name"] for one in page["items"]] == names, q
        assert page["total"] == len(names), q
    assert listed(ana, project, tag="raw") == ["load"]
    assert listed(ana, project, run="RUN-2") == ["hers"]
    for bad in ("metric.acc>much", "metric.acc>nan", "failed:perhaps", "run:x", "w " * 40):
        answer = ana.call("GET", f"/projects/{project['id']}/snapshots", params={"q": bad})
        assert answer.status_code == 422, bad
    assert [one["name"] for one in ana.get("/search", q="clf")["snapshots"]] == ["fit"]


def test_changes_are_found_and_the_manifest_stays_as_it_was_sent(house, ana, project):
    manifest = house.manifest(project, "fit", tags=["old"])
    ana.put(manifest)
    body = {"name": "best fit", "note": "the winner", "tags": ["new"]}
    changed = ana.call("PATCH", f"/snapshots/{manifest['id']}", 200, json=body)
    assert (changed["name"], changed["note"], changed["tags"]) == (
        "best fit",
        "the winner",
        ["new"],
    )
    assert listed(ana, project, q="winner") == ["best fit"]
    assert listed(ana, project, tag="old") == []
    assert listed(ana, project, tag="new") == ["best fit"]
    assert ana.get(f"/snapshots/{manifest['id']}/manifest")["name"] == "fit"
    ana.put(manifest, 200)
    for bad in ({"name": "x" * 201}, {"tags": ["\x07"]}, {"tags": ["t"] * 101}, {"note": 3}):
        assert ana.call("PATCH", f"/snapshots/{manifest['id']}", json=bad).status_code == 422


def test_deletion_by_author_or_owner_only(house, ana, bea, make_person, project):
    carl = make_person("carl")
    for name in ("bea", "carl"):
        ana.call("PUT", f"/projects/{project['id']}/members/{name}", 200, json={"role": "editor"})
    manifests = [house.manifest(project) for _ in range(2)]
    for manifest in manifests:
        bea.put(manifest)
    assert carl.call("DELETE", f"/snapshots/{manifests[0]['id']}").status_code == 403
    bea.call("DELETE", f"/snapshots/{manifests[0]['id']}", 204)
    ana.call("DELETE", f"/snapshots/{manifests[1]['id']}", 204)
    assert ana.get(f"/projects/{project['id']}")["snapshots"] == 0
    assert ana.get(f"/projects/{project['id']}/runs")["items"][0]["snapshots"] == 0


def test_metrics_that_are_no_numbers_are_left_out(house, ana, project):
    manifest = house.manifest(project, metrics={"acc": None, "loss": 0.5})
    ana.put(manifest)
    assert ana.get(f"/snapshots/{manifest['id']}")["metrics"] == {"loss": 0.5}
    odd = msgspec.convert(house.manifest(project), model.Snapshot)
    odd.metrics = {"nan": math.nan, "inf": math.inf, "one": 1.0}
    ana.call(
        "PUT",
        f"/snapshots/{odd.id}",
        201,
        content=msgspec.msgpack.encode(odd),
        headers={"Content-Type": "application/msgpack"},
    )
    assert ana.get(f"/snapshots/{odd.id}")["metrics"] == {"one": 1.0}


def test_every_id_leads_to_its_thing(house, ana, project):
    manifest = house.manifest(project, wrote={"x": "1"})
    ana.put(manifest)
    ana.put(house.manifest(project, read={"x": "1"}))
    ana.get(f"/projects/{project['id']}/pipelines")
    for given, kind in (
        ("prj-1", "project"),
        (project["id"], "project"),
        ("SNP-1", "snapshot"),
        (manifest["id"], "snapshot"),
        ("RUN-1", "run"),
        (house.run, "run"),
        ("PIP-1", "pipeline"),
        ("WSP-1", "workspace"),
    ):
        found = ana.get(f"/browse/{given}")
        assert found["kind"] == kind
        assert found["object"]["id"] == found["id"]
    for missing in ("SNP-99", "SNP-11x", "xSNP-1", "DTS-1", ids.new_id()):
        assert ana.call("GET", f"/browse/{missing}").status_code in (404, 422)


def test_an_own_run_in_two_projects_is_two_runs(house, ana, project):
    other = ana.project("Other")
    ana.put(house.manifest(project))
    ana.put(house.manifest(other))
    assert ana.get(f"/projects/{project['id']}/runs")["items"][0]["short_id"] == "RUN-1"
    assert ana.get(f"/projects/{other['id']}/runs")["items"][0]["short_id"] == "RUN-2"
