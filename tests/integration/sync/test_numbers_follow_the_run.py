"""Short ids follow the order of the notebook, also where a large snapshot takes its time."""

import os
import time

import numpy as np
import pytest

from etiq_jupyter import model
from etiq_jupyter.sync import courier as courier_module
from etiq_jupyter.sync.courier import Courier
from etiq_jupyter.sync.engine import Engine
from etiq_jupyter.sync.incoming import Incoming
from etiq_jupyter.sync.recorder import Recorder
from etiq_jupyter.sync.transport import Transport
from etiq_jupyter.sync.uploader import Uploader


def noise(size):
    return np.frombuffer(os.urandom(size), np.uint8)


@pytest.fixture
def alone(tmp_path, monkeypatch):
    monkeypatch.setenv("ETIQ_COURIER", "0")
    made = Recorder(tmp_path / "store")
    yield made
    made.close()


def uploader(recorder, dashboard, ana, held_back):
    transport = Transport(dashboard.url, "good")
    return Uploader(recorder.store, recorder._number(ana), transport, held_back=held_back)


def test_later_snapshots_of_a_run_wait_for_an_earlier_one(alone, dashboard, ana, take, array):
    large, contents = take({"a": array(noise(100_000))})
    later = [alone.record(*take(), ana).id for _ in range(3)]
    sender = uploader(alone, dashboard, ana, lambda: {large.run.id: large.id})
    assert sender.run() == 0
    assert sender.waits
    alone.store.record(large, contents, alone._number(ana))
    sender._held_back = dict
    assert sender.run() == 4
    assert not sender.waits
    assert list(dashboard.snapshots) == [large.id, *later]


def test_earlier_ones_and_other_runs_do_not_wait(alone, dashboard, ana, take):
    before = alone.record(*take(), ana).id
    large, _ = take()
    after = alone.record(*take(), ana).id
    other, contents = take()
    other.run = model.Run(id="another run")
    alone.record(other, contents, ana)
    sender = uploader(alone, dashboard, ana, lambda: {large.run.id: large.id})
    assert sender.run() == 2
    assert list(dashboard.snapshots) == [before, other.id]
    assert alone.store.outbox.entry(after).state == "pending"


def test_a_large_one_is_not_overtaken_on_its_way_through_the_courier(
    tmp_path, dashboard, ana, take, array, monkeypatch
):
    monkeypatch.setenv("ETIQ_COURIER", "1")
    recorder = Recorder(tmp_path / "store")
    recorder.connect(ana, "good")
    tickets = []
    for size in (10, 24_000_000, 10, 20, 30, 8_000_000, 40, 50):
        tickets.append(recorder.record(*take({"a": array(noise(size))}), ana))
        time.sleep(0.02)
    assert recorder.wait(30)
    assert list(dashboard.snapshots) == [ticket.id for ticket in tickets]
    recorder.close()


class Silent:
    """A kernel that hears nothing."""

    def send(self, message):
        pass

    def pending(self):
        return False


def incoming(snapshot, destination=1):
    import msgspec

    header = {"job": 1, "snapshot": msgspec.msgpack.encode(snapshot), "destination": destination}
    header |= {"parents": {}, "newer": [], "streamed": False, "contents": {}}
    return Incoming(header, memoryview(b""))


def test_what_failed_or_takes_too_long_holds_nothing_up(take, monkeypatch):
    helper = Courier(Silent())
    job = incoming(take()[0])
    helper._jobs[1] = job
    assert helper.captured() == {job.snapshot.run.id: job.snapshot.id}
    job.failed = True
    assert helper.captured() == {}
    job.failed = False
    monkeypatch.setattr(courier_module, "LONGEST_HOLD", 0.0)
    assert helper.captured() == {}


def test_the_engine_looks_again_by_itself(alone, dashboard, ana, take):
    large, _ = take()
    ticket = alone.record(*take(), ana)
    held = {large.run.id: large.id}
    engine = Engine(alone.store, held_back=lambda: dict(held))
    alone._courier, alone._engine = None, engine
    alone.connect(ana, "good")
    assert not ticket.wait(0.3)
    held.clear()  # as when the longest time is over: nobody says so
    assert ticket.wait(5)
