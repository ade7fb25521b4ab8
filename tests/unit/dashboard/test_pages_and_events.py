"""The single page app, OpenAPI, security headers, server-sent events."""

from __future__ import annotations

import asyncio
import inspect
import json

import pytest

from etiq_jupyter.dashboard.app import ALL_ROUTES
from etiq_jupyter.dashboard.web import openapi, pages


@pytest.fixture
def built(tmp_path, monkeypatch):
    static = tmp_path / "static"
    (static / "assets").mkdir(parents=True)
    (static / "index.html").write_text("<!doctype html><title>app</title>")
    (static / "assets" / "index-D4f3k2Lm.js").write_text("1")
    (static / "favicon.svg").write_text("<svg/>")
    (tmp_path / "secret.txt").write_text("for nobody")
    monkeypatch.setattr(pages, "STATIC", static)


def test_every_address_is_the_app_and_files_are_files(house, built):
    client = house.new_client()
    for path in (
        "/",
        "/p/PRJ-3",
        "/s/SNP-42",
        "/compare/SNP-1/SNP-2",
        "/tokens",
        "/setup?secret=x",
    ):
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert answer.text == "<!doctype html><title>app</title>"
        assert answer.headers["cache-control"] == "no-store"
    asset = client.get("/assets/index-D4f3k2Lm.js")
    assert "immutable" in asset.headers["cache-control"]
    assert "immutable" not in client.get("/favicon.svg").headers["cache-control"]
    assert client.get("/assets/index-gone0000.js").status_code == 404


def test_nothing_outside_the_folder_is_served(house, built):
    client = house.new_client()
    for path in ("/../secret.txt", "/%2e%2e/secret.txt", "/assets/..%2f..%2fsecret.txt", "/%00"):
        assert "for nobody" not in client.get(path).text


def test_unknown_api_paths_are_problems_and_not_pages(house, built):
    client = house.new_client()
    for path in ("/api/v1/nope", "/api/v2/me", "/api", "/api/"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
    wrong_method = client.patch("/api/v1/sign-in")
    assert wrong_method.status_code == 405
    assert wrong_method.json()["code"] == "invalid"


def test_a_dashboard_without_built_pages_says_so(house, tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "STATIC", tmp_path / "nothing")
    assert "have not been built" in house.new_client().get("/").text


def test_security_headers_are_on_every_answer(house, built):
    client = house.new_client()
    for path in ("/", "/assets/index-D4f3k2Lm.js", "/api/v1/me", "/api/v1/nope"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "script-src 'self';" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-frame-options"] == "DENY"
        assert "server" not in headers


def test_openapi_names_every_endpoint_and_its_form(house):
    document = house.new_client().get("/api/v1/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    for domain in ALL_ROUTES:
        for endpoint in domain.endpoints:
            assert inspect.getdoc(endpoint.handler), endpoint.name
    operations = [
        operation["operationId"]
        for path in document["paths"].values()
        for operation in path.values()
    ]
    assert len(operations) == len(set(operations))
    listing = document["paths"]["/projects/{project}/snapshots"]["get"]
    names = {parameter["name"] for parameter in listing["parameters"]}
    assert names == {"project", "q", "tag", "run", "sort", "cursor", "limit"}
    text = json.dumps(document)
    for reference in {part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]}:
        assert reference in document["components"]["schemas"]
    assert openapi.describe(ALL_ROUTES) == document


async def events_of(house, person, act, count, timeout=5.0):
    """Read a stream in process while something happens."""
    headers = [
        (b"host", b"127.0.0.1:8765"),
        (b"authorization", f"Bearer {person.client.headers['Authorization'][7:]}".encode()),
    ]
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/api/v1/events",
        "raw_path": b"/api/v1/events",
        "query_string": b"",
        "headers": headers,
        "server": ("127.0.0.1", 8765),
        "client": ("127.0.0.1", 1),
        "scheme": "http",
        "http_version": "1.1",
        "root_path": "",
    }
    got, started = [], asyncio.Event()
    status = []

    async def send(message):
        if message["type"] == "http.response.start":
            status.append(message["status"])
        parts = message.get("body", b"").split(b"\n\n")
        got.extend(part.decode() for part in parts if part.startswith(b"event:"))
        started.set()

    async def receive():
        await asyncio.sleep(3600)

    task = asyncio.create_task(house.app(scope, receive, send))
    await asyncio.wait_for(started.wait(), timeout)
    await asyncio.sleep(0.05)
    await asyncio.to_thread(act)
    for _ in range(int(timeout / 0.02)):
        if len(got) >= count or task.done():
            break
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.05)
    task.cancel()
    return status[0], got


def test_events_reach_those_who_may_see_them(house, ana, bea):
    project = ana.project()
    ana.call("PUT", f"/projects/{project['id']}/members/bea", 200, json={"role": "viewer"})
    secret = ana.project("Secret")

    def act():
        ana.put(house.manifest(secret))
        ana.put(house.manifest(project))

    status, got = asyncio.run(events_of(house, bea, act, 1))
    assert status == 200
    (event,) = got
    assert event.startswith("event: snapshot")
    assert project["id"] in event


def test_a_stream_ends_when_its_token_is_deleted(house, ana):
    def act():
        (token,) = ana.get("/tokens")["items"]
        ana.browser.delete(f"/api/v1/tokens/{token['id']}")
        assert ana.browser.post("/api/v1/projects/open", json={"name": "after"}).status_code == 201

    _, got = asyncio.run(events_of(house, ana, act, 1, timeout=1.0))
    assert got == []


def test_a_stranger_gets_no_stream(house):
    assert house.new_client().get("/api/v1/events").status_code == 401


def test_a_listener_that_does_not_read_is_let_go():
    from etiq_jupyter.dashboard.events.hub import QUEUED, Event, Listener

    async def fill():
        listener = Listener("ana", asyncio.get_running_loop())
        for number in range(QUEUED + 1):
            listener.put(Event(kind="snapshot", id=str(number)))
        await asyncio.sleep(0)
        return await listener.next(1)

    assert asyncio.run(fill()) is None
