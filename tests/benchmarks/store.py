"""What keeping, sending and restoring costs, beside the physical limits and other tools.

    python tests/benchmarks/store.py [--rounds 3] [--small] [--only PART ...] [--peers]
        [--json FILE]

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
from table import show  # noqa: E402

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
    "record, safe against kill -9, us": 100,
    "courier idle, MB": 40,
}
"""What is to be reached; a negative goal is a lower bound."""


PARTS = ("imports", "idle", "frames", "arrays", "tiny", "beside", "sending")

LIMITS = {
    "tiny snapshot": ("append 4 KB and fdatasync, ms", 1),
    "record, safe against kill -9": ("SQLite, a row of 3 KB, committed, us", 1),
    "frame 100 MB first: blocking": ("xxh3 and memcpy 100 MB, warm, ms", 1),
    "frame 100 MB first: durable": ("zstd-1 100 MB and write and fsync, s", 1),
    "frame unchanged: blocking": ("xxh3 100 MB, ms", 1),
    "array 1 GB first: blocking": ("xxh3 and memcpy 100 MB, warm, ms", 10),
    "array 1 GB first: durable": ("write and fsync 1 GB, s", 1),
    "array 1 GB, another: blocking": ("xxh3 and memcpy 100 MB, warm, ms", 10),
    "array 1 GB, another: durable": ("write and fsync 1 GB, s", 1),
    "array 1 GB unchanged": ("xxh3 100 MB, ms", 10),
    "restore 100 MB frame": ("zstd read back and BLAKE3 100 MB, s", 1),
    "sent: first": ("PUT 100 MB over loopback, s", 0.5),
}
"""The physical limit beside a row: a measured figure of `store_workloads.limits`, and a factor."""

PEER_ROWS = {
    "frame 100 MB first: durable": "frame first: done, s",
    "frame 100 MB first: stored": "frame first: stored, MB",
    "1 % of one column: durable": "1 % of one column: done, s",
    "1 % of one column: stored": "1 % of one column: stored, MB",
    "tiny snapshot, durable": "tiny snapshot, s",
}
"""What the other tools are asked to do, by the row to which it belongs."""


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
        array = work.noise(size)
        recorder.warm(array.nbytes)
        time.sleep(4)
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
        times, blocking = [], []
        for number in range(count):
            content = Content(
                "plain", 1, {"n": number}, [Buffer("json", memoryview(b"[0.9, 0.8]"))]
            )
            snapshot = self.snapshot(metrics=content)
            started = time.perf_counter()
            ticket = recorder.record(snapshot, {"metrics": content}, None)
            blocking.append((time.perf_counter() - started) * 1e6)
            ticket.wait(60, until="stored")
            times.append((time.perf_counter() - started) * 1e3)
        tenth = count // 10
        self.note("record, safe against kill -9, us", statistics.median(blocking[:tenth]))
        self.note("tiny snapshot, durable, ms", statistics.median(times[:tenth]))
        last = statistics.median(times[-tenth:])
        self.note(f"tiny snapshot, the last {tenth:,} of {count:,}, ms", last)
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


def goal_of(name, value):
    goal = GOALS.get(name)
    if goal is None:
        return ""
    met = value >= -goal if goal < 0 else value <= goal
    return f"{'>=' if goal < 0 else '<='} {abs(goal):g} {'yes' if met else 'NO'}"


def limit_of(name, limits):
    for start, (limit, factor) in LIMITS.items():
        if name.startswith(start) and not name.endswith(", MB"):
            return f"{limits[limit] * factor:.3g}"
    return ""


def peers_of(name, peers):
    wanted = next((key for row, key in PEER_ROWS.items() if name.startswith(row)), None)
    if wanted is None:
        return ""
    factor = 1e3 if name.endswith(", ms") else 1
    return ", ".join(
        f"{peer} {statistics.median(figures[wanted]) * factor:.3g}"
        for peer, figures in peers.items()
        if wanted in figures
    )


def table(figures, limits, peers):
    rows = [("", "measured", "spread", "goal", "limit", "peers")]
    for name, values in figures.items():
        value = statistics.median(values)
        spread = f"{min(values):.3g}-{max(values):.3g}" if len(values) > 1 else ""
        goal, limit = goal_of(name, value), limit_of(name, limits)
        rows.append((name, f"{value:.3g}", spread, goal, limit, peers_of(name, peers)))
    rows += [(f"limit: {name}", f"{value:.3g}", "", "", "", "") for name, value in limits.items()]
    show(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--small", action="store_true", help="a tenth of the size, to try it out")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART")
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
    limits, peers = {}, {}
    try:
        for number in range(arguments.rounds):
            limits = work.limits(folder, 100_000_000 // bench.scale, limits)
            parts = {
                "imports": bench.imports,
                "idle": bench.idle,
                "frames": lambda: bench.frames(frame),
                "arrays": lambda: bench.arrays(250_000_000 // bench.scale),
                "tiny": lambda: bench.tiny(10_000 // bench.scale),
                "beside": lambda: bench.beside(250_000_000 // bench.scale),
                "sending": lambda: bench.sending(frame.iloc[: rows // 2]),
            }
            for part in arguments.only:
                parts[part]()
            if arguments.peers:
                store_peers.measure(arguments.cache, folder, frame, peers)
            print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    limits = {name: statistics.median(values) for name, values in limits.items()}
    table(bench.figures, limits, peers)
    if arguments.json:
        report = {
            "machine": machine(),
            "figures": bench.figures,
            "limits": limits,
            "goals": GOALS,
            "peers": peers,
        }
        arguments.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
