"""The benchmark of many scripts against one dashboard, with few."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "sync_many.py"


@pytest.mark.parametrize("stores", [[], ["--one-store"]], ids=["own stores", "one store"])
def test_everything_of_every_script_arrives_once_and_in_order(tmp_path, stores):
    figures = tmp_path / "figures.json"
    command = [sys.executable, str(BENCHMARK), "--scripts", "3", "--each", "30", *stores]
    done = subprocess.run(
        [*command, "--json", str(figures)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(figures.read_text())
    assert report["there"] == 90
    assert report["in order"]
    assert 0 < report["bytes per snapshot"] < 4000
