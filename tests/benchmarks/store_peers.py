"""Other tools on the workloads of `store.py`, each in a virtual environment of its own."""

import json
import os
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

PREFIX = """
import json, os, sys, time
os.environ.update(WANDB_MODE="offline", WANDB_SILENT="true", MLFLOW_ENABLE_TELEMETRY="false")
folder, source, changed = sys.argv[1:4]
os.chdir(folder)
import pandas as pd
first, second = pd.read_parquet(source), pd.read_parquet(changed)
out = {}
def timed(name, call):
    started = time.perf_counter(); call(); out[name] = time.perf_counter() - started
def size():
    return sum(os.path.getsize(os.path.join(d, f)) for d, _, fs in os.walk(".") for f in fs) / 1e6
def both(keep):
    before = size()
    timed("frame first: done, s", lambda: keep(first, 0))
    out["frame first: stored, MB"] = size() - before
    before = size()
    timed("1 % of one column: done, s", lambda: keep(second, 1))
    out["1 % of one column: stored, MB"] = size() - before
"""

PEERS = {
    "mlflow": (
        ["mlflow-skinny", "sqlalchemy", "alembic", "pandas", "pyarrow"],
        """
        import mlflow
        mlflow.set_tracking_uri("sqlite:///m.db")
        mlflow.set_experiment("x")
        def keep(df, n):
            df.to_parquet(f"{n}.parquet")
            with mlflow.start_run():
                mlflow.log_artifact(f"{n}.parquet")
                os.unlink(f"{n}.parquet")
        with mlflow.start_run():
            mlflow.log_metric("warm", 1)
        both(keep)
        def tiny():
            with mlflow.start_run():
                mlflow.log_metrics({"a": 0.9, "b": 0.8, "c": 0.7})
                mlflow.log_text("x" * 2000, "s.py")
        timed("tiny snapshot, s", tiny)
        """,
    ),
    "trackio": (
        ["trackio", "pandas", "pyarrow"],
        """
        import trackio, pathlib
        def keep(df, n):
            df.to_parquet(f"{n}.parquet")
            run = trackio.init(project="x", name=f"r{n}", embed=False)
            trackio.save(f"{n}.parquet")
            trackio.finish()
        both(keep)
        """,
    ),
    "wandb offline": (
        ["wandb", "pandas", "pyarrow"],
        """
        import wandb
        def keep(df, n):
            df.to_parquet(f"{n}.parquet")
            with wandb.init(project="x", dir=".") as run:
                artifact = wandb.Artifact(f"d{n}", "dataset"); artifact.add_file(f"{n}.parquet")
                run.log_artifact(artifact)
        both(keep)
        """,
    ),
    "kishu": (
        ["kishu", "ipython", "pandas", "pyarrow"],
        """
        # In its test mode it does not wait for a front end to save the notebook.
        os.environ.update(HOME=os.getcwd(), ENV_KISHU_TEST_MODE="true")
        import types
        from pathlib import Path
        import nbformat
        from IPython.core.interactiveshell import InteractiveShell
        from kishu.jupyterint import KishuForJupyter
        from kishu.notebook_id import NotebookId
        nbformat.write(nbformat.v4.new_notebook(), "n.ipynb")
        shell = InteractiveShell.instance()
        notebook = NotebookId(key="k", path=Path("n.ipynb").absolute(), kernel_id="k")
        kishu = KishuForJupyter(notebook, shell)
        kishu.install_kishu_hooks()
        held = sys.modules["held"] = types.ModuleType("held")  # outside of what it keeps
        held.frames = (first, second)
        shell.run_cell("warm = 1")
        def keep(df, n):
            shell.run_cell(f"df = __import__('held').frames[{n}].copy()").raise_error()
        both(keep)
        timed("tiny snapshot, s", lambda: shell.run_cell("a, b, c = 0.9, 0.8, 0.7"))
        """,
    ),
    "dvc": (
        ["dvc", "pandas", "pyarrow"],
        """
        import subprocess
        def run(*words):
            subprocess.run([sys.executable, "-m", "dvc", *words], check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        run("init", "--no-scm")
        def keep(df, n):
            df.to_feather("data.arrow", compression="uncompressed")
            run("add", "data.arrow")
            os.unlink("data.arrow")
        both(keep)
        """,
    ),
    "restic": (
        ["pandas", "pyarrow"],
        """
        import subprocess
        os.environ.update(RESTIC_PASSWORD="x", RESTIC_REPOSITORY="r", RESTIC_CACHE_DIR="c")
        subprocess.run(["restic", "init", "-q"], check=True)
        def keep(df, n):
            df.to_feather("data.arrow", compression="uncompressed")
            subprocess.run(["restic", "backup", "-q", "data.arrow"], check=True)
            os.unlink("data.arrow")
        both(keep)
        """,
    ),
    "borg": (
        ["pandas", "pyarrow"],
        """
        import subprocess
        os.environ["BORG_BASE_DIR"] = os.getcwd()
        subprocess.run(["borg", "init", "-e", "none", "r"], check=True)
        def keep(df, n):
            df.to_feather("data.arrow", compression="uncompressed")
            subprocess.run(["borg", "create", "-C", "zstd,3", f"r::{n}", "data.arrow"], check=True)
            os.unlink("data.arrow")
        both(keep)
        """,
    ),
}
"""Packages and script of each; restic and borg are programs of the system."""


def measure(cache, folder, frame, found):
    """Run every tool once; what cannot be installed is said and left out."""
    import numpy as np

    source, changed = folder / "frame.parquet", folder / "changed.parquet"
    if not source.exists():
        frame.to_parquet(source)
        other = frame.copy()
        rng = np.random.default_rng(1)
        some = rng.choice(len(frame), len(frame) // 100, replace=False)
        other.loc[some, "noise1"] = rng.normal(size=len(some))
        other.to_parquet(changed)
    for name, (packages, code) in PEERS.items():
        python = _environment(cache / name.replace(" ", "-"), packages)
        if python is None:
            print(f"{name} cannot be installed here", file=sys.stderr)
            continue
        place = Path(tempfile.mkdtemp(prefix="peer-", dir=folder))  # a new one every round
        script = PREFIX + textwrap.dedent(code) + "\nprint(json.dumps(out))\n"
        done = subprocess.run(
            [python, "-c", script, place, source, changed],
            # (Some keep their store in the user's folder.)
            env={**os.environ, "HOME": str(place)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            print(f"{name} failed: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
            continue
        for key, value in json.loads(done.stdout.splitlines()[-1]).items():
            found.setdefault(name, {}).setdefault(key, []).append(value)


def _environment(folder, packages):
    python = folder / "bin" / "python"
    if (folder / "ready").exists():
        return python
    folder.parent.mkdir(parents=True, exist_ok=True)
    for command in (
        [sys.executable, "-m", "venv", folder],
        [python, "-m", "pip", "install", "--quiet", *packages],
    ):
        if subprocess.run(command, check=False, capture_output=True).returncode:
            return None
    (folder / "ready").touch()
    return python
