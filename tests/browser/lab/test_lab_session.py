"""The connection in the sidebar, the status bar and the commands; and why the sidebar is blank."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from lab_driver import Dashboard, Lab, LabServer
from playwright.sync_api import expect

LOAD = "%load_ext etiq_jupyter"
LOGIN = "%load_ext etiq_jupyter\n%etiq_login"
AXE = Path(__file__).parents[3] / "labextension" / "node_modules" / "axe-core" / "axe.min.js"


def test_every_blank_sidebar_says_why_and_its_button_helps(lab: Lab, lab_server: LabServer) -> None:
    lab.open()
    lab.show_sidebar()
    expect(lab.blank).to_contain_text("No notebook is open.")
    lab.page.goto("about:blank")
    lab.open(lab_server.notebook("x = 1", name="blank.ipynb"))
    lab.show_sidebar()
    expect(lab.blank).to_contain_text("The kernel of blank.ipynb has not loaded etiq_jupyter.")
    lab.blank.get_by_role("button").click()
    assert lab.sources() == ["x = 1", LOAD]
    assert lab.executed() == [None, None]  # in sight, for its user to run
    lab.run_cell(1)
    expect(lab.state).to_have_text("Local")
    expect(lab.sidebar).to_contain_text("Local: snapshots stay on this disk.")
    lab.sidebar.get_by_role("button", name="Log in", exact=True).click()
    assert lab.sources()[-1] == "%etiq_login"
    assert lab.executed()[-1] is None
    lab.run_cell(2)
    expect(lab.state).to_have_text("Connected")


def test_a_kernel_of_another_language_is_left_alone(lab: Lab, lab_server: LabServer) -> None:
    lab_server.kernel("quiet", "Quiet", language="julia")
    lab.open(lab_server.notebook("1", kernel="quiet"), idle=False)
    lab.show_sidebar()
    expect(lab.blank).to_contain_text("speaks Julia, not Python.")


def test_a_restarted_kernel_has_forgotten_the_session(lab: Lab, lab_server: LabServer) -> None:
    lab.open(lab_server.notebook(LOGIN, LOAD))
    lab.show_sidebar()
    lab.run_cell(0)
    expect(lab.state).to_have_text("Connected")
    lab.restart_kernel()
    expect(lab.blank).to_contain_text("has not loaded etiq_jupyter.")
    lab.run_cell(1)
    expect(lab.state).to_have_text("Local")


def test_a_kernel_that_does_not_answer_is_said_so_and_asked_again(
    lab: Lab, lab_server: LabServer
) -> None:
    lab.page.clock.install()
    lab.open(lab_server.notebook(LOAD + "\nimport os; print(os.getpid())"))
    lab.show_sidebar()
    lab.run_cell(0)
    expect(lab.state).to_have_text("Local")
    kernel = int(lab.page.locator(".jp-OutputArea-output").last.inner_text())
    os.kill(kernel, signal.SIGSTOP)  # as deaf as in a computation that never lets go
    try:
        lab.command("etiq:ask-again")
        lab.page.clock.fast_forward(11_000)
        expect(lab.blank).to_contain_text("did not answer.")
    finally:
        os.kill(kernel, signal.SIGCONT)
    lab.blank.get_by_role("button", name="Try again").click()
    expect(lab.state).to_have_text("Local")


def test_logging_out_forgets_the_token_and_says_local(lab: Lab, lab_server: LabServer) -> None:
    lab.open(lab_server.notebook(LOGIN, "import etiq_jupyter\nprint(etiq_jupyter.is_logged_in())"))
    lab.show_sidebar()
    lab.run_cell(0)
    expect(lab.state).to_have_text("Connected")
    lab.menu("Log out")
    expect(lab.state).to_have_text("Local")
    lab.run_cell(1)
    expect(lab.page.locator(".jp-OutputArea-output").last).to_have_text("False")


def test_a_deleted_token_shows_as_expired_and_nothing_is_lost(
    lab: Lab, lab_server: LabServer, dashboard: Dashboard
) -> None:
    secret = dashboard.token("short-lived")
    (lab_server.files / "token.txt").write_text(secret)
    login = f"%load_ext etiq_jupyter\n%etiq_login {dashboard.url} --token-file token.txt"
    lab.open(
        lab_server.notebook(
            login + "\n%etiq_project Expiring", "%%snapshot kept\nx = 1", "%etiq_login"
        )
    )
    lab.show_sidebar()
    lab.run_cell(0)
    expect(lab.state).to_have_text("Connected")
    dashboard.delete_token("short-lived")
    lab.run_cell(1)
    expect(lab.state).to_have_text("Expired")
    expect(lab.blank).to_contain_text("1 snapshot waits here")
    lab.blank.get_by_role("button", name="Log in again").click()
    lab.run_cell(2)
    expect(lab.state).to_have_text("Connected")
    expect(lab.sidebar).to_contain_text("All sent. Safe to close.")
    assert dashboard.snapshots("Expiring") == ["kept"]


def test_the_kernel_is_chosen_where_several_have_sessions(lab: Lab, lab_server: LabServer) -> None:
    project = "\n%etiq_project {}"
    lab.open(lab_server.notebook(LOGIN + project.format("One"), name="one.ipynb"))
    lab.show_sidebar()
    lab.run_cell(0)
    expect(lab.sidebar.get_by_role("combobox", name="Notebook")).to_have_count(0)
    second = lab_server.notebook(LOGIN + project.format("Two"), name="two.ipynb")
    lab.command("docmanager:open", {"path": second})
    lab.page.wait_for_function("() => jupyterapp.shell.currentWidget?.title.label === 'two.ipynb'")
    lab.wait_for_notebook(idle=True)
    lab.run_cell(0)
    picker = lab.sidebar.locator(".etiq-picker-button")
    expect(picker).to_contain_text("Two")
    chooser = lab.sidebar.get_by_role("combobox", name="Notebook")
    chooser.select_option("one.ipynb")
    expect(picker).to_contain_text("One")


def test_status_bar_and_palette(lab: Lab, lab_server: LabServer) -> None:
    lab.open(lab_server.notebook(LOGIN, "y = 2"))
    item = lab.page.locator(".etiq-lab-statusitem")
    expect(item).to_have_count(0)
    lab.run_cell(0)
    expect(item).to_have_text("Connected")
    expect(lab.sidebar).to_be_hidden()
    item.click()
    expect(lab.sidebar).to_be_visible()
    lab.command("apputils:activate-command-palette")
    lab.page.locator(".lm-CommandPalette-input").fill("keep this cell")
    lab.select_cell(1)
    lab.command("etiq:keep-cell")
    assert lab.sources()[1] == "%%snapshot\ny = 2"
    lab.command("apputils:activate-command-palette")
    lab.page.locator(".lm-CommandPalette-input").fill("etiq")
    palette = lab.page.locator(".lm-CommandPalette-content")
    for label in ("Show Snapshots", "Choose Project…", "Log Out", "Open Snapshot…"):
        expect(palette).to_contain_text(label)


def test_no_secret_reaches_the_browser(lab: Lab, lab_server: LabServer) -> None:
    seen: list[str] = []
    lab.page.on(
        "websocket", lambda socket: socket.on("framereceived", lambda data: seen.append(str(data)))
    )
    lab.open(lab_server.notebook(LOGIN + "\n%etiq_project Secrets", "%%snapshot s\nx = 1"))
    lab.show_sidebar()
    lab.run_cell(0)
    lab.run_cell(1)
    expect(lab.row("s")).to_be_visible()
    stored = lab.page.evaluate("() => JSON.stringify([{...localStorage}, {...sessionStorage}])")
    secret = lab_server.environment["ETIQ_TOKEN"]
    assert any("etiq_reply" in frame for frame in seen)
    for text in (*seen, stored, lab.page.content()):
        assert secret not in text
        assert secret[4:24] not in text


def test_the_sidebar_has_no_faults_of_accessibility(lab: Lab, lab_server: LabServer) -> None:
    lab.open(lab_server.notebook(LOGIN + "\n%etiq_project Access", "%%snapshot s\nx = 1.5"))
    lab.show_sidebar()
    lab.run_cell(0)
    lab.run_cell(1)
    lab.row("s").click()
    expect(lab.sidebar.get_by_role("region", name="Preview of")).to_contain_text("Metrics")
    lab.page.add_script_tag(path=AXE)
    # The debugger of JupyterLab has sections with the names of ours, as every IDE would.
    options = {"rules": {"landmark-unique": {"enabled": False}}}
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        lab.page.evaluate(
            "theme => jupyterapp.commands.execute('apputils:change-theme', { theme })", theme
        )
        lab.page.wait_for_timeout(400)
        found = lab.page.evaluate(
            "async options => (await axe.run('#etiq-sidebar', options)).violations"
            ".map(fault => [fault.id, fault.nodes.map(node => node.html)])",
            options,
        )
        assert found == [], theme
