"""Logging a program in by a person at a browser."""

from __future__ import annotations

import re
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from sqlalchemy import text

from etiq_jupyter.dashboard.db import upgrade
from etiq_jupyter.dashboard.db.engine import Database
from etiq_jupyter.dashboard.identity import device, throttle
from etiq_jupyter.dashboard.identity.secrets import USER_CODE_LETTERS, is_token
from etiq_jupyter.errors import ExpiredCode


class Program:
    """A program that wants to be logged in."""

    def __init__(self, house, name="fit.ipynb on laptop"):
        # As `requests` sends: no cookie, no Origin, no Sec-Fetch headers.
        self.client = house.new_client(**{"Sec-Fetch-Site": ""})
        del self.client.headers["Sec-Fetch-Site"]
        answer = self.client.post("/api/v1/device/codes", json={"name": name})
        assert answer.status_code == 201, answer.text
        self.asked = answer.json()
        self.user_code = self.asked["user_code"]

    def poll(self):
        body = {"device_code": self.asked["device_code"]}
        return self.client.post("/api/v1/device/token", json=body)


@pytest.fixture
def program(house):
    return Program(house)


@pytest.fixture
def clock(monkeypatch):
    """A clock for the codes, that a test moves on."""

    class Clock:
        ahead = 0

        def advance(self, seconds):
            self.ahead += int(seconds * 1_000_000)

    made, real = Clock(), device.now
    monkeypatch.setattr(device, "now", lambda: real() + made.ahead)
    return made


@pytest.fixture
def one_window(monkeypatch):
    """No five minutes end while attempts are counted."""
    stopped = SimpleNamespace(time=lambda: 1_800_000_000.0)
    monkeypatch.setattr(throttle, "time", stopped)


def approve(person, code, verb="approve"):
    return person.browser.post(f"/api/v1/device/{verb}", json={"user_code": code})


def audited(settings, username):
    with sqlite3.connect(settings.data_dir / "dashboard.sqlite") as database:
        lines = database.execute(
            "SELECT action, detail FROM audit_log WHERE username = ? ORDER BY id", (username,)
        )
        return [(action, detail) for action, detail in lines if action != "sign-in"]


def test_an_approved_program_gets_a_token_once(house, ana, program):
    assert re.fullmatch(f"[{USER_CODE_LETTERS}]{{4}}-[{USER_CODE_LETTERS}]{{4}}", program.user_code)
    page = program.asked["verification_url"]
    assert page == "http://127.0.0.1:8765/device"
    assert program.asked["verification_url_complete"] == f"{page}?code={program.user_code}"
    waiting = program.poll()
    assert waiting.status_code == 400
    assert waiting.json()["code"] == "authorization_pending"

    seen = ana.browser.get(f"/api/v1/device/codes/{program.user_code}").json()
    assert seen["name"] == "fit.ipynb on laptop"
    assert seen["address"] == "testclient"
    assert seen["created_at"] < seen["expires_at"]
    assert "device_code" not in seen
    assert approve(ana, program.user_code).status_code == 204

    issued = program.poll()
    assert issued.status_code == 201
    assert is_token(issued.json()["secret"])
    assert issued.json()["token"]["scopes"] == ["read", "write"]
    me = house.new_client(issued.json()["secret"]).get("/api/v1/me").json()
    assert me["user"]["username"] == "ana"
    assert me["token"]["name"] == "fit.ipynb on laptop"
    again = program.poll()
    assert (again.status_code, again.json()["code"]) == (400, "expired_token")


def test_of_many_that_ask_at_once_one_gets_the_token(house, ana, program):
    assert approve(ana, program.user_code).status_code == 204

    def redeem(_):
        try:
            return house.services.devices.redeem(program.asked["device_code"], "")
        except ExpiredCode:
            return None

    with ThreadPoolExecutor(8) as pool:
        got = [issued for issued in pool.map(redeem, range(8)) if issued]
    assert len(got) == 1


def test_what_is_typed_may_be_spelled_differently(ana, program):
    letters = program.user_code.replace("-", "").lower()
    for spelling in (letters, f" {letters[:2]} {letters[2:]} "):
        assert ana.browser.get(f"/api/v1/device/codes/{spelling}").status_code == 200


def test_a_denied_program_is_told_so(ana, program):
    assert approve(ana, program.user_code, "deny").status_code == 204
    for _ in range(2):
        denied = program.poll()
        assert (denied.status_code, denied.json()["code"]) == (400, "access_denied")
    assert approve(ana, program.user_code).status_code == 404


def test_codes_expire_before_and_after_the_approval(ana, house, program, clock):
    late = Program(house)
    assert approve(ana, late.user_code).status_code == 204
    clock.advance(device.SECONDS + 1)
    assert program.poll().json()["code"] == "expired_token"
    assert late.poll().json()["code"] == "expired_token"
    assert approve(ana, program.user_code).status_code == 404
    assert ana.browser.get(f"/api/v1/device/codes/{program.user_code}").status_code == 404
    Program(house)
    with house.services.database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM device_codes")).scalar() == 1


def test_the_first_answer_counts_and_is_nobody_elses(ana, bea, program):
    assert approve(ana, program.user_code).status_code == 204
    for verb in ("approve", "deny"):
        assert approve(bea, program.user_code, verb).status_code == 404
    assert bea.browser.get(f"/api/v1/device/codes/{program.user_code}").status_code == 404
    assert program.poll().status_code == 201
    names = [token["name"] for token in ana.get("/tokens")["items"]]
    assert "fit.ipynb on laptop" in names
    assert "fit.ipynb on laptop" not in [token["name"] for token in bea.get("/tokens")["items"]]


def test_what_nobody_waits_under_looks_the_same_whatever_it_is(ana, program, house, clock):
    clock.advance(device.SECONDS + 1)
    answers = [
        ana.browser.get(f"/api/v1/device/codes/{code}")
        for code in (program.user_code, "BCDF-GHJK", "AEIO-UAEI", "%00", "x" * 99, "ß")
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1


def test_asking_too_often_slows_the_program_down(ana, program, clock):
    codes = [program.poll().json()["code"] for _ in range(2)]
    assert codes == ["authorization_pending", "slow_down"]
    clock.advance(device.INTERVAL)
    assert program.poll().json()["code"] == "slow_down"
    clock.advance(device.INTERVAL + 2 * device.SLOWER)
    assert program.poll().json()["code"] == "authorization_pending"
    for _ in range(20):
        assert program.poll().json()["code"] == "slow_down"
    clock.advance(device.SLOWEST)
    assert program.poll().json()["code"] == "authorization_pending"
    assert approve(ana, program.user_code).status_code == 204
    assert program.poll().status_code == 201


def test_only_somebody_at_a_browser_of_this_dashboard_answers(house, ana, program):
    body = {"user_code": program.user_code}
    stranger = house.new_client()
    assert stranger.get(f"/api/v1/device/codes/{program.user_code}").status_code == 401
    for verb in ("approve", "deny"):
        assert stranger.post(f"/api/v1/device/{verb}", json=body).status_code == 401
        with_token = ana.call("POST", f"/device/{verb}", json=body)
        assert with_token.status_code == 403
        other_site = ana.browser.post(
            f"/api/v1/device/{verb}", json=body, headers={"Sec-Fetch-Site": "cross-site"}
        )
        assert other_site.status_code == 403
    assert ana.call("GET", f"/device/codes/{program.user_code}").status_code == 403
    assert program.poll().json()["code"] == "authorization_pending"


def test_guessing_codes_is_limited_also_between_right_ones(one_window, ana, bea, program):
    url = "/api/v1/device/codes"
    for _ in range(device.GUESSES_PER_PERSON):
        assert ana.browser.get(f"{url}/BCDF-GHJK").status_code == 404
    refused = approve(ana, "BCDF-GHJL")
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    assert ana.browser.get(f"{url}/{program.user_code}").status_code == 429
    for _ in range(device.GUESSES_PER_PERSON + 5):
        assert bea.browser.get(f"{url}/{program.user_code}").status_code == 200
    for _ in range(device.GUESSES_PER_PERSON):
        assert bea.browser.get(f"{url}/BCDF-GHJK").status_code == 404
        assert bea.browser.get(f"{url}/{program.user_code}").status_code in (200, 429)
    assert bea.browser.get(f"{url}/BCDF-GHJK").status_code == 429


def test_asking_for_codes_is_limited(one_window, house, program, monkeypatch):
    monkeypatch.setattr(device, "NEW_PER_ADDRESS", 3)
    Program(house)
    Program(house)
    refused = program.client.post("/api/v1/device/codes", json={})
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")


def test_the_number_of_waiting_codes_is_bounded(house, clock, monkeypatch):
    monkeypatch.setattr(device, "OUTSTANDING", 2)
    first = Program(house)
    Program(house)
    assert first.client.post("/api/v1/device/codes", json={}).status_code == 429
    clock.advance(device.SECONDS + 1)
    Program(house)


@pytest.mark.parametrize("name", ["\u202egnp.exe", "a\x00b", "x" * 201])
def test_names_that_cannot_be_shown_are_refused(house, program, name):
    refused = program.client.post("/api/v1/device/codes", json={"name": name})
    assert refused.status_code == 422


def test_the_disk_holds_neither_device_code_nor_token(ana, program, settings):
    assert approve(ana, program.user_code).status_code == 204
    stored = b"".join(path.read_bytes() for path in settings.data_dir.glob("dashboard.sqlite*"))
    assert program.user_code.replace("-", "").encode() in stored
    assert program.asked["device_code"].encode() not in stored
    with sqlite3.connect(settings.data_dir / "dashboard.sqlite") as database:
        before = database.execute("SELECT count(*) FROM tokens").fetchone()
        assert before == (1,)  # her own; an approved program has none until it fetches it
    secret = program.poll().json()["secret"]
    stored = b"".join(path.read_bytes() for path in settings.data_dir.glob("dashboard.sqlite*"))
    assert secret.encode() not in stored
    assert program.asked["device_code"].encode() not in stored


def test_answers_and_tokens_are_in_the_audit_log(house, ana, program, settings):
    refused = Program(house, "somebody else's")
    assert approve(ana, refused.user_code, "deny").status_code == 204
    assert approve(ana, program.user_code).status_code == 204
    assert program.poll().status_code == 201
    lines = audited(settings, "ana")[-3:]
    assert [action for action, _ in lines] == ["device.deny", "device.approve", "token.issue"]
    assert "somebody else's" in lines[0][1]
    assert "testclient" in lines[1][1]
    whole = str(lines)
    assert program.asked["device_code"] not in whole


def test_a_database_of_before_gets_the_table_and_keeps_what_it_has(tmp_path):
    path = tmp_path / "dashboard.sqlite"
    database = Database(f"sqlite:///{path}")
    upgrade.migrate(database, "0001")
    with database.write() as tx:
        tx.execute(text("UPDATE counters SET value = 7 WHERE prefix = 'SNP'"))
    assert upgrade.upgrade(database, path) == "migrated"
    with database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM device_codes")).scalar() == 0
        kept = connection.execute(text("SELECT value FROM counters WHERE prefix = 'SNP'"))
        assert kept.scalar() == 7
    database.close()
