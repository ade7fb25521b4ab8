"""Importing is light: nothing heavy comes along before it is needed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import etiq_jupyter

HEAVY = {
    "requests",
    "traitlets",
    "numpy",
    "pandas",
    "pyarrow",
    "IPython",
    "ipywidgets",
    "sqlalchemy",
}
ROOT = Path(__file__).resolve().parents[2]


def loaded_after(code: str) -> set[str]:
    show = "import sys; print(' '.join({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{show}"], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_the_package_imports_nothing_heavy() -> None:
    assert not loaded_after("import etiq_jupyter") & HEAVY


def test_the_server_extension_imports_nothing_heavy() -> None:
    code = "import etiq_jupyter.jupyter.server_extension"
    assert not loaded_after(code) & (HEAVY - {"traitlets"})


def test_a_snapshot_of_plain_values_needs_no_frame_library(own_home: Path) -> None:
    code = (
        "import etiq_jupyter as etiq\netiq.projects.open('P').snapshots.create('s', x=1, y=[2])\n"
    )
    assert not loaded_after(code) & {"pandas", "pyarrow", "polars", "sklearn", "matplotlib"}


@pytest.mark.parametrize("name", etiq_jupyter.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(etiq_jupyter, name) is not None


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        etiq_jupyter.nonsense  # noqa: B018


def test_the_front_end_has_the_same_version() -> None:
    package = json.loads((ROOT / "labextension" / "package.json").read_text())
    assert package["version"] == etiq_jupyter.__version__
