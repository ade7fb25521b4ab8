"""The minimal cells that made a result, run in a clean process, make the same content again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from etiq_jupyter.sessions import Session

CELLS = [
    "%etiq_project Slices",
    "%%snapshot load\nimport pandas as pd\nimport numpy as np\n"
    "df = pd.DataFrame({'a': np.arange(100), 'b': np.arange(100) % 7})",
    "%%snapshot unrelated\nother = pd.DataFrame({'z': range(3)})\nprint('not needed')",
    "%%snapshot scale\nfactor = 3",
    "%%snapshot clean\nclean = df[df['b'] != 0].copy()\nclean['c'] = clean['a'] * factor",
    "%%snapshot mutate\nclean['d'] = clean['c'].cumsum()",
    "%%snapshot summary\n"
    "def total(frame):\n    return frame.groupby('b').sum()\n"
    "result = total(clean)",
]
SHOW = "\nfrom etiq_jupyter import codecs\nprint('HASH', codecs.encode(result).content.hash)\n"


def test_the_slice_is_minimal_ordered_and_reproduces_the_hash(run: Any, tmp_path: Path) -> None:
    assert run(*CELLS).error is None
    session = Session(Path(os.environ["ETIQ_HOME"]))
    try:
        snapshot = session.projects.open("Slices").snapshots.get("summary")
        script = snapshot.as_script("result")
        notebook = nbformat.reads(snapshot.as_notebook("result"), as_version=4)
        wanted = snapshot.item("result").hash
    finally:
        session.close()
    assert "not needed" not in script
    assert script.index("np.arange(100)") < script.index("factor = 3") < script.index("cumsum")
    done = subprocess.run(
        [sys.executable, "-c", script + SHOW], capture_output=True, text=True, check=True
    )
    assert f"HASH {wanted}" in done.stdout
    notebook.cells.append(nbformat.v4.new_code_cell(SHOW))
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    assert wanted in json.dumps(notebook.cells[-1].outputs)


def test_the_source_of_a_function_comes_back_but_is_not_run(run: Any) -> None:
    run(*CELLS)
    found = run(
        "%etiq_project Slices",
        "%etiq_restore summary",
        "assert 'total' not in globals()",
        "assert result.loc[1, 'a'] > 0",
    )
    assert found.error is None, found.error
    assert "total" in found.text(1)
