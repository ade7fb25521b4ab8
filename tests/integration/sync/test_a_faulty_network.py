"""Whole requests and answers are cut, stalled, slowed down, repeated and swapped."""

import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest

from etiq_jupyter.sync.recorder import Destination, Recorder


def _proxy_module():
    path = Path(__file__).parents[2] / "crash" / "proxy.py"
    spec = importlib.util.spec_from_file_location("proxy", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PROXY = _proxy_module()


@pytest.fixture
def line(dashboard):
    made = PROXY.FaultProxy(dashboard.port)
    yield made
    made.close()


@pytest.fixture
def recorder(tmp_path, line, dashboard, monkeypatch):
    monkeypatch.setenv("ETIQ_COURIER", "0")
    made = Recorder(tmp_path / "store")
    there = Destination(f"http://127.0.0.1:{line.port}", dashboard.user.id, "ana")
    made.connect(there, "good", timeout=1)
    made.there = there
    assert made.wait(5)
    yield made
    made.close()


@pytest.mark.parametrize("fault", PROXY.FAULTS)
def test_every_fault_at_every_call_of_a_snapshot(recorder, line, dashboard, take, array, fault):
    tickets = []
    for before in range(1 if fault == "stall" else 4):
        line.faults = [""] * before + [fault]
        noise = np.frombuffer(os.urandom(300_000), np.uint8)
        tickets.append(recorder.record(*take({"a": array(noise)}), recorder.there))
        while not recorder.wait(0.3):
            recorder.wake()
    assert fault in line.used
    assert list(dashboard.snapshots) == [ticket.id for ticket in tickets]
    assert all(ticket.state == "synced" for ticket in tickets)
    assert recorder.status().safe_to_close


def test_a_line_that_breaks_again_and_again_makes_progress(recorder, line, dashboard, take, array):
    noise = np.frombuffer(os.urandom(6_000_000), np.uint8)
    ticket = recorder.record(*take({"a": array(noise)}), recorder.there)
    for _ in range(60):
        if line.cut_after is None:
            line.cut_after = line.seen + (5 << 19)
        if recorder.wait(0.1):
            break
        recorder.wake()
    assert ticket.state == "synced"
    assert line.seen < 4 * 6_000_000, "what had arrived was not sent again"
    data = dashboard.content(ticket.id, "a").read("data")
    assert bytes(data) == noise.tobytes()
