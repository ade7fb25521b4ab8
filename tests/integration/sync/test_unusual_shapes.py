"""The benchmark of unusual sizes and shapes, small: what comes back is right, and stored once."""

import json
import subprocess
import sys
from pathlib import Path

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "scale.py"
KINDS = ("nulls", "objects", "wide", "memory")
LABELS = ("pandas nulls", "polars nulls", "objects", "500 columns")


def test_nulls_objects_and_columns_come_back_and_are_stored_once(tmp_path):
    report = tmp_path / "report.json"
    only = [part for kind in KINDS for part in ("--only", kind)]
    command = [sys.executable, str(BENCHMARK), "--small", "--rounds", "1", "--gigabytes", "1.5"]
    done = subprocess.run(
        [*command, *only, "--folder", str(tmp_path), "--json", str(report)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr  # it compares what it restores
    figures = {
        name: values[0] for name, values in json.loads(report.read_text())["figures"].items()
    }
    for label in LABELS:
        stored = {
            form: figures[f"{label}, {form}: stored, MB"]
            for form in ("first", "unchanged", "changed")
        }
        assert stored["unchanged"] < 0.001, label
        assert stored["changed"] < stored["first"] / 8, label
    (together,) = (value for name, value in figures.items() if "peak together" in name)
    assert 0 < together < 500
    assert list(tmp_path.iterdir()) == [report]
