"""A wheel built from a clean checkout, as a user's `pip install .` builds it, without Node."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
HIDDEN = ("node", "nodejs", "npm", "npx", "yarn", "jlpm", "corepack")


def path_without_node(folder: Path) -> str:
    """Make a PATH of the machine's own programs, with every Node tool left out."""
    folder.mkdir(exist_ok=True)
    for place in os.environ["PATH"].split(os.pathsep):
        if not Path(place).is_dir() or Path(place) == Path(sys.executable).parent:
            continue
        for program in Path(place).iterdir():
            link = folder / program.name
            if program.name not in HIDDEN and not link.exists() and os.access(program, os.X_OK):
                link.symlink_to(program)
    assert shutil.which("node", path=str(folder)) is None
    return str(folder)


def run_command(*command: str | Path, environment: dict[str, str], folder: Path) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        env=environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    return re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)


@pytest.fixture(scope="session")
def bare_environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The machine's environment with an empty home and without Node."""
    folder = tmp_path_factory.mktemp("bare")
    keep = ("LANG", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "PIP_CERT", "REQUESTS_CA_BUNDLE")
    environment = {name: os.environ[name] for name in keep if name in os.environ}
    (folder / "home").mkdir()
    return environment | {
        "HOME": str(folder / "home"),
        "PATH": path_without_node(folder / "bin"),
    }


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what git tracks, with the working tree's content."""
    folder = tmp_path_factory.mktemp("checkout") / "etiq_jupyter"
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="session")
def environment_folder(
    bare_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """An empty virtual environment."""
    folder = tmp_path_factory.mktemp("venv")
    make = (sys.executable, "-m", "venv", folder)
    run_command(*make, environment=bare_environment, folder=folder)
    return folder


@pytest.fixture(scope="session")
def wheel(checkout: Path, environment_folder: Path, bare_environment: dict[str, str]) -> Path:
    """The wheel, built in isolation."""
    python = environment_folder / "bin" / "python"
    command = (python, "-m", "pip", "wheel", "--no-deps", "-w", checkout / "dist", ".")
    run_command(*command, environment=bare_environment, folder=checkout)
    (built,) = (checkout / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="session")
def installed(wheel: Path, environment_folder: Path, bare_environment: dict[str, str]) -> Path:
    """The empty virtual environment with the wheel and what the demo needs."""
    python = environment_folder / "bin" / "python"
    command = (python, "-m", "pip", "install", "-q", f"{wheel}[demo]")
    run_command(*command, environment=bare_environment, folder=environment_folder)
    return environment_folder


@pytest.fixture
def run() -> Callable[..., str]:
    """Run a command and return what it said; fail when it fails."""
    return run_command
