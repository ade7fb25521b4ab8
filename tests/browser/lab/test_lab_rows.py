"""What a row of the list offers. The tests share one notebook with two snapshots."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from lab_driver import Lab, LabServer
from playwright.sync_api import BrowserContext, expect

START = "%load_ext etiq_jupyter\n%etiq_login\n%etiq_project Rows"
AXE = Path(__file__).parents[3] / "labextension" / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture(scope="module")
def lab(context: BrowserContext, lab_server: LabServer) -> Iterator[Lab]:
    page = context.new_page()
    made = Lab(page, lab_server)
    cells = (START, "%%snapshot first\nacc = 0.912", "%%snapshot second\nacc = 0.95")
    made.open(lab_server.notebook(*cells))
    made.show_sidebar()
    for index in range(len(cells)):
        made.run_cell(index)
    expect(made.row("first")).to_contain_text("SNP-")
    expect(made.row("second")).to_contain_text("SNP-")
    # From here on nothing in the sidebar moves by itself.
    expect(made.sidebar).to_contain_text("All sent. Safe to close.")
    yield made
    page.close()
    lab_server.end_kernels()


def test_two_marked_with_the_space_key_are_compared_in_a_tab(lab: Lab) -> None:
    lab.row("second").focus()
    lab.page.keyboard.press("Space")
    lab.page.keyboard.press("ArrowDown")
    lab.page.keyboard.press("Space")
    lab.sidebar.get_by_role("button", name="Compare SNP-").click()
    tab = lab.page.locator(".etiq-lab-document")
    expect(tab).to_contain_text("acc")
    expect(tab).to_contain_text("0.95")
    lab.sidebar.get_by_role("button", name="Clear").click()
    lab.command("application:close")
    expect(tab).to_have_count(0)


def test_dragged_into_the_notebook_it_becomes_a_cell_that_nobody_ran(lab: Lab) -> None:
    before = len(lab.sources())
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
    expect(lab.cells).to_have_count(before + 1)
    (at,) = lab.restoring()
    assert lab.sources()[at].startswith("%etiq_restore SNP-")
    assert lab.executed()[at] is None


def test_its_context_menu_has_the_commands(lab: Lab) -> None:
    before, cells = len(lab.restoring()), len(lab.sources())
    lab.row("first").click(button="right")
    menu = lab.page.locator(".lm-Menu")
    expect(menu).to_contain_text("Copy Snapshot Id")
    menu.get_by_text("Insert Cell That Restores the Snapshot").click()
    expect(lab.cells).to_have_count(cells + 1)
    assert len(lab.restoring()) == before + 1


def test_the_filter_narrows_the_list(lab: Lab) -> None:
    box = lab.sidebar.get_by_role("combobox", name="Filter snapshots")
    box.fill("metric.acc>0.93")
    expect(lab.row("first")).to_have_count(0)
    expect(lab.row("second")).to_be_visible()
    box.fill("")
    box.press("Escape")  # the hints, which lie over the first rows
    expect(lab.row("first")).to_be_visible()


def test_the_sidebar_has_no_faults_of_accessibility(lab: Lab) -> None:
    lab.row("first").click()
    expect(lab.sidebar.get_by_role("region", name="Preview of")).to_contain_text("Metrics")
    lab.page.add_script_tag(path=AXE)
    # The debugger of JupyterLab has sections with the names of ours, as every IDE would.
    options = {"rules": {"landmark-unique": {"enabled": False}}}
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        lab.wait_for_theme(theme)
        found = lab.page.evaluate(
            "async options => (await axe.run('#etiq-sidebar', options)).violations"
            ".map(fault => [fault.id, fault.nodes.map(node => node.html)])",
            options,
        )
        assert found == [], theme
