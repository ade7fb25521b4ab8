"""A project as plain files, and back without a difference."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from etiq_jupyter.api.transfer import export_project, import_project
from etiq_jupyter.errors import Conflict, Corrupt, NotFound
from etiq_jupyter.sessions import Session


def hashes(session: Session) -> dict[str, dict[str, str]]:
    found = session.projects.open("Exported").snapshots
    return {s.id: {item.name: item.hash for item in s.items} for s in found}


@pytest.fixture
def exported(session: Session, tmp_path: Path) -> Path:
    project = session.projects.open("Exported")
    frame = pd.DataFrame({"a": np.arange(100), "b": [f"row {i}" for i in range(100)]})
    project.snapshots.create("first one", frame=frame, acc=0.5)
    project.snapshots.create("second", frame=frame.head(10), ünïcode={"k": (1, 2)})
    return export_project(session, "Exported", tmp_path / "out")


def test_frames_are_parquet_that_stock_tools_read(exported: Path) -> None:
    (path,) = exported.glob("0001-first-one-*/variables/frame.parquet")
    assert pd.read_parquet(path)["b"].tolist()[:2] == ["row 0", "row 1"]
    (number,) = exported.glob("0001-*/variables/acc.json")
    assert json.loads(number.read_text()) == 0.5


def test_an_import_is_the_same_by_hash(exported: Path, session: Session, tmp_path: Path) -> None:
    other = Session(tmp_path / "other")
    try:
        project = import_project(other, exported)
        assert project.name == "Exported"
        assert hashes(other) == hashes(session)
        assert project.snapshots.get("second")["ünïcode"] == {"k": (1, 2)}
        assert len(import_project(other, exported).snapshots) == 2
    finally:
        other.close()


def test_a_changed_content_is_refused(exported: Path, tmp_path: Path) -> None:
    (path,) = exported.glob("0001-*/contents/acc.msgpack")
    path.write_bytes(path.read_bytes().replace(b"plain", b"plain", 1)[:-1] + b"\x00")
    other = Session(tmp_path / "other")
    try:
        with pytest.raises(Corrupt):
            import_project(other, exported)
    finally:
        other.close()


def test_a_folder_that_is_in_use_is_left_alone(exported: Path, session: Session) -> None:
    with pytest.raises(Conflict, match="not empty"):
        export_project(session, "Exported", exported)


def test_a_folder_that_is_no_export(session: Session, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"project\.json"):
        import_project(session, tmp_path)
