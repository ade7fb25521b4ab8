"""Set-up, accounts, browser sessions, limits on attempts, refusal of other sites."""

from __future__ import annotations

import sqlite3
from types import SimpleNamespace

import pytest

from etiq_jupyter.dashboard.identity import throttle
from etiq_jupyter.dashboard.web.guards import COOKIE

PASSWORD = "correct horse battery staple"
FIRST = {"username": "ana", "email": "ana@example.org", "password": PASSWORD}


@pytest.fixture(autouse=True)
def one_window(monkeypatch):
    """Stop the limiter's clock: a test that crosses the end of a window would count anew."""
    monkeypatch.setattr(throttle, "time", SimpleNamespace(time=lambda: 1_800_000_000.0))


def test_the_set_up_link_makes_the_first_account_once(house):
    client = house.new_client()
    wrong = client.post("/api/v1/setup", json=FIRST | {"secret": "guess"})
    assert wrong.status_code == 403
    done = client.post("/api/v1/setup", json=FIRST | {"secret": "the-setup-secret"})
    assert done.status_code == 201
    assert done.json()["user"]["admin"] is True
    assert client.get("/api/v1/me").status_code == 200
    again = client.post(
        "/api/v1/setup", json=FIRST | {"username": "eve", "secret": "the-setup-secret"}
    )
    assert again.status_code == 403


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(house, ana):
    client = house.new_client()
    answer = client.post("/api/v1/sign-in", json={"username": "ANA", "password": PASSWORD})
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert client.get("/api/v1/me").json()["scopes"] == ["admin", "read", "write"]
    stolen = client.cookies[COOKIE]
    assert client.post("/api/v1/sign-out").status_code == 204
    client.cookies.set(COOKIE, stolen)
    assert client.get("/api/v1/me").status_code == 401


def test_a_wrong_password_and_an_unknown_name_sound_the_same(house, ana):
    client = house.new_client()
    answers = [
        client.post("/api/v1/sign-in", json={"username": name, "password": "not it at all"}).json()
        for name in ("ana", "nobody")
    ]
    assert answers[0] == answers[1]
    assert answers[0]["code"] == "unauthorized"


def test_attempts_are_limited(house, ana):
    client = house.new_client()
    body = {"username": "ana", "password": "not it at all"}
    statuses = [
        client.post("/api/v1/sign-in", json=body).status_code
        for _ in range(throttle.PER_PERSON_AND_ADDRESS + 1)
    ]
    assert statuses == [401] * throttle.PER_PERSON_AND_ADDRESS + [429]
    right = client.post("/api/v1/sign-in", json=body | {"password": PASSWORD})
    assert right.status_code == 429
    assert right.json()["code"] == "rate_limited"
    assert 0 < int(right.headers["Retry-After"]) <= throttle.WINDOW
    assert int(right.headers["Retry-After"]) == right.json()["retry_after"]
    issue = client.post(
        "/api/v1/tokens/issue", json={"username": "ana", "password": PASSWORD, "name": "x"}
    )
    assert issue.status_code == 429


def test_a_success_forgives_earlier_failures(house, ana):
    client = house.new_client()
    for _ in range(3):
        for _ in range(throttle.PER_PERSON_AND_ADDRESS - 1):
            client.post("/api/v1/sign-in", json={"username": "ana", "password": "wrong one"})
        good = client.post("/api/v1/sign-in", json={"username": "ana", "password": PASSWORD})
        assert good.status_code == 200


def test_a_script_gets_a_token_by_name_and_password(house, ana):
    client = house.new_client()
    body = {"username": "ana", "password": PASSWORD, "name": "script"}
    made = client.post("/api/v1/tokens/issue", json=body)
    assert made.status_code == 201
    me = house.new_client(made.json()["secret"]).get("/api/v1/me").json()
    assert me["scopes"] == ["read", "write"]


def test_registration_only_where_it_is_allowed(house, ana, monkeypatch):
    client = house.new_client()
    body = {"username": "carl", "email": "", "password": PASSWORD}
    assert client.post("/api/v1/register", json=body).status_code == 403
    object.__setattr__(house.services.settings, "allow_registration", True)
    assert client.post("/api/v1/register", json=body).status_code == 201
    taken = house.new_client().post("/api/v1/register", json=body | {"username": "CARL"})
    assert taken.status_code == 409
    for bad in ("", "-x", "a b", "a/b", "x" * 65, "ünï"):
        answer = house.new_client().post("/api/v1/register", json=body | {"username": bad})
        assert answer.status_code == 422, bad
        assert answer.json()["path"] == "$.username"
    for bad in ("short", "someone.else.1234"):
        answer = house.new_client().post(
            "/api/v1/register", json=body | {"username": "someone.else.1234", "password": bad}
        )
        assert answer.status_code == 422
        assert answer.json()["path"] == "$.password"


def test_writes_from_other_sites_are_refused(house, ana):
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "", "Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "", "Origin": "null"},
    ):
        client = house.new_client(**headers)
        if not headers["Sec-Fetch-Site"]:
            del client.headers["Sec-Fetch-Site"]
        client.cookies = ana.browser.cookies
        answer = client.post("/api/v1/projects/open", json={"name": "planted"})
        assert answer.status_code == 403, headers
        assert client.get("/api/v1/me").status_code == 200
    same = house.new_client(Origin="http://127.0.0.1:8765")
    del same.headers["Sec-Fetch-Site"]
    same.cookies = ana.browser.cookies
    assert same.post("/api/v1/projects/open", json={"name": "mine"}).status_code == 201


def test_a_foreign_host_name_is_refused_on_loopback(house, ana):
    client = house.new_client(Host="evil.example:8765")
    assert client.get("/api/v1/me").status_code == 422
    assert client.get("/").status_code == 422
    for host in ("localhost:8765", "127.0.0.1:99", "[::1]:8765"):
        assert house.new_client(Host=host).get("/api/v1/openapi.json").status_code == 200


def test_passwords_are_argon2id_and_sessions_are_hashes(house, ana, settings):
    with sqlite3.connect(settings.sqlite_path) as connection:
        (password,) = connection.execute("SELECT password FROM users").fetchone()
        (session,) = connection.execute("SELECT hash FROM browser_sessions").fetchone()
    assert password.startswith("$argon2id$")
    assert session != ana.browser.cookies[COOKIE]
    assert len(session) == 64


def test_who_did_what_is_in_the_audit_log(house, ana, bea, settings):
    project = ana.project()
    ana.call("PUT", f"/projects/{project['id']}/members/bea", 200, json={"role": "viewer"})
    ana.call("DELETE", f"/projects/{project['id']}/members/bea", 204)
    house.new_client().post("/api/v1/sign-in", json={"username": "ana", "password": "wrong one"})
    (token,) = ana.get("/tokens")["items"]
    ana.call("DELETE", f"/projects/{project['id']}", 204)
    ana.browser.delete(f"/api/v1/tokens/{token['id']}")
    with sqlite3.connect(settings.sqlite_path) as connection:
        lines = connection.execute("SELECT action, username FROM audit_log ORDER BY id").fetchall()
    actions = [action for action, username in lines if username == "ana"]
    assert actions == [
        "user.add",
        "sign-in",
        "token.issue",
        "member.set",
        "member.remove",
        "sign-in.failed",
        "project.delete",
        "token.delete",
    ]


def test_user_names_are_found_by_their_beginning_without_addresses(ana, bea):
    assert [user["username"] for user in ana.get("/users", q="BE")["items"]] == ["bea"]
    assert ana.get("/users", q="be")["items"][0]["email"] == ""
    assert ana.call("GET", "/users", params={"q": "b"}).status_code == 422
    assert ana.get("/users", q="%%")["items"] == []
