"""The promises of connecting, finding and browsing (V), and of accounts and proxies (D)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from etiq_jupyter import model
from etiq_jupyter.api.connection import (
    Connection,
    Workspace,
    browse,
    connect,
    issue_token,
    register,
)
from etiq_jupyter.api.projects import Project
from etiq_jupyter.api.snapshot import Snapshot
from etiq_jupyter.errors import AuthError, Conflict, Forbidden, Invalid, NotFound, Offline
from etiq_jupyter.sessions import Session

Make = Callable[..., Session]


def test_V01_connect_with_a_token_and_a_host(dashboard: Any, sessions: Make) -> None:
    found = connect(sessions(), api_token=dashboard.admin.token(), host=dashboard.url)
    assert isinstance(found, Connection)


def test_V02_connect_with_a_json_file(dashboard: Any, sessions: Make, tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"url": dashboard.url, "token": dashboard.admin.token()}, indent=2))
    assert isinstance(connect(sessions(), config=file), Connection)


def test_V03_connect_finds_credentials_by_itself(
    dashboard: Any, sessions: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ETIQ_DASHBOARD_URL", dashboard.url)
    monkeypatch.setenv("ETIQ_TOKEN", dashboard.admin.token())
    assert isinstance(connect(sessions()), Connection)


def test_V05_connect_returns_what_was_asked_for_by_name_or_id(
    dashboard: Any, sessions: Make
) -> None:
    token = dashboard.admin.token()
    made = sessions().login(dashboard.url, token).projects.open("Asked for")
    for project in ("Asked for", made.id, made.short_id, made.short_id.lower()):
        found = connect(sessions(), token, dashboard.url, project=project)
        assert isinstance(found, Project)
        assert found == made
    workspace = connect(sessions(), token, dashboard.url, workspace="ana")
    assert isinstance(workspace, Workspace)
    assert workspace.project("Asked for") == made
    assert made in workspace.list_projects()
    both = connect(sessions(), token, dashboard.url, workspace=workspace.id, project="Asked for")
    assert both == made
    with pytest.raises(NotFound):
        connect(sessions(), token, dashboard.url, project="Never made")


def test_V06_without_a_host_only_the_embedded_dashboards_address(sessions: Make) -> None:
    with pytest.raises((Offline, AuthError), match=r"127\.0\.0\.1:8765"):
        connect(sessions(), api_token="etq_nobody")


def test_V07_my_workspace(dashboard: Any, sessions: Make) -> None:
    found = connect(sessions(), dashboard.admin.token(), dashboard.url)
    assert isinstance(found, Connection)
    assert found.my_workspace.name == "ana"
    assert found.my_workspace.role == "owner"


def test_V08_browse_returns_the_typed_thing(dashboard: Any, sessions: Make) -> None:
    session = sessions().login(dashboard.url, dashboard.admin.token())
    project = session.projects.open("Browsed")
    snapshot = project.snapshots.create("s", x=1)
    assert snapshot.wait(30)
    assert browse(session, snapshot.short_id.lower()) == snapshot
    assert browse(session, snapshot.id) == snapshot
    assert browse(session, project.short_id) == project
    run = browse(session, browse(session, snapshot.short_id).run.id)
    assert isinstance(run, model.Run)
    mine = Connection(session).my_workspace
    workspace = browse(session, mine.short_id)
    assert isinstance(workspace, Workspace)
    assert workspace.id == mine.id
    for wrong in ("my report SNP-1", "XYZ-1", "", "SNP-"):
        with pytest.raises(Invalid):
            browse(session, wrong)
    with pytest.raises(NotFound):
        browse(session, "SNP-999999")


def test_V09_getters_refuse_the_id_of_another_kind(dashboard: Any, sessions: Make) -> None:
    session = sessions().login(dashboard.url, dashboard.admin.token())
    connection = Connection(session)
    snapshot = session.projects.open("Getters").snapshots.create("s", x=1)
    assert snapshot.wait(30)
    assert isinstance(connection.snapshot(snapshot.short_id), Snapshot)
    assert connection.project("Getters").name == "Getters"
    with pytest.raises(Invalid, match="SNP-42"):
        connection.snapshot("PRJ-1")
    with pytest.raises(NotFound, match="snapshot"):
        connection.run(snapshot.id)


def test_V10_workspaces_are_listed_and_printed_only_to_people(
    dashboard: Any, sessions: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    connection = Connection(sessions().login(dashboard.url, dashboard.admin.token()))
    found = connection.list_workspaces(number_of_items=None)
    assert "ana" in [workspace.name for workspace in found]
    assert capsys.readouterr().out == ""
    for wrong in (0, -1):
        with pytest.raises(Invalid):
            connection.list_workspaces(number_of_items=wrong)


def test_D01_register_from_python_where_it_is_allowed(
    dashboard: Any, start_dashboard: Callable[..., Any], sessions: Make
) -> None:
    with pytest.raises(Forbidden):
        register(dashboard.url, "eve", "eve@example.org", "a long enough password")
    open_one = start_dashboard("--allow-registration")
    assert open_one.admin
    user = register(open_one.url, "eve", "eve@example.org", "a long enough password")
    assert user.username == "eve"
    with pytest.raises((Conflict, Invalid)):
        register(open_one.url, "eve", "eve@example.org", "a long enough password")
    issued = issue_token(open_one.url, "eve", "a long enough password", "script")
    assert sessions().login(open_one.url, issued.secret).user == user


def test_D02_a_lost_token_is_replaced_with_username_and_password(
    dashboard: Any, sessions: Make
) -> None:
    assert dashboard.admin
    issued = issue_token(dashboard.url, "ana", "correct horse battery staple", "again")
    assert sessions().login(dashboard.url, issued.secret).is_logged_in()
    with pytest.raises(AuthError):
        issue_token(dashboard.url, "ana", "wrong", "again")


def test_D03_rotating_kills_the_old_token(dashboard: Any, sessions: Make) -> None:
    made = dashboard.admin.make_token("rotated")
    path = f"{dashboard.api}/tokens/{made['token']['id']}/rotate"
    answer = dashboard.admin.browser.post(path, timeout=30)
    assert answer.json()["token"]["name"] == "rotated"
    assert sessions().login(dashboard.url, answer.json()["secret"]).is_logged_in()
    with pytest.raises(AuthError):
        sessions().login(dashboard.url, made["secret"])


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY"])
def test_D04_a_proxy_from_the_environment_is_used(
    name: str, dashboard: Any, sessions: Make, monkeypatch: pytest.MonkeyPatch, http_proxy: Any
) -> None:
    for other in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, http_proxy.url)
    before = len(http_proxy.asked)
    assert sessions().login(dashboard.url, dashboard.admin.token()).is_logged_in()
    assert f"{dashboard.url}/api/v1/me" in http_proxy.asked[before:]


def test_D04_an_explicit_proxy_is_used(dashboard: Any, sessions: Make, http_proxy: Any) -> None:
    before = len(http_proxy.asked)
    proxies = {"http": http_proxy.url}
    sessions().login(dashboard.url, dashboard.admin.token(), proxies=proxies)
    assert f"{dashboard.url}/api/v1/me" in http_proxy.asked[before:]


def test_B17_the_escape_hatch(dashboard: Any, sessions: Make, other_server: str) -> None:
    session = sessions().login(dashboard.url, dashboard.admin.token())
    assert session.request("GET", "/me")["user"]["username"] == "ana"
    assert session.request("GET", "/api/v1/me")["user"]["username"] == "ana"
    answer = session.request("GET", "/me", response_as_json=False)
    assert isinstance(answer, requests.Response)
    with pytest.raises(NotFound):
        session.request("GET", "/nothing/here")
    with pytest.raises((Invalid, NotFound)):
        session.request("GET", f"{other_server}/steal")
