"""A JupyterLab server for the tests, and what a person does in its pages."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from playwright.sync_api import Locator, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

ROOT = Path(__file__).parents[3]
BUILT = ROOT / "etiq_jupyter" / "labextension"
QUIET = {"fetchNews": "false", "checkForUpdates": False}


def free_port() -> int:
    """A port below those that systems give to outgoing connections.

    One of these could take it before its server does, or while the server is down.
    """
    for port in random.SystemRandom().sample(range(20_000, 32_000), 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no free port on this machine")


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait for a server of ours; its log is the message when it does not come up."""
    deadline = time.monotonic() + 180
    while True:
        try:
            if ready():
                return
        except (requests.ConnectionError, requests.Timeout):
            pass
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)


class Dashboard:
    """A dashboard process with one user, whose access tokens the tests make and delete."""

    USER = "ana"
    PASSWORD = "of-the-tests-42"

    def __init__(self, home: Path) -> None:
        self._home = home
        self._child: Any = None
        self._browser = requests.Session()
        self.url = ""

    def start(self) -> None:
        from etiq_jupyter.cli.processes import start_dashboard

        port = int(self.url.rpartition(":")[2]) if self.url else free_port()
        self._child, said = start_dashboard(self._home / "data", port, self._home / "log")
        self.url = said["url"].rstrip("/")
        self._browser.headers["Origin"] = self.url
        if said.get("setup_url"):
            account = {"username": self.USER, "password": self.PASSWORD, "email": "ana@example.org"}
            (secret,) = parse_qs(urlsplit(said["setup_url"]).query)["secret"]
            self.request("POST", "/setup", {"secret": secret, **account})

    def stop(self) -> None:
        self._child.stop()

    def request(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._browser.request(method, f"{self.url}/api/v1{path}", json=body, timeout=20)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def token(self, name: str) -> str:
        """Make an access token."""
        secret: str = self.request("POST", "/tokens", {"name": name})["secret"]
        return secret

    def delete_token(self, name: str) -> None:
        for token in self.request("GET", "/tokens")["items"]:
            if token["name"] == name:
                self.request("DELETE", f"/tokens/{token['id']}")

    def snapshots(self, project: str) -> list[str]:
        """The names of a project's snapshots, newest first."""
        opened = self.request("POST", "/projects/open", {"name": project})
        found = self.request("GET", f"/projects/{opened['id']}/snapshots")
        return [snapshot["name"] for snapshot in found["items"]]


class LabServer:
    """JupyterLab with the extension as it is built in this checkout, in folders of its own."""

    def __init__(self, home: Path, environment: dict[str, str]) -> None:
        self.files = home / "files"
        self.files.mkdir()
        self._home = home
        self.environment = environment
        self.url = f"http://127.0.0.1:{free_port()}"
        self.log = home / "lab.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        extensions = self._home / "extensions"
        extensions.mkdir()
        (extensions / "etiq_jupyter").symlink_to(BUILT)
        settings = self._home / "settings" / "@jupyterlab" / "apputils-extension"
        settings.mkdir(parents=True)
        (settings / "notification.jupyterlab-settings").write_text(json.dumps(QUIET))
        folders = {
            name: str(self._home / name.lower())
            for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
        }
        command = [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
            f"--ServerApp.port={self.url.rpartition(':')[2]}",
            "--ServerApp.port_retries=0",
            "--IdentityProvider.token=",
            "--ServerApp.disable_check_xsrf=True",
            f"--ServerApp.root_dir={self.files}",
            "--ServerApp.jpserver_extensions={'etiq_jupyter': True}",
            "--LabApp.expose_app_in_browser=True",
            f"--LabApp.user_settings_dir={self._home / 'settings'}",
            f"--LabApp.workspaces_dir={self._home / 'workspaces'}",
            f"--LabServerApp.extra_labextensions_path={extensions}",
        ]
        environment = {
            **os.environ,
            "HOME": str(self._home),
            "IPYTHONDIR": str(self._home / "ipython"),
            "ETIQ_HOME": str(self._home / "etiq"),
            **folders,
            **self.environment,
        }
        with self.log.open("wb") as out:
            self._process = subprocess.Popen(
                command, env=environment, cwd=self.files, stdout=out, stderr=subprocess.STDOUT
            )
        wait_until(
            lambda: requests.get(f"{self.url}/api/status", timeout=5).ok, self._process, self.log
        )

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)

    def end_kernels(self) -> None:
        for kernel in requests.get(f"{self.url}/api/kernels", timeout=60).json():
            requests.delete(f"{self.url}/api/kernels/{kernel['id']}", timeout=60)

    def has_saved(self, workspace: str, tab: str) -> bool:
        """Whether a tab is in the saved layout of a workspace, with what it shows."""
        found = requests.get(f"{self.url}/lab/api/workspaces/{workspace}", timeout=60).json()
        data = found.get("data", {})
        layout = json.dumps(data.get("layout-restorer:data", {}).get("main", {}))
        return tab in layout and any(tab in key for key in data)

    def kernel(self, name: str, title: str, *, language: str) -> None:
        """Install a kernel that claims another language."""
        folder = self._home / "jupyter_data_dir" / "kernels" / name
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        spec = {"argv": command, "display_name": title, "language": language}
        (folder / "kernel.json").write_text(json.dumps(spec))

    def notebook(self, *cells: str, name: str | None = None, kernel: str = "python3") -> str:
        """Write a notebook; its name."""
        name = name or f"{uuid.uuid4().hex[:8]}.ipynb"
        body = {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {"kernelspec": {"name": kernel, "display_name": kernel}},
            "cells": [
                {
                    "cell_type": "code",
                    "id": f"cell-{number}",
                    "metadata": {},
                    "source": source,
                    "outputs": [],
                    "execution_count": None,
                }
                for number, source in enumerate(cells or ("",))
            ],
        }
        (self.files / name).write_text(json.dumps(body))
        return name

    def copy(self, path: Path) -> str:
        shutil.copy(path, self.files / path.name)
        return path.name


# The notebook at hand; while another tab or nothing has the focus, the first one that is open.
NOTEBOOK = """(() => {
  const isNotebook = widget => widget?.sessionContext && widget.content?.widgets;
  const current = jupyterapp.shell.currentWidget;
  return isNotebook(current) ? current : [...jupyterapp.shell.widgets('main')].find(isNotebook);
})()"""
READY = f"""async () => {{
  const panel = {NOTEBOOK};
  await panel.context.ready;
  await panel.sessionContext.ready;
}}"""


class Lab:
    """JupyterLab in one page."""

    def __init__(self, page: Page, server: LabServer) -> None:
        self.page = page
        self.server = server
        self._workspace = uuid.uuid4().hex[:8]
        self.sidebar = page.locator("#etiq-sidebar")

    def open(self, notebook: str | None = None, *, idle: bool = True) -> None:
        """Open JupyterLab, with a notebook whose kernel has answered once."""
        tree = f"/tree/{notebook}" if notebook else ""
        self.page.goto(f"{self.server.url}/lab/workspaces/{self._workspace}{tree}")
        self.page.wait_for_function("() => window.jupyterapp !== undefined")
        self.page.evaluate("async () => { await jupyterapp.restored; }")
        if notebook:
            self.wait_for_notebook(idle=idle)

    def reload(self, *, idle: bool) -> None:
        self.page.reload()
        self.page.wait_for_function("() => window.jupyterapp !== undefined")
        self.page.evaluate("async () => { await jupyterapp.restored; }")
        self.wait_for_notebook(idle=idle)

    def wait_for_notebook(self, *, idle: bool) -> None:
        self.page.wait_for_function(f"() => Boolean({NOTEBOOK})")
        self.page.evaluate(READY)
        if idle:  # else nothing would be run: the session says idle before it is bound
            kernel = f"{NOTEBOOK}.sessionContext.session?.kernel"
            self.page.wait_for_function(f"() => Boolean({kernel})")
            self.page.evaluate(f"async () => {{ await {kernel}.info; }}")

    @property
    def state(self) -> Locator:
        """The connection's word in the sidebar."""
        return self.sidebar.locator(".etiq-status-head .etiq-state")

    @property
    def rows(self) -> Locator:
        return self.sidebar.get_by_role("option").filter(has=self.page.locator(".etiq-row-id"))

    def row(self, name: str) -> Locator:
        """The row of the snapshot of exactly that name."""
        named = self.page.locator(f'.etiq-row-name:text-is("{name}")')
        return self.sidebar.locator(".etiq-row").filter(has=named)

    @property
    def blank(self) -> Locator:
        return self.sidebar.locator(".etiq-lab-blank")

    def menu(self, entry: str) -> None:
        """Choose from the [...] menu."""
        self.sidebar.get_by_role("button", name="More actions").first.click()
        self.sidebar.get_by_role("menuitem", name=entry).click()

    def show_sidebar(self) -> Locator:
        self.command("etiq:show")
        expect(self.sidebar).to_be_visible()
        return self.sidebar

    def command(self, name: str, args: Any = None) -> None:
        self.page.evaluate(
            "([name, args]) => { void jupyterapp.commands.execute(name, args ?? {}); }",
            [name, args],
        )

    def restart_kernel(self) -> None:
        self.page.evaluate(f"async () => {{ await {NOTEBOOK}.sessionContext.restartKernel(); }}")

    def start_cell(self, index: int) -> None:
        """Run a cell without waiting for its end."""
        self.select_cell(index)
        self.command("notebook:run-cell")

    def select_cell(self, index: int) -> None:
        self.page.evaluate(
            f"""index => {{
              const panel = {NOTEBOOK};
              jupyterapp.shell.activateById(panel.id);
              panel.content.activeCellIndex = index;
            }}""",
            index,
        )

    def run_cell(self, index: int) -> None:
        """Run a cell, which has not run before, to its end."""
        self.start_cell(index)
        self.wait_for_cell(index)

    def wait_for_cell(self, index: int, timeout: float = 60_000) -> None:
        self.page.wait_for_function(
            f"""index => {{
              const {{ model }} = {NOTEBOOK}.content.widgets[index];
              return model.executionState === 'idle' && model.executionCount !== null;
            }}""",
            arg=index,
            timeout=timeout,
        )

    @property
    def cells(self) -> Locator:
        """The notebook's cells."""
        return self.page.locator(".jp-Notebook .jp-Cell")

    @property
    def output(self) -> Locator:
        """The last output in the notebook."""
        return self.page.locator(".jp-OutputArea-output").last

    def sources(self) -> list[str]:
        """The code of the notebook's cells."""
        return self._of_cells("cell.model.sharedModel.getSource()")

    def expect_sources(self, *expected: str) -> None:
        """Wait until this is the code of the notebook's cells."""
        with contextlib.suppress(PlaywrightTimeout):
            self.page.wait_for_function(
                f"""expected => {{
                  const cells = {NOTEBOOK}.content.widgets;
                  const sources = cells.map(cell => cell.model.sharedModel.getSource());
                  return JSON.stringify(sources) === JSON.stringify(expected);
                }}""",
                arg=expected,
            )
        assert self.sources() == list(expected)

    def restoring(self) -> list[int]:
        """Where in the notebook a cell restores a snapshot."""
        sources = enumerate(self.sources())
        return [at for at, source in sources if source.startswith("%etiq_restore ")]

    def executed(self) -> list[int | None]:
        """The execution counts of the notebook's cells."""
        return self._of_cells("cell.model.executionCount")

    def _of_cells(self, expression: str) -> list[Any]:
        found: list[Any] = self.page.evaluate(
            f"() => {NOTEBOOK}.content.widgets.map(cell => {expression})"
        )
        return found

    def kernel_status(self) -> str:
        """The kernel indicator's word: idle, busy, ..."""
        status: str = self.page.evaluate(f"() => {NOTEBOOK}.sessionContext.session.kernel.status")
        return status

    def wait_until_busy(self) -> None:
        """Wait until the kernel has begun with a cell."""
        self.page.wait_for_function(
            f"() => {NOTEBOOK}.sessionContext.session?.kernel?.status === 'busy'"
        )

    def wait_until_saved(self, tab: str) -> None:
        """Wait until the saved layout has a tab; JupyterLab saves it after a pause."""
        deadline = time.monotonic() + 30
        while not self.server.has_saved(self._workspace, tab):
            assert time.monotonic() < deadline, f"{tab} is not in the saved layout"
            self.page.wait_for_timeout(100)

    def wait_for_theme(self, name: str) -> None:
        """Change the theme, and wait until everything has its colours."""
        self.page.evaluate(
            "theme => jupyterapp.commands.execute('apputils:change-theme', { theme })", name
        )
        self.page.wait_for_function(
            "theme => document.body.dataset.jpThemeName === theme", arg=name
        )
        self.page.evaluate(
            """Promise.allSettled(
              document.getAnimations()
                .filter(moving => moving.effect.getComputedTiming().endTime !== Infinity)
                .map(moving => moving.finished)
            )"""
        )
