import os
import time

import numpy as np
import pytest

from etiq_jupyter import model


def noise(count):
    return np.frombuffer(os.urandom(count * 8), np.int64)


def test_small_and_large_contents_arrive_byte_for_byte(recorder, dashboard, ana, take, array):
    recorder.connect(ana, "good")
    contents = {"tiny": array(noise(2)), "some": array(noise(5_000)), "big": array(noise(400_000))}
    snapshot, contents = take(contents)
    ticket = recorder.record(snapshot, contents, ana)
    assert ticket.wait(10, until="stored")
    assert ticket.stored_in > 0
    assert ticket.wait(10)
    assert ticket.state == "synced"
    assert ticket.short_id == "SNP-1"
    assert ticket.url.endswith("/s/SNP-1")
    for name, content in contents.items():
        there = dashboard.content(snapshot.id, name)
        assert bytes(there.read("data")) == bytes(content.buffers[0].data)
    assert recorder.wait(5)
    status = recorder.status()
    assert (status.pending, status.safe_to_close, status.last_error) == (0, True, "")


def test_nothing_is_sent_twice(recorder, dashboard, ana, take, array):
    recorder.connect(ana, "good")
    values = noise(200_000)
    first, contents = take({"x": array(values)})
    recorder.record(first, contents, ana)
    assert recorder.wait(10)
    before = dashboard.received
    again, contents = take({"x": array(values), "y": array(values)})
    ticket = recorder.record(again, contents, ana)
    assert recorder.wait(10)
    assert dashboard.received - before < 5_000
    assert ticket.new_bytes == 0


def test_local_work_is_sent_only_when_asked(recorder, dashboard, ana, take):
    mine = [recorder.record(*take(project="local-1", project_name="Offline"), None)]
    recorder.connect(ana, "good")
    time.sleep(0.1)
    assert recorder.status().local == 1
    assert dashboard.snapshots == {}
    assert not mine[0].wait(1)
    assert recorder.push_local() == 1
    assert recorder.wait(10)
    assert mine[0].state == "synced"
    assert [project.name for project in dashboard.projects.values()] == ["Churn", "Offline"]
    assert dashboard.projects["local-1"].name == "Offline"


def test_a_project_of_the_same_name_is_used_and_remembered(recorder, dashboard, ana, take):
    recorder.connect(ana, "good")
    tickets = [
        recorder.record(*take(project="made-offline", project_name="Churn"), ana) for _ in range(3)
    ]
    assert recorder.wait(10)
    assert {snapshot.project for snapshot in dashboard.snapshots.values()} == {"p-1"}
    assert [ticket.state for ticket in tickets] == ["synced"] * 3
    assert len([call for call in dashboard.calls if call[1] == "/projects/open"]) == 1


def test_many_arrive_in_the_order_in_which_they_were_made(recorder, dashboard, ana, take, array):
    tickets = [recorder.record(*take({"n": array(np.arange(i))}), ana) for i in range(150)]
    recorder.connect(ana, "good")
    assert recorder.wait(20)
    assert list(dashboard.snapshots) == [ticket.id for ticket in tickets]


def test_what_was_recorded_before_a_login_of_the_same_user_is_sent(
    recorder, dashboard, ana, take, tmp_path
):
    ticket = recorder.record(*take(), ana)
    assert recorder.status().pending == 1
    assert ticket.state == "stored"
    recorder.connect(ana, "good")
    assert ticket.wait(10)


def test_a_token_of_another_user_sends_nothing(recorder, dashboard, ana, take):
    dashboard.user = model.User(id="u-2", username="bea")
    ticket = recorder.record(*take(), ana)
    recorder.connect(ana, "good")
    assert not ticket.wait(5)
    assert ticket.state == "paused"
    assert "bea" in ticket.reason
    assert dashboard.snapshots == {}


@pytest.mark.parametrize("token", ["bad", ""])
def test_a_bad_token_pauses_until_the_next_login(recorder, dashboard, ana, take, token):
    recorder.connect(ana, token)
    ticket = recorder.record(*take(), ana)
    assert not ticket.wait(5)
    assert ticket.state == "paused"
    assert recorder.status().paused
    assert not recorder.status().safe_to_close
    recorder.connect(ana, "good")
    assert ticket.wait(5)
    assert recorder.status().paused == ""
