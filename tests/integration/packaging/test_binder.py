from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

QUICKSTART = """
import os, nbformat, pathlib
from nbclient import NotebookClient
path = pathlib.Path("examples/quickstart.ipynb")
notebook = nbformat.read(path, as_version=4)
NotebookClient(notebook, timeout=300).execute()
import etiq_jupyter as etiq
etiq.login()
project = etiq.projects.open("Quickstart", create_if_missing=False)
print("found", len(project.snapshots), "at", os.environ["ETIQ_DASHBOARD_URL"])
"""


def test_the_containers_start_gives_a_notebook_server_a_dashboard_beside_it(
    checkout: Path,
    installed: Path,
    bare_environment: dict[str, str],
    tmp_path: Path,
    run: Callable[..., str],
) -> None:
    # The installed environment is what binder/requirements.txt asks for: this package with [demo].
    assert (checkout / "binder" / "requirements.txt").read_text().split() == [".[demo]"]
    environment = bare_environment | {
        "HOME": str(tmp_path),
        "PATH": f"{installed / 'bin'}{os.pathsep}{bare_environment['PATH']}",
    }
    run("bash", checkout / "binder" / "postBuild", environment=environment, folder=checkout)
    start = ("bash", checkout / "binder" / "start")
    command = (*start, "python", "-c", QUICKSTART)
    said = run(*command, environment=environment, folder=checkout)
    assert "found 5 at http://127.0.0.1:" in said
    lab = (*start, "jupyter", "lab", "--version")
    assert run(*lab, environment=environment, folder=checkout).strip().startswith("4.")
