"""While the dashboard cannot be reached, work goes on with what this disk has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from etiq_jupyter.errors import NotFound, Offline
from etiq_jupyter.sessions import Session

Make = Callable[..., Session]


@pytest.fixture
def cut(own_dashboard: Any, sessions: Make) -> Session:
    """A session that has sent one snapshot, and whose dashboard is gone."""
    session = sessions().login(own_dashboard.url, own_dashboard.admin.token())
    project = session.projects.open("Cut off")
    assert project.snapshots.create("sent", x=[1, 2]).wait(30)
    own_dashboard.kill()
    return session


def test_snapshots_are_made_listed_and_read_offline(cut: Session) -> None:
    project = cut.projects.current
    assert project is not None
    made = project.snapshots.create("offline", x=[3, 4])
    assert made["x"] == [3, 4]
    assert [s.name for s in project.snapshots.list()] == ["offline", "sent"]
    assert project.snapshots.get("sent")["x"] == [1, 2]
    space: dict[str, Any] = {}
    project.snapshots.get("offline").restore(into=space)
    assert space == {"x": [3, 4]}


def test_a_project_named_offline_is_made_when_the_dashboard_is_back(
    cut: Session, own_dashboard: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    project = cut.projects.open("Named offline")
    assert "Cannot reach" in capsys.readouterr().err
    made = project.snapshots.create("first", x=1)
    own_dashboard.start()
    cut.sync.now()
    assert made.wait(60)
    there = cut.projects.open("Named offline", create_if_missing=False)
    assert [s.name for s in there.snapshots.list()] == ["first"]


def test_what_this_disk_does_not_have_is_offline(cut: Session) -> None:
    with pytest.raises(Offline):
        cut.projects.open("Absent", create_if_missing=False)
    with pytest.raises(Offline):
        cut.projects.get_all_projects()
    assert cut.status().state in ("connected", "paused")


def test_what_is_on_its_way_is_listed_before_it_arrives(
    own_dashboard: Any, sessions: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = sessions().login(own_dashboard.url, own_dashboard.admin.token())
    project = session.projects.open("On its way")
    session.recorder.disconnect()
    project.snapshots.create("waits", x=1)
    assert [(s.name, s.state) for s in project.snapshots.list()] == [("waits", "stored")]
    assert project.snapshots.latest("waits").metrics == {"x": 1}
    with pytest.raises(NotFound):
        project.snapshots.latest("absent")
