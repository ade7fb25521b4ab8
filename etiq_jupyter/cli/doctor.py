"""``etiq doctor``: what works here, what does not, and what to do about it."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from etiq_jupyter import credentials
from etiq_jupyter.api import words
from etiq_jupyter.errors import Corrupt, EtiqError

EXTRAS = {
    "frames": ("pyarrow",),
    "models": ("skops", "safetensors"),
    "dashboard": ("uvicorn", "sqlalchemy", "alembic"),
    "demo": ("jupyterlab", "nbclient", "sklearn"),
}
SCARCE = 1 << 30  # bytes of free disk below which we warn


@dataclass
class Finding:
    """One thing that was looked at. ``state`` is ok, note or problem."""

    name: str
    state: str
    text: str


def add_doctor(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of ``etiq doctor``."""
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Look, print, and return 1 when there is a problem."""
    findings = list(examine())
    if arguments.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        marks = {"ok": "ok     ", "note": "note   ", "problem": "PROBLEM"}
        for finding in findings:
            print(f"{marks[finding.state]}  {finding.name}: {finding.text}")
    return int(any(finding.state == "problem" for finding in findings))


def examine() -> Iterator[Finding]:
    """Go through all checks; none of them raises."""
    checks: list[Callable[[], Iterator[Finding]]] = [
        *(_python, _disk, _snapshots, _extras, _jupyter, _login)
    ]
    for check in checks:
        try:
            yield from check()
        except EtiqError as error:
            yield Finding(check.__name__.strip("_"), "problem", str(error))
        except Exception as error:  # noqa: BLE001 - a check that fails is a finding
            yield Finding(check.__name__.strip("_"), "problem", f"{type(error).__name__}: {error}")


def _python() -> Iterator[Finding]:
    from etiq_jupyter.version import __version__

    text = f"{platform.python_version()} on {platform.platform()}, etiq_jupyter {__version__}"
    yield Finding("Python", "ok" if sys.version_info >= (3, 10) else "problem", text)


def _disk() -> Iterator[Finding]:
    from etiq_jupyter.store import default_path

    path = default_path()
    path.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=path) as file:
        file.write(b"x")
        os.fsync(file.fileno())
    free = shutil.disk_usage(path).free
    state = "ok" if free > SCARCE else "problem"
    text = f"{path} can be written, {words.size(free)} free"
    yield Finding("Local store", state, text)


def _snapshots() -> Iterator[Finding]:
    from etiq_jupyter.store import Store, default_path
    from etiq_jupyter.store.repair import kept_copies
    from etiq_jupyter.store.spare import left_behind

    path = default_path()
    try:
        status = Store.open(path).outbox.status(None)
        text = f"{status.local} local, {status.pending} waiting, {status.parked} not accepted"
        yield Finding("Snapshots here", "note" if status.parked else "ok", text)
    except Corrupt as error:
        yield Finding("Snapshots here", "problem", str(error))
    if (spare := left_behind(path)) is not None:
        count = words.count(spare.count(), "snapshot")
        text = f"{count} in {spare.path}; 'etiq verify --repair' moves them here"
        yield Finding("Kept elsewhere meanwhile", "note", text)
    if copies := kept_copies(path):
        size = words.size(sum(each.stat().st_size for each in copies))
        text = f"{copies[0].name}, {size} in all; delete it when nothing is missing"
        yield Finding("Damaged index, repaired", "note", text)


def _extras() -> Iterator[Finding]:
    for extra, modules in EXTRAS.items():
        missing = [name for name in modules if importlib.util.find_spec(name) is None]
        if missing:
            text = f"{', '.join(missing)} missing; pip install 'etiq_jupyter[{extra}]' adds it"
            yield Finding(f"Extra {extra}", "note", text)
        else:
            yield Finding(f"Extra {extra}", "ok", "installed")


def _jupyter() -> Iterator[Finding]:
    if importlib.util.find_spec("jupyter_core") is None:
        yield Finding("JupyterLab", "note", "not installed beside this package")
        return
    from jupyter_core.paths import jupyter_config_path, jupyter_path

    places = [Path(p) / "etiq_jupyter" / "package.json" for p in jupyter_path("labextensions")]
    found = next((place for place in places if place.is_file()), None)
    text = f"installed in {found.parent}" if found else "not found; reinstall etiq_jupyter"
    yield Finding("JupyterLab extension", "ok" if found else "problem", text)
    enabled = any(
        (Path(p) / "jupyter_server_config.d" / "etiq_jupyter.json").is_file()
        for p in jupyter_config_path()
    )
    text = "enabled" if enabled else "not enabled; the kernel indicator may flicker while idle"
    yield Finding("Server extension", "ok" if enabled else "note", text)


def _login() -> Iterator[Finding]:
    walk = credentials.find()
    if walk.credentials is None:
        yield Finding("Credentials", "note", walk.problem or "none found; local mode")
        return
    found = walk.credentials
    yield Finding("Credentials", "ok", f"{found.url}, token from {found.source}")
    from etiq_jupyter.handshake import handshake

    login = handshake(found, verify=found.verify, timeout=10.0)
    text = f"{login.me.server.version}, logged in as {login.me.user.username}"
    yield Finding("Dashboard", "ok", text)
