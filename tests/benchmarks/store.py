"""What keeping, sending and restoring costs, beside the physical limits and other tools.

    python tests/benchmarks/store.py [--rounds 3] [--small] [--peers] [--json FILE]

Prints a table; every figure is the median of the rounds, which are interleaved. ``--peers``
installs each other tool into a virtual environment of its own below ``--cache``. Run it on a quiet
machine.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "crash")]

import store_peers  # noqa: E402
import store_workloads as work  # noqa: E402

from etiq_jupyter import codecs, model  # noqa: E402
from etiq_jupyter.ids import new_id  # noqa: E402
from etiq_jupyter.objects.content import Buffer, Content  # noqa: E402
from etiq_jupyter.sync.recorder import Destination, Recorder  # noqa: E402

GOALS = {
    "import etiq_jupyter, s": 0.10,
    "tiny snapshot, durable, ms": 2.0,
    "tiny snapshot, the last 1,000 of 10,000, ms": 2.0,
    "frame 100 MB first: blocking, ms": 15,
    "frame 100 MB first: durable, s": 0.2,
    "frame 100 MB first: stored, MB": 45,
    "frame unchanged: blocking, ms": 10,
    "1 % of one column: durable, ms": 50,
    "1 % of one column: stored, MB": 0.5,
    "1 % rows inserted: durable, ms": 50,
    "1 % rows inserted: stored, MB": 1.6,
    "a column added: durable, ms": 50,
    "a column added: stored, MB": 7,
    "1 % of rows in all columns: stored, MB": 3,
    "array 1 GB first: blocking, ms": 150,
    "array 1 GB first: durable, s": 0.8,
    "array 1 GB, another: blocking, ms": 150,
    "array 1 GB, another: durable, s": 0.8,
    "array 1 GB unchanged: blocking, ms": 60,
    "restore 100 MB frame, verified, s": 0.2,
    "sent: one cell edited, % of the frame": 0.5,
    "sent: one row deleted, % of the frame": 7,
    "sent: random 90 % of rows, % of the frame": 2,
    "busy Python thread keeps, %": -95,
    "busy NumPy thread keeps, %": -90,
    "courier idle, MB": 40,
}
"""What is to be reached; a negative goal is a lower bound."""


class Bench:
    """One run: a store, a recorder, and the figures."""

    def __init__(self, folder, small):
        self.folder = folder
        self.scale = 10 if small else 1
        self.figures = {}
        self.run = model.Run(id=new_id())

    def note(self, name, value):
        self.figures.setdefault(name, []).append(value)

    def snapshot(self, **contents):
        items = [
            model.Item(name=name, kind="frame", type="x", hash=content.hash, size=content.size)
            for name, content in contents.items()
        ]
        now = datetime.now(timezone.utc)
        return model.Snapshot(
            id=new_id(),
            run=self.run,
            project="p",
            created_at=now,
            items=items,
            source="x = 1\n" * 99,
        )

    def keep(self, recorder, destination=None, **values):
        """Keep values; return blocking seconds, seconds until durable, and the ticket."""
        started = time.perf_counter()
        contents = {name: work.encode(value) for name, value in values.items()}
        snapshot = self.snapshot(**contents)
        if destination:
            snapshot.project = self.project
        ticket = recorder.record(snapshot, contents, destination)
        blocking = time.perf_counter() - started
        ticket.wait(120, until="stored")
        return blocking, time.perf_counter() - started, ticket

    # --- rows -------------------------------------------------------------------------------

    def frames(self, frame):
        recorder = Recorder(self.folder / new_id())
        recorder.warm()
        time.sleep(1.5)
        for label, value in work.frames(frame):
            blocking, durable, ticket = self.keep(recorder, df=value)
            self.note(f"{label}: blocking, ms", blocking * 1e3)
            if "unchanged" not in label:
                unit, factor = ("s", 1) if "first" in label else ("ms", 1e3)
                self.note(f"{label}: durable, {unit}", durable * factor)
                self.note(f"{label}: stored, MB", ticket.new_bytes / 1e6)
            if "first" in label:
                first = ticket
        self.restore(recorder, first)
        recorder.close()

    def restore(self, recorder, ticket):
        name = recorder.store.manifest(ticket.id).items[0].object
        started = time.perf_counter()
        codecs.decode(recorder.store.reader(name))
        self.note("restore 100 MB frame, verified, s", time.perf_counter() - started)

    def arrays(self, size):
        recorder = Recorder(self.folder / new_id())
        recorder.warm()
        time.sleep(1.5)
        array = work.noise(size)
        for label in ("first", "unchanged", "1 % changed", "another"):
            if label == "1 % changed":
                array[size // 2 : size // 2 + size // 100] = 0.5
            elif label == "another":
                np.multiply(array, 1.7, out=array)
                time.sleep(1.0)
            blocking, durable, _ = self.keep(recorder, a=array)
            glue = ", " if label == "another" else " "
            self.note(f"array 1 GB{glue}{label}: blocking, ms", blocking * 1e3)
            if label != "unchanged":
                self.note(f"array 1 GB{glue}{label}: durable, s", durable)
        recorder.close()

    def tiny(self, count):
        recorder = Recorder(self.folder / new_id())
        times = []
        for number in range(count):
            content = Content(
                "plain", 1, {"n": number}, [Buffer("json", memoryview(b"[0.9, 0.8]"))]
            )
            snapshot = self.snapshot(metrics=content)
            started = time.perf_counter()
            recorder.record(snapshot, {"metrics": content}, None)
            times.append((time.perf_counter() - started) * 1e3)
        self.note("tiny snapshot, durable, ms", statistics.median(times[: count // 10]))
        last = statistics.median(times[-count // 10 :])
        self.note(f"tiny snapshot, the last {count // 10:,} of {count:,}, ms", last)
        store = recorder.store
        started = time.perf_counter()
        with_sync = store.database.write
        store.database.write = lambda durable=True: with_sync(durable=False)
        for number in range(1000):
            content = Content("plain", 1, {"n": -number}, [Buffer("json", memoryview(b"[0.9]"))])
            recorder.record(self.snapshot(metrics=content), {"metrics": content}, None)
        took = (time.perf_counter() - started) * 1e3
        self.note("record safe against kill -9, no sync, us", took)
        recorder.close()

    def beside(self, size):
        """How much of its speed a main thread keeps while a snapshot is stored."""
        recorder = Recorder(self.folder / new_id())
        recorder.warm()
        time.sleep(1.5)
        for kind, step in (("Python", work.count), ("NumPy", work.multiply)):
            alone = work.rate(step, 1.0)
            array = work.noise(size)
            contents = {"a": work.encode(array)}
            ticket = recorder.record(self.snapshot(**contents), contents, None)
            together = work.rate(step, 0.5)  # the call has returned; the courier is at work
            self.note(f"busy {kind} thread keeps, %", 100 * together / alone)
            ticket.wait(60, until="stored")
        recorder.close()

    def idle(self):
        recorder = Recorder(self.folder / new_id())
        recorder.warm()
        time.sleep(1.5)
        self.note("courier idle, MB", work.private_memory(recorder._courier.pid))
        recorder.close()

    def sending(self, frame):
        """Bytes on the wire, to a real dashboard."""
        from harness import Dashboard
        from proxy import FaultProxy

        dashboard = Dashboard(self.folder / new_id())
        proxy = FaultProxy(dashboard.port)
        self.project = dashboard.project
        destination = Destination(f"http://127.0.0.1:{proxy.port}", dashboard.user)
        recorder = Recorder(self.folder / new_id())
        recorder.connect(destination, dashboard.token)
        whole = work.encode(frame).size
        for label, value in work.sent_again(frame):
            before, started = proxy.seen, time.perf_counter()
            ticket = self.keep(recorder, destination, df=value)[2]
            if not ticket.wait(120):
                raise SystemExit(f"not sent: {ticket.reason}")
            self.note(f"sent: {label}, % of the frame", 100 * (proxy.seen - before) / whole)
            self.note(f"sent: {label}, s until the receipt", time.perf_counter() - started)
        recorder.close()
        proxy.close()
        dashboard.kill()

    def imports(self):
        code = "from time import perf_counter as t; a = t(); import etiq_jupyter; print(t() - a)"
        out = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        self.note("import etiq_jupyter, s", float(out.stdout))


def machine():
    return {
        "cpus": os.cpu_count(),
        "memory GB": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9, 1),
        "load": os.getloadavg()[0],
        "python": sys.version.split()[0],
        "system": " ".join(os.uname()[i] for i in (0, 2, 4)),
    }


def table(figures, limits):
    rows = []
    for name, values in figures.items():
        value, goal = statistics.median(values), GOALS.get(name)
        reached = ""
        if goal is not None:
            met = value >= -goal if goal < 0 else value <= goal
            reached = f"{'>=' if goal < 0 else '<='} {abs(goal):g} {'yes' if met else 'NO'}"
        spread = f"{min(values):.3g}-{max(values):.3g}" if len(values) > 1 else ""
        rows.append((name, f"{value:.3g}", spread, reached))
    rows += [(f"limit: {name}", f"{value:.3g}", "", "") for name, value in limits.items()]
    width = max(len(row[0]) for row in rows)
    for name, value, spread, reached in rows:
        print(f"{name:<{width}}  {value:>8}  {spread:>16}  {reached}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--small", action="store_true", help="a tenth of the size, to try it out")
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "etiq-benchmarks")
    parser.add_argument("--folder", type=Path, help="where to write; by default a temporary folder")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="etiq-bench-", dir=arguments.folder))
    bench = Bench(folder, arguments.small)
    rows = 950_000 // bench.scale
    frame = work.frame(rows)
    codecs.decode(work.encode(frame[:100]))  # the first use of a library is not what is measured
    limits = {}
    try:
        for number in range(arguments.rounds):
            limits = work.limits(folder, 100_000_000 // bench.scale, limits)
            bench.imports()
            bench.idle()
            bench.frames(frame)
            bench.arrays(250_000_000 // bench.scale)
            bench.tiny(10_000 // bench.scale)
            bench.beside(250_000_000 // bench.scale)
            bench.sending(frame.iloc[: rows // 2])
            if arguments.peers:
                store_peers.measure(arguments.cache, folder, frame, bench.note)
            print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    limits = {name: statistics.median(values) for name, values in limits.items()}
    table(bench.figures, limits)
    if arguments.json:
        report = {"machine": machine(), "figures": bench.figures, "limits": limits, "goals": GOALS}
        arguments.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
