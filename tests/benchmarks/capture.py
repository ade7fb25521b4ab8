"""Time that a snapshot adds to a cell, before anything is stored: printed beside goals and a peer.

    python tests/benchmarks/capture.py [--json FILE] [--peers] [--repeats N]

``--peers`` measures kishu in a virtual environment that the benchmark makes for itself.
"""

# ruff: noqa: E501 - tables read better unbroken

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROWS = 950_000


def frame() -> Any:
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(0)
    columns: dict[str, Any] = {f"f{n}": rng.normal(size=ROWS) for n in range(8)}
    columns |= {
        "id": np.arange(ROWS),
        "when": pd.date_range("2020", periods=ROWS, freq="s"),
        "small": rng.normal(size=ROWS).astype("f4"),
    }
    columns["city"] = pd.Series(rng.choice(["Rome", "Oslo", "Lima", "Cairo"], ROWS))
    columns["user"] = pd.Series("u" + pd.Series(rng.integers(0, 10**6, ROWS)).astype(str))
    return pd.DataFrame(columns)


class Cells:
    """Runs cells watched and not watched, and tells the difference."""

    def __init__(self) -> None:
        from etiq_jupyter import capture

        self.capture = capture
        self.memory = capture.Memory()
        self.space: dict[str, Any] = {"__name__": "__main__"}

    def watched(self, source: str) -> float:
        """Milliseconds that watching adds before and after the cell."""
        begun = time.perf_counter()
        watch = self.capture.watch_cell(source, self.space, self.memory)
        before = time.perf_counter() - begun
        exec(source, self.space)
        begun = time.perf_counter()
        self.last = watch.finish(self.capture.CellOutcome(outputs=[]))
        return (before + time.perf_counter() - begun) * 1000


def median(measure: Callable[[], float], repeats: int) -> float:
    return statistics.median(measure() for _ in range(repeats))


def measure(repeats: int) -> dict[str, dict[str, Any]]:
    cells = Cells()
    cells.watched("import math")
    rows: dict[str, dict[str, Any]] = {}

    def row(name: str, value: float, goal: float, unit: str = "ms") -> None:
        rows[name] = {"value": value, "goal": goal, "unit": unit, "met": value <= goal}

    row(
        "small cell, added",
        median(
            lambda: cells.watched("x = 1\ny = [x, 'a', {'k': 2.5}]\nz = sum([x, 2])"), repeats * 5
        ),
        5,
    )
    for n in range(200):
        cells.space[f"v{n}"] = {"n": n, "l": [n] * 50}
    row(
        "small cell among 200 variables, added",
        median(lambda: cells.watched("q = v3['n'] + 1\nv4['l'].append(1)"), repeats * 5),
        5,
    )
    cells.space["df"] = df = frame()
    size = int(df.memory_usage(deep=False).sum())
    first = cells.watched("df.shape")
    first_kept = median(lambda: _fresh(cells), 3)
    cells.watched("fresh = frames = None")
    row(
        "beside an unchanged 96 MB frame that it does not use, added",
        median(lambda: cells.watched("t = 1"), repeats),
        5,
    )
    row(
        "unchanged 96 MB frame that it uses, blocking",
        median(lambda: cells.watched("m = df.shape"), repeats),
        10,
    )
    row("96 MB frame, first", first_kept, 15)
    row(
        "96 MB frame, one column assigned",
        median(lambda: cells.watched("df['f0'] = df['f0'] + 1"), repeats),
        15,
    )
    import numpy as np

    cells.space["arr"] = np.zeros(256 << 20, "u1")
    cells.watched("arr.shape")
    row(
        "unchanged 268 MB array that it uses, blocking",
        median(lambda: cells.watched("s = arr.shape"), repeats),
        16,
    )
    row("import of capture and codecs", _import_time(), 100)
    rows["96 MB frame, first"]["bytes"] = size
    rows["96 MB frame, first"]["first_look_ms"] = first
    return rows


def _fresh(cells: Cells) -> float:
    """A frame that was never seen, bound by the cell."""
    cells.space["frames"] = iter([frame()])
    return cells.watched("fresh = next(frames)")


def _import_time() -> float:
    code = "import time; t=time.perf_counter(); import etiq_jupyter.capture, etiq_jupyter.codecs; print((time.perf_counter()-t)*1000)"
    return min(
        float(subprocess.check_output([sys.executable, "-c", code], text=True)) for _ in range(5)
    )


KISHU = """
import statistics, sys, time
from IPython.core.interactiveshell import InteractiveShell
from kishu.jupyterint import KishuForJupyter
import pathlib, nbformat
folder = pathlib.Path(sys.argv[1])
nb = folder / "n.ipynb"
nbformat.write(nbformat.v4.new_notebook(), nb)
shell = InteractiveShell.instance()
from kishu.notebook_id import NotebookId
from kishu.storage.path import KishuPath
kishu = KishuForJupyter(notebook_id=NotebookId(key="k", path=nb, kernel_id="k"), ip=shell)
kishu._test_mode = True
shell.events.register("pre_run_cell", kishu.pre_run_cell)
shell.events.register("post_run_cell", kishu.post_run_cell)
sys.path.insert(0, sys.argv[2])
def cell(source):
    t = time.perf_counter(); shell.run_cell(source); return (time.perf_counter() - t) * 1000
small = [cell("x = 1\\ny = [x, 'a', {'k': 2.5}]\\nz = sum([x, 2])") for _ in range(15)]
cell("import capture; df = capture.frame()")
used = [cell("m = df.shape") for _ in range(5)]
print("RESULT", statistics.median(small), statistics.median(used))
"""


def peers(work: Path) -> dict[str, float]:
    """Measure kishu in its own environment; empty when it cannot be installed."""
    venv.create(work / "kishu", with_pip=True)
    python = work / "kishu" / "bin" / "python"
    done = subprocess.run(
        [python, "-m", "pip", "install", "-q", "kishu", "pandas", "pyarrow"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        print("kishu could not be installed:", done.stderr.strip().splitlines()[-1:])
        return {}
    script = work / "kishu_cells.py"
    script.write_text(KISHU)
    (work / "home").mkdir()
    here = str(Path(__file__).parent)
    done = subprocess.run(
        [python, script, str(work), here],
        capture_output=True,
        text=True,
        check=False,
        env={"HOME": str(work / "home"), "PATH": "/usr/bin:/bin"},
    )
    line = next((line for line in done.stdout.splitlines() if line.startswith("RESULT")), None)
    if line is None:
        print("kishu did not run:", done.stderr.strip().splitlines()[-1:])
        return {}
    small, used = map(float, line.split()[1:])
    return {"small cell, added": small, "unchanged 96 MB frame that it uses, blocking": used}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    rows = measure(options.repeats)
    if options.peers:
        with tempfile.TemporaryDirectory() as work:
            for name, value in peers(Path(work)).items():
                rows[name]["kishu"] = value
    for name, row in rows.items():
        peer = (
            f"  kishu {row['kishu']:8.1f} ms ({row['kishu'] / row['value']:.0f} x)"
            if "kishu" in row
            else ""
        )
        print(
            f"{name:62} {row['value']:8.2f} {row['unit']}  goal {row['goal']:g}  {'met' if row['met'] else 'MISSED'}{peer}"
        )
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
