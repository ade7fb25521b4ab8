"""Snapshots of a real notebook in the sidebar, kept by the real extension, on a real dashboard."""

from __future__ import annotations

from lab_driver import Dashboard, Lab, LabServer
from playwright.sync_api import expect

START = "%load_ext etiq_jupyter\n%etiq_login\n%etiq_project {project}"
FIRST = "%%snapshot first\nimport numpy as np\nacc = 0.912\nframe = np.arange(6)"
SECOND = "%%snapshot second\nacc = 0.95"
SLEEP = "import time; time.sleep(600)"  # until it is interrupted, or the test is over


def started(lab: Lab, server: LabServer, project: str, *cells: str) -> None:
    """Open a notebook that is logged in and has a current project, with the sidebar shown."""
    lab.open(server.notebook(START.format(project=project), *cells))
    lab.show_sidebar()
    lab.run_cell(0)
    expect(lab.state).to_have_text("Connected")


def test_a_snapshot_is_in_the_sidebar_at_once_and_no_secret_is(
    lab: Lab, lab_server: LabServer, dashboard: Dashboard
) -> None:
    frames: list[str] = []
    lab.page.on(
        "websocket",
        lambda socket: socket.on("framereceived", lambda data: frames.append(str(data))),
    )
    started(lab, lab_server, "At-once", FIRST)
    expect(lab.sidebar).to_contain_text(f"ana @ {dashboard.url.removeprefix('http://')}")
    expect(lab.sidebar.locator(".etiq-picker-button")).to_contain_text("At-once")
    expect(lab.sidebar).to_contain_text("No snapshots in this project yet.")
    lab.run_cell(1)
    expect(lab.row("first")).to_contain_text("SNP-")
    expect(lab.row("first")).to_contain_text("acc 0.912")
    expect(lab.row("first").get_by_title("Made by the current notebook")).to_be_visible()
    expect(lab.sidebar).to_contain_text("All sent. Safe to close.")
    assert dashboard.snapshots("At-once") == ["first"]
    stored = lab.page.evaluate("() => JSON.stringify([{...localStorage}, {...sessionStorage}])")
    secret = lab_server.environment["ETIQ_TOKEN"]
    assert any("etiq_reply" in frame for frame in frames)
    for text in (*frames, stored, lab.page.content()):
        assert secret not in text
        assert secret[4:24] not in text


def test_it_is_there_while_a_cell_runs_and_the_kernel_stays_busy(
    lab: Lab, lab_server: LabServer
) -> None:
    started(lab, lab_server, "While-busy", FIRST, SLEEP)
    lab.start_cell(1)
    lab.start_cell(2)
    expect(lab.row("first")).to_contain_text("SNP-")
    lab.row("first").click()
    preview = lab.sidebar.get_by_role("region", name="Preview of")
    expect(preview).to_contain_text("frame")
    expect(preview).to_contain_text("acc = 0.912")
    lab.sidebar.locator(".etiq-picker-button").click()
    expect(lab.sidebar.get_by_role("listbox", name="Projects")).to_contain_text("While-busy")
    assert lab.executed()[2] is None
    assert lab.kernel_status() == "busy"
    lab.command("notebook:interrupt-kernel")
    lab.wait_for_cell(2)


def test_it_is_there_after_the_page_was_loaded_again_while_a_cell_runs(
    lab: Lab, lab_server: LabServer
) -> None:
    started(lab, lab_server, "Reload", FIRST, SLEEP)
    lab.run_cell(1)
    expect(lab.row("first")).to_be_visible()
    lab.start_cell(2)
    lab.wait_until_busy()
    lab.reload(idle=False)
    lab.show_sidebar()
    expect(lab.state).to_have_text("Connected")
    expect(lab.row("first")).to_be_visible()
    lab.row("first").click()
    expect(lab.sidebar.get_by_role("region", name="Preview of")).to_contain_text("acc = 0.912")
    # Pushed states are heard again, too: the project changes in the kernel, the sidebar follows.
    lab.sidebar.locator(".etiq-picker-button").click()
    lab.sidebar.get_by_role("combobox", name="Search or name a new project").fill("Reloaded")
    lab.sidebar.get_by_role("option", name="Create Reloaded").click()
    expect(lab.sidebar.locator(".etiq-picker-button")).to_contain_text("Reloaded")
    lab.command("notebook:interrupt-kernel")


def test_a_project_is_made_and_picked_in_the_sidebar(
    lab: Lab, lab_server: LabServer, dashboard: Dashboard
) -> None:
    started(lab, lab_server, "Old", FIRST)
    picker = lab.sidebar.locator(".etiq-picker-button")
    picker.click()
    search = lab.sidebar.get_by_role("combobox", name="Search or name a new project")
    search.fill("Made here")
    lab.sidebar.get_by_role("option", name="Create Made here").click()
    expect(picker).to_contain_text("Made here")
    lab.run_cell(1)
    expect(lab.row("first")).to_contain_text("SNP-")
    assert dashboard.snapshots("Made here") == ["first"]
    assert dashboard.snapshots("Old") == []
    lab.command("etiq:choose-project")
    search.fill("Old")
    choices = lab.sidebar.get_by_role("listbox", name="Projects").get_by_role("option")
    expect(choices).to_have_count(1)  # what was typed has been asked for
    choices.click()
    expect(picker).to_contain_text("Old")
    expect(lab.sidebar).to_contain_text("No snapshots in this project yet.")


def test_a_pinned_project_stands_first_until_it_is_unpinned(
    lab: Lab, lab_server: LabServer
) -> None:
    started(lab, lab_server, "Pinned one")
    lab.command("etiq:choose-project")
    projects = lab.sidebar.get_by_role("listbox", name="Projects")
    pinned = projects.get_by_role("group", name="Pinned").get_by_role("option")
    projects.get_by_role("option", name="Pinned one").locator(".etiq-pin").click()
    expect(pinned).to_have_count(1)
    lab.reload(idle=True)  # pins are settings of JupyterLab
    lab.show_sidebar()
    expect(lab.state).to_have_text("Connected")
    lab.command("etiq:choose-project")
    expect(pinned).to_contain_text("Pinned one")
    lab.sidebar.get_by_role("button", name="Unpin Pinned one").click()
    expect(pinned).to_have_count(0)


def test_a_snapshot_opens_in_a_tab_that_comes_back_and_is_restored_by_a_visible_cell(
    lab: Lab, lab_server: LabServer
) -> None:
    started(lab, lab_server, "Tabs", FIRST)
    lab.run_cell(1)
    lab.row("first").dblclick()
    tab = lab.page.locator(".etiq-lab-document")
    expect(tab.get_by_role("heading", name="first")).to_be_visible()
    expect(tab).to_contain_text("frame")
    lab.wait_until_saved("etiq-snapshot-")
    lab.reload(idle=True)
    expect(tab.get_by_role("heading", name="first")).to_be_visible()
    before = len(lab.sources())
    tab.get_by_role("button", name="Restore").click()
    expect(lab.cells).to_have_count(before + 1)
    (at,) = lab.restoring()
    assert lab.executed()[at] is None
