"""``etiq demo``: a dashboard and JupyterLab with the quickstart, in one command."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
import webbrowser
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from etiq_jupyter.api import words
from etiq_jupyter.cli.processes import Child, free_port, start_dashboard
from etiq_jupyter.errors import ConfigError, EtiqError, NotFound, ServerError

USER = "demo"
PROJECT = "Quickstart"
NOTEBOOK = "quickstart.ipynb"
NEEDED = (
    "uvicorn",
    "sqlalchemy",
    "jupyterlab",
    "nbclient",
    "sklearn",
    "pandas",
    "matplotlib",
    "pyarrow",
)


def add_demo(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of ``etiq demo``."""
    parser.add_argument(
        "--check",
        action="store_true",
        help="run the quickstart without a browser, read it back, and say what was found",
    )
    parser.add_argument("--port", type=int, default=8765, help="port of the dashboard")
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    parser.add_argument("--data-dir", type=Path, help="folder of the demo; reused the next time")
    parser.add_argument(
        "--run",
        dest="run_command",
        nargs=argparse.REMAINDER,
        metavar="COMMAND",
        help="run this command beside the dashboard, with the demo's environment, not JupyterLab",
    )
    parser.set_defaults(run=run)


@dataclass
class Demo:
    """A running dashboard with a user and a token of its own."""

    folder: Path
    url: str
    token: str = field(repr=False)
    password: str = field(repr=False)

    @property
    def environment(self) -> dict[str, str]:
        """What notebooks of the demo find in their environment."""
        return {
            "ETIQ_DASHBOARD_URL": self.url,
            "ETIQ_TOKEN": self.token,
            "ETIQ_HOME": str(self.folder / "store"),
        }


def run(arguments: argparse.Namespace) -> int:
    """Run the demo or its check."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigError(
            "The demo needs packages that are not installed",
            why=", ".join(missing),
            hint="pip install 'etiq_jupyter[demo]'",
        )
    folder = (arguments.data_dir or default_folder()).absolute()
    with running(folder, arguments.port) as demo:
        if arguments.run_command:
            return run_beside(demo, arguments.run_command)
        return check(demo) if arguments.check else serve(demo, browser=not arguments.no_browser)


def default_folder() -> Path:
    """Return the folder of the demo: dashboard, local store and notebooks."""
    import platformdirs

    home = os.environ.get("ETIQ_HOME")
    return (Path(home) if home else Path(platformdirs.user_data_dir("etiq"))) / "demo"


@contextlib.contextmanager
def running(folder: Path, port: int) -> Iterator[Demo]:
    """Start the dashboard, make the first user when there is none, and a fresh token."""
    for part in ("dashboard", "store", "notebooks", "logs"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    child, ready = start_dashboard(
        folder / "dashboard", free_port(port), folder / "logs" / "dashboard.log"
    )
    try:
        password = _password(folder, ready)
        yield Demo(folder, ready["url"], _token(ready["url"], password), password)
    finally:
        child.stop()


def _password(folder: Path, ready: dict[str, str]) -> str:
    """Return the demo user's password, making user and password at the first start."""
    from etiq_jupyter.sync.transport import Transport

    kept = folder / "password"
    if not ready.get("setup_url"):
        if not kept.exists():
            raise ConfigError(
                f"The dashboard in {folder} has users, but not the demo's",
                hint="choose another folder with --data-dir",
            )
        return kept.read_text().strip()
    password = secrets.token_urlsafe(12)
    descriptor = os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(password)
    (secret,) = parse_qs(urlsplit(ready["setup_url"]).query)["secret"]
    account = {"username": USER, "email": "demo@example.org", "password": password}
    Transport(ready["url"]).request("POST", "/api/v1/setup", json={"secret": secret} | account)
    return password


def _token(url: str, password: str) -> str:
    """Make a token for this run, as a person signed in would; the last run's is deleted."""
    import requests

    with requests.Session() as browser:
        browser.headers["Origin"] = url

        def call(method: str, path: str, body: Any = None) -> Any:
            answer = browser.request(method, f"{url}/api/v1{path}", json=body, timeout=30)
            answer.raise_for_status()
            return answer.json() if answer.content else None

        call("POST", "/sign-in", {"username": USER, "password": password})
        for token in call("GET", "/tokens")["items"]:
            if token["name"] == "demo":
                call("DELETE", f"/tokens/{token['id']}")
        secret: str = call("POST", "/tokens", {"name": "demo"})["secret"]
        call("POST", "/sign-out")
    return secret


def notebook_of(demo: Demo, *, fresh: bool = False) -> Path:
    """Return the demo's own copy of the quickstart."""
    copy = demo.folder / "notebooks" / NOTEBOOK
    if fresh or not copy.exists():
        shutil.copyfile(quickstart(), copy)
    return copy


def quickstart() -> Path:
    """Return the quickstart that came with the package or the checkout."""
    package = Path(__file__).resolve().parent.parent
    for place in (package / "examples", package.parent / "examples"):
        if (place / NOTEBOOK).is_file():
            return place / NOTEBOOK
    raise NotFound(f"{NOTEBOOK} did not come with this installation")


# --- with a browser ---------------------------------------------------------------------------


def serve(demo: Demo, *, browser: bool) -> int:
    """Start JupyterLab beside the dashboard and wait for Ctrl-C."""
    notebook = notebook_of(demo)
    port, key = free_port(8888), secrets.token_urlsafe(24)
    lab = Child(
        [
            sys.executable,
            "-m",
            "jupyterlab",
            "--no-browser",
            "--ServerApp.ip=127.0.0.1",
            f"--ServerApp.port={port}",
            "--ServerApp.port_retries=0",
            f"--ServerApp.root_dir={notebook.parent}",
            *(["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
        ],
        demo.folder / "logs" / "jupyterlab.log",
        {
            **demo.environment,
            "JUPYTER_TOKEN": key,
            "JUPYTERLAB_SETTINGS_DIR": str(_settings(demo.folder)),
        },
        folder=notebook.parent,
    )
    try:
        address = f"http://127.0.0.1:{port}/lab/tree/{quote(notebook.name)}?token={key}"
        _wait_for(lab, f"http://127.0.0.1:{port}/api")
        print(f"JupyterLab  {address}")
        print(f"Dashboard   {demo.url}   user {USER}, password {demo.password}")
        print("Ctrl-C stops both.", flush=True)
        if browser:
            webbrowser.open(address)
        while lab.process.poll() is None:
            time.sleep(0.3)
        raise ServerError("JupyterLab ended", why=lab.tail())
    except KeyboardInterrupt:
        print("\nStopping.", flush=True)
        return 0
    finally:
        lab.stop()


def _settings(folder: Path) -> Path:
    """Make JupyterLab settings in which no pop-up about news covers the notebook."""
    place = folder / "settings" / "@jupyterlab" / "apputils-extension"
    place.mkdir(parents=True, exist_ok=True)
    settings = place / "notification.jupyterlab-settings"
    if not settings.exists():
        settings.write_text('{"fetchNews": "false"}')
    return folder / "settings"


def run_beside(demo: Demo, command: list[str]) -> int:
    """Run a command with the demo's environment, until it ends or this process is told to."""
    notebook_of(demo)
    process = subprocess.Popen(  # noqa: S603 - the user's own command line
        command, env={**os.environ, **demo.environment}
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _: process.send_signal(received))
    return process.wait()


def _wait_for(child: Child, address: str, timeout: float = 60.0) -> None:
    import requests

    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if child.process.poll() is not None:
            raise ServerError("JupyterLab ended while starting", why=child.tail())
        with contextlib.suppress(requests.RequestException):
            if requests.get(address, timeout=2).status_code < 500:
                return
        time.sleep(0.1)
    raise ServerError("JupyterLab did not start in time", why=child.tail())


# --- without ----------------------------------------------------------------------------------


def check(demo: Demo) -> int:
    """Run the quickstart, read its snapshots back over the API, and say what was found."""
    print(f"Running {NOTEBOOK} against {demo.url}", flush=True)
    begun = time.time()
    run_notebook(demo, notebook_of(demo, fresh=True))
    found = read_back(demo, begun)
    for line in found.lines:
        print(line)
    if found.missing:
        print("Missing: " + "; ".join(found.missing), file=sys.stderr)
        return 1
    print(f"All there: {words.count(found.count, 'snapshot')} in {time.time() - begun:.0f} s.")
    return 0


def run_notebook(demo: Demo, path: Path) -> Any:
    """Run a notebook as "Run all" would; returns it with its outputs.

    Raises
    ------
    ServerError
        When a cell fails, with the cell's error.
    """
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=300,
        resources={"metadata": {"path": str(path.parent)}},
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
    )
    os.environ.update(demo.environment)
    os.environ["JPY_SESSION_NAME"] = path.name
    try:
        client.execute()
    except CellExecutionError as error:
        text = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip()
        raise ServerError(f"A cell of {path.name} failed", why=text[-800:]) from None
    return notebook


@dataclass
class Found:
    """What the dashboard holds of a run of the quickstart."""

    count: int
    lines: list[str]
    missing: list[str]


def _seconds(text: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def read_back(demo: Demo, since: float) -> Found:
    """Read what arrived since a time (seconds), over the HTTP API."""
    from etiq_jupyter.sync.transport import Transport

    transport = Transport(demo.url, demo.token)

    def get(path: str, **params: Any) -> Any:
        return json.loads(transport.request("GET", f"/api/v1{path}", params=params).content)

    try:
        project = transport.request(
            "POST", "/api/v1/projects/open", json={"name": PROJECT, "create_if_missing": False}
        ).json()
    except EtiqError as error:
        return Found(0, [], [str(error)])
    lines, missing, kinds = [], [], set()
    listed = get(f"/projects/{project['id']}/snapshots", limit=100, sort="created")["items"]
    new = [s for s in listed if _seconds(s["created_at"]) >= since - 1]
    for summary in new:
        detail = get(f"/snapshots/{summary['id']}")
        items = detail["items"]
        kinds |= {item["kind"] for item in items if item["object"]}
        for item in items:
            if item["object"] and item["kind"] in ("frame", "figure", "model"):
                preview = get(
                    f"/snapshots/{summary['id']}/items/{quote(item['name'], safe='')}/preview"
                )
                if preview["form"] == "none":
                    missing.append(f"a preview of {item['name']} of {summary['short_id']}")
        kept = ", ".join(
            f"{item['name']} ({item['kind']})" for item in items if item["role"] == "variable"
        )
        metrics = ", ".join(f"{k} {words.number(v)}" for k, v in summary["metrics"].items())
        size = words.size(summary["size"])
        lines.append(
            f"  {summary['short_id']:<7} {summary['name']:<10} {size:>8}  {kept or metrics}"
        )
    if len(new) < 4:
        missing.append(f"four snapshots (found {len(new)})")
    missing += [f"a {kind}" for kind in ("frame", "model", "figure") if kind not in kinds]
    if not any(summary["metrics"] for summary in new):
        missing.append("metrics")
    if not get(f"/projects/{project['id']}/pipelines")["items"]:
        missing.append("a pipeline")
    return Found(len(new), lines, missing)
