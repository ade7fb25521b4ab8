"""The dashboard's benchmarks work: run small, their figures are not judged here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("dashboard_start", ["--rounds", "1"]),
        ("dashboard_ingest", ["--count", "100"]),
        ("dashboard_ingest", ["--count", "100", "--postgresql"]),
        ("dashboard_lists", ["--snapshots", "150", "--rounds", "1"]),
    ],
)
def test_a_benchmark_prints_its_table_and_writes_json(name, arguments, tmp_path):
    command = [sys.executable, str(FOLDER / f"{name}.py"), *arguments]
    command += ["--json", str(tmp_path / "found.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "goal" in done.stdout
    assert json.loads((tmp_path / "found.json").read_text())
