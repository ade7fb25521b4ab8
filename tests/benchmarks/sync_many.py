"""Many scripts that create snapshots against one dashboard at the same time.

    python tests/benchmarks/sync_many.py [--scripts 50] [--each 1000] [--at-once N]
        [--one-store] [--json FILE]

Every script is a process of its own: it records snapshots (two metrics, a new value, the same
environment as always), each durable on the disk when `record` returns, and ends when the dashboard
has acknowledged all. Then the dashboard is asked what it has: everything must be there, once, and
its short ids must follow the order in which each script made its snapshots. Bytes are those that
went through a counting relay, requests with their headers. Exit status 0 only if all of it holds.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import selectors
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "crash"))

SCRIPT = """
import json, os, sys, time
from datetime import datetime, timezone
from etiq_jupyter import model
from etiq_jupyter.ids import new_id
from etiq_jupyter.objects.content import Buffer, Content
from etiq_jupyter.sync.recorder import Destination, Recorder

store, url, user, token, project, count = sys.argv[1:]
recorder, run = Recorder(store), model.Run(id=new_id(), kind="script", name="train.py")
destination = Destination(url, user, "ana")
recorder.connect(destination, token)
environment = Content("json", 1, {}, [Buffer("d", memoryview(b'{"python": "3.11"}' * 100))])
print("ready", flush=True)
sys.stdin.readline()
started, cpu = time.perf_counter(), time.process_time()
for number in range(1, int(count) + 1):
    content = Content("plain", 1, {"n": number, "run": run.id}, [Buffer("d", memoryview(b"0.9"))])
    contents = {"m": content, "@environment": environment}
    items = [
        model.Item(name=name, kind="plain", type="float", hash=each.hash, size=each.size)
        for name, each in contents.items()
    ]
    snapshot = model.Snapshot(
        id=new_id(), run=run, project=project, project_name="Crash", sequence=number,
        created_at=datetime.now(timezone.utc), items=items,
        metrics={"acc": number / 1000, "loss": 1 / number},
    )
    recorder.record(snapshot, contents, destination)
recorded, cpu = time.perf_counter() - started, time.process_time() - cpu
done = recorder.close(900)
print(json.dumps([recorded, cpu, time.perf_counter() - started]))
sys.exit(0 if done else 1)
"""


class Relay:
    """Passes bytes on to a port of this machine, and counts those that go there."""

    def __init__(self, port: int) -> None:
        self._target = port
        self.sent = 0
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        pairs: dict[socket.socket, tuple[socket.socket, bool]] = {}
        with selectors.DefaultSelector() as ready:
            ready.register(self._socket, selectors.EVENT_READ)
            while True:
                for key, _ in ready.select():
                    if key.fileobj is self._socket:
                        self._accept(ready, pairs)
                    else:
                        self._pass_on(ready, pairs, key.fileobj)

    def _accept(self, ready, pairs) -> None:
        here, _ = self._socket.accept()
        there = socket.create_connection(("127.0.0.1", self._target))
        for one, other, up in ((here, there, True), (there, here, False)):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            pairs[one] = (other, up)
            ready.register(one, selectors.EVENT_READ)

    def _pass_on(self, ready, pairs, one) -> None:
        if one not in pairs:
            return
        other, up = pairs[one]
        try:
            data = one.recv(1 << 18)
            if data:
                self.sent += len(data) if up else 0
                other.sendall(data)
                return
        except OSError:
            pass
        for each in (one, other):
            ready.unregister(each)
            del pairs[each]
            each.close()


def run_scripts(arguments, folder, dashboard, port):
    """Run all scripts; the seconds from their start together, and what each of them says."""
    url = f"http://127.0.0.1:{port}"
    waiting = collections.deque(range(arguments.scripts))
    said, failed, seconds = [], 0, 0.0
    while waiting:
        processes = []
        for _ in range(min(arguments.at_once, len(waiting))):
            number = waiting.popleft()
            store = folder / ("store" if arguments.one_store else f"store-{number}")
            words = (store, url, dashboard.user, dashboard.token, dashboard.project, arguments.each)
            processes.append(
                subprocess.Popen(
                    [sys.executable, "-c", SCRIPT, *map(str, words)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
        for process in processes:
            process.stdout.readline()
        started = time.monotonic()
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in processes:
            last = process.communicate()[0].strip()
            failed += process.returncode != 0
            if last:
                said.append(json.loads(last))
        seconds += time.monotonic() - started
    return seconds, said, failed


def check(dashboard, each):
    """How many snapshots are there, and whether each run is complete, single and in order."""
    runs, cursor = collections.defaultdict(list), None
    while True:
        query = {"limit": 200, "sort": "created"} | ({"cursor": cursor} if cursor else {})
        page = dashboard.get(f"/projects/{dashboard.project}/snapshots", **query)
        for found in page["items"]:
            number = int(found["short_id"].split("-")[1])
            runs[found["run"]].append((number, found["sequence"]))
        cursor = page["next_cursor"]
        if not cursor:
            break
    wanted = list(range(1, each + 1))
    in_order = all([sequence for _, sequence in sorted(run)] == wanted for run in runs.values())
    return sum(map(len, runs.values())), len(runs), in_order


def main() -> int:
    from harness import Dashboard

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--scripts", type=int, default=50)
    parser.add_argument("--each", type=int, default=1000)
    parser.add_argument("--at-once", type=int, default=50, help="scripts that run together")
    parser.add_argument("--one-store", action="store_true", help="all write to the same store")
    parser.add_argument("--json", type=Path, help="write the figures here")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="etiq-many-"))
    dashboard = Dashboard(folder / "dashboard")
    relay = Relay(dashboard.port)
    try:
        seconds, said, failed = run_scripts(arguments, folder, dashboard, relay.port)
        there, runs, in_order = check(dashboard, arguments.each)
    finally:
        dashboard.kill()
        shutil.rmtree(folder, ignore_errors=True)
    wanted = arguments.scripts * arguments.each
    recording = statistics.median(one[0] for one in said) / arguments.each
    computing = statistics.median(one[1] for one in said) / arguments.each
    report = {
        "scripts": arguments.scripts,
        "each": arguments.each,
        "one store": arguments.one_store,
        "there": there,
        "wanted": wanted,
        "in order": in_order and runs == arguments.scripts,
        "failed scripts": failed,
        "seconds": round(seconds, 2),
        "snapshots per second": round(there / seconds),
        "bytes sent": relay.sent,
        "bytes per snapshot": round(relay.sent / max(1, there)),
        "ms per record": round(1000 * recording, 3),
        "cpu ms per record": round(1000 * computing, 3),
        "cpus": os.cpu_count(),
    }
    for name, value in report.items():
        print(f"{name:22} {value}")
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=2))
    return 0 if there == wanted and report["in order"] and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
