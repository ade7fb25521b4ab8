"""Kills kernel, courier, dashboard and network at random points while snapshots are taken.

    python tests/crash/harness.py --each 1000 [--points N] [--seed N] [--json]

At the end everything is left alone, one more kernel connects, and the dashboard must hold every
acknowledged snapshot, byte for byte, each once. Exit status 0 only if it does.

A snapshot is acknowledged when its ticket says ``stored`` (a small one: when ``record`` returns).
Nothing may lose it, also not the death of kernel and courier in the same moment. What is only
``captured`` must survive the death of either, but not of both; how many that cost is counted.
"""

import argparse
import collections
import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import requests
import xxhash

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from proxy import FAULTS, FaultProxy  # noqa: E402

from etiq_jupyter.sync.recorder import Destination, Recorder  # noqa: E402

FAILURES = ("lost", "captured, lost when one died", "strange", "duplicates", "different bytes")
FAILURES += ("unsent", "parked")
VICTIMS = ("kernel", "courier", "dashboard", "network")
LIFE = 4.0  # seconds that a kernel takes snapshots if nothing happens to it
TAKE_OVER = 2.0  # seconds for a kernel to hand everything to a new courier after the old one died
ROOT = HERE.parents[1]


class Dashboard:
    """A real dashboard in a process of its own."""

    def __init__(self, folder):
        self.folder, self.port, self.process = folder, 0, None
        first = self.start()
        secret = parse_qs(urlsplit(first["setup_url"]).query)["secret"][0]
        account = {"username": "ana", "email": "ana@example.org", "password": "correct horse 9"}
        me = self._post("/setup", secret=secret, **account)
        self.user = me["user"]["id"]
        self.token = self._post("/tokens/issue", name="crash", **account)["secret"]
        self.project = self._post("/projects/open", name="Crash")["id"]

    def _post(self, path, **body):
        headers = {"Authorization": f"Bearer {self.token}"} if hasattr(self, "token") else {}
        url = f"http://127.0.0.1:{self.port}/api/v1{path}"
        answer = requests.post(url, json=body, headers=headers, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def get(self, path, **params):
        headers = {"Authorization": f"Bearer {self.token}"}
        url = f"http://127.0.0.1:{self.port}/api/v1{path}"
        answer = requests.get(url, params=params, headers=headers, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def start(self, crash_at=""):
        """Start it, perhaps to die at its N-th step; it may already while it starts."""
        command = [sys.executable, "-m", "etiq_jupyter.dashboard", "--port", str(self.port)]
        self.process = subprocess.Popen(
            [*command, "--data-dir", str(self.folder)],
            env=hooked(crash_at),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        first = self.process.stdout.readline()
        if crash_at and not first:
            return {}
        first = json.loads(first)
        self.port = urlsplit(first["url"]).port
        return first

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()


def hooked(crash_at):
    """The environment of a process that dies at its N-th step; see `hooks`."""
    path = os.pathsep.join((str(HERE / "hooks"), str(ROOT)))
    return {**os.environ, "CRASH_AT": crash_at, "PYTHONPATH": path}


class Harness:
    """One run of the harness."""

    def __init__(self, folder, seed):
        self.folder = folder
        self.random = random.Random(seed)
        self.store = folder / "store"
        self.log = folder / "log"
        self.dashboard = Dashboard(folder / "dashboard")
        self.proxy = FaultProxy(self.dashboard.port, seed)
        self.kernel = None
        self.hits = collections.Counter()
        self.kernels = 0
        self.courier_died = 0.0
        self.doubles = set()  # kernels that died together with their courier

    @property
    def url(self):
        return f"http://127.0.0.1:{self.proxy.port}"

    def start_kernel(self, crash_at="", life=LIFE):
        self.kernels += 1
        d = self.dashboard
        words = (self.store, self.url, d.user, d.token, d.project, self.log, self.kernels, life)
        self.kernel = subprocess.Popen(
            [sys.executable, str(HERE / "kernel.py"), *map(str, words)],
            env=hooked(crash_at),
            stdout=subprocess.DEVNULL,
            stderr=open(self.folder / "errors", "ab"),  # noqa: SIM115
        )

    def courier(self):
        """The courier of the current kernel, found among its children."""
        for path in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError, ValueError, IndexError):
                parent = int(path.joinpath("stat").read_text().rpartition(")")[2].split()[1])
                command = path.joinpath("cmdline").read_bytes()
                if parent == self.kernel.pid and b"sync.courier" in command:
                    return int(path.name)
        return None

    # --- points -----------------------------------------------------------------------------

    def run(self, points, each):
        """Strike so often in all, and every victim at least so often."""
        while (short := self.short_of(each)) or sum(self.hits.values()) < points:
            if self.kernel is None or self.kernel.poll() is not None:
                self.revive()
            if self.dashboard.process.poll() is not None:
                self.hits["dashboard by step"] += 1
                self.dashboard.kill()
                self.dashboard.start()
            self.strike(self.random.choice(short or VICTIMS))
        self.stop_kernel()
        if self.dashboard.process.poll() is not None:
            self.dashboard.start()

    def short_of(self, each):
        """The victims that were not struck so often yet."""
        done = collections.Counter()
        for how, count in self.hits.items():
            done[re.split("[ :]", how)[0]] += count
        return [victim for victim in VICTIMS if done[victim] < each]

    def revive(self):
        """Start a kernel; now and then one that, or whose courier, dies at its N-th step."""
        how = self.random.random()
        if how < 0.35:
            role = self.random.choice(("kernel", "courier"))
            steps = int(10 ** self.random.uniform(1, 3.2))
            self.start_kernel(f"{role}:{steps}", life=1.0)
            if role == "courier":  # and each that follows it: one of them with the kernel
                self.doubles.add(self.kernels)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.kernel.wait(self.random.uniform(0.5, 6.0))
            self.stop_kernel()
            self.hits[f"{role} by step"] += 1
        else:
            self.start_kernel()
            time.sleep(0.35)

    def strike(self, victim):
        time.sleep(self.random.uniform(0, 0.25))
        if victim == "kernel" and self.kernel.poll() is None:
            if time.monotonic() - self.courier_died < TAKE_OVER:
                self.doubles.add(self.kernels)
                self.hits["both at once"] += 1
            self.kernel.kill()
            self.kernel.wait()
            self.hits["kernel by time"] += 1
        elif victim == "courier" and (pid := self.courier()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                self.hits["courier by time"] += 1
                self.courier_died = time.monotonic()
        elif victim == "dashboard":
            self.strike_dashboard()
        elif victim == "network":
            self.strike_network()

    def strike_dashboard(self):
        """Kill it, and start one that may die by itself, at its N-th step."""
        self.dashboard.kill()
        time.sleep(self.random.uniform(0, 0.3))
        steps = int(10 ** self.random.uniform(1, 3.5))
        crash_at = f"dashboard:{steps}" if self.random.random() < 0.5 else ""
        self.dashboard.start(crash_at)
        self.hits["dashboard by time"] += 1

    def strike_network(self):
        how = self.random.choice(("now", "bytes", *FAULTS))
        if how == "now":
            self.proxy.cut()
        elif how == "bytes":
            self.proxy.cut_after = self.proxy.seen + int(10 ** self.random.uniform(1, 6.5))
        else:
            self.proxy.faults.append(how)
        self.hits[f"network: {how}"] += 1

    def stop_kernel(self):
        if self.kernel is not None and self.kernel.poll() is None:
            if time.monotonic() - self.courier_died < TAKE_OVER:
                self.doubles.add(self.kernels)
            self.kernel.kill()
            self.kernel.wait()

    # --- the reckoning ----------------------------------------------------------------------

    def settle(self, seconds):
        """Let a last kernel send what is left; how much is still unsent."""
        self.proxy.faults.clear()
        self.proxy.cut_after = None
        recorder = Recorder(self.store)
        destination = Destination(self.url, self.dashboard.user, "ana")
        recorder.connect(destination, self.dashboard.token, timeout=10)
        recorder.wake()
        until = time.monotonic() + seconds
        while time.monotonic() < until and not recorder.wait(2):
            recorder.wake()
        status = recorder.status()
        recorder.close()
        return status

    def reckon(self):
        begun, captured, done = self.read_log()
        there = self.listed()
        missing = set(captured) - set(there)
        single = sorted(each for each in missing if captured[each] not in self.doubles)
        lost = sorted(set(done) - set(there))
        strange = sorted(set(there) - begun)
        twice = [each for each, count in collections.Counter(there).items() if count > 1]
        wrong = self.differing({each: done[each] for each in done if each not in lost})
        return {
            "acknowledged": len(done),
            "on the dashboard": len(there),
            "unacknowledged but kept": len(set(there) - set(done)),
            "captured, lost when both died": len(missing - set(single) - set(done)),
            "captured, lost when one died": single,
            "lost": lost,
            "strange": strange,
            "duplicates": twice,
            "different bytes": wrong,
        }

    def read_log(self):
        """Ids begun; captured, with the kernel's number; acknowledged, with the digest."""
        begun, captured, done = set(), {}, {}
        for line in self.log.read_text().splitlines():
            word, *rest = line.split(" ")
            if word == "begin":
                begun.add(rest[0])
            elif word == "captured" and len(rest) == 2:
                captured[rest[0]] = int(rest[1])
            elif word == "done" and len(rest) == 2:
                done[rest[0]] = rest[1]
        return begun, captured, done

    def listed(self):
        found, cursor = [], None
        while True:
            query = {"limit": 200} | ({"cursor": cursor} if cursor else {})
            page = self.dashboard.get(f"/projects/{self.dashboard.project}/snapshots", **query)
            found += [each["id"] for each in page["items"]]
            cursor = page["next_cursor"]
            if not cursor:
                return found

    def differing(self, digests):
        """Read every snapshot as a colleague does, and compare."""
        reader = Recorder(self.folder / "colleague")
        destination = Destination(f"http://127.0.0.1:{self.dashboard.port}", self.dashboard.user)
        reader.connect(destination, self.dashboard.token)
        wrong = []
        for snapshot, digest in digests.items():
            item = self.dashboard.get(f"/snapshots/{snapshot}")["items"][0]
            data = reader.reader(item["object"], snapshot=snapshot).read("d")
            if xxhash.xxh3_128_hexdigest(data) != digest:
                wrong.append(snapshot)
        reader.close()
        return wrong

    def close(self):
        self.stop_kernel()
        self.proxy.close()
        self.dashboard.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=0, help="strikes in all, at least")
    parser.add_argument("--each", type=int, default=0, help="strikes at every victim, at least")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--keep", action="store_true", help="keep the folder")
    arguments = parser.parse_args()
    if not arguments.points and not arguments.each:
        parser.error("how often? Give --each or --points")
    folder = Path(tempfile.mkdtemp(prefix="etiq-crash-"))
    started = time.monotonic()
    harness = Harness(folder, arguments.seed)
    try:
        harness.run(arguments.points, arguments.each)
        struck = time.monotonic() - started
        status = harness.settle(120)
        report = {"seed": arguments.seed, "points": dict(sorted(harness.hits.items()))}
        report |= {"kernels": harness.kernels, "seconds": round(struck, 1)}
        report |= harness.reckon()
        report |= {"unsent": status.pending, "parked": status.parked, "error": status.last_error}
    finally:
        harness.close()
        if not arguments.keep:
            shutil.rmtree(folder, ignore_errors=True)
    bad = [name for name in FAILURES if report[name]]
    print(json.dumps(report, indent=None if arguments.json else 2))
    if not arguments.json:
        print("FAILED: " + ", ".join(bad) if bad else "Nothing was lost.")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
