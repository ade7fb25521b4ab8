"""The promises E01-E15, each against a real dashboard process."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from etiq_jupyter.errors import AuthError, Forbidden, NotADashboard, NotFound, Offline
from etiq_jupyter.sessions import WELCOME, Session

Make = Callable[..., Session]


def script(code: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, "ETIQ_HOME": str(home), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def snapshots_of(person: Any, project: str) -> list[dict[str, Any]]:
    found = person.call("POST", "/projects/open", json={"name": project}).json()
    listed = person.call("GET", f"/projects/{found['id']}/snapshots?limit=100&sort=created")
    items: list[dict[str, Any]] = listed.json()["items"]
    return items


def test_E01_a_token_is_made_with_a_name(dashboard: Any) -> None:
    made = dashboard.admin.make_token("my laptop")
    assert made["token"]["name"] == "my laptop"
    assert made["secret"].startswith("etq_")


def test_E02_the_full_token_cannot_be_viewed_again(dashboard: Any) -> None:
    made = dashboard.admin.make_token("once")
    listed = dashboard.admin.call("GET", "/tokens").text
    assert "once" in listed
    assert made["secret"] not in listed
    for file in (dashboard.folder / "data").rglob("*"):
        if file.is_file():
            assert made["secret"].encode() not in file.read_bytes(), file


def test_E03_login_says_where_and_whom_and_the_maker_owns_the_project(
    dashboard: Any, sessions: Make
) -> None:
    bea = dashboard.person("bea")
    session = sessions().login(dashboard.url, bea.token())
    project = session.projects.open("Owned by bea")
    assert session.user is not None
    assert session.user.username == "bea"
    assert project.role == "owner"
    assert project.facts.owner is not None
    assert project.facts.owner.username == "bea"
    assert dashboard.admin.call("GET", f"/projects/{project.id}").status_code == 404


def test_E04_records_are_synchronised_until_the_script_ends(dashboard: Any, tmp_path: Path) -> None:
    code = """
        import etiq_jupyter as etiq
        etiq.login()
        project = etiq.projects.open("Script")
        for step in range(20):
            project.snapshots.create(f"step {step}", loss=1 / (step + 1), data=list(range(1000)))
    """
    done = script(
        code,
        tmp_path / "store",
        ETIQ_DASHBOARD_URL=dashboard.url,
        ETIQ_TOKEN=dashboard.admin.token(),
    )
    assert done.returncode == 0, done.stderr
    names = [snapshot["name"] for snapshot in snapshots_of(dashboard.admin, "Script")]
    assert names == [f"step {step}" for step in range(20)]


def test_E04_a_scripts_exit_says_what_is_left(own_dashboard: Any, tmp_path: Path) -> None:
    code = """
        import os, signal, etiq_jupyter as etiq
        etiq.login()
        project = etiq.projects.open("Left")
        os.kill(int(os.environ["DASHBOARD_PID"]), signal.SIGKILL)
        project.snapshots.create("kept", x=1)
    """
    environment = {
        "ETIQ_DASHBOARD_URL": own_dashboard.url,
        "ETIQ_TOKEN": own_dashboard.admin.token(),
        "ETIQ_EXIT_WAIT": "0.5",
        "DASHBOARD_PID": str(own_dashboard.process.pid),
    }
    done = script(code, tmp_path / "store", **environment)
    assert done.returncode == 0, done.stderr
    assert "1 snapshot not on the dashboard yet" in done.stderr
    own_dashboard.stop()
    own_dashboard.start()
    again = "import etiq_jupyter as etiq; etiq.login(); assert etiq.session.sync.wait(30)"
    assert script(again, tmp_path / "store", **environment).returncode == 0
    assert [s["name"] for s in snapshots_of(own_dashboard.admin, "Left")] == ["kept"]


def test_E05_the_token_from_a_file_or_from_the_environment(
    dashboard: Any, sessions: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = dashboard.admin.token()
    (tmp_path / "token.txt").write_text(f"  {token}\n")
    with (tmp_path / "token.txt").open() as file:
        assert sessions().login(dashboard.url, file.read().strip()).is_logged_in()
    monkeypatch.setenv("ETIQ_DASHBOARD_URL", dashboard.url)
    monkeypatch.setenv("ETIQ_TOKEN", token)
    assert sessions().login().state.source == "environment"


def test_E06_success_is_said_in_interactive_sessions_only(
    dashboard: Any, sessions: Make, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    sessions().login(dashboard.url, dashboard.admin.token())
    assert capsys.readouterr().out == ""
    code = (
        f"import etiq_jupyter as etiq\netiq.login({dashboard.url!r}, {dashboard.admin.token()!r})"
    )
    done = subprocess.run(
        [sys.executable, "-m", "IPython", "--no-banner", "--colors=NoColor", "-c", code],
        env={**os.environ, "ETIQ_HOME": str(tmp_path / "store")},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert WELCOME in done.stdout
    assert WELCOME == (
        "Connection successful. Projects and pipelines will be displayed in the dashboard. 😀"
    )


def test_E07_an_invalid_token_raises_and_the_url_is_not_blamed(
    dashboard: Any, sessions: Make
) -> None:
    session = sessions()
    wrong = "etq_" + "a" * 30
    with pytest.raises(AuthError, match="does not accept this token") as caught:
        session.login(dashboard.url, wrong)
    assert wrong not in str(caught.value)
    assert not session.is_logged_in()
    assert session.state.state == "local"


def test_E07_a_wrong_url_raises_something_that_says_so(sessions: Make, other_server: str) -> None:
    with pytest.raises(Offline, match="refused"):
        sessions().login("http://127.0.0.1:9", "etq_token")
    with pytest.raises(NotADashboard, match="not as an etiq dashboard|not an etiq dashboard"):
        sessions().login(other_server, "etq_token")


def test_E08_the_login_is_nowhere_on_the_disk(
    dashboard: Any, sessions: Make, tmp_path: Path, own_home: Path
) -> None:
    token = dashboard.admin.token()
    session = sessions(tmp_path / "store").login(dashboard.url, token)
    project = session.projects.open("On disk")
    project.snapshots.create("mentions it", text=f"the token is {token}", note_=[token])
    assert session.sync.wait(30)
    assert token not in repr(session) + repr(vars(session))
    for folder in (tmp_path, own_home, dashboard.folder):
        for file in folder.rglob("*"):
            if file.is_file():
                assert token.encode() not in file.read_bytes(), file
    assert not sessions(tmp_path / "store").is_logged_in()


def test_E09_logout_forgets_the_token_and_work_goes_on_locally(
    dashboard: Any, sessions: Make
) -> None:
    session = sessions().login(dashboard.url, dashboard.admin.token())
    session.projects.open("Before").snapshots.create("sent", x=1)
    session.logout(wait=20)
    assert not session.is_logged_in()
    with pytest.raises(AuthError):
        session.request("GET", "/me")
    local = session.projects.open("After").snapshots.create("kept here", x=2)
    assert local.state == "stored"
    assert [s["name"] for s in snapshots_of(dashboard.admin, "Before")] == ["sent"]
    assert snapshots_of(dashboard.admin, "After") == []


def test_E09_logout_says_what_stays_unsent(
    own_dashboard: Any, sessions: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    session = sessions().login(own_dashboard.url, own_dashboard.admin.token())
    project = session.projects.open("Unsent")
    own_dashboard.kill()
    project.snapshots.create("waits", x=1)
    session.logout(wait=0.2)
    assert "1 snapshot stays on this disk" in capsys.readouterr().err


def test_E10_a_missing_project_is_made_unless_told_otherwise(
    dashboard: Any, sessions: Make
) -> None:
    session = sessions().login(dashboard.url, dashboard.admin.token())
    made = session.projects.open("My Existing Project")
    assert session.projects.open("My Existing Project", create_if_missing=False) == made
    with pytest.raises(NotFound) as caught:
        session.projects.open("My Exsting Project", create_if_missing=False)
    assert "My Existing Project" in caught.value.nearest


def test_E11_all_projects_are_mine_and_those_shared_with_me(dashboard: Any, sessions: Make) -> None:
    cleo = dashboard.person("cleo")
    session = sessions().login(dashboard.url, dashboard.admin.token())
    session.projects.open("Shared with cleo").share("cleo", "viewer")
    session.projects.open("Not shared")
    theirs = sessions().login(dashboard.url, cleo.token())
    theirs.projects.open("Made by cleo")
    names = {project.name for project in theirs.projects.get_all_projects()}
    assert names == {"Shared with cleo", "Made by cleo"}


def test_E12_snapshots_are_added_to_a_shared_project_by_editors_only(
    dashboard: Any, sessions: Make
) -> None:
    dora = dashboard.person("dora")
    mine = sessions().login(dashboard.url, dashboard.admin.token())
    shared = mine.projects.open("Worked on by two").share("dora", "editor")
    theirs = sessions().login(dashboard.url, dora.token())
    added = theirs.projects.open("Worked on by two").snapshots.create("by dora", x=1)
    assert added.wait(30)
    assert [s.author for s in shared.snapshots.list()] == ["dora"]
    shared.share("dora", "viewer")
    project = theirs.projects.open("Worked on by two")
    with pytest.raises(Forbidden, match="viewer"):
        project.snapshots.create("refused", x=2)


def test_E13_a_deleted_token_is_dead_at_once_and_the_outbox_is_kept(
    dashboard: Any, sessions: Make, tmp_path: Path
) -> None:
    made = dashboard.admin.make_token("to delete")
    session = sessions(tmp_path / "store").login(dashboard.url, made["secret"])
    project = session.projects.open("Token deleted")
    assert project.snapshots.create("before", x=1).wait(30)
    assert dashboard.admin.call("DELETE", f"/tokens/{made['token']['id']}").status_code == 204
    with pytest.raises(AuthError):
        sessions().login(dashboard.url, made["secret"])
    kept = project.snapshots.create("after", x=2)
    deadline = time.monotonic() + 20
    while session.status().state != "expired" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert session.state.state == "expired"
    assert not kept.wait(0.1)
    session.login(dashboard.url, dashboard.admin.token())
    assert session.sync.wait(30)
    names = [s["name"] for s in snapshots_of(dashboard.admin, "Token deleted")]
    assert names == ["before", "after"]


def test_E14_projects_and_pipelines_are_in_the_dashboard(dashboard: Any, sessions: Make) -> None:
    session = sessions().login(dashboard.url, dashboard.admin.token())
    project = session.projects.open("With a pipeline")
    first = project.snapshots.create("load", data=list(range(5000)))
    assert first.wait(30)
    listed = dashboard.admin.call("GET", "/projects?q=pipeline").json()["items"]
    assert [found["name"] for found in listed] == ["With a pipeline"]
    answer = dashboard.admin.call("GET", f"/projects/{project.id}/pipelines")
    assert answer.status_code == 200


def test_E15_scripts_on_several_machines_meet_in_one_place(dashboard: Any, tmp_path: Path) -> None:
    code = """
        import sys, etiq_jupyter as etiq
        etiq.login()
        project = etiq.projects.open("One place")
        for step in range(10):
            project.snapshots.create(f"{NAME} {step}", step=step)
    """
    environment = {**os.environ, "ETIQ_DASHBOARD_URL": dashboard.url}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", f"NAME = {name!r}\n" + textwrap.dedent(code)],
            env={
                **environment,
                "ETIQ_TOKEN": dashboard.admin.token(name),
                "ETIQ_HOME": str(tmp_path / name),
            },
        )
        for name in ("one", "two")
    ]
    assert [process.wait(120) for process in running] == [0, 0]
    names = [s["name"] for s in snapshots_of(dashboard.admin, "One place")]
    for machine in ("one", "two"):
        assert [n for n in names if n.startswith(machine)] == [f"{machine} {i}" for i in range(10)]


def test_the_token_is_stored_as_a_hash(dashboard: Any) -> None:
    secret = dashboard.admin.token("hashed")
    path = dashboard.folder / "data" / "dashboard.sqlite"
    rows = sqlite3.connect(f"file:{path}?mode=ro", uri=True).execute("SELECT * FROM tokens")
    found = [str(row) for row in rows]
    assert any("hashed" in row for row in found)
    assert not any(secret in row or secret[4:] in row for row in found)
