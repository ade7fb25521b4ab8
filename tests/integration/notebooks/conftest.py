"""Runs cells in a real kernel, as "Run all" does."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from etiq_jupyter import model
from etiq_jupyter.store import Store

LOAD = "%load_ext etiq_jupyter"


class Ran:
    """A notebook after its run.

    Attributes
    ----------
    cells : list
        The cells given, without the one that loads the extension.
    error : CellExecutionError or None
        What stopped it.
    """

    def __init__(self, notebook: Any, error: CellExecutionError | None) -> None:
        self.notebook = notebook
        self.cells = notebook.cells[1:]
        self.error = error

    def outputs(self, index: int) -> list[Any]:
        """Outputs of a cell, without our own line."""
        return [o for o in self.cells[index].outputs if "etiq-line" not in str(o)]

    def text(self, index: int) -> str:
        """All text under a cell."""
        parts = []
        for output in self.cells[index].outputs:
            if output.output_type == "stream":
                parts.append(output.text)
            elif output.output_type == "error":
                parts.append("\n".join(output.traceback))
            else:
                parts.append(output.data.get("text/plain", ""))
        return "\n".join(parts)


Run = Callable[..., Ran]


@pytest.fixture
def run(tmp_path: Path, own_home: Path) -> Run:
    """Run cells in a fresh kernel with the extension loaded."""

    def run(*cells: str, load: bool = True, **metadata: Any) -> Ran:
        sources = [LOAD if load else "pass", *cells]
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in sources])
        resources = {"metadata": {"path": str(tmp_path)}}
        client = NotebookClient(
            notebook, timeout=120, resources=resources, kernel_name="python3", **metadata
        )
        error = None
        try:
            client.execute()
        except CellExecutionError as failed:
            error = failed
        return Ran(notebook, error)

    return run


@pytest.fixture
def kept() -> Callable[[], list[model.Snapshot]]:
    """The snapshots in the local store, oldest first."""

    def kept() -> list[model.Snapshot]:
        store = Store.open(Path(os.environ["ETIQ_HOME"]))
        try:
            return [store.manifest(s.id) for s in store.snapshots(sort="created")]
        finally:
            store.close()

    return kept
