"""Time to compare two frames of a million rows and ten columns with planted edits, beside the goal.

    python tests/benchmarks/capture_diff.py [--json FILE] [--repeats N]

Wall time and processor time: on a busy machine the second says what the comparison itself takes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

ROWS = 1_000_000
GOAL = 2.0


def frame() -> Any:
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(0)
    made = pd.DataFrame({f"f{n}": rng.normal(size=ROWS) for n in range(6)})
    made["n"], made["city"] = rng.integers(0, 100, ROWS), rng.choice(["Rome", "Oslo", "Lima"], ROWS)
    made["user"] = "u" + pd.Series(rng.integers(0, 900_000, ROWS)).astype(str)
    made["id"] = np.arange(ROWS)
    return made


def edited(frame: Any) -> Any:
    """Three cells and one text changed, two rows deleted."""
    made = frame.drop(index=[10, 11])
    made.loc[[5, 500, 99_999], "f1"] = 7.0
    made.loc[77, "city"] = "Cairo"
    return made


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    from etiq_jupyter import codecs
    from etiq_jupyter.compare.frames import frame_change

    a = frame()
    cases = {
        "by key": (a, edited(a)),
        "without a key": (a.drop(columns="id"), edited(a).drop(columns="id")),
        "shuffled, without a key": (
            a.drop(columns="id"),
            a.drop(columns="id").sample(frac=1, random_state=1),
        ),
        "one column changed": (a, a.assign(f0=a["f0"] * 2)),
    }
    rows: dict[str, dict[str, Any]] = {}
    for name, (left, right) in cases.items():
        one, other = (
            codecs.encode(left).content,
            codecs.encode(right.reset_index(drop=True)).content,
        )
        wall, processor = [], []
        for _ in range(options.repeats):
            begun, spent = time.perf_counter(), time.process_time()
            summary, _ = frame_change(one, other)
            wall.append(time.perf_counter() - begun)
            processor.append(time.process_time() - spent)
        taken = statistics.median(wall)
        rows[name] = {
            "seconds": taken,
            "processor": statistics.median(processor),
            "goal": GOAL,
            "met": taken < GOAL,
            "found": summary,
        }
        met = "met" if taken < GOAL else "MISSED"
        print(
            f"{name:26} {taken:6.2f} s ({rows[name]['processor']:.2f} s of processor)  goal {GOAL:g} s  {met}  {summary}"  # noqa: E501
        )
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
