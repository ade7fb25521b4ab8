"""Time and memory of a dashboard process until its first answer, fresh and warm.

    python tests/benchmarks/dashboard_start.py [--rounds 5] [--json FILE]

From starting the process (SQLite and a folder) to an answered ``GET /api/v1/openapi.json``; the
median of several starts. As with anything that is installed, the modules are compiled already: one
start that is not counted does that, in a folder of its own, also where Python is told to keep no
bytecode. Peers on the same kind of machine: trackio 0.87 s and 69 MB, MLflow 19 s
and 2.5 GB, Datasette 0.49 s and 46 MB.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

GOAL_SECONDS, GOAL_MB = 1.0, 80.0
PEERS = {"trackio": (0.87, 69), "MLflow": (19.0, 2500), "Datasette": (0.49, 46)}


def start(folder: Path, bytecode: Path) -> tuple[float, float, float]:
    """Start a dashboard once; returns seconds, megabytes and CPU seconds at the first answer."""
    command = [sys.executable, "-m", "etiq_jupyter.dashboard", "--port", "0"]
    command += ["--data-dir", str(folder)]
    environment = os.environ | {"PYTHONPYCACHEPREFIX": str(bytecode)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
    try:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        with urllib.request.urlopen(f"{url}/api/v1/openapi.json", timeout=30) as answer:
            assert answer.status == 200
        seconds = time.perf_counter() - begun
        status = Path(f"/proc/{process.pid}/status")
        peak = cpu = 0.0
        if status.exists():
            line = next(one for one in status.read_text().splitlines() if "VmHWM" in one)
            peak = int(line.split()[1]) / 1000
            fields = status.with_name("stat").read_text().rpartition(")")[2].split()
            cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return seconds, peak, cpu
    finally:
        process.terminate()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def measure(rounds: int) -> dict[str, Any]:
    """Return medians of fresh and warm starts."""
    fresh, warm = [], []
    with tempfile.TemporaryDirectory() as folder:
        bytecode = Path(folder) / "bytecode"
        start(Path(folder) / "first", bytecode)
        for number in range(rounds):
            fresh.append(start(Path(folder) / str(number), bytecode))
            warm.append(start(Path(folder) / str(number), bytecode))
    return {
        name: {
            "seconds": round(statistics.median(one[0] for one in runs), 3),
            "megabytes": round(statistics.median(one[1] for one in runs), 1),
            "cpu_seconds": round(statistics.median(one[2] for one in runs), 2),
        }
        for name, runs in (("fresh", fresh), ("warm", warm))
    } | {"goal": {"seconds": GOAL_SECONDS, "megabytes": GOAL_MB}, "peers": PEERS}


def main(arguments: list[str] | None = None) -> int:
    """Print both starts beside the goal and the peers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    found = measure(options.rounds)
    for name in ("fresh", "warm"):
        one = found[name]
        print(
            f"{name:<10}{one['seconds']:>8.2f} s{one['megabytes']:>9.0f} MB"
            f"{one['cpu_seconds']:>9.2f} s of CPU"
        )
    print(f"{'goal':<10}{GOAL_SECONDS:>8.2f} s{GOAL_MB:>9.0f} MB")
    for name, (seconds, megabytes) in PEERS.items():
        print(f"{name:<10}{seconds:>8.2f} s{megabytes:>9.0f} MB")
    if options.json:
        options.json.write_text(json.dumps(found, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
