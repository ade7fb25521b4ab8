import multiprocessing
import os
import resource
import signal
import time

import numpy as np
import pytest

from etiq_jupyter import model
from etiq_jupyter.errors import StorageFull
from etiq_jupyter.store import Store
from etiq_jupyter.sync.recorder import Recorder


def noise(size):
    return np.frombuffer(os.urandom(size), np.uint8)


@pytest.fixture
def online(recorder, ana):
    recorder.connect(ana, "good")
    return recorder


# --- the way there ----------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/me", "/chunks/lacking", "/packs/", "/snapshots/"])
@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_busy_dashboard_is_asked_again(direct, dashboard, ana, take, array, path, status, ends):
    dashboard.fail("*", path, (status, {"Retry-After": "0"}, b"busy"))
    ticket = direct.record(*take({"a": array(noise(300_000))}), ana)
    assert ends(ticket)
    assert list(dashboard.snapshots) == [ticket.id]


def test_a_storm_of_429_is_waited_out_as_asked(online, dashboard, ana, take):
    ticket = online.record(*take(), ana)
    assert ticket.wait(10)
    dashboard.fail("POST", "/chunks/lacking", *[(429, {"Retry-After": "1"}, b"")] * 2)
    before = len(dashboard.calls)
    started = time.monotonic()
    assert online.record(*take(), ana).wait(15)
    assert time.monotonic() - started >= 2.0
    assert len(dashboard.calls) - before <= 6


@pytest.mark.parametrize(
    "answer",
    [
        (200, {}, b"<html>Welcome to the hotel</html>"),
        (200, {}, b"\x00\xff garbage"),
        (200, {}, b"{}"),
        (302, {"Location": "http://127.0.0.1:1/login"}, b""),
        (407, {}, b""),
        (418, {}, b"short and stout"),
    ],
)
@pytest.mark.parametrize("path", ["/me", "/chunks/lacking", "/snapshots/"])
def test_a_proxy_that_answers_nonsense_loses_nothing(
    direct, dashboard, ana, take, answer, path, ends
):
    dashboard.fail("*", path, answer)
    ticket = direct.record(*take(), ana)
    assert ends(ticket)
    assert list(dashboard.snapshots) == [ticket.id]


def test_a_receipt_for_something_else_is_not_believed(online, dashboard, ana, take, ends):
    def lie(handler):
        receipt = model.Receipt(
            id="other", short_id="SNP-9", project="p-1", manifest="0" * 64, received_at=None
        )
        handler.answer(201, receipt)

    dashboard.fail("PUT", "/snapshots/", lie)
    ticket = online.record(*take(), ana)
    assert ends(ticket)
    assert ticket.short_id == "SNP-1"


@pytest.mark.parametrize(
    ("status", "code"),
    [(403, "forbidden"), (422, "invalid"), (413, "too_large"), (404, "not_found")],
)
def test_what_the_dashboard_refuses_is_parked_with_the_reason(
    online, dashboard, ana, take, status, code
):
    ok = online.record(*take(), ana)
    assert ok.wait(10)
    problem = {"status": status, "code": code, "what": "You may only look", "why": "a viewer"}
    dashboard.fail("PUT", "/snapshots/", (status, {}, problem))
    ticket = online.record(*take(), ana)
    assert not ticket.wait(10)
    assert ticket.state == "parked"
    assert "You may only look" in ticket.reason
    status = online.status()
    assert (status.parked, status.pending, status.safe_to_close) == (1, 0, False)
    after = online.record(*take(), ana)
    assert after.wait(10), "one that is refused does not hold up the others"
    dashboard.faults.clear()
    online.wake()
    assert ticket.wait(10)


def test_a_token_revoked_and_renewed_in_the_middle(online, dashboard, ana, take, array):
    assert online.record(*take(), ana).wait(10)
    dashboard.tokens = {"new"}
    ticket = online.record(*take({"a": array(noise(2_000_000))}), ana)
    assert not ticket.wait(10)
    assert ticket.state == "paused"
    assert online.record(*take(), ana).state in ("paused", "stored")
    online.connect(ana, "new")
    assert ticket.wait(10)
    assert online.wait(10)
    assert len(dashboard.snapshots) == 3


def test_chunks_that_the_dashboard_has_lost_are_sent_again(
    online, dashboard, ana, take, array, ends
):
    content = array(noise(2_000_000))
    assert online.record(*take({"a": content}), ana).wait(10)
    dashboard.chunks.clear()
    ticket = online.record(*take({"a": content}), ana)
    assert ends(ticket)
    there = dashboard.content(ticket.id, "a")
    assert bytes(there.read("data")) == bytes(content.buffers[0].data)


def test_logging_out_stops_sending_and_forgets(online, dashboard, ana, take):
    assert online.record(*take(), ana).wait(10)
    online.disconnect()
    ticket = online.record(*take(), ana)
    assert not ticket.wait(0.5)
    assert ticket.state == "stored"
    assert len(dashboard.snapshots) == 1


# --- the helper process -----------------------------------------------------------------------


@pytest.fixture
def courier(tmp_path, monkeypatch):
    monkeypatch.setenv("ETIQ_COURIER", "1")
    made = Recorder(tmp_path / "store")
    yield made
    made.close()


def test_a_courier_that_is_killed_is_replaced_and_nothing_is_lost(
    courier, dashboard, ana, take, array
):
    courier.connect(ana, "good")
    tickets = []
    for _ in range(6):
        tickets.append(courier.record(*take({"a": array(noise(3_000_000))}), ana))
        pid = courier._courier.pid if courier._courier else None
        if pid:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    assert courier.wait(30)
    assert sorted(dashboard.snapshots) == sorted(ticket.id for ticket in tickets)


def _kernel(path, snapshots, connection, taken):
    recorder = Recorder(path)
    ana, token = connection
    recorder.connect(ana, token)
    for snapshot, contents in snapshots:
        recorder.record(snapshot, contents, ana)
        taken.send(snapshot.id)
    time.sleep(60)


def test_a_kernel_that_is_killed_has_lost_nothing(dashboard, ana, take, array, tmp_path):
    context = multiprocessing.get_context("fork")
    mine, other = context.Pipe()
    work = [take({"a": array(noise(4_000_000))}) for _ in range(3)] + [take() for _ in range(3)]
    kernel = context.Process(target=_kernel, args=(tmp_path / "s", work, (ana, "good"), other))
    kernel.start()
    taken = [mine.recv() for _ in work]
    os.kill(kernel.pid, signal.SIGKILL)
    kernel.join()
    until = time.monotonic() + 20
    while len(dashboard.snapshots) < len(work) and time.monotonic() < until:
        time.sleep(0.05)
    assert sorted(dashboard.snapshots) == sorted(taken)


def test_the_token_is_in_no_argument_environment_or_file(courier, ana, take, array, monkeypatch):
    monkeypatch.setenv("ETIQ_TOKEN", "etq_secret_of_the_environment")
    courier.connect(ana, "etq_secret_of_the_session")
    courier.record(*take({"a": array(noise(2_000_000))}), None).wait(10, until="stored")
    pid = courier._courier.pid
    for name in ("cmdline", "environ"):
        with open(f"/proc/{pid}/{name}", "rb") as file:
            assert b"etq_secret" not in file.read()
    for path in courier.store.path.rglob("*"):
        if path.is_file():
            assert b"etq_secret" not in path.read_bytes()
    assert "etq_secret" not in repr(courier._connection)


def test_no_helper_process_is_said_once_and_works(tmp_path, take, array, monkeypatch, caplog):
    monkeypatch.setattr("etiq_jupyter.sync.handover.spawn", _refuse)
    recorder = Recorder(tmp_path / "store")
    for _ in range(3):
        content = array(noise(2_000_000))
        ticket = recorder.record(*take({"a": content}), None)
        assert ticket.wait(5, until="stored")
        name = recorder.store.manifest(ticket.id).items[0].object
        assert bytes(recorder.store.reader(name).read("data")) == bytes(content.buffers[0].data)
    assert len([r for r in caplog.records if "helper process" in r.message]) == 1
    recorder.close()


def _refuse(*_):
    raise PermissionError(1, "Operation not permitted")


def _child(recorder, snapshot, contents, pipe):
    ticket = recorder.record(snapshot, contents, None)
    pipe.send(ticket.wait(10, until="stored"))
    os._exit(0)


def test_a_forked_child_records_by_itself(courier, take, array):
    courier.record(*take({"a": array(noise(3_000_000))}), None)
    context = multiprocessing.get_context("fork")
    snapshots = [take({"a": array(noise(3_000_000))}) for _ in range(3)]
    pipes, children = [], []
    for snapshot, contents in snapshots:
        mine, other = context.Pipe()
        child = context.Process(target=_child, args=(courier, snapshot, contents, other))
        child.start()
        pipes.append(mine)
        children.append(child)
    assert all(pipe.poll(20) and pipe.recv() for pipe in pipes)
    for child in children:
        child.join()
    ticket = courier.record(*take({"a": array(noise(3_000_000))}), None)
    assert ticket.wait(10, until="stored")
    assert len(courier.store.snapshots()) == 5


def test_more_than_the_shared_memory_holds(tmp_path, take, array, monkeypatch):
    monkeypatch.setattr("etiq_jupyter.sync.handover.default_size", lambda: 8 << 20)
    monkeypatch.setattr("etiq_jupyter.store.cutting.SECTION", 2 << 20)
    recorder = Recorder(tmp_path / "store")
    content = array(noise(20_000_000))
    ticket = recorder.record(*take({"a": content}), None)
    assert ticket.wait(20, until="stored")
    name = recorder.store.manifest(ticket.id).items[0].object
    assert bytes(recorder.store.reader(name).read("data")) == bytes(content.buffers[0].data)
    recorder.close()


# --- this disk --------------------------------------------------------------------------------


def test_two_kernels_on_one_store(dashboard, ana, take, array, tmp_path):
    two = [Recorder(tmp_path / "store") for _ in range(2)]
    for recorder in two:
        recorder.connect(ana, "good")
    tickets = [
        two[number % 2].record(*take({"a": array(noise(size))}), ana)
        for number, size in enumerate([100, 2_000_000, 300_000, 2_000_000, 100, 2_000_000])
    ]
    assert all(recorder.wait(20) for recorder in two)
    assert sorted(dashboard.snapshots) == sorted(ticket.id for ticket in tickets)
    sent = [call for call in dashboard.calls if call[0] == "PUT" and "/snapshots/" in call[1]]
    assert len(sent) == len(tickets), "nothing is sent twice"
    for recorder in two:
        recorder.close()


def test_a_store_that_cannot_be_written_has_a_spare(tmp_path, take, monkeypatch, caplog, array):
    if os.geteuid() == 0:
        (tmp_path / "file").write_text("in the way")
        path = tmp_path / "file" / "store"
    else:
        path = tmp_path / "locked"
        path.mkdir(mode=0o500)
    (tmp_path / "spare").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "spare"))
    recorder = Recorder(path)
    ticket = recorder.record(*take({"a": array(noise(2_000_000))}), None)
    assert ticket.wait(10, until="stored")
    assert "temporary folder" in caplog.text
    recorder.close()


def test_a_spare_belongs_to_its_store(tmp_path, monkeypatch):
    from etiq_jupyter.store.spare import left_behind, open_spare

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    mine, others = open_spare(tmp_path / "a"), open_spare(tmp_path / "b")
    assert mine.path != others.path
    assert open_spare(tmp_path / "a").path == mine.path
    assert left_behind(tmp_path / "c") is None


def _limited(path, snapshots, limit, spare, pipe):
    """Take snapshots where no file may grow beyond a limit, which is a full disk to a program."""
    from etiq_jupyter.store import spare as spare_places

    os.environ["ETIQ_COURIER"] = "0"
    spare_places._candidates = lambda store: iter([spare])
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    recorder = Recorder(path)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    kept, refused = [], 0
    for snapshot, contents in snapshots:
        try:
            ticket = recorder.record(snapshot, contents, None)
            kept.append((snapshot.id, str(ticket._recorder.store.path)))
        except StorageFull:
            refused += 1
    pipe.send((kept, refused))
    os._exit(0)


@pytest.mark.parametrize("limit", range(150_000, 1_000_000, 94_000))
def test_a_full_disk_at_any_write_loses_nothing_that_was_acknowledged(tmp_path, take, array, limit):
    context = multiprocessing.get_context("fork")
    mine, other = context.Pipe()
    work = [take({"a": array(noise(size))}) for size in (900, 200_000, 600_000, 100, 50_000) * 2]
    args = (tmp_path / "store", work, limit, tmp_path / "spare", other)
    child = context.Process(target=_limited, args=args)
    child.start()
    assert mine.poll(30)
    kept, _refused = mine.recv()
    child.join()
    contents = {snapshot.id: content for snapshot, content in work}
    assert kept
    for snapshot, where in kept:
        found = Store.open(where)
        reader = found.reader(found.manifest(snapshot).items[0].object)
        assert bytes(reader.read("data")) == bytes(contents[snapshot]["a"].buffers[0].data)


def test_the_clock_may_jump(online, dashboard, ana, take, monkeypatch):
    tickets = []
    now = time.time_ns()
    for offset in (0, -(10**18), 10**18, 5):
        monkeypatch.setattr("time.time_ns", lambda shift=offset: now + shift)
        tickets.append(online.record(*take(), ana))
    assert online.wait(15)
    assert sorted(dashboard.snapshots) == sorted(ticket.id for ticket in tickets)


def test_a_bandwidth_limit_is_kept(online, dashboard, ana, take, array):
    assert online.record(*take(), ana).wait(10)
    online.limit_bandwidth(1_000_000)
    started = time.monotonic()
    assert online.record(*take({"a": array(noise(1_200_000))}), ana).wait(20)
    took = time.monotonic() - started
    assert 1.0 < took < 6.0


def test_progress_is_told_while_waiting(online, dashboard, ana, take, array):
    online.limit_bandwidth(4_000_000)
    online.record(*take({"a": array(noise(3_000_000))}), ana)
    seen = []
    assert online.wait(20, on_progress=lambda done, total: seen.append((done, total)))
    assert seen
    assert all(done <= total for done, total in seen)
