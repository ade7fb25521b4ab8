"""A snapshot that is not where it is to be says why."""

from etiq_jupyter.errors import StorageFull
from etiq_jupyter.sync.recorder import Recorder


def test_what_waits_says_for_what(direct, dashboard, ana, take, ends):
    direct.disconnect()
    dashboard.stop()
    direct.connect(ana, "good")
    ticket = direct.record(*take(), ana)
    assert not ticket.wait(1)
    assert ticket.state == "stored"
    assert ticket.reason == (
        f"Cannot reach {dashboard.url} (connection refused). "
        "Your snapshots are kept here and will be sent when it answers."
    )
    direct.disconnect()
    assert "No login" in ticket.reason
    direct.connect(ana, "good")
    dashboard.start()
    assert ends(ticket)
    assert ticket.reason == ""


def test_a_disk_that_fills_up_is_the_reason(direct, dashboard, ana, take, monkeypatch, tmp_path):
    def full(*_, **__):
        raise StorageFull("The store cannot be written", why="disk is full")

    monkeypatch.setattr("etiq_jupyter.store.spare._candidates", lambda *_: iter([tmp_path / "s"]))
    monkeypatch.setattr(direct.store, "record", full)
    direct.disconnect()
    ticket = direct.record(*take(), ana)
    assert ticket.wait(5, until="stored")
    assert "disk is full" in ticket.reason
    assert str(tmp_path / "s") in ticket.reason
    direct.connect(ana, "good")
    assert ticket.wait(10)
    assert ticket.reason == ""


def test_a_store_that_cannot_be_made_is_the_reason(tmp_path, take, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "spare").mkdir()
    monkeypatch.setenv("ETIQ_COURIER", "0")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "spare"))
    recorder = Recorder(tmp_path / "file" / "store")
    ticket = recorder.record(*take(), None)
    assert ticket.wait(10, until="stored")
    assert "cannot be written" in ticket.reason
    assert "temporary folder" in ticket.reason
    recorder.close()


def test_a_pause_is_the_reason(direct, dashboard, ana, take):
    dashboard.tokens.clear()
    ticket = direct.record(*take(), ana)
    assert not ticket.wait(5)
    assert ticket.state == "paused"
    assert "The token is not accepted" in ticket.reason
