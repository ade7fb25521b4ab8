"""Codes that one process gives out are answered and redeemed at another."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import requests

from etiq_jupyter.dashboard.db import upgrade
from etiq_jupyter.dashboard.db.engine import Database


def test_a_migrated_database_serves_device_codes_at_every_process(start_dashboard, postgresql_url):
    older = Database(postgresql_url.replace("postgresql://", "postgresql+psycopg://"))
    upgrade.migrate(older, "0001")
    older.close()
    first = start_dashboard("--database-url", postgresql_url)
    second = start_dashboard("--database-url", postgresql_url)
    ana = first.person("ana")
    asked = requests.post(
        f"{first.api}/device/codes", json={"name": "fit.ipynb"}, timeout=20
    ).json()
    secret = {"device_code": asked["device_code"]}

    def poll(where):
        answer = requests.post(f"{where.api}/device/token", json=secret, timeout=20)
        return answer.status_code, answer.json().get("code")

    assert poll(second) == (400, "authorization_pending")
    assert poll(first) == (400, "slow_down")
    headers = {"Origin": second.url}
    seen = requests.get(
        f"{second.api}/device/codes/{asked['user_code']}",
        cookies=ana.browser.cookies,
        headers=headers,
        timeout=20,
    )
    assert seen.json()["name"] == "fit.ipynb"
    approved = requests.post(
        f"{second.api}/device/approve",
        json={"user_code": asked["user_code"]},
        cookies=ana.browser.cookies,
        headers=headers,
        timeout=20,
    )
    assert approved.status_code == 204, approved.text
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(poll, [first, second] * 8))
    assert sorted(answers) == [(201, None), *[(400, "expired_token")] * 15]
