"""Manifests of strangers: refused with the place of the fault, never a failure of the dashboard."""

from __future__ import annotations

import json

import pytest

from etiq_jupyter import ids

FAULTS = [
    ("id is another", lambda m: m | {"id": ids.new_id()}, "$.id"),
    ("format of the future", lambda m: m | {"format": 99}, ""),
    ("no project", lambda m: m | {"project": ""}, "$.project"),
    ("name with a bell", lambda m: m | {"name": "a\x07"}, "$.name"),
    ("endless name", lambda m: m | {"name": "x" * 10_000}, "$.name"),
    ("endless note", lambda m: m | {"note": "x" * 20_001}, "$.note"),
    ("run without an id", lambda m: m | {"run": {"id": "../../etc"}}, "$.run.id"),
    ("run name with a line", lambda m: m | {"run": m["run"] | {"name": "a\nb"}}, "$.run.name"),
    ("odd run kind", lambda m: m | {"run": m["run"] | {"kind": "robot"}}, "$.run.kind"),
    ("negative duration", lambda m: m | {"duration": -1}, "$.duration"),
    ("huge sequence", lambda m: m | {"sequence": 1 << 40}, "$.sequence"),
    ("negative bytes", lambda m: m | {"new_bytes": -5}, "$.new_bytes"),
    ("too many tags", lambda m: m | {"tags": [f"t{i}" for i in range(101)]}, "$.tags"),
    ("tag with a null", lambda m: m | {"tags": ["ok", "a\x00b"]}, "$.tags[1]"),
    ("too many reads", lambda m: m | {"reads": [{"name": "x", "hash": ""}] * 10_001}, "$.reads"),
    (
        "read that is no hash",
        lambda m: m | {"reads": [{"name": "x", "hash": "1"}]},
        "$.reads[0].hash",
    ),
    ("metric without name", lambda m: m | {"metrics": {"": 1}}, "$.metrics['']"),
    ("too many metrics", lambda m: m | {"metrics": {str(i): 1 for i in range(5001)}}, "$.metrics"),
    ("text as metric", lambda m: m | {"metrics": {"acc": "high"}}, "$.metrics[...]"),
    ("no date", lambda m: m | {"created_at": "yesterday"}, "$.created_at"),
    ("source is a list", lambda m: m | {"source": ["x"]}, "$.source"),
]
ITEM = {"name": "x", "kind": "plain", "type": "str"}
ITEM_FAULTS = [
    ({"name": ""}, "$.items[0].name"),
    ({"name": "a\x00"}, "$.items[0].name"),
    ({"name": "x" * 501}, "$.items[0].name"),
    ({"kind": "virus"}, "$.items[0].kind"),
    ({"role": "root"}, "$.items[0].role"),
    ({"hash": "../../../etc/passwd"}, "$.items[0].hash"),
    ({"hash": "A" * 32}, "$.items[0].hash"),
    ({"object": "0" * 63 + "/"}, "$.items[0].object"),
    ({"object": "0" * 65}, "$.items[0].object"),
    ({"size": -1}, "$.items[0].size"),
    ({"size": 1 << 60}, "$.items[0].size"),
    ({"summary": "x" * 4001}, "$.items[0].summary"),
    ({"detail": [1]}, "$.items[0].detail"),
]


@pytest.fixture
def project(ana):
    return ana.project()


@pytest.mark.parametrize(("change", "path"), [f[1:] for f in FAULTS], ids=[f[0] for f in FAULTS])
def test_a_fault_is_refused_and_its_place_named(house, ana, project, change, path):
    manifest = house.manifest(project)
    answer = ana.call("PUT", f"/snapshots/{manifest['id']}", json=change(manifest))
    assert answer.status_code == 422, answer.text
    assert answer.json().get("path", "") == path
    assert ana.get(f"/projects/{project['id']}/snapshots")["total"] == 0


@pytest.mark.parametrize(("change", "path"), ITEM_FAULTS)
def test_a_fault_of_an_item_is_refused_and_its_place_named(house, ana, project, change, path):
    manifest = house.manifest(project) | {"items": [ITEM | change]}
    answer = ana.call("PUT", f"/snapshots/{manifest['id']}", json=manifest)
    assert answer.status_code == 422, answer.text
    assert answer.json()["path"] == path


def test_two_items_of_one_name_are_refused(house, ana, project):
    manifest = house.manifest(project) | {"items": [ITEM, ITEM]}
    assert ana.put(manifest, 422)["path"] == "$.items[1].name"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b"\xff\xfe",
        b'{"id": "\xff"}',
        b"[" * 100_000,
        b'{"items":' * 5_000,
        b'{"id": 1e999}',
        b"\x00" * 100,
        b'{"detail": ' + b"9" * 5000 + b"}",
    ],
)
def test_bodies_that_are_no_manifest(house, ana, project, body):
    path = f"/api/v1/snapshots/{ids.new_id()}"
    for kind in ("application/json", "application/msgpack", "text/html", ""):
        answer = ana.client.put(path, content=body, headers={"Content-Type": kind})
        assert answer.status_code == 422, (kind, answer.text)
        assert answer.json()["code"] == "invalid"


def test_a_body_above_the_limit_is_not_read(house, ana, project):
    manifest = house.manifest(project, source="x" * (17 << 20))
    answer = ana.call("PUT", f"/snapshots/{manifest['id']}", json=manifest)
    assert answer.status_code == 413
    assert answer.json()["code"] == "too_large"

    def endless():
        for _ in range(40):
            yield b" " * (1 << 20)

    answer = ana.client.put(f"/api/v1/snapshots/{manifest['id']}", content=endless())
    assert answer.status_code == 413
    answer = ana.client.post("/api/v1/projects/open", content=b" " * (2 << 20))
    assert answer.status_code == 413


def test_details_too_deep_or_too_big_for_storage_are_refused(house, ana, project):
    deep: object = 1
    for _ in range(5_000):
        deep = [deep]
    for detail in ({"n": 1 << 70},):
        manifest = house.manifest(project) | {"items": [ITEM | {"detail": detail}]}
        assert ana.put(manifest, 422)["code"] == "invalid"
    manifest = house.manifest(project)
    body = json.dumps(manifest | {"items": [ITEM | {"detail": {"d": 0}}]})
    body = body.replace('{"d": 0}', '{"d": ' + "[" * 5_000 + "]" * 5_000 + "}")
    answer = ana.client.put(f"/api/v1/snapshots/{manifest['id']}", content=body)
    assert answer.status_code == 422


def test_source_may_hold_anything_and_comes_back(house, ana, project):
    source = "x = '\x00\x1b[31m<script>alert(1)</script>'\u202e # \U0001f600"
    manifest = house.manifest(project, source=source)
    ana.put(manifest)
    answer = ana.call("GET", f"/snapshots/{manifest['id']}")
    assert answer.json()["source"] == source
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_stranger_does_not_learn_what_is_wrong_with_a_manifest(house, ana, project):
    stranger = house.new_client()
    for body in (b"{", json.dumps(house.manifest(project)).encode(), b" " * (1 << 20)):
        assert stranger.put(f"/api/v1/snapshots/{ids.new_id()}", content=body).status_code == 401
