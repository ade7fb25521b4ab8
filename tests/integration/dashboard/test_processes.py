"""Real dashboard processes: on SQLite and a folder, on PostgreSQL and S3, killed and restarted."""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from etiq_jupyter.objects.hashing import blake3_hex
from etiq_jupyter.objects.pack import decode_frame, read_pack


def core_flow(running, sent, manifest, name="Core flow"):
    """What every deployment must be able to do, from a project to its bytes."""
    ana = running.person("ana")
    project = ana.call("POST", "/projects/open", 201, json={"name": name})
    content = sent(os.urandom(200_000))
    body = {"project": project["id"], "hashes": content.hashes}
    assert len(ana.call("POST", "/chunks/lacking", 200, json=body)["lacking"]) == 5
    path = f"/packs/{blake3_hex(content.pack)}"
    stored = ana.call("PUT", path, 200, params={"project": project["id"]}, data=content.pack)
    assert stored == {"stored": 5, "known": 0}
    first = manifest(project, "load", items=[content.item()], metrics={"acc": 0.5})
    second = manifest(
        project, "fit", reads=[{"name": "blob", "hash": content.hash}], metrics={"acc": 0.9}
    )
    for one in (first, second):
        receipt = ana.call("PUT", f"/snapshots/{one['id']}", 201, json=one)
        assert ana.call("PUT", f"/snapshots/{one['id']}", 200, json=one) == receipt
    body = {"snapshot": first["id"], "hashes": content.chunks}
    pack = ana.call("POST", "/chunks/read", json=body).content
    got = {frame.hash: decode_frame(frame) for frame in read_pack(pack)}
    assert b"".join(got[name] for name in content.chunks) == content.data
    raw = ana.call("GET", f"/snapshots/{first['id']}/items/blob", params={"format": "raw"})
    assert raw.content == content.data
    best = ana.get(f"/projects/{project['id']}/snapshots", sort="-metric:acc")
    assert [one["name"] for one in best["items"]] == ["fit", "load"]
    found = ana.get(f"/projects/{project['id']}/snapshots", q="metric.acc>0.6 FIT")
    assert found["total"] == 1
    (pipeline,) = ana.get(f"/projects/{project['id']}/pipelines")["items"]
    assert len(pipeline["nodes"]) == 2
    detail = ana.get(f"/snapshots/{second['id']}")
    assert detail["parents"][0]["items"] == ["blob"]
    ana.call("PATCH", f"/snapshots/{second['id']}", 200, json={"tags": ["best"]})
    assert ana.get(f"/projects/{project['id']}/snapshots", tag="best")["total"] == 1
    bea = running.person("bea")
    assert bea.call("GET", f"/snapshots/{first['id']}").status_code == 404
    ana.call("PUT", f"/projects/{project['id']}/members/bea", 200, json={"role": "viewer"})
    assert bea.call("GET", f"/snapshots/{first['id']}").status_code == 200
    (token,) = bea.get("/tokens")["items"]
    bea.browser.delete(f"{running.api}/tokens/{token['id']}").raise_for_status()
    assert bea.call("GET", f"/snapshots/{first['id']}").status_code == 401
    ana.call("DELETE", f"/snapshots/{second['id']}", 204)
    assert ana.get(f"/projects/{project['id']}/snapshots")["total"] == 1
    return project, first, content


def test_sqlite_and_a_folder(start_dashboard, sent, manifest):
    core_flow(start_dashboard(), sent, manifest)


def test_postgresql_and_s3_with_two_workers(start_dashboard, postgresql_url, s3, sent, manifest):
    running = start_dashboard(
        "--database-url",
        postgresql_url,
        "--objects",
        "s3://etiq/team",
        "--workers",
        "2",
        env=os.environ | s3,
    )
    ana = running.person("ana")
    project, _first, _ = core_flow(running, sent, manifest)
    manifests = [manifest(project, f"s{number}") for number in range(60)]
    secret = ana.token("many")

    def put(one):
        headers = {"Authorization": f"Bearer {secret}"}
        url = f"{running.api}/snapshots/{one['id']}"
        return requests.put(url, json=one, headers=headers, timeout=30).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(put, manifests)) == {201}
        assert set(pool.map(put, manifests)) == {200}
    listed = ana.get(f"/projects/{project['id']}/snapshots", limit=200)
    numbers = [int(one["short_id"][4:]) for one in listed["items"]]
    assert len(set(numbers)) == len(numbers) == 61
    # A token deleted through one worker is dead at all of them.
    (token,) = [one for one in ana.get("/tokens")["items"] if one["name"] == "many"]
    ana.browser.delete(f"{running.api}/tokens/{token['id']}").raise_for_status()
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(put, manifests[:16])) == {401}


def test_events_cross_processes_on_postgresql(start_dashboard, postgresql_url, manifest):
    options = ("--database-url", postgresql_url)
    first = start_dashboard(*options)
    ana = first.person("ana")
    second = start_dashboard(*options)
    project = ana.call("POST", "/projects/open", 201, json={"name": "Events"})
    headers = dict(ana.client.headers)
    with requests.get(f"{second.api}/events", headers=headers, stream=True, timeout=20) as stream:
        lines = stream.iter_lines()
        assert next(lines).startswith(b"retry")
        one = manifest(project)
        # The other process begins to listen a moment after it answers: repeat until heard.
        stop = threading.Event()

        def change():
            ana.call("PUT", f"/snapshots/{one['id']}", 201, json=one)
            while not stop.wait(0.3):
                ana.call("PATCH", f"/snapshots/{one['id']}", 200, json={"note": "again"})

        thread = threading.Thread(target=change)
        thread.start()
        try:
            assert any(line == b"event: snapshot" for line in lines)
            assert one["id"] in next(lines).decode()
        finally:
            stop.set()
            thread.join()


def test_events_reach_an_open_page(dashboard, manifest):
    ana = dashboard.person("ana")
    project = ana.call("POST", "/projects/open", json={"name": "Live"}).json()
    cookies = ana.browser.cookies
    with requests.get(f"{dashboard.api}/events", cookies=cookies, stream=True, timeout=20) as page:
        assert page.headers["content-type"].startswith("text/event-stream")
        lines = page.iter_lines()
        assert next(lines).startswith(b"retry")
        one = manifest(project)
        ana.call("PUT", f"/snapshots/{one['id']}", 201, json=one)
        assert any(line == b"event: snapshot" for line in lines)
        assert one["id"] in next(lines).decode()


def test_what_was_receipted_survives_a_kill(start_dashboard, sent, manifest):
    running = start_dashboard()
    project, _first, _content = core_flow(running, sent, manifest)
    ana = running.person("ana")
    receipted, stop = [], threading.Event()

    def write():
        while not stop.is_set():
            one = manifest(project)
            try:
                if ana.call("PUT", f"/snapshots/{one['id']}", json=one).status_code == 201:
                    receipted.append(one)
            except requests.RequestException:
                return

    thread = threading.Thread(target=write)
    thread.start()
    while len(receipted) < 20:
        stop.wait(0.01)
    running.stop(signal.SIGKILL)
    stop.set()
    thread.join()
    running.start()
    page = ana.get(f"/projects/{project['id']}/snapshots", limit=1000)
    held = {one["id"] for one in page["items"]}
    assert {one["id"] for one in receipted} <= held
    assert page["total"] == len(held)
    for one in receipted[-5:]:
        ana.call("PUT", f"/snapshots/{one['id']}", 200, json=one)
    from etiq_jupyter.dashboard.administration import check

    assert check(data_dir=running.data).sound


def test_it_ends_at_once_also_with_open_streams(start_dashboard):
    running = start_dashboard()
    ana = running.person("ana")
    headers = dict(ana.client.headers)
    with requests.get(f"{running.api}/events", headers=headers, stream=True, timeout=20) as page:
        next(page.iter_lines())
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(8) is not None


def test_the_ready_file_holds_the_address_and_no_secret(start_dashboard, tmp_path):
    running = start_dashboard("--ready-file", str(tmp_path / "ready.json"))
    text = (tmp_path / "ready.json").read_text()
    assert running.url in text
    assert "secret" not in text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--workers", "2"], "needs PostgreSQL"),
        (["--database-url", "postgresql://nobody@127.0.0.1:9/x"], "database cannot be opened"),
        (["--objects", "gopher://x"], "cannot be opened"),
    ],
)
def test_a_start_that_cannot_work_ends_with_words(tmp_path, options, words):
    import subprocess
    import sys

    command = [sys.executable, "-m", "etiq_jupyter.dashboard", "--data-dir", str(tmp_path / "d")]
    command += ["--port", "0", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr
