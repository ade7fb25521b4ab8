"""The dashboard and the local store join the same manifests in the same way."""

from __future__ import annotations

import random

import msgspec
import pytest

from etiq_jupyter import ids
from etiq_jupyter.compare import lineage
from etiq_jupyter.model import Snapshot


def session(house, project, seed):
    """Two runs that write, keep, change and read a few variables, some of them trivial."""
    chance = random.Random(seed)
    runs = [{"id": ids.new_id(), "name": f"{name}.ipynb"} for name in ("a", "b")]
    made = []
    for number in range(24):
        wrote = {name: chance.choice("xyz") for name in "pqr" if chance.random() < 0.4}
        read = {name: chance.choice("xyz") for name in "pqr" if chance.random() < 0.5}
        run = chance.choice(runs)
        manifest = house.manifest(project, f"step {number}", wrote=wrote, read=read, run=run)
        for item in manifest["items"]:
            if item["name"] == "r":
                item |= {"kind": "number", "size": 8}
        made.append(manifest)
    return made


@pytest.mark.parametrize("seed", range(8))
def test_both_find_the_same_edges(house, ana, seed):
    project = ana.project()
    manifests = session(house, project, seed)
    sent = manifests[:]
    random.Random(seed).shuffle(sent)
    for number, manifest in enumerate(sent):
        ana.put(manifest)
        if number % 5 == 0:
            ana.get(f"/projects/{project['id']}/pipelines")  # joins what has come so far
    here = {
        (edge.source, edge.target, name)
        for edge in lineage.edges(msgspec.convert(manifests, list[Snapshot]))
        for name in edge.items
    }
    there = {
        (parent["id"], manifest["id"], name)
        for manifest in manifests
        for parent in ana.get(f"/snapshots/{manifest['id']}")["parents"]
        for name in parent["items"]
    }
    assert here
    assert there == here


def test_a_number_joins_within_its_run_only(house, ana):
    project = ana.project()
    start = house.manifest(project, "start", wrote={"n": "0"})
    start["items"][0] |= {"kind": "number", "size": 8}
    own = house.manifest(project, "own", read={"n": "0"})
    other = house.manifest(project, "other", read={"n": "0"}, run={"id": ids.new_id()})
    for manifest in (other, own, start):
        ana.put(manifest)
    parents = {m["name"]: ana.get(f"/snapshots/{m['id']}")["parents"] for m in (own, other)}
    assert [link["name"] for link in parents["own"]] == ["start"]
    assert parents["other"] == []
    found = lineage.edges(msgspec.convert([start, own, other], list[Snapshot]))
    assert [(edge.source, edge.target) for edge in found] == [(start["id"], own["id"])]
