"""Lines that break in the middle of a pack: what has arrived is not sent again."""

import contextlib
import os
import socket
import threading
import time

import numpy as np
import pytest

from etiq_jupyter.objects.recipe import recipe_chunks
from etiq_jupyter.sync.recorder import Destination, Recorder

CHUNK = 1 << 20
"""The largest piece in which an array is sent."""


class Relay:
    """Passes bytes on to a port of this machine; when so many were sent there, it cuts everything.

    Then nothing gets through until `open` is set again.
    """

    def __init__(self, port):
        self.target = port
        self.sent = 0
        self.cut_at = []
        self.pairs = []
        self.open = threading.Event()
        self.open.set()
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                here, _ = self.listener.accept()
            except OSError:
                return
            self.open.wait()
            there = socket.create_connection(("127.0.0.1", self.target))
            with self.lock:
                self.pairs.append((here, there))
            for pair in ((here, there, True), (there, here, False)):
                threading.Thread(target=self._pass_on, args=pair, daemon=True).start()

    def _pass_on(self, source, target, counts):
        with contextlib.suppress(OSError):
            while data := source.recv(64 << 10):
                target.sendall(data)
                if counts:
                    self._count(len(data))
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _count(self, size):
        with self.lock:
            self.sent += size
            due = self.cut_at and self.sent >= self.cut_at[0]
            pairs = self.pairs if due else []
            if due:
                self.pairs = []
                del self.cut_at[0]
                self.open.clear()
        for pair in pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.open.set()
        self.listener.close()
        for pair in self.pairs:
            for end in pair:
                end.close()


def lacking(real, names):
    """How many chunks the dashboard lacks."""
    body = {"project": real.project, "hashes": names}
    return len(real.call("POST", "/chunks/lacking", json=body)["lacking"])


def wait_until(done, seconds=60):
    until = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.fixture
def relay(real):
    made = Relay(int(real.destination.url.rpartition(":")[2]))
    yield made
    made.close()


@pytest.mark.parametrize("cuts", [1, 4])
def test_what_arrived_of_a_pack_is_not_sent_again(real, relay, tmp_path, take, array, cuts):
    content = array(np.frombuffer(os.urandom(12 * CHUNK), np.float64))
    recorder = Recorder(tmp_path / "store")
    destination = Destination(relay.url, real.destination.user_id, real.destination.username)
    recorder.connect(destination, real.token)
    relay.cut_at = [(number + 1) * 2_500_000 for number in range(cuts)]
    snapshot, contents = take({"a": content}, project=real.project)
    ticket = recorder.record(snapshot, contents, destination)
    assert ticket.wait(30, until="stored")
    found = recorder.store.manifest(ticket.id).items[0].object
    names = recipe_chunks(recorder.store.recipe(found))
    for number in range(cuts):
        wait_until(lambda: not relay.open.is_set())
        most = len(names) - 2 * (number + 1)  # two chunks more have arrived whole by then
        wait_until(lambda most=most: lacking(real, names) <= most)
        relay.open.set()
    assert ticket.wait(60)
    # Of every cut pack one chunk was on its way, and what lay unread in the sockets.
    assert relay.sent < content.size + cuts * 1.5 * CHUNK + 100_000
    colleague = Recorder(tmp_path / "elsewhere")
    colleague.connect(real.destination, real.token)
    reader = colleague.reader(found, snapshot=ticket.id)
    assert bytes(reader.read("data")) == bytes(content.buffers[0].data)
    colleague.close()
    recorder.close()
