"""Bad input gets a clear, typed error, and nothing is lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from etiq_jupyter.errors import (
    AuthError,
    ConfigError,
    EtiqError,
    Invalid,
    NotADashboard,
    NotFound,
    Offline,
)
from etiq_jupyter.sessions import Session

Make = Callable[..., Session]


@pytest.mark.parametrize(
    ("url", "kind", "says"),
    [
        ("nonsense", Invalid, "http"),
        ("ftp://files.example.org", Invalid, "http"),
        ("http://user:secret@host", Invalid, "password"),
        ("http://127.0.0.1:9", Offline, "refused"),
        ("http://no-such-host.invalid", Offline, "no-such-host.invalid"),
    ],
)
def test_wrong_urls(url: str, kind: type[EtiqError], says: str, sessions: Make) -> None:
    with pytest.raises(kind, match=says) as caught:
        sessions().login(url, "etq_sometoken")
    assert caught.value.hint or kind is Offline
    assert "secret" not in str(caught.value)


def test_something_that_is_no_dashboard(other_server: str, sessions: Make) -> None:
    with pytest.raises(NotADashboard, match="address"):
        sessions().login(other_server, "etq_sometoken")


def test_an_expired_token(dashboard: Any, sessions: Make) -> None:
    from datetime import datetime, timedelta, timezone

    soon = (datetime.now(timezone.utc) + timedelta(seconds=0.6)).isoformat()
    made = dashboard.admin.make_token("short", expires_at=soon)
    session = sessions().login(dashboard.url, made["secret"])
    time.sleep(0.8)
    with pytest.raises(AuthError, match="expired|does not accept"):
        session.request("GET", "/me")
    with pytest.raises(AuthError, match="expired"):
        session.projects.open("Whatever")
    assert session.state.state == "expired"


@pytest.mark.parametrize("name", ["", "   ", "x" * 201, "two\nlines", "bell\x07", "nul\0"])
def test_project_names_that_cannot_be(name: str, dashboard: Any, sessions: Make) -> None:
    token = dashboard.admin.token()
    for session in (sessions(), sessions().login(dashboard.url, token)):
        with pytest.raises(Invalid, match="name"):
            session.projects.open(name)
    answer = dashboard.admin.call("POST", "/projects/open", json={"name": name})
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid"


def test_a_name_that_is_no_text(sessions: Make) -> None:
    with pytest.raises(Invalid, match="int"):
        sessions().projects.open(5)  # type: ignore[arg-type]


def test_missing_configuration(sessions: Make, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.json"):
        sessions().login(config=tmp_path / "absent.json")
    with pytest.raises(AuthError, match="Tokens page"):
        sessions().login()


def test_a_value_that_cannot_be_kept_is_named_and_the_rest_is_kept(sessions: Make) -> None:
    import threading

    project = sessions().projects.open("Mixed")
    made = project.snapshots.create("mixed", lock=threading.Lock(), good=[1, 2], acc=0.5)
    assert made["good"] == [1, 2]
    assert made.variables["lock"].reason
    with pytest.raises(EtiqError, match="lock"):
        made["lock"]
    with pytest.raises(NotFound, match="good") as caught:
        made["goood"]
    assert caught.value.nearest == ("good",)


def test_ids_are_matched_in_full(dashboard: Any, sessions: Make) -> None:
    session = sessions().login(dashboard.url, dashboard.admin.token())
    project = session.projects.open("my report SNP-12")
    assert session.projects.open("my report SNP-12", create_if_missing=False) == project
    with pytest.raises(NotFound):
        project.snapshots.get("SNP-999999")
    with pytest.raises(NotFound):
        project.snapshots.get("my report SNP-12")


def test_a_dashboard_killed_in_the_middle_of_a_sync_loses_nothing(
    own_dashboard: Any, sessions: Make
) -> None:
    session = sessions().login(own_dashboard.url, own_dashboard.admin.token())
    project = session.projects.open("Killed")
    made = [project.snapshots.create(f"n{i}", data=list(range(i * 1000))) for i in range(10)]
    own_dashboard.kill()
    made += [project.snapshots.create(f"n{i}", data=list(range(i * 1000))) for i in range(10, 20)]
    assert not session.sync.wait(0.3)
    own_dashboard.start()
    session.sync.now()
    assert session.sync.wait(60)
    assert [s.name for s in project.snapshots.list(sort="created")] == [s.name for s in made]
    assert project.snapshots.latest("n19")["data"] == list(range(19000))


def test_local_work_is_sent_when_asked(dashboard: Any, sessions: Make, tmp_path: Path) -> None:
    home = tmp_path / "home"
    session = sessions(home)
    project = session.projects.open("Started locally")
    project.snapshots.create("first", x=1)
    session.login(dashboard.url, dashboard.admin.token())
    assert session.sync.wait(10)
    assert len(session.projects.open("Started locally").snapshots) == 0
    assert session.sync.push_local() == 1
    assert session.sync.wait(30)
    there = session.projects.open("Started locally", create_if_missing=False)
    assert [s.name for s in there.snapshots.list()] == ["first"]


def test_a_full_disk_on_the_client_is_said_and_the_script_goes_on(tmp_path: Path) -> None:
    import os
    import subprocess
    import sys

    mount = tmp_path / "small"
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(mount)]
    if subprocess.run(command, check=False, capture_output=True).returncode != 0:
        pytest.skip("a small file system cannot be mounted here")
    code = (
        "import os, etiq_jupyter as etiq\n"
        "from etiq_jupyter.errors import StorageFull\n"
        "project = etiq.projects.open('Full')\n"
        "first = project.snapshots.create('fits', x=1)\n"
        "for size in (100_000, 300_000, 3_000_000):\n"
        "    try:\n"
        "        made = project.snapshots.create('big', data=os.urandom(size))\n"
        "        if not made.wait(2, until='stored'):\n"
        "            print(made.reason)\n"
        "    except StorageFull as error:\n"
        "        print(error)\n"
        "print('still', first['x'])\n"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "ETIQ_HOME": str(mount)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        subprocess.run(["umount", "-l", str(mount)], check=False)
    assert "still 1" in done.stdout, done.stderr
    assert "No space left on device" in done.stdout + done.stderr
