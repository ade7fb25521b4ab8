"""The one word for a session's state, and the reason beside it."""

from types import SimpleNamespace
from typing import Any

import pytest

from etiq_jupyter import model
from etiq_jupyter.session_state import describe

LOGIN: Any = SimpleNamespace(
    url="https://team.example",
    source="keywords",
    me=SimpleNamespace(user=model.User(id="u", username="ana")),
)
OFFLINE = model.SyncStatus(pending=2, last_error="no answer")


@pytest.mark.parametrize(
    ("sync", "login", "expired", "connecting", "state", "message"),
    [
        (model.SyncStatus(), None, "", False, "local", ""),
        (OFFLINE, None, "", False, "local", ""),
        (OFFLINE, None, "", True, "connecting", ""),
        (model.SyncStatus(), LOGIN, "", False, "connected", ""),
        (model.SyncStatus(sending=True, pending=1), LOGIN, "", False, "sending", ""),
        (OFFLINE, LOGIN, "", False, "paused", "no answer"),
        (model.SyncStatus(last_error="it was"), LOGIN, "", False, "connected", ""),
        (model.SyncStatus(parked=1, last_error="big"), LOGIN, "", False, "problem", "big"),
        (model.SyncStatus(paused="refused", parked=1), LOGIN, "", False, "expired", "refused"),
        (OFFLINE, LOGIN, "the token is gone", False, "expired", "the token is gone"),
        (OFFLINE, LOGIN, "the token is gone", True, "connecting", ""),
    ],
)  # fmt: skip
def test_the_most_urgent_thing_is_said(
    sync: model.SyncStatus,
    login: Any,
    expired: str,
    connecting: bool,
    state: str,
    message: str,
) -> None:
    found = describe(
        sync, login=login, project=None, run=None, connecting=connecting, expired=expired
    )
    assert (found.state, found.message) == (state, message)
    assert found.user == ("ana" if login else "")


def test_project_and_run_are_named_as_far_as_there_are_any() -> None:
    project = model.Project(id="p", name="churn", role="viewer")
    options: dict[str, Any] = {"login": LOGIN, "connecting": False, "expired": ""}
    without = describe(model.SyncStatus(), project=None, run=None, **options)
    assert (without.project, without.run, without.role) == ("", "", "owner")
    fresh = describe(model.SyncStatus(), project=project, run=None, **options)
    assert (fresh.project_name, fresh.run, fresh.role) == ("churn", "", "viewer")
    used = describe(model.SyncStatus(), project=project, run=model.Run(id="r"), **options)
    assert used.run == "r"
