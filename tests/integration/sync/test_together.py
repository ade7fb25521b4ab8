"""Many small snapshots are sent together, and one that is refused does not stop the others."""

import os

import numpy as np
import pytest

from etiq_jupyter import model
from etiq_jupyter.sync.recorder import Recorder


@pytest.fixture(autouse=True)
def together(dashboard):
    dashboard.limits = model.Limits(snapshots_per_batch=20)


@pytest.fixture
def direct(tmp_path, monkeypatch):
    monkeypatch.setenv("ETIQ_COURIER", "0")
    made = Recorder(tmp_path / "store")
    yield made
    made.close()


def paths(dashboard, part):
    return [path for _, path in dashboard.calls if part in path]


def test_fifty_cost_a_handful_of_calls(direct, dashboard, ana, take, array):
    environment = array(np.arange(1000))
    tickets = []
    for _ in range(50):
        contents = {"a": array(os.urandom_array(20)), "@environment": environment}
        tickets.append(direct.record(*take(contents), ana))
    direct.connect(ana, "good")
    assert direct.wait(20)
    assert list(dashboard.snapshots) == [ticket.id for ticket in tickets]
    assert [ticket.short_id for ticket in tickets] == [f"SNP-{n}" for n in range(1, 51)]
    assert len(paths(dashboard, "/chunks/lacking")) == 1
    assert len(paths(dashboard, "/packs/")) == 1
    assert paths(dashboard, "/snapshots/") == ["/snapshots/batch"] * 3


def test_what_is_there_is_not_asked_for_again(direct, dashboard, ana, take, array):
    direct.connect(ana, "good")
    contents = {"@environment": array(np.arange(1000))}
    assert direct.record(*take(dict(contents)), ana).wait(10)
    asked = len(paths(dashboard, "/chunks/lacking"))
    for _ in range(3):
        assert direct.record(*take(dict(contents)), ana).wait(10)
    assert len(paths(dashboard, "/chunks/lacking")) == asked


def test_one_that_is_refused_is_parked_and_the_others_arrive(direct, dashboard, ana, take):
    tickets = [direct.record(*take(), ana) for _ in range(10)]
    dashboard.manifests[tickets[4].id] = b"another one"
    direct.connect(ana, "good")
    assert not direct.wait(10)
    assert tickets[4].state == "parked"
    assert "Another snapshot has this id" in tickets[4].reason
    rest = [ticket for ticket in tickets if ticket is not tickets[4]]
    assert [ticket.state for ticket in rest] == ["synced"] * 9
    assert list(dashboard.snapshots) == [ticket.id for ticket in rest]


def test_chunks_that_were_collected_meanwhile_are_sent_again(direct, dashboard, ana, take, array):
    direct.connect(ana, "good")
    content = array(os.urandom_array(500))
    assert direct.record(*take({"a": content}), ana).wait(10)
    direct.disconnect()
    later = [direct.record(*take({"a": content}), ana) for _ in range(5)]
    direct.connect(ana, "good")
    assert all(ticket.wait(10) for ticket in later)
    dashboard.chunks.clear()
    again = [direct.record(*take({"a": content}), ana) for _ in range(5)]
    assert all(ticket.wait(10) for ticket in again)
    there = dashboard.content(again[-1].id, "a")
    assert bytes(there.read("data")) == bytes(content.buffers[0].data)


def test_an_offline_project_is_made_once_for_all(direct, dashboard, ana, take):
    tickets = [
        direct.record(*take(project="made-offline", project_name="New"), ana) for _ in range(30)
    ]
    direct.connect(ana, "good")
    assert direct.wait(20)
    assert all(ticket.state == "synced" for ticket in tickets)
    assert len(paths(dashboard, "/projects/open")) == 1
    assert list(dashboard.snapshots) == [ticket.id for ticket in tickets]


@pytest.mark.parametrize("fault", [(429, {"Retry-After": "0"}, b""), (503, {}, b""), 500, 413])
def test_a_fault_in_the_middle_loses_and_repeats_nothing(direct, dashboard, ana, take, fault):
    tickets = [direct.record(*take(), ana) for _ in range(45)]
    dashboard.fail("POST", "/snapshots/batch", fault)
    direct.connect(ana, "good")
    for _ in range(20):
        if direct.wait(1):
            break
        direct.wake()
    assert list(dashboard.snapshots) == [ticket.id for ticket in tickets]
    assert all(ticket.state == "synced" for ticket in tickets)


def test_a_receipt_that_was_lost_is_no_sign_of_a_restored_dashboard(direct, dashboard, ana, take):
    dashboard.limits = model.Limits()
    first, contents = take()  # stored last, as a large one is
    second = direct.record(*take(), ana)
    dashboard.snapshots[second.id] = direct.store.manifest(second.id)  # its receipt was lost
    dashboard.manifests[second.id] = direct.store.outbox.next(direct._number(ana), 1)[0].manifest
    third = direct.record(first, contents, ana)
    direct.connect(ana, "good")
    assert direct.wait(10)
    assert (third.short_id, second.short_id) == ("SNP-2", "SNP-1")
    assert len(paths(dashboard, "/snapshots/")) == 2
