"""Getting in, and access tokens: made, seen once, used, deleted."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import requests
from dashboard_process import PASSWORD, Dashboard, Team, sign_in
from playwright.sync_api import Page, expect

import etiq_jupyter as etiq
from etiq_jupyter.errors import AuthError

pytestmark = pytest.mark.browser


def test_the_set_up_link_makes_the_first_user_and_leaves_no_secret_behind(
    page: Page, fresh: Dashboard
) -> None:
    page.goto(fresh.setup_url)
    expect(page).to_have_url(f"{fresh.url}/setup")
    page.get_by_label("Username").fill("ana")
    page.get_by_label("Email").fill("ana@example.org")
    page.get_by_label("Password").fill("short")
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("alert")).to_contain_text("password")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("heading", name="No projects yet")).to_be_visible()
    expect(page.get_by_label("Lines to log in", exact=True)).to_contain_text(fresh.url)

    page.goto(fresh.setup_url)
    page.get_by_label("Username").fill("eve")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("alert")).to_contain_text("link")


def test_the_empty_dashboard_becomes_the_list_when_the_first_snapshot_arrives(
    page: Page, fresh: Dashboard
) -> None:
    ana = fresh.first_user("ana")
    sign_in(page, fresh.url, "ana")
    expect(page.get_by_text("Waiting for the first snapshot")).to_be_visible()
    page.evaluate("window.notReloaded = true")
    ana.open_project("First steps").snapshot("hello", "answer = 42", {"answer": 42})
    expect(page.get_by_role("link", name="First steps")).to_be_visible()
    assert page.evaluate("window.notReloaded")


def test_a_wrong_password_is_told_and_a_right_one_leads_to_the_page_asked_for(
    page: Page, team: Team
) -> None:
    sign_in(page, f"{team.url}/tokens", "ana", "not it at all")
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Access tokens")).to_be_visible()
    expect(page).to_have_title("Access tokens · Etiq")


def test_signing_out_ends_the_session_and_forgets_what_was_shown(page: Page, team: Team) -> None:
    sign_in(page, team.url, "ana")
    expect(page.get_by_role("link", name="Churn model")).to_be_visible()
    page.get_by_role("button", name="Account of ana").click()
    page.get_by_role("menuitem", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.goto(team.url)
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.get_by_label("Username").fill("bea")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Account of bea")).to_be_visible()
    expect(page.get_by_role("link", name="Churn model")).to_have_count(0)


def test_a_token_is_seen_once_works_and_is_dead_when_deleted(
    as_ana: Page, team: Team, tmp_path: Path
) -> None:
    page = as_ana
    page.goto(f"{team.url}/tokens")
    page.get_by_label("Token name").fill("laptop")
    page.get_by_role("button", name="Add").click()
    secret = page.get_by_role("textbox", name="Access token").input_value()
    assert re.fullmatch(r"etq_\w{20,}", secret)
    expect(page.get_by_text("You can't view it again after you leave this page")).to_be_visible()
    expect(page.get_by_label("Environment lines", exact=True)).to_contain_text(
        f"ETIQ_TOKEN={secret}"
    )
    with page.expect_download() as download:
        page.get_by_role("button", name="Download JSON").click()
    config = tmp_path / "etiq-config.json"
    download.value.save_as(config)
    assert json.loads(config.read_text()) == {"host": team.url, "api_token": secret}
    row = page.get_by_role("row").filter(has_text="laptop")
    last_used = row.get_by_role("cell").nth(4)
    expect(last_used).to_have_text("never")
    expect(row).to_contain_text(f"…{secret[-4:]}")

    session = etiq.login(team.url, secret)
    assert "Churn model" in [project.name for project in etiq.projects.get_all_projects()]
    assert secret not in repr(session)

    page.reload()
    expect(row.get_by_role("button", name="Delete laptop")).to_be_visible()
    expect(last_used).not_to_have_text("never")
    assert secret not in page.content()
    expect(page.get_by_role("textbox", name="Access token")).to_have_count(0)

    row.get_by_role("button", name="Delete laptop").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)
    etiq.logout(wait=0)
    with pytest.raises(AuthError):
        etiq.login(team.url, secret)


def test_rotating_a_token_kills_the_old_one(as_ana: Page, team: Team) -> None:
    issued = team.ana.send("POST", "/tokens", json={"name": "nightly job"})
    page = as_ana
    page.goto(f"{team.url}/tokens")
    page.get_by_role("button", name="Rotate nightly job").click()
    page.get_by_role("dialog").get_by_role("button", name="Rotate").click()
    renewed = page.get_by_role("textbox", name="Access token").input_value()
    assert renewed != issued["secret"]

    def status(secret: str) -> int:
        headers = {"Authorization": f"Bearer {secret}"}
        return requests.get(f"{team.url}/api/v1/me", headers=headers, timeout=10).status_code

    assert (status(renewed), status(issued["secret"])) == (200, 401)


def test_leaving_the_tokens_page_forgets_the_token(as_ana: Page, team: Team) -> None:
    page = as_ana
    page.goto(f"{team.url}/tokens")
    page.get_by_label("Token name").fill("seen once")
    page.get_by_role("button", name="Add").click()
    secret = page.get_by_role("textbox", name="Access token").input_value()
    page.get_by_role("link", name="Projects").click()
    expect(page.get_by_role("heading", name="Projects")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("row").filter(has_text="seen once")).to_be_visible()
    assert secret not in page.content()
    stored = page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
    )
    assert secret not in stored


def test_a_session_that_ends_elsewhere_asks_to_sign_in_again(page: Page, team: Team) -> None:
    sign_in(page, f"{team.url}/tokens", "bea")
    expect(page.get_by_role("heading", name="Access tokens")).to_be_visible()
    page.get_by_label("Token name").fill("too late")
    page.context.clear_cookies()
    # Once the page has noticed by itself, there is no button to click.
    add = page.get_by_role("button", name="Add")
    add.evaluate_all("all => all.forEach(button => button.click())")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
