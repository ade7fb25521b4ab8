"""Local mode: the same calls, answered from this disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from etiq_jupyter.errors import AuthError, Invalid, NotFound, NotKept
from etiq_jupyter.sessions import Session


def test_D05_projects_are_made_found_and_listed(session: Session) -> None:
    first = session.projects.open("First")
    session.projects.open("Second")
    assert session.projects.open("First", create_if_missing=False) == first
    assert {p.name for p in session.projects.get_all_projects()} == {"First", "Second"}
    assert session.projects.current == first
    assert [p.name for p in session.projects.list(q="sec")] == ["Second"]
    assert session.projects.get(first.id) == first


def test_D05_a_missing_project_names_the_nearest(session: Session) -> None:
    session.projects.open("Churn model")
    with pytest.raises(NotFound) as caught:
        session.projects.open("Chrun model", create_if_missing=False)
    assert caught.value.nearest == ("Churn model",)


def test_D05_what_is_created_is_read_back(session: Session) -> None:
    project = session.projects.open("Read back")
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
    array = np.arange(6).reshape(2, 3)
    made = project.snapshots.create(
        "one", tags=["t"], note="n", frame=frame, array=array, acc=0.5, text="words"
    )
    assert made.wait(10, until="stored")
    found = project.snapshots.get("one")
    assert (found.name, found.tags, found.note) == ("one", ["t"], "n")
    assert found.metrics == {"acc": 0.5}
    pd.testing.assert_frame_equal(found["frame"], frame)
    np.testing.assert_array_equal(found["array"], array)
    assert found["text"] == "words"
    assert found.variables["frame"].kind == "frame"
    assert found.state == "stored"
    assert found == made
    assert "python" in found.environment


def test_values_that_cannot_be_kept_are_listed_with_the_reason(session: Session) -> None:
    made = session.projects.open("P").snapshots.create("x", gen=(i for i in range(3)), ok=1)
    assert made.variables["gen"].reason
    with pytest.raises(NotKept, match="gen"):
        made["gen"]
    assert made["ok"] == 1


@pytest.fixture
def many(session: Session) -> Session:
    project = session.projects.open("Many")
    for step in range(25):
        project.snapshots.create(f"step {step}", tags=["even"] if step % 2 == 0 else [], loss=step)
    return session


def test_B07_lists_are_lazy_and_pages_are_lists(many: Session) -> None:
    snapshots = many.projects.open("Many").snapshots
    assert len(snapshots) == 25
    assert [s.name for s in snapshots.list(page_size=10)][:2] == ["step 24", "step 23"]
    assert len(list(snapshots.list(page_size=10))) == 25
    assert [s.name for s in snapshots.list(page=2, page_size=10)] == [
        f"step {step}" for step in (4, 3, 2, 1, 0)
    ]
    assert snapshots.list(page=9, page_size=10) == []
    with pytest.raises(Invalid):
        snapshots.list(page=-1)
    with pytest.raises(Invalid):
        snapshots.list(page_size=0)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"tag": "even"}, 13),
        ({"q": "metric.loss>=20"}, 5),
        ({"q": "metric.loss<0"}, 0),
        ({"q": 'name:"step 3"'}, 1),
        ({"q": "step"}, 25),
        ({"q": "nothing-like-it"}, 0),
        ({"q": "failed:yes"}, 0),
    ],
)
def test_lists_are_filtered(many: Session, query: dict[str, str], count: int) -> None:
    assert len(many.projects.open("Many").snapshots.list(**query)) == count


def test_lists_are_sorted_by_a_metric(many: Session) -> None:
    snapshots = many.projects.open("Many").snapshots
    assert next(iter(snapshots.list(sort="-metric:loss"))).metrics == {"loss": 24}
    assert next(iter(snapshots.list(sort="metric:loss"))).metrics == {"loss": 0}
    with pytest.raises(Invalid):
        list(snapshots.list(sort="nonsense"))


def test_the_latest_of_a_name(many: Session) -> None:
    snapshots = many.projects.open("Many").snapshots
    assert snapshots.latest().name == "step 24"
    assert snapshots.latest("step 3").metrics == {"loss": 3}
    with pytest.raises(NotFound, match="no snapshot"):
        snapshots.latest("step 99")


def test_restoring_into_a_namespace_respects_what_is_there(session: Session) -> None:
    made = session.projects.open("P").snapshots.create("s", a=[1, 2], b="text")
    space: dict[str, object] = {"a": "mine"}
    report = made.restore(into=space)
    assert space == {"a": "mine", "b": "text"}
    assert list(report.skipped) == ["a"]
    made.restore(into=space, overwrite=True, only=["a"])
    assert space["a"] == [1, 2]
    made.restore(into=space, prefix="old_")
    assert space["old_b"] == "text"
    with pytest.raises(NotFound):
        made.restore(into=space, only=["absent"])


def test_deleting_a_local_snapshot(session: Session) -> None:
    project = session.projects.open("P")
    made = project.snapshots.create("gone", x=1)
    made.delete()
    assert len(project.snapshots) == 0


def test_what_needs_a_dashboard_says_so(session: Session) -> None:
    project = session.projects.open("P")
    for call in (
        lambda: project.share("bea"),
        lambda: project.push(),
        lambda: session.request("GET", "/me"),
        lambda: session.sync.push_local(),
    ):
        with pytest.raises(AuthError, match="log in|Log in"):
            call()
    with pytest.raises(Invalid, match="viewer, editor or owner"):
        project.share("bea", "boss")  # type: ignore[arg-type]


def test_the_store_is_read_by_the_next_process(session: Session, tmp_path: Path) -> None:
    session.projects.open("P").snapshots.create("kept", x=[1, 2])
    session.close()
    again = Session(tmp_path / "store")
    try:
        assert again.projects.open("P", create_if_missing=False).snapshots.get("kept")["x"] == [
            1,
            2,
        ]
    finally:
        again.close()


def test_several_sessions_live_in_one_process(session: Session, tmp_path: Path) -> None:
    other = Session(tmp_path / "other")
    try:
        session.projects.open("Only here")
        assert other.projects.get_all_projects() == []
    finally:
        other.close()


@pytest.mark.parametrize("wrong", [{"tags": ["two\nlines"]}, {"tags": [""]}, {"tags": "text"}])
def test_tags_that_cannot_be_are_refused_at_once(session: Session, wrong: dict[str, Any]) -> None:
    project = session.projects.open("P")
    with pytest.raises(Invalid, match="tag"):
        project.snapshots.create("s", x=1, **wrong)
    with pytest.raises(Invalid, match="name"):
        project.snapshots.create("x" * 300, x=1)
    assert len(project.snapshots) == 0
