"""Access tokens: made, shown once, used, expired, rotated, deleted."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from etiq_jupyter.dashboard.identity import secrets


def test_E01_a_token_is_made_from_its_name_and_shown(ana):
    answer = ana.browser.post("/api/v1/tokens", json={"name": "  laptop "})
    assert answer.status_code == 201
    made = answer.json()
    assert made["token"]["name"] == "laptop"
    assert made["token"]["scopes"] == ["read", "write"]
    assert made["secret"].endswith(made["token"]["last_chars"])
    assert made["dashboard_url"] == "http://127.0.0.1:8765"
    headers = {"Authorization": f"Bearer {made['secret']}"}
    me = ana.house.new_client().get("/api/v1/me", headers=headers).json()
    assert me["user"]["username"] == "ana"
    assert me["token"]["id"] == made["token"]["id"]


def test_E02_the_text_of_a_token_cannot_be_had_again(ana, settings):
    secret = ana.token("laptop")
    page = ana.browser.get("/api/v1/tokens")
    assert secret not in page.text
    assert {token["name"] for token in page.json()["items"]} == {"laptop", "all"}
    ana.house.services.close()
    files = [path for path in Path(settings.data_dir).rglob("*") if path.is_file()]
    assert files
    for path in files:
        assert secret.encode() not in path.read_bytes(), path
        assert secret[4:36].encode() not in path.read_bytes(), path


def test_E13_a_deleted_token_is_dead_at_once(house, ana):
    secret = ana.token("laptop")
    client = house.new_client(secret)
    assert client.get("/api/v1/me").status_code == 200
    (token,) = [t for t in ana.get("/tokens")["items"] if t["name"] == "laptop"]
    assert ana.browser.delete(f"/api/v1/tokens/{token['id']}").status_code == 204
    refused = client.get("/api/v1/me")
    assert refused.status_code == 401
    assert refused.json()["code"] == "unauthorized"
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")
    project = ana.project()
    manifest = house.manifest(project)
    assert client.put(f"/api/v1/snapshots/{manifest['id']}", json=manifest).status_code == 401
    assert ana.get(f"/projects/{project['id']}/snapshots")["total"] == 0


def test_tokens_have_160_random_bits_and_a_checksum():
    made = {secrets.new_token() for _ in range(200)}
    assert len(made) == 200
    for text in made:
        assert secrets.PATTERN.fullmatch(text)
        assert secrets.is_token(text)
        wrong = "a" if text[10] != "a" else "b"
        assert not secrets.is_token(text[:10] + wrong + text[11:])


def test_a_mistyped_token_is_told_from_an_unknown_one(house):
    known_form = house.new_client(secrets.new_token()).get("/api/v1/me").json()
    assert "does not know this token" in known_form["what"]
    cut = house.new_client(secrets.new_token()[:-3]).get("/api/v1/me").json()
    assert "not an access token" in cut["what"]


def test_an_expired_token_says_that_it_has_expired(house, ana, monkeypatch):
    soon = datetime.now(timezone.utc) + timedelta(hours=1)
    secret = ana.token("short", expires_at=soon.isoformat())
    client = house.new_client(secret)
    assert client.get("/api/v1/me").status_code == 200
    later = int((soon + timedelta(seconds=1)).timestamp() * 1_000_000)
    monkeypatch.setattr("etiq_jupyter.dashboard.identity.people.now", lambda: later)
    answer = client.get("/api/v1/me")
    assert answer.status_code == 401
    assert "expired" in answer.json()["what"]


def test_rotation_keeps_name_and_scopes_and_kills_the_old_text(house, ana):
    old = ana.token("ci", ["read"])
    (token,) = [t for t in ana.get("/tokens")["items"] if t["name"] == "ci"]
    made = ana.call("POST", f"/tokens/{token['id']}/rotate", 200)
    assert (made["token"]["name"], made["token"]["scopes"]) == ("ci", ["read"])
    assert made["token"]["id"] == token["id"]
    assert house.new_client(old).get("/api/v1/me").status_code == 401
    assert house.new_client(made["secret"]).get("/api/v1/me").status_code == 200


def test_scopes_are_enforced(house, ana):
    project = ana.project()
    reader = house.new_client(ana.token("reader", ["read"]))
    assert reader.get(f"/api/v1/projects/{project['id']}").status_code == 200
    manifest = house.manifest(project)
    refused = reader.put(f"/api/v1/snapshots/{manifest['id']}", json=manifest)
    assert refused.status_code == 403
    assert "write" in refused.json()["what"]
    assert reader.post("/api/v1/projects/open", json={"name": "New"}).status_code == 403
    writer = house.new_client(ana.token("writer"))
    assert writer.put(f"/api/v1/snapshots/{manifest['id']}", json=manifest).status_code == 201
    assert writer.get("/api/v1/tokens").status_code == 403
    assert reader.delete(f"/api/v1/projects/{project['id']}").status_code == 403


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"name": ""}, "$.name"),
        ({"name": "   "}, "$.name"),
        ({"name": "x" * 201}, "$.name"),
        ({"name": "tab\tinside"}, "$.name"),
        ({"name": "right\u202eleft"}, "$.name"),
        ({"name": "x", "scopes": ["root"]}, "$.scopes"),
        ({"name": "x", "scopes": []}, "$.scopes"),
        ({"name": "x", "expires_at": "2001-01-01T00:00:00Z"}, "$.expires_at"),
        ({"name": "x", "expires_at": "tomorrow"}, "$.expires_at"),
        ({}, ""),
    ],
)
def test_bad_tokens_are_refused_with_the_place_of_the_fault(ana, body, path):
    answer = ana.call("POST", "/tokens", json=body)
    assert answer.status_code == 422
    assert answer.json().get("path", "") == path


def test_somebody_elses_token_is_not_there(ana, bea):
    (token,) = ana.get("/tokens")["items"]
    assert bea.call("DELETE", f"/tokens/{token['id']}").status_code == 404
    assert bea.call("POST", f"/tokens/{token['id']}/rotate").status_code == 404
    assert ana.get("/tokens")["total"] == 1


def test_last_use_is_written_at_most_once_a_minute(house, ana, monkeypatch):
    client = house.new_client(ana.token("laptop"))
    written = []
    monkeypatch.setattr(house.services.people, "mark_used", written.append)
    client.get("/api/v1/me")
    assert len(written) == 1
    monkeypatch.undo()
    client.get("/api/v1/me")
    monkeypatch.setattr(house.services.people, "mark_used", written.append)
    client.get("/api/v1/me")
    assert len(written) == 1


def test_tokens_are_paged(ana):
    for number in range(5):
        ana.token(f"t{number}")
    first = ana.get("/tokens", limit=4)
    rest = ana.get("/tokens", limit=4, cursor=first["next_cursor"])
    names = [token["name"] for token in first["items"] + rest["items"]]
    assert names == ["t4", "t3", "t2", "t1", "t0", "all"]
    assert first["total"] == rest["total"] == 6
    assert rest["next_cursor"] is None
