"""What importing costs, beside bare Python and what the package is built on.

    python tests/benchmarks/imports.py [--rounds 9] [--json FILE]

Each row is the median of several fresh processes, all rows interleaved. The goal for
``import etiq_jupyter`` is 0.10 s; of the comparable clients the fastest takes 0.33 s (wandb).
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time

GOAL = 0.10
ROWS = {
    "bare python": "pass",
    "import etiq_jupyter": "import etiq_jupyter",
    "first use: etiq.status()": "import etiq_jupyter as etiq; etiq.status()",
    "peer: import requests": "import requests",
    "peer: import IPython": "import IPython",
    "peer: import pandas": "import pandas",
}


def measure(rounds: int) -> dict[str, float]:
    """Return row -> median seconds of a whole process."""
    times: dict[str, list[float]] = {name: [] for name in ROWS}
    for _ in range(rounds):
        for name, code in ROWS.items():
            begun = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            times[name].append(time.perf_counter() - begun)
    return {name: statistics.median(found) for name, found in times.items()}


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json")
    arguments = parser.parse_args()
    found = measure(arguments.rounds)
    bare = found["bare python"]
    print(f"{'':<28}{'process':>10}{'over bare':>12}")
    for name, seconds in found.items():
        print(f"{name:<28}{seconds:>9.3f}s{seconds - bare:>11.3f}s")
    print(f"goal for import etiq_jupyter: {GOAL:.2f} s over bare")
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump({"goal": GOAL, "seconds": found}, file, indent=2)
    return 0


if __name__ == "__main__":
    sys.exit(main())
