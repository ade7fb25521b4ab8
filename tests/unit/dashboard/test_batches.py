"""Snapshots sent together: receipts and numbers in their order, and refused as if sent alone."""

from __future__ import annotations

import os

import msgspec
import pytest

from etiq_jupyter import model
from etiq_jupyter.objects.hashing import blake3_hex


@pytest.fixture
def project(ana):
    return ana.project()


def packed(manifest):
    return msgspec.msgpack.encode(msgspec.convert(manifest, model.Snapshot))


def send(person, bodies, expect=200):
    headers = {"Content-Type": "application/msgpack"}
    content = msgspec.msgpack.encode(bodies)
    return person.call("POST", "/snapshots/batch", expect, content=content, headers=headers)


def total(person, project):
    return person.get(f"/projects/{project['id']}/snapshots")["total"]


def test_many_are_taken_in_with_one_request_in_their_order(house, ana, project, stored):
    contents = [stored(os.urandom(500)) if n % 3 else None for n in range(40)]
    for content in filter(None, contents):
        ana.send(project, content)
    bodies = [
        packed(house.manifest(project, f"s{n}", stored={"x": content} if content else {}))
        for n, content in enumerate(contents)
    ]
    answer = send(ana, bodies)
    receipts = answer["receipts"]
    assert answer["made"] == [one["id"] for one in receipts]
    assert [one["short_id"] for one in receipts] == [f"SNP-{n}" for n in range(1, 41)]
    assert [one["manifest"] for one in receipts] == [blake3_hex(body) for body in bodies]
    assert send(ana, bodies) == {"receipts": receipts, "made": []}
    assert total(ana, project) == 40


def test_sent_alone_and_together_is_the_same(house, ana, project):
    manifest = house.manifest(project)
    receipt = ana.put(manifest)
    (again,) = send(ana, [packed(manifest)])["receipts"]
    assert again | {"manifest": ""} == receipt | {"manifest": ""}
    assert total(ana, project) == 1


def test_what_is_lacking_is_named(house, ana, project, stored):
    content = stored(os.urandom(500))
    bodies = [packed(house.manifest(project, stored={"x": content}))]
    refused = send(ana, bodies, 409)
    assert refused["code"] == "lacking"
    assert content.object in refused["lacking"]
    assert total(ana, project) == 0


def test_who_may_not_write_writes_nothing(house, ana, bea, project):
    bodies = [packed(house.manifest(project))]
    assert send(bea, bodies, 404)["code"] == "not_found"
    ana.call("PUT", f"/projects/{project['id']}/members/bea", 200, json={"role": "viewer"})
    assert send(bea, bodies, 403)["code"] == "forbidden"
    reader = house.new_client(ana.token("reads", ["read"]))
    path = "/api/v1/snapshots/batch"
    assert reader.post(path, content=msgspec.msgpack.encode(bodies)).status_code == 403
    assert house.new_client().post(path, content=b"nonsense").status_code == 401
    assert total(ana, project) == 0


@pytest.mark.parametrize(
    "body",
    [b"", b"nonsense", msgspec.msgpack.encode([b"nonsense"]), msgspec.msgpack.encode([b""] * 257)],
)
def test_nonsense_is_refused(house, ana, project, body):
    headers = {"Content-Type": "application/msgpack"}
    ana.call("POST", "/snapshots/batch", 422, content=body, headers=headers)
    damaged = packed(house.manifest(project) | {"id": "no id"})
    send(ana, [damaged], 422)


def test_clients_are_told_how_many(ana):
    assert ana.get("/me")["limits"]["snapshots_per_batch"] == 256
