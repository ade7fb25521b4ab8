"""Packs, chunks, objects: verified, shared within a workspace, read by those who may, collected."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from etiq_jupyter.dashboard.objects.collection import Collector
from etiq_jupyter.objects.chunk import PREFIX, RAW, encode_chunk
from etiq_jupyter.objects.hashing import blake3_hex
from etiq_jupyter.objects.pack import Frame, decode_frame, read_pack, write_pack


@pytest.fixture
def project(ana):
    return ana.project()


def lacking(person, project, hashes):
    body = {"project": project["id"], "hashes": hashes}
    return person.call("POST", "/chunks/lacking", 200, json=body)["lacking"]


def send(person, project, *frames, expect=200):
    pack = write_pack(frames)
    path = f"/packs/{blake3_hex(pack)}"
    return person.call("PUT", path, expect, params={"project": project["id"]}, content=pack)


def whole(data):
    return Frame(blake3_hex(data), RAW, len(data), "", data)


def change(data, base):
    encoding, body = encode_chunk(data, PREFIX, base=base)
    assert encoding == PREFIX
    return Frame(blake3_hex(data), encoding, len(data), blake3_hex(base), body)


def test_a_snapshot_with_content_goes_in_and_its_bytes_come_out(house, ana, project, stored):
    data = os.urandom(5_500)
    content = stored(data)
    manifest = house.manifest(project, stored={"blob": content})
    refused = ana.put(manifest, 409)
    assert refused["code"] == "lacking"
    assert refused["lacking"] == [content.object]
    assert set(lacking(ana, project, content.hashes)) == set(content.hashes)
    assert ana.send(project, content) == {"stored": 7, "known": 0}
    assert lacking(ana, project, content.hashes) == []
    ana.put(manifest, 201)
    assert ana.send(project, content) == {"stored": 0, "known": 7}
    body = {"snapshot": manifest["id"], "hashes": content.hashes}
    answer = ana.call("POST", "/chunks/read", json=body)
    got = {frame.hash: decode_frame(frame) for frame in read_pack(answer.content)}
    assert set(got) == set(content.hashes)
    assert b"".join(got[name] for name in content.chunks) == data
    one = ana.call("GET", f"/chunks/{content.chunks[0]}", params={"snapshot": "SNP-1"})
    assert one.content == data[:1000]
    assert one.headers["content-disposition"] == "attachment"


def test_a_manifest_whose_chunks_are_missing_names_them(house, ana, project, stored):
    content = stored(os.urandom(3_000))
    send(ana, project, content.frames[content.object], content.frames[content.chunks[0]])
    refused = ana.put(house.manifest(project, stored={"blob": content}), 409)
    assert sorted(refused["lacking"]) == sorted(content.chunks[1:])


def test_nobody_can_probe_for_what_another_workspace_holds(house, ana, bea, project, stored):
    content = stored(b"secret" * 1000)
    ana.send(project, content)
    theirs = bea.project("Hers")
    assert set(lacking(bea, theirs, content.hashes)) == set(content.hashes)
    assert bea.put(house.manifest(theirs, stored={"x": content}), 409)["code"] == "lacking"
    other = ana.project("Other")  # the same workspace: nothing is sent twice
    assert lacking(ana, other, content.hashes) == []


def test_a_hash_gives_no_right_to_the_bytes(house, ana, bea, project, stored):
    """Somebody a project is shared with reads what its snapshots hold, and no more."""
    shared, hidden = stored(b"shared" * 500), stored(b"hidden" * 500)
    secret_project = ana.project("Secret")
    ana.send(secret_project, hidden)
    ana.put(house.manifest(secret_project, stored={"x": hidden}))
    ana.send(project, shared)
    manifest = house.manifest(project, stored={"x": shared})
    ana.put(manifest)
    ana.call("PUT", f"/projects/{project['id']}/members/bea", 200, json={"role": "viewer"})
    for hashes, status in ((shared.hashes, 200), (hidden.hashes, 404), (["0" * 64], 404)):
        body = {"snapshot": manifest["id"], "hashes": hashes}
        assert bea.call("POST", "/chunks/read", json=body).status_code == status
    answer = bea.call("GET", f"/chunks/{hidden.chunks[0]}", params={"snapshot": manifest["id"]})
    assert answer.status_code == 404


def damaged_packs(stored):
    content = stored(os.urandom(2_500))
    pack = content.pack
    first = content.frames[content.chunks[0]]
    lie = Frame(first.hash, RAW, first.raw_size, "", b"\x00" * first.raw_size)
    bomb = Frame(first.hash, 1, 60 << 20, "", b"\x28\xb5\x2f\xfd" + b"\x00" * 50)
    orphan = change(b"abc" * 400 + b"d", b"abc" * 400)
    return {
        "cut": pack[:-1],
        "cut in a header": pack[: len(pack) // 2],
        "no pack": b"hello",
        "empty": b"",
        "other version": pack[:6] + b"\x09" + pack[7:],
        "a chunk that is not what its name says": write_pack([lie]),
        "a bomb": write_pack([bomb]),
        "an unknown form": write_pack([Frame(first.hash, 77, 10, "", b"0123456789")]),
        "a base that is a change": write_pack(
            [
                whole(b"abc" * 400),
                change(b"abc" * 400 + b"d", b"abc" * 400),
                change(b"abc" * 400 + b"de", b"abc" * 400 + b"d"),
            ]
        ),
        "a base that comes later": write_pack([orphan, whole(b"abc" * 400)]),
    }


def test_a_damaged_pack_leaves_nothing_behind(ana, project, stored, settings):
    for name, pack in damaged_packs(stored).items():
        path = f"/packs/{blake3_hex(pack)}"
        answer = ana.call("PUT", path, params={"project": project["id"]}, content=pack)
        assert answer.status_code in (409, 422), (name, answer.text)
        assert answer.json()["code"] in ("invalid", "lacking"), name
    assert not list(Path(settings.objects_url).rglob("?" * 64))
    assert lacking(ana, project, [blake3_hex(b"abc" * 400)])


def test_a_body_that_is_not_what_the_address_says(ana, project, stored):
    pack = stored(b"x" * 10).pack
    for name in ("0" * 64, "..%2F..%2Fetc", "A" * 64, blake3_hex(pack)[:-1]):
        answer = ana.call("PUT", f"/packs/{name}", params={"project": project["id"]}, content=pack)
        assert answer.status_code in (404, 422)


def test_changes_to_other_chunks_are_kept_and_read_back_whole(house, ana, project, stored):
    base = bytes(os.urandom(900))
    newer = base[:450] + b"!" + base[450:]
    newest = newer + b"?"
    send(ana, project, whole(base))
    send(ana, project, change(newer, base))
    # What a client holds whole, the dashboard may hold as a change: no chain grows from that.
    send(ana, project, change(newest, newer))
    content = stored(newest)
    ana.send(project, content)
    manifest = house.manifest(project, stored={"x": content})
    ana.put(manifest)
    body = {"snapshot": manifest["id"], "hashes": content.chunks}
    answer = ana.call("POST", "/chunks/read", json=body)
    frames = list(read_pack(answer.content))
    assert all(not frame.base for frame in frames)
    assert b"".join(decode_frame(frame) for frame in frames) == newest
    holdings = house.services.holdings
    workspace = project["workspace"]
    assert holdings.is_change(workspace, blake3_hex(newer))
    assert not holdings.is_change(workspace, blake3_hex(newest))


def test_a_change_to_a_chunk_that_is_not_there_names_it(ana, project):
    base = os.urandom(900)
    answer = send(ana, project, change(base + b"x", base), expect=409)
    assert (answer["code"], answer["lacking"]) == ("lacking", [blake3_hex(base)])


def test_the_same_chunks_from_many_at_once(house, ana, project, stored):
    content = stored(os.urandom(20_000))
    halves = list(content.frames.values())
    packs = [write_pack(halves[start:] + halves[:start]) for start in range(12)]

    def put(pack):
        path = f"/packs/{blake3_hex(pack)}"
        return ana.call("PUT", path, params={"project": project["id"]}, content=pack).status_code

    with ThreadPoolExecutor(12) as pool:
        assert set(pool.map(put, packs)) == {200}
    manifest = house.manifest(project, stored={"x": content})
    ana.put(manifest)
    assert lacking(ana, project, content.hashes) == []


def test_new_bytes_are_counted_when_the_client_did_not(house, ana, project, stored):
    content = stored(os.urandom(10_000))
    ana.send(project, content)
    first, second = (house.manifest(project, stored={"x": content}) for _ in range(2))
    ana.put(first)
    ana.put(second)
    sizes = [ana.get(f"/snapshots/{one['id']}")["new_bytes"] for one in (first, second)]
    assert 10_000 < sizes[0] < 12_000
    assert sizes[1] == 0
    told = house.manifest(project, stored={"x": content}, new_bytes=77)
    ana.put(told)
    assert ana.get(f"/snapshots/{told['id']}")["new_bytes"] == 77


def packs_on_disk(settings):
    return [path for path in Path(settings.objects_url).rglob("?" * 64) if path.is_file()]


def test_what_no_snapshot_needs_is_collected_after_the_grace(house, ana, project, stored, settings):
    keep, drop = stored(os.urandom(5_000)), stored(os.urandom(5_000))
    manifests = [house.manifest(project, stored={"x": one}) for one in (keep, drop)]
    for content, manifest in zip((keep, drop), manifests, strict=True):
        ana.send(project, content)
        ana.put(manifest)
    ana.call("DELETE", f"/snapshots/{manifests[1]['id']}", 204)
    services = house.services
    patient = Collector(services.database, services.holdings).collect()
    assert (patient.chunks, patient.packs) == (0, 0)
    done = Collector(services.database, services.holdings, grace=-1).collect()
    assert (done.chunks, done.packs) == (6, 1)
    assert done.bytes == len(drop.pack)
    assert len(packs_on_disk(settings)) == 1
    assert set(lacking(ana, project, drop.hashes)) == set(drop.hashes)
    assert lacking(ana, project, keep.hashes) == []
    ana.put(house.manifest(project, stored={"x": keep}), 201)
    assert ana.put(house.manifest(project, stored={"x": drop}), 409)["code"] == "lacking"


def test_a_mostly_dead_pack_is_written_anew_and_bases_stay(house, ana, project, stored, settings):
    base = os.urandom(1_000)
    newer = base[:500] + b"!" + base[501:]
    content = stored(newer)
    rubbish = [whole(os.urandom(1_000)) for _ in range(20)]
    frames = [*rubbish, whole(base), change(newer, base), content.frames[content.object]]
    send(ana, project, *frames)
    manifest = house.manifest(project, stored={"x": content})
    ana.put(manifest)
    before = sum(path.stat().st_size for path in packs_on_disk(settings))
    services = house.services
    done = Collector(services.database, services.holdings, grace=-1).collect()
    assert done.chunks == 20
    assert sum(path.stat().st_size for path in packs_on_disk(settings)) < before / 5
    body = {"snapshot": manifest["id"], "hashes": content.chunks}
    answer = ana.call("POST", "/chunks/read", json=body)
    assert [decode_frame(frame) for frame in read_pack(answer.content)] == [newer]


def test_packs_that_were_never_indexed_are_removed(house, ana, project, stored, settings):
    stray = Path(settings.objects_url) / f"packs/{project['workspace']}/ab/{'ab' * 32}"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"left over")
    services = house.services
    Collector(services.database, services.holdings).collect()
    assert stray.exists()
    Collector(services.database, services.holdings, grace=-1).collect()
    assert not stray.exists()


def test_a_collection_beside_uploads_loses_nothing(house, ana, project, stored):
    services = house.services
    contents = [stored(os.urandom(2_000)) for _ in range(30)]

    def take_in(content):
        for _ in range(20):
            ana.send(project, content)
            manifest = house.manifest(project, stored={"x": content})
            if ana.put(manifest, None).status_code == 201:
                return manifest
        raise AssertionError("never taken in")

    with ThreadPoolExecutor(4) as pool:
        taken = pool.map(take_in, contents)
        for _ in range(10):
            Collector(services.database, services.holdings, grace=0).collect()
        manifests = list(taken)
    for content, manifest in zip(contents, manifests, strict=True):
        body = {"snapshot": manifest["id"], "hashes": content.hashes}
        assert ana.call("POST", "/chunks/read", json=body).status_code == 200


def test_a_recipe_that_is_none_is_refused(house, ana, project, stored):
    data = b"this is not a recipe"
    send(ana, project, whole(data))
    manifest = house.manifest(project) | {
        "items": [{"name": "x", "kind": "plain", "type": "str", "object": blake3_hex(data)}]
    }
    answer = ana.put(manifest, None)
    assert answer.status_code == 422
    assert "object" in answer.json()["what"].lower()
