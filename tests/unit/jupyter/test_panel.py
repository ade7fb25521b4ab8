"""The widget panel, over a session in local mode; its buttons are pressed as a person would."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from etiq_jupyter.jupyter.panel import Panel, ProjectPicker, SnapshotPicker
from etiq_jupyter.sessions import Session


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    made = Session(tmp_path / "store")
    yield made
    made.close()


def test_local_mode_shows_the_form_and_no_account(session: Session) -> None:
    panel = Panel(session)
    assert "Local" in panel.state.value
    assert panel.log_in.description == "Log in"
    assert panel.log_out.layout.display == "none"


def test_a_failed_login_says_why_and_the_token_is_cleared(session: Session) -> None:
    panel = Panel(session)
    panel.url.value, panel.token.value = "http://127.0.0.1:9", "etq_secretsecret"
    panel.log_in.click()
    assert panel.token.value == ""
    assert "127.0.0.1:9" in panel.note.value
    assert "etq_secretsecret" not in str(panel.widget.get_state())
    assert "etq_secretsecret" not in panel.note.value


def test_projects_are_searched_picked_and_created(session: Session) -> None:
    session.projects.open("Alpha")
    session.projects.open("Beta")
    picker = ProjectPicker(session)
    picker.fill()
    assert [label for label, _ in picker.choices.options] == ["Beta", "Alpha"]
    picker.search.value = "alp"
    ((label, key),) = picker.choices.options
    assert label == "Alpha"
    picker.choices.value = key
    assert session.current is not None
    assert session.current.name == "Alpha"
    picker.search.value = "Gamma"
    assert not picker.create.disabled
    picker.create.click()
    assert session.current.name == "Gamma"
    assert picker.search.value == ""


def test_a_name_that_cannot_be_is_refused_in_the_panel(session: Session) -> None:
    picker = ProjectPicker(session)
    picker.search.value = "x" * 300
    picker.create.click()
    assert "too long" in picker.note.value


def test_names_are_escaped(session: Session) -> None:
    session.projects.open("<b>bold</b>").use()
    assert "<b>bold" not in Panel(session).state.value


def test_a_snapshot_is_picked(session: Session) -> None:
    project = session.projects.open("P")
    project.snapshots.create("one", x=1)
    made = project.snapshots.create("two", x=2)
    picker = SnapshotPicker(session)
    assert len(picker.choices.options) == 2
    picker.search.value = "two"
    picker.choices.value = made.id
    assert picker.widget.snapshot == made
    assert "two" in picker.note.value


def test_the_state_follows_the_session(session: Session) -> None:
    panel = Panel(session)
    session.projects.open("Now current").use()
    assert "Now current" in panel.state.value
