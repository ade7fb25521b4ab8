"""Captured content is hostile; and the pages are for everybody: contrast, names, keys, width."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from dashboard_process import Team, sign_in
from playwright.sync_api import BrowserContext, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

pytestmark = pytest.mark.browser
SCREENSHOTS = Path(__file__).parent / "screenshots"
AXE = Path(__file__).parents[2] / "labextension" / "node_modules" / "axe-core" / "axe.min.js"


def test_a_hostile_snapshot_runs_nothing_sends_nothing_and_moves_nothing(
    page: Page, team: Team
) -> None:
    sign_in(page, team.url, "ana")
    expect(page.get_by_role("link", name="Churn model")).to_be_visible()
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.goto(f"{team.url}/s/{team.hostile}")
    expect(page.get_by_role("heading", level=1)).to_contain_text('<img src=x onerror="window')
    for name in ("plain", "text"):
        page.get_by_role("button", name=name, exact=True).click()
    expect(page.locator("iframe")).to_have_count(2)
    page.wait_for_timeout(500)
    assert page.evaluate("window.owned") is None
    assert page.title().endswith("· Etiq")
    assert dialogs == []
    assert team.beacon.called == []
    for frame in page.locator("iframe").all():
        assert frame.get_attribute("sandbox") == ""
    expect(page.locator("main script, main [onerror], main a[href^=javascript]")).to_have_count(0)
    # Whoever presses the button in the captured form stays signed in.
    assert page.evaluate("fetch('/api/v1/me').then(answer => answer.status)") == 200


def test_a_name_like_a_path_stays_a_name(as_ana: Page, team: Team) -> None:
    name = "../../tokens?x=<b>#"
    notebook = team.ana.open_project(name)
    odd = {"a/b ?#%": {"deep": 1}}
    snapshot = notebook.snapshot("../up", "x = 1", odd, tags=["a b", "%2F"]).short_id
    as_ana.goto(team.url)
    as_ana.get_by_role("link", name=name).click()
    expect(as_ana.get_by_role("heading", level=1)).to_have_text(name)
    as_ana.get_by_role("link", name=snapshot).click()
    as_ana.get_by_role("button", name="a/b ?#%").click()
    expect(as_ana.get_by_text("deep:")).to_be_visible()


WIDTH = "document.documentElement.scrollWidth"
PLACES = {
    "projects": "/",
    "snapshots": "/p/PRJ-1",
    "pipelines": "/p/PRJ-1/pipelines",
    "members": "/p/PRJ-1/members",
    "settings": "/p/PRJ-1/settings",
    "snapshot": "/s/SNP-8",
    "failed": "/s/SNP-9",
    "compare": "/compare/SNP-7/SNP-8",
    "tokens": "/tokens",
    "search": "/search?q=clean",
    "device": "/device",
}
WIDTHS = (700, 400)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_accessible_and_fits_a_narrow_window(
    new_context: Callable[..., BrowserContext], team: Team, scheme: str
) -> None:
    """axe finds no fault in either colour scheme, and no width needs sideways scrolling."""
    if not AXE.exists():
        pytest.skip("axe-core is not installed: cd labextension && jlpm install")
    SCREENSHOTS.mkdir(exist_ok=True)
    context = new_context(
        color_scheme=scheme, viewport={"width": 1280, "height": 860}, bypass_csp=True
    )
    page = context.new_page()
    sign_in(page, team.url, "ana")
    expect(page.get_by_role("link", name="Churn model")).to_be_visible()
    faults = []
    for name, path in PLACES.items():
        page.goto(team.url + path)
        expect(page.locator("main h1")).to_be_visible()
        expect(page.locator(".etiq-loading")).to_have_count(0)
        page.screenshot(path=SCREENSHOTS / f"{name}-{scheme}.png", full_page=True)
        page.add_script_tag(path=AXE)
        found = json.loads(
            page.evaluate("axe.run().then(found => JSON.stringify(found.violations))")
        )
        faults += [
            f"{name}: {fault['id']}: {node['html'][:160]} {node['failureSummary'][:200]}"
            for fault in found
            for node in fault["nodes"][:3]
        ]
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 860})
            with contextlib.suppress(PlaywrightTimeout):  # charts follow a moment after the window
                page.wait_for_function(f"{WIDTH} <= {width}", timeout=10_000)
            wide = page.evaluate(WIDTH)
            page.screenshot(path=SCREENSHOTS / f"{name}-{scheme}-{width}.png", full_page=True)
            if wide > width:
                faults.append(f"{name}: {wide} pixels wide in a window of {width}")
        page.set_viewport_size({"width": 1280, "height": 860})
    context.close()
    assert not faults, "\n".join(faults)


def test_the_theme_is_chosen_and_kept(page: Page, team: Team) -> None:
    sign_in(page, team.url, "ana")
    page.get_by_role("button", name="Account of ana").click()
    page.get_by_role("menuitem", name="Dark").click()
    body = page.locator("body")
    expect(body).not_to_have_css("background-color", "rgb(255, 255, 255)")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.reload()
    expect(page.get_by_role("button", name="Account of ana")).to_be_visible()
    expect(body).to_have_css("background-color", dark)
    page.emulate_media(color_scheme="dark")
    page.get_by_role("button", name="Account of ana").click()
    page.get_by_role("menuitem", name="Light").click()
    expect(body).to_have_css("background-color", "rgb(255, 255, 255)")
    page.get_by_role("button", name="Account of ana").click()
    page.get_by_role("menuitem", name="Like the system").click()
    expect(body).to_have_css("background-color", dark)


def test_the_pages_go_by_keyboard_alone(as_ana: Page, team: Team) -> None:
    page = as_ana
    page.goto(team.url)
    expect(page.get_by_role("link", name="Churn model")).to_be_visible()
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Churn model":
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Churn model")
    expect(page.locator("#content")).to_be_focused()
