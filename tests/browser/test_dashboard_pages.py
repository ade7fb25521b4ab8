"""Projects, snapshots, comparison and pipelines, as people see them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from dashboard_process import Team, sign_in
from playwright.sync_api import BrowserContext, Page, expect
from sklearn.datasets import load_wine

pytestmark = pytest.mark.browser


def section(page: Page, name: str):
    return page.get_by_role("region", name=name, exact=True)


def test_projects_are_listed_with_their_pinned_metric(as_ana: Page, team: Team) -> None:
    as_ana.goto(team.url)
    row = as_ana.get_by_role("row").filter(has_text="Churn model")
    expect(row).to_contain_text("Which customers leave, and why.")
    expect(row).to_contain_text("acc 0.912")
    expect(row.get_by_role("img")).to_have_attribute(
        "aria-label", "acc: 0.912 now, between 0.871 and 0.912 over 6"
    )
    as_ana.get_by_label("Filter projects").fill("trust")
    expect(row).to_have_count(0)
    expect(as_ana).to_have_url(f"{team.url}/?q=trust")


def test_the_snapshot_table_filters_sorts_and_keeps_both_in_the_address(
    as_ana: Page, team: Team
) -> None:
    page = as_ana
    page.goto(team.url)
    page.get_by_role("link", name="Churn model").click()
    expect(page).to_have_title("Churn model · Etiq")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(10)
    box = page.get_by_label("Filter snapshots")
    box.fill("tag:tuned metric.acc>0.9")
    expect(rows).to_have_count(2)
    page.get_by_role("button", name="acc", exact=True).click()
    expect(page.locator("th").filter(has_text="acc")).to_have_attribute("aria-sort", "descending")
    expect(rows.first).to_contain_text("0.912")
    address = page.url
    page.reload()
    expect(box).to_have_value("tag:tuned metric.acc>0.9")
    expect(rows).to_have_count(2)
    assert page.url == address
    box.fill("metric.acc>much")
    expect(page.get_by_role("alert")).to_contain_text("is not a number")
    box.fill("")
    expect(rows).to_have_count(10)


def test_columns_are_chosen_and_kept_in_the_address(as_ana: Page, team: Team) -> None:
    page = as_ana
    page.goto(f"{team.url}/p/PRJ-1")
    page.get_by_role("button", name="Columns").click()
    page.get_by_label("ran").check()
    page.get_by_label("biggest item").uncheck()
    page.keyboard.press("Escape")
    expect(page.get_by_role("columnheader", name="ran")).to_be_visible()
    expect(page.get_by_role("columnheader", name="biggest item")).to_have_count(0)
    page.reload()
    expect(page.get_by_role("columnheader", name="ran")).to_be_visible()


def test_a_snapshot_shows_what_the_cell_did(as_ana: Page, team: Team) -> None:
    page = as_ana
    page.goto(f"{team.url}/s/{team.ids['fit baseline']}")
    expect(page.get_by_role("heading", level=1)).to_contain_text("fit baseline")
    expect(page).to_have_title(f"{team.ids['fit baseline']} fit baseline · Etiq")
    expect(section(page, "Metrics")).to_contain_text("+0.014")
    expect(page.locator(".etiq-line-changed")).to_have_count(1)
    expect(page.locator(".etiq-line-changed")).to_contain_text("depth=8")
    expect(section(page, "Outputs")).to_contain_text("accuracy 0.912")
    expect(section(page, "Lineage")).to_contain_text("evaluate")
    page.get_by_role("button", name="Environment").click()
    expect(section(page, "Environment")).to_contain_text("numpy 2.1.0 → 2.1.1")
    read = page.get_by_role("row").filter(has_text="SNP-2 clean")
    expect(read).to_contain_text("174 x 15")


def test_a_frame_is_paged_sorted_and_filtered(as_ana: Page, team: Team) -> None:
    page = as_ana
    page.goto(f"{team.url}/s/{team.ids['load']}")
    page.get_by_role("button", name="df", exact=True).click()
    frame = page.get_by_role("group", name="df", exact=True)
    expect(page.get_by_text("rows 1–50 of 178")).to_be_visible()
    page.get_by_role("button", name="Next rows").click()
    expect(page.get_by_text("rows 51–100 of 178")).to_be_visible()
    frame.get_by_title("Sort by alcohol").click()
    expect(frame.locator("tbody tr").first).to_contain_text("11.03")
    page.get_by_label("Filter rows of df").fill("alcohol > 14.5")
    strong = int((load_wine(as_frame=True).frame["alcohol"] > 14.5).sum())
    expect(page.get_by_text(f"rows 1–{strong} of {strong}")).to_be_visible()
    page.get_by_label("Filter rows of df").fill("nothing > 1")
    expect(page.get_by_role("alert")).to_contain_text("nothing")
    page.get_by_role("button", name="Profile per column").click()
    profile = page.get_by_role("group", name="Profile of df")
    alcohol = profile.get_by_role("row").filter(has_text="alcohol")
    expect(alcohol.first).to_contain_text("11.03 – 14.83")
    expect(alcohol.first.get_by_role("img")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download CSV").click()
    assert download.value.suggested_filename.endswith("df.csv")


def test_an_array_and_a_dict_are_had_as_files_of_their_kind(
    as_ana: Page, team: Team, tmp_path: Path
) -> None:
    import numpy as np

    notebook = team.ana.open_project("Files")
    array = np.arange(6.0).reshape(2, 3)
    snapshot = notebook.snapshot("both", "x", {"weights": array, "shown": {"a": 1}}).short_id
    as_ana.goto(f"{team.url}/s/{snapshot}")
    as_ana.get_by_role("button", name="weights", exact=True).click()
    with as_ana.expect_download() as download:
        as_ana.get_by_role("link", name="Download npy").click()
    assert download.value.suggested_filename == f"{snapshot}-weights.npy"
    download.value.save_as(tmp_path / "weights.npy")
    assert np.array_equal(np.load(tmp_path / "weights.npy"), array)
    as_ana.get_by_role("button", name="shown", exact=True).click()
    with as_ana.expect_download() as download:
        as_ana.get_by_role("link", name="Download JSON").click()
    assert json.loads(download.value.path().read_text()) == {"a": 1}


def test_a_member_who_leaves_is_led_to_the_projects(
    as_ana: Page, team: Team, new_context: Callable[..., BrowserContext]
) -> None:
    notebook = team.ana.open_project("To be left")
    team.ana.send("PUT", f"/projects/{notebook.project}/members/bea", json={"role": "viewer"})
    context = new_context()
    bea = context.new_page()
    sign_in(bea, f"{team.url}/p/{notebook.project}/members", "bea")
    bea.get_by_role("button", name="Leave the project").click()
    dialog = bea.get_by_role("dialog", name="Leave To be left?")
    expect(dialog).to_contain_text("from your list")
    dialog.get_by_role("button", name="Leave").click()
    expect(bea).to_have_url(f"{team.url}/")
    expect(bea.get_by_role("link", name="To be left")).to_have_count(0)
    context.close()


def test_a_failed_cell_shows_its_error(as_ana: Page, team: Team) -> None:
    as_ana.goto(f"{team.url}/s/{team.ids['tune']}")
    expect(section(as_ana, "Error")).to_contain_text("ValueError: no depths to try")
    expect(as_ana.get_by_text("Failed", exact=True)).to_be_visible()


def test_two_marked_snapshots_are_compared(as_ana: Page, team: Team) -> None:
    page = as_ana
    page.goto(f"{team.url}/p/PRJ-1?q=tag%3Atuned")
    page.get_by_label("Mark SNP-8 to compare").check()
    page.get_by_label("Mark SNP-6 to compare").check()
    page.get_by_role("button", name="Compare SNP-6 with SNP-8").click()
    expect(page).to_have_url(f"{team.url}/compare/SNP-6/SNP-8")
    expect(page.get_by_role("row", name="acc 0.903 0.912")).to_contain_text("+0.009")
    expect(section(page, "Source")).to_contain_text("clf = fit(clean, depth=8)")
    expect(section(page, "Variables")).to_contain_text("3 changed")
    page.get_by_role("button", name="clf", exact=True).click()
    entries = page.get_by_role("group", name="Entries that differ")
    expect(entries.get_by_role("row").filter(has_text="depth")).to_contain_text("8")
    expect(section(page, "Environment")).to_contain_text("2.1.1")


def test_changed_cells_of_a_frame_are_marked(as_ana: Page, team: Team) -> None:
    import pandas as pd

    notebook = team.ana.open_project("Frames")
    frame = pd.DataFrame({"id": range(100), "price": [float(n) for n in range(100)]})
    changed = frame.drop(index=[3]).assign(extra=1)
    changed.loc[7, "price"] = -1.0
    a = notebook.snapshot("before", "df = load()", {"df": frame}).short_id
    b = notebook.snapshot("after", "df = fix(df)", {"df": changed}).short_id
    as_ana.goto(f"{team.url}/compare/{a}/{b}")
    as_ana.get_by_role("button", name="df", exact=True).click()
    detail = as_ana.locator(".etiq-frame-change")
    expect(detail).to_contain_text("+ extra")
    marked = detail.locator(".etiq-cell-changed")
    expect(marked).to_have_count(1)
    expect(marked).to_contain_text("7")
    expect(marked).to_contain_text("-1")
    expect(detail.get_by_role("group", name=f"Rows only in {a}")).to_contain_text("3")


def test_pipelines_are_a_graph_and_a_table(as_ana: Page, team: Team) -> None:
    page = as_ana
    page.goto(f"{team.url}/p/PRJ-1/pipelines")
    graph = page.get_by_role("list", name="Snapshots of PIP-1 quickstart.ipynb")
    expect(graph.get_by_role("link")).to_have_count(10)
    left = graph.get_by_role("link", name="load").bounding_box()
    right = graph.get_by_role("link", name="evaluate").bounding_box()
    assert left
    assert right
    assert left["x"] < right["x"]
    page.get_by_role("button", name="Show as table").click()
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="SNP-2 clean"))
    expect(row).to_contain_text("SNP-1 load")
    page.get_by_role("link", name="SNP-2 clean").click()
    expect(page).to_have_url(f"{team.url}/s/SNP-2")


def test_a_shared_project_appears_and_disappears_for_its_member(
    as_ana: Page, team: Team, new_context: Callable[..., BrowserContext]
) -> None:
    context = new_context()
    bea = context.new_page()
    sign_in(bea, team.url, "bea")
    expect(bea.get_by_text("No projects yet")).to_be_visible()
    as_ana.goto(f"{team.url}/p/PRJ-1/members")
    as_ana.get_by_label("Share with").fill("nobody")
    as_ana.get_by_role("button", name="Share").click()
    expect(as_ana.get_by_role("alert")).to_contain_text("nobody")
    as_ana.get_by_label("Share with").fill("bea")
    as_ana.get_by_label("Role of the new member").select_option("viewer")
    as_ana.get_by_role("button", name="Share").click()
    expect(as_ana.get_by_role("row").filter(has_text="bea")).to_be_visible()

    bea.get_by_role("link", name="Churn model").click()
    bea.get_by_role("link", name="SNP-8").click()
    expect(bea.get_by_role("heading", level=1)).to_contain_text("fit baseline")
    expect(bea.get_by_role("button", name="Add a tag")).to_have_count(0)

    as_ana.get_by_role("button", name="Remove bea").click()
    as_ana.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(as_ana.get_by_role("row").filter(has_text="bea")).to_have_count(0)
    bea.reload()
    expect(bea.get_by_role("alert")).to_be_visible()
    context.close()


def test_a_project_is_renamed_pinned_and_deleted_by_typing_its_name(
    as_ana: Page, team: Team
) -> None:
    page = as_ana
    notebook = team.ana.open_project("Short-lived")
    notebook.snapshot("only", "f1 = 0.5", {"f1": 0.5})
    page.goto(team.url)
    page.get_by_role("link", name="Short-lived").click()
    page.get_by_role("link", name="Settings").click()
    page.get_by_label("Name", exact=True).fill("Soon gone")
    page.get_by_label("Pinned metric 1").fill("f1")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Soon gone")
    page.get_by_role("button", name="Delete the project").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Delete")).to_be_disabled()
    dialog.get_by_role("textbox").fill("Soon gone")
    dialog.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Projects")
    expect(page.get_by_role("link", name="Soon gone")).to_have_count(0)


def test_search_finds_by_words_of_the_source(as_ana: Page, team: Team) -> None:
    page = as_ana
    page.goto(f"{team.url}/search")
    page.get_by_label("Search projects and snapshots").fill("typing errors")
    expect(page.get_by_role("link", name="SNP-2")).to_be_visible()
    expect(page).to_have_url(f"{team.url}/search?q=typing%20errors".replace("%20", "+"))
    page.get_by_label("Search projects and snapshots").fill("zzz-nothing")
    expect(page.get_by_role("status").filter(has_text="matches")).to_be_visible()


def test_a_page_that_is_not_there_says_so(as_ana: Page, team: Team) -> None:
    as_ana.goto(f"{team.url}/no/such/page")
    expect(as_ana.get_by_role("heading", level=1)).to_have_text("No such page")
    as_ana.goto(f"{team.url}/s/SNP-9999")
    expect(as_ana.get_by_role("alert")).to_contain_text("SNP-9999")


def test_the_least_cells_of_a_snapshot_are_saved_as_a_notebook(as_ana: Page, team: Team) -> None:
    as_ana.goto(f"{team.url}/s/{team.ids['clean']}")
    with as_ana.expect_download() as download:
        as_ana.get_by_role("button", name="Open as notebook").click()
    notebook = json.loads(download.value.path().read_text())
    sources = ["".join(cell["source"]) for cell in notebook["cells"]]
    assert any("load_wine" in source for source in sources)
    assert any("typing errors" in source for source in sources)
