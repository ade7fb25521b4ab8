"""What unusual sizes and shapes cost: nulls, objects, many columns, many frames, little memory.

    python tests/benchmarks/scale.py [--rounds 3] [--small] [--only NAME]... [--gigabytes N]
                                     [--json FILE]

Prints a table; every figure is the median of the rounds. Beside each stands what the machine can do
at best with the same bytes (xxh3 and memcpy; zstd-1, write and fsync), and what the usual ways to
save the same value take (pickle 5, Parquet, Arrow IPC; each with fsync). What comes back is
compared with what was kept. Run it on a quiet machine; ``--gigabytes 10`` needs 12 GB of disk.
"""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "crash")]

import scale_memory  # noqa: E402
import scale_workloads as work  # noqa: E402
import store  # noqa: E402
from table import show  # noqa: E402

from etiq_jupyter import codecs  # noqa: E402
from etiq_jupyter.ids import new_id  # noqa: E402
from etiq_jupyter.sync.recorder import Recorder  # noqa: E402

LIMITS = {
    "blocking, ms": ("xxh3 and memcpy, ms", ()),
    "durable, s": ("zstd-1, write, fsync, s", ("pickle 5", "parquet", "Arrow IPC")),
    "stored, MB": ("zstd-1, write, fsync, MB", ("pickle 5", "parquet", "Arrow IPC")),
}
"""For the end of a row's name: the limit beside it, and the other tools."""


class Scale(store.Bench):
    """One run: a folder, the figures, and the limits of each value."""

    def __init__(self, folder, small):
        super().__init__(folder, small)
        self.limits = {}

    def started(self):
        recorder = Recorder(self.folder / new_id())
        recorder.warm()
        time.sleep(1.5)
        return recorder

    def forms(self, label, first, again, changed):
        """A value, an equal one, and a changed one: kept, and brought back."""
        for name, value in work.limits(first, self.folder).items():
            self.limits.setdefault(label, {}).setdefault(name, []).append(value)
        recorder = self.started()
        for form, value in (("first", first), ("unchanged", again), ("changed", changed)):
            blocking, durable, ticket = self.keep(recorder, df=value)
            row = f"{label}, {form}"
            self.note(f"{row}: blocking, ms", blocking * 1e3)
            self.note(f"{row}: durable, s", durable)
            self.note(f"{row}: stored, MB", ticket.new_bytes / 1e6)
            self.back(recorder, ticket, label if form == "first" else "", df=value)
        recorder.close()
        shutil.rmtree(recorder.store.path, ignore_errors=True)

    def back(self, recorder, ticket, label, **values):
        """Restore what a snapshot holds, and compare."""
        items = {item.name: item for item in recorder.store.manifest(ticket.id).items}
        started = time.perf_counter()
        found = {name: codecs.decode(recorder.store.reader(items[name].object)) for name in values}
        if label:
            self.note(f"{label}: restored, s", time.perf_counter() - started)
        for name, value in values.items():
            if not work.same(value, found[name]):
                raise SystemExit(f"{label}: {name} came back as another value")

    # --- rows -------------------------------------------------------------------------------

    def nulls(self):
        first = work.nulls(1_100_000 // self.scale)
        self.forms("pandas nulls", first, first.copy(deep=False), work.nulls_changed(first))
        first = work.polars_nulls(first)
        self.forms("polars nulls", first, first.clone(), work.polars_nulls_changed(first))

    def objects(self):
        first = work.objects(140_000 // self.scale)
        self.forms("objects", first, first.copy(deep=False), work.objects_changed(first))

    def wide(self):
        first = work.wide(5_000 // self.scale)
        label = f"{first.shape[1]:,} columns"
        self.forms(label, first, first.copy(deep=False), work.wide_changed(first))

    def many(self):
        """Many snapshots of a small frame, one after the other; a snapshot of many values."""
        count = 10_000 // self.scale
        recorder = self.started()
        blocking, durable = [], []
        for number in range(count):
            now, safe, ticket = self.keep(recorder, df=work.small(number))
            blocking.append(now * 1e3)
            durable.append(safe * 1e3)
        tenth = count // 10
        label = f"small frame, one of {count:,}"
        for name, some in (("blocking, ms", blocking), ("durable, ms", durable)):
            self.note(f"{label}, first tenth: {name}", statistics.median(some[:tenth]))
            self.note(f"{label}, last tenth: {name}", statistics.median(some[-tenth:]))
        self.note(f"{label}: on the disk, KB each", recorder.store.size() / count / 1e3)
        self.back(recorder, ticket, "", df=work.small(count - 1))
        values = {f"v{number}": work.small(number) for number in range(200)}
        for form in ("first", "unchanged"):
            now, safe, ticket = self.keep(recorder, **values)
            self.note(f"200 frames in one snapshot, {form}: blocking, ms", now * 1e3)
            self.note(f"200 frames in one snapshot, {form}: durable, s", safe)
            self.back(recorder, ticket, "200 frames" if form == "first" else "", **values)
        recorder.close()

    def memory(self, gigabytes):
        """A large array through little memory, in a process of its own."""
        for name, value in scale_memory.run(self.folder, gigabytes).items():
            self.note(f"{gigabytes:g} GB through 2 GB of memory: {name}", value)


def beside(name, limits):
    """Return what stands beside a row: the limit, and the other tools."""
    label, _, what = name.partition(": ")
    label, _, form = label.rpartition(", ")
    entry = LIMITS.get(what)
    if entry is None or label not in limits or form == "changed":
        return "", ""
    found, (limit, tools) = limits[label], entry
    unit = what.rpartition(", ")[2]
    names = {tool: f"{tool} and fsync, {unit}" for tool in tools}
    peers = [f"{tool} {found[key]:.3g}" for tool, key in names.items() if key in found]
    return f"{found[limit]:.3g}", ", ".join(peers)


def table(figures, limits):
    rows = [("", "measured", "spread", "limit", "others")]
    for name, values in figures.items():
        spread = f"{min(values):.3g}-{max(values):.3g}" if len(values) > 1 else ""
        rows.append((name, f"{statistics.median(values):.3g}", spread, *beside(name, limits)))
    show(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--small", action="store_true", help="a tenth of the size, to try it out")
    kinds = ("nulls", "objects", "wide", "many", "memory")
    parser.add_argument("--only", action="append", choices=kinds, help="may be given repeatedly")
    parser.add_argument("--gigabytes", type=float, default=4.0, help="for the row with 2 GB")
    parser.add_argument("--folder", type=Path, help="where to write; by default a temporary folder")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="etiq-bench-", dir=arguments.folder))
    bench = Scale(folder, arguments.small)
    wanted = arguments.only or kinds
    for value in (work.nulls(100), work.polars_nulls(work.nulls(100)), work.objects(100)):
        work.limits(value, folder)  # the first use of a library is not what is measured
    try:
        for number in range(arguments.rounds):
            for kind in wanted:
                if kind != "memory":
                    getattr(bench, kind)()
            print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr)
        if "memory" in wanted:
            bench.memory(arguments.gigabytes / bench.scale)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    limits = {
        label: {name: statistics.median(values) for name, values in found.items()}
        for label, found in bench.limits.items()
    }
    table(bench.figures, limits)
    if arguments.json:
        report = {"machine": store.machine(), "figures": bench.figures, "limits": limits}
        arguments.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
