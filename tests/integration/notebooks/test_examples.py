"""The example notebooks: run, then restored in a fresh kernel cell by cell, and compared."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from etiq_jupyter import model
from etiq_jupyter.store import Store

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
NAMES = ("cleaning", "models", "timeseries")

COMPARE = """
import etiq_jupyter as etiq
from etiq_jupyter import codecs
project = etiq.projects.open({project!r}, create_if_missing=False)
for snapshot in project.snapshots.list(sort="created"):
    space = {{}}
    report = snapshot.restore(into=space)
    held = {{n: i for n, i in snapshot.variables.items() if not i.reason}}
    code = {{n for n, i in held.items() if i.kind == "code"}}
    assert set(report.skipped) == code, report
    assert set(space) == set(held) - code, (snapshot.name, set(held) ^ set(space), report)
    for name, value in space.items():
        item = snapshot.item(name)
        if item.kind == "figure":  # comes back as the picture that was shown
            assert value.data[1:4] == b"PNG", (snapshot.name, name)
            continue
        assert codecs.encode(value).content.hash == item.hash, (snapshot.name, name, item)
        seen = type(value)
        assert item.type.endswith(seen.__name__), (snapshot.name, name, item.type, seen)
    print(snapshot.name, len(space), len(report.recomputable))
"""


def execute(cells: list[str] | Path, folder: Path) -> Any:
    if isinstance(cells, Path):
        notebook = nbformat.read(cells, as_version=4)
    else:
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    NotebookClient(
        notebook, timeout=200, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()
    return notebook


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_an_example_runs_and_comes_back_cell_by_cell(
    name: str, tmp_path: Path, own_home: Path
) -> None:
    path = EXAMPLES / f"{name}.ipynb"
    notebook = execute(path, tmp_path)
    cells = [c.source for c in notebook.cells if c.source.startswith("%%snapshot")]
    assert len(cells) >= 10
    store = Store.open(Path(os.environ["ETIQ_HOME"]))
    manifests = [store.manifest(s.id) for s in store.snapshots(sort="created")]
    store.close()
    assert len(manifests) == len(cells)
    assert all(manifest.error is None for manifest in manifests)
    kinds = {item.kind for m in manifests for item in model.variables(m) if not item.reason}
    assert {"frame", "figure", "number"} <= kinds
    compared = execute([COMPARE.format(project=manifests[0].project_name)], tmp_path)
    said = "".join(o.text for o in compared.cells[0].outputs if o.output_type == "stream")
    assert len(said.strip().splitlines()) == len(manifests)


def test_the_examples_are_saved_without_outputs() -> None:
    for path in EXAMPLES.glob("*.ipynb"):
        for cell in nbformat.read(path, as_version=4).cells:
            assert not cell.get("outputs"), path
            assert cell.get("execution_count") is None, path
