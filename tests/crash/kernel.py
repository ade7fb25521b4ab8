"""A stand-in for a notebook's kernel: takes snapshots until it is killed or told to stop.

Arguments: store, url, user, token, project, log, number of this kernel, seconds. Before a snapshot
is recorded, the line ``begin ID`` goes into the log, after it ``captured ID KERNEL``, and
``done ID DIGEST`` as soon as its ticket says that it is stored: then it is acknowledged.
"""

import contextlib
import os
import sys
import threading
import time
from datetime import datetime, timezone

import numpy as np
import xxhash

from etiq_jupyter import model
from etiq_jupyter.ids import new_id
from etiq_jupyter.objects.content import Buffer, Content
from etiq_jupyter.sync.recorder import Destination, Recorder

SIZES = (16, 500, 5_000, 80_000, 400_000, 1_500_000, 3_000_000)


def contents(rng, memory):
    """A new array, or a change of the last one of its size."""
    size = int(rng.choice(SIZES, p=[0.2, 0.2, 0.2, 0.15, 0.1, 0.1, 0.05]))
    old = memory.get(size)
    if old is not None and rng.random() < 0.5:
        values = old.copy()
        values[rng.integers(0, size, max(1, size // 500))] += 1
    else:
        values = np.frombuffer(rng.bytes(size), np.uint8).copy()
    memory[size] = values
    return Content("a", 1, {}, [Buffer("d", memoryview(values), "rows", 1, 0)])


def acknowledge(target, tickets):
    """Write down which snapshots are stored by now; runs in a thread."""
    while True:
        for ticket, digest in list(tickets.items()):
            if ticket.state != "captured":
                os.write(target, f"done {ticket.id} {digest}\n".encode())
                del tickets[ticket]
        time.sleep(0.005)


def main():
    store, url, user, token, project, log, seed, seconds = sys.argv[1:]
    rng = np.random.default_rng(int(seed))
    target = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    with contextlib.suppress(OSError):
        os.write(target, f"pid {os.getpid()}\n".encode())
    recorder = Recorder(store)
    destination = Destination(url, user, "ana")
    recorder.connect(destination, token, timeout=3)
    run = model.Run(id=new_id())
    memory, until = {}, time.monotonic() + float(seconds)
    tickets = {}
    threading.Thread(target=acknowledge, args=(target, tickets), daemon=True).start()
    while time.monotonic() < until:
        content = contents(rng, memory)
        item = model.Item(name="a", kind="array", type="x", hash=content.hash, size=content.size)
        snapshot = model.Snapshot(
            id=new_id(),
            project=project,
            project_name="Crash",
            run=run,
            created_at=datetime.now(timezone.utc),
            items=[item],
        )
        digest = xxhash.xxh3_128_hexdigest(content.buffers[0].data)
        os.write(target, f"begin {snapshot.id}\n".encode())
        ticket = recorder.record(snapshot, {"a": content}, destination)
        os.write(target, f"captured {snapshot.id} {seed}\n".encode())
        if ticket.state != "captured":
            os.write(target, f"done {snapshot.id} {digest}\n".encode())
        else:
            tickets[ticket] = digest
        time.sleep(float(rng.random()) * 0.08)
    until = time.monotonic() + 20
    while recorder.unstored and time.monotonic() < until:
        time.sleep(0.02)
    recorder.close()


if __name__ == "__main__":
    main()
