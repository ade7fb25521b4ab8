"""Snapshots of a real notebook in the sidebar, kept by the real extension, on a real dashboard."""

from __future__ import annotations

from lab_driver import Dashboard, Lab, LabServer
from playwright.sync_api import expect

START = "%load_ext etiq_jupyter\n%etiq_login\n%etiq_project {project}"
FIRST = "%%snapshot first\nimport numpy as np\nacc = 0.912\nframe = np.arange(6)"
SECOND = "%%snapshot second\nacc = 0.95"
SLEEP = "import time; time.sleep(60)"


def started(lab: Lab, server: LabServer, project: str, *cells: str) -> None:
    """Open a notebook that is logged in and has a current project, with the sidebar shown."""
    lab.open(server.notebook(START.format(project=project), *cells))
    lab.show_sidebar()
    lab.run_cell(0)
    expect(lab.state).to_have_text("Connected")


def restoring(lab: Lab) -> list[int]:
    """Where in the notebook a cell restores a snapshot."""
    sources = enumerate(lab.sources())
    return [at for at, source in sources if source.startswith("%etiq_restore ")]


def test_a_snapshot_is_in_the_sidebar_at_once(
    lab: Lab, lab_server: LabServer, dashboard: Dashboard
) -> None:
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
    lab.page.wait_for_timeout(200)
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
    lab.sidebar.get_by_role("option", name="Old").first.click()
    expect(picker).to_contain_text("Old")
    expect(lab.sidebar).to_contain_text("No snapshots in this project yet.")


def test_a_snapshot_opens_in_a_tab_that_comes_back_and_is_restored_by_a_visible_cell(
    lab: Lab, lab_server: LabServer
) -> None:
    started(lab, lab_server, "Tabs", FIRST)
    lab.run_cell(1)
    lab.row("first").dblclick()
    tab = lab.page.locator(".etiq-lab-document")
    expect(tab.get_by_role("heading", name="first")).to_be_visible()
    expect(tab).to_contain_text("frame")
    lab.page.wait_for_timeout(1500)  # the layout is saved a second after it changed
    lab.reload(idle=True)
    expect(tab.get_by_role("heading", name="first")).to_be_visible()
    tab.get_by_role("button", name="Restore").click()
    (at,) = restoring(lab)
    assert lab.executed()[at] is None


def test_two_marked_snapshots_are_compared(lab: Lab, lab_server: LabServer) -> None:
    started(lab, lab_server, "Compare", FIRST, SECOND)
    lab.run_cell(1)
    lab.run_cell(2)
    expect(lab.row("second")).to_contain_text("SNP-")
    lab.row("second").focus()
    lab.page.keyboard.press("Space")
    lab.page.keyboard.press("ArrowDown")
    lab.page.keyboard.press("Space")
    lab.sidebar.get_by_role("button", name="Compare SNP-").click()
    tab = lab.page.locator(".etiq-lab-document")
    expect(tab).to_contain_text("acc")
    expect(tab).to_contain_text("0.95")


def test_a_row_dragged_into_the_notebook_becomes_a_cell_that_nobody_ran(
    lab: Lab, lab_server: LabServer
) -> None:
    started(lab, lab_server, "Drag", FIRST)
    lab.run_cell(1)
    expect(lab.row("first")).to_contain_text("SNP-")
    start = lab.row("first").bounding_box()
    cell = lab.page.locator(".jp-Notebook .jp-CodeCell").nth(1).bounding_box()
    assert start is not None
    assert cell is not None
    mouse = lab.page.mouse
    mouse.move(start["x"] + 100, start["y"] + 10)
    mouse.down()
    mouse.move(start["x"] + 130, start["y"] + 20, steps=4)
    mouse.move(cell["x"] + 200, cell["y"] + 10, steps=8)
    mouse.up()
    lab.page.wait_for_function(
        "() => document.querySelectorAll('.jp-Notebook .jp-Cell').length > 2"
    )
    (at,) = restoring(lab)
    assert lab.executed()[at] is None


def test_the_context_menu_of_a_row_has_the_commands(lab: Lab, lab_server: LabServer) -> None:
    started(lab, lab_server, "Context", FIRST)
    lab.run_cell(1)
    expect(lab.row("first")).to_contain_text("SNP-")
    lab.row("first").click(button="right")
    menu = lab.page.locator(".lm-Menu")
    expect(menu).to_contain_text("Copy Snapshot Id")
    menu.get_by_text("Insert Cell That Restores the Snapshot").click()
    assert len(restoring(lab)) == 1
