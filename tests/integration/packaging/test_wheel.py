from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def in_environment(installed: Path, bare: dict[str, str]) -> dict[str, str]:
    return bare | {"PATH": f"{installed / 'bin'}{os.pathsep}{bare['PATH']}"}


def test_the_wheel_carries_the_built_front_end_and_no_sources_of_it(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    shared = [name for name in names if ".data/data/share/jupyter/labextensions/" in name]
    assert any(name.endswith("etiq_jupyter/package.json") for name in shared)
    assert any(name.endswith("etiq_jupyter/install.json") for name in shared)
    assert "etiq_jupyter/dashboard/static/index.html" in names
    assert "etiq_jupyter/examples/quickstart.ipynb" in names
    assert not [name for name in names if "node_modules" in name or name.endswith(".tsx")]


def test_the_wheel_is_small(wheel: Path) -> None:
    assert wheel.stat().st_size < 3_000_000


def test_both_extensions_are_enabled_without_further_steps(
    installed: Path, bare_environment: dict[str, str], run: Callable[..., str]
) -> None:
    environment = in_environment(installed, bare_environment)
    lab = run("jupyter", "labextension", "list", environment=environment, folder=installed)
    line = next(line for line in lab.splitlines() if "etiq_jupyter" in line)
    assert "enabled" in line
    assert "OK" in line
    command = ("jupyter", "server", "extension", "list")
    server = run(*command, environment=environment, folder=installed)
    assert "etiq_jupyter enabled" in server
    validated = server.split("Validating etiq_jupyter", 1)[1].splitlines()[1]
    assert "OK" in validated


def test_the_command_is_there_and_the_demo_checks_itself(
    installed: Path,
    bare_environment: dict[str, str],
    tmp_path: Path,
    run: Callable[..., str],
) -> None:
    environment = in_environment(installed, bare_environment)
    assert "etiq_jupyter" in run("etiq", "--version", environment=environment, folder=tmp_path)
    data = ("--data-dir", tmp_path / "demo")
    first = run("etiq", "demo", *data, "--check", environment=environment, folder=tmp_path)
    assert "All there" in first
    again = run("etiq", "demo", *data, "--check", environment=environment, folder=tmp_path)
    assert "All there" in again
