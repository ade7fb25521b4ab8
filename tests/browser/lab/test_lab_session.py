"""The connection in the sidebar, the status bar and the commands; and why the sidebar is blank."""

from __future__ import annotations

import os
import re
import signal

from lab_driver import Dashboard, Lab, LabServer
from playwright.sync_api import expect

LOAD = "%load_ext etiq_jupyter"
LOGIN = "%load_ext etiq_jupyter\n%etiq_login"


def test_every_blank_sidebar_says_why_and_its_button_helps(lab: Lab, lab_server: LabServer) -> None:
    lab.open()
    lab.show_sidebar()
    expect(lab.blank).to_contain_text("No notebook is open.")
    lab.page.goto("about:blank")
    lab.open(lab_server.notebook("x = 1", name="blank.ipynb"))
    lab.show_sidebar()
    expect(lab.blank).to_contain_text("The kernel of blank.ipynb has not loaded etiq_jupyter.")
    lab.blank.get_by_role("button").click()
    lab.expect_sources("x = 1", LOAD)
    assert lab.executed() == [None, None]  # in sight, for its user to run
    lab.run_cell(1)
    expect(lab.state).to_have_text("Local")
    expect(lab.sidebar).to_contain_text("A dashboard shares them with your team.")
    lab.sidebar.get_by_role("button", name="Log in", exact=True).click()
    lab.expect_sources("x = 1", LOAD, "%etiq_login")
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
    lab_with_clock: Lab, lab_server: LabServer
) -> None:
    lab = lab_with_clock
    lab.open(lab_server.notebook(LOAD + "\nimport os; print(os.getpid())"))
    lab.show_sidebar()
    lab.run_cell(0)
    expect(lab.state).to_have_text("Local")
    expect(lab.output).to_have_text(re.compile(r"^\s*\d+\s*$"))
    kernel = int(lab.output.inner_text())
    os.kill(kernel, signal.SIGSTOP)  # as deaf as in a computation that never lets go
    try:
        lab.command("etiq:ask-again")
        lab.page.clock.fast_forward(11_000)
        expect(lab.blank).to_contain_text("did not answer.")
        # Asked again while it is still deaf: awake, it would answer the first question by itself.
        lab.blank.get_by_role("button", name="Try again").click()
    finally:
        os.kill(kernel, signal.SIGCONT)
    expect(lab.state).to_have_text("Local")


def test_a_deleted_token_shows_as_expired_and_nothing_is_lost(
    lab: Lab, lab_server: LabServer, dashboard: Dashboard
) -> None:
    secret = dashboard.token("short-lived")
    (lab_server.files / "token.txt").write_text(secret)
    login = f"%load_ext etiq_jupyter\n%etiq_login {dashboard.url} --token-file token.txt"
    cells = (login + "\n%etiq_project Expiring", "%%snapshot kept\nx = 1")
    lab.open(lab_server.notebook(*cells))
    lab.show_sidebar()
    lab.run_cell(0)
    expect(lab.state).to_have_text("Connected")
    dashboard.delete_token("short-lived")
    lab.run_cell(1)
    expect(lab.state).to_have_text("Expired")
    expect(lab.blank).to_contain_text("1 snapshot waits here")
    lab.blank.get_by_role("button", name="Log in again").click()
    lab.expect_sources(*cells, "%etiq_login")
    lab.run_cell(2)
    expect(lab.state).to_have_text("Connected")
    expect(lab.sidebar).to_contain_text("All sent. Safe to close.")
    assert dashboard.snapshots("Expiring") == ["kept"]


def test_what_waits_for_a_dashboard_that_is_down_is_sent_when_it_is_back(
    lab: Lab, lab_server: LabServer, dashboard: Dashboard
) -> None:
    lab.open(lab_server.notebook(LOGIN + "\n%etiq_project Down", "%%snapshot kept\nx = 1"))
    lab.show_sidebar()
    lab.run_cell(0)
    expect(lab.state).to_have_text("Connected")
    button = lab.sidebar.get_by_role("button", name="Send now")
    dashboard.stop()
    try:
        lab.run_cell(1)
        expect(lab.state).to_have_text("Paused")
        expect(lab.sidebar).to_contain_text("1 waiting")
        expect(button).to_be_visible()
    finally:
        dashboard.start()
    # Once it has noticed by itself that the dashboard is back, there is no button to click.
    button.evaluate_all("all => all.forEach(button => button.click())")
    expect(lab.sidebar).to_contain_text("All sent. Safe to close.")
    expect(lab.row("kept")).to_contain_text("SNP-")


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


def test_the_status_bar_the_palette_and_logging_out(lab: Lab, lab_server: LabServer) -> None:
    asked = "import etiq_jupyter\nprint(etiq_jupyter.is_logged_in())"
    lab.open(lab_server.notebook(LOGIN, asked))
    item = lab.page.locator(".etiq-lab-statusitem")
    expect(item).to_have_count(0)
    lab.run_cell(0)
    expect(item).to_have_text("Connected")
    expect(lab.sidebar).to_be_hidden()
    item.click()
    expect(lab.sidebar).to_be_visible()
    lab.command("apputils:activate-command-palette")
    lab.page.locator(".lm-CommandPalette-input").fill("etiq")
    palette = lab.page.locator(".lm-CommandPalette-content")
    for label in ("Show Snapshots", "Choose Project…", "Log Out", "Open Snapshot…"):
        expect(palette).to_contain_text(label)
    lab.page.keyboard.press("Escape")
    lab.show_sidebar()
    lab.menu("Log out")
    expect(lab.state).to_have_text("Local")
    expect(item).to_have_text("Local")
    lab.run_cell(1)
    expect(lab.output).to_have_text("False")
    lab.select_cell(1)
    lab.command("etiq:keep-cell")
    lab.expect_sources(LOGIN, f"%%snapshot\n{asked}")
