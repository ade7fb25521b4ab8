"""An array much larger than the memory: kept from a file, in processes with a limit.

The kernel and its courier may hold `DATA` bytes of their own each; the memory that they share comes
on top. What the three take at most is watched from outside. Pages of the file are not counted: the
system takes them back when it needs them.
"""

import json
import os
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import zstandard

PIECE = 64 << 20
DATA = 512 << 20


def run(folder, gigabytes):
    """Keep the array in a limited process, and return the figures."""
    array = folder / "large.bin"
    size = round(gigabytes * 1e9) // PIECE * PIECE or PIECE
    _write(array, size)
    command = [sys.executable, __file__, str(folder / "home"), str(array)]
    environment = os.environ | {"OMP_NUM_THREADS": "2", "ARROW_DEFAULT_MEMORY_POOL": "system"}
    environment.pop("ETIQ_DASHBOARD_URL", None)
    environment.pop("ETIQ_TOKEN", None)
    try:
        limit = _limit(array, size)
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
            peaks = _Peaks(process.pid)
            out, _ = process.communicate()
            peak = peaks.done()
        if process.returncode:
            raise SystemExit("the process with little memory failed")
        found = json.loads(out) | peak
        found["limit: read, zstd-1, write, fsync, s"] = limit
    finally:
        array.unlink()
    return found


def _write(path, size):
    """Write different, compressible pieces: a few bits of noise, and a count."""
    noise = np.random.default_rng(0).integers(0, 16, PIECE // 4, dtype=np.int32)
    with path.open("wb") as file:
        for number in range(size // PIECE):
            file.write((np.roll(noise, number * 1001) + (number << 8)).data)


def _limit(path, size):
    """Seconds for the whole, as some pieces take when they are only compressed and written."""
    count = min(size // PIECE, 8)
    target = path.with_suffix(".limit")
    started = time.perf_counter()
    with path.open("rb") as source, target.open("wb", buffering=0) as out:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for _ in range(count):
                piece = memoryview(source.read(PIECE))
                parts = [piece[at : at + (1 << 20)] for at in range(0, PIECE, 1 << 20)]
                for part in pool.map(_compressed, parts):
                    out.write(part)
        os.fsync(out.fileno())
    target.unlink()
    return (time.perf_counter() - started) * size / (count * PIECE)


def _compressed(part):
    return zstandard.ZstdCompressor(level=1).compress(part)


class _Peaks:
    """Watches the memory of a process and its children, from a thread."""

    def __init__(self, pid):
        self._pid, self._over = pid, threading.Event()
        self._peaks = {"kernel": 0, "courier": 0, "shared": 0, "together": 0}
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self):
        while not self._over.wait(0.05):
            private = [_memory(self._pid), *map(_memory, _children(self._pid))]
            own = [anonymous for anonymous, _ in private]
            now = {
                "kernel": own[0],
                "courier": sum(own[1:]),
                "shared": sum(shared for _, shared in private),
            }
            now["together"] = sum(now.values())
            self._peaks = {name: max(now[name], peak) for name, peak in self._peaks.items()}

    def done(self):
        self._over.set()
        self._thread.join()
        return {f"peak {name}, MB": peak / 1e6 for name, peak in self._peaks.items()}


def _memory(pid):
    """Return (own, shared) bytes of a process; pages that several share count in part."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0, 0
    found = dict(re.findall(r"^(Pss_\w+):\s+(\d+) kB", text, re.MULTILINE))
    return int(found["Pss_Anon"]) * 1024, int(found["Pss_Shmem"]) * 1024


def _children(pid):
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


# --- in the process -------------------------------------------------------------------------------


def keep(home, path):
    """Keep the array, and compare what the store holds with the file, piece by piece."""
    import resource

    import etiq_jupyter as etiq

    resource.setrlimit(resource.RLIMIT_DATA, (DATA, DATA))
    session = etiq.Session(home)
    project = session.projects.find("large", create_if_missing=True)
    array = np.memmap(path, np.int32, "r").reshape(-1, 1024)
    found = {}
    for form in ("first", "unchanged"):
        started = time.perf_counter()
        snapshot = project.snapshots.create("large", array=array)
        found[f"{form}: blocking, s"] = time.perf_counter() - started
        while snapshot.state == "captured":
            time.sleep(0.01)
        found[f"{form}: durable, s"] = time.perf_counter() - started
        found[f"{form}: stored, MB"] = snapshot.new_bytes / 1e6
    started = time.perf_counter()
    item = session.store.manifest(snapshot.id).items[0]
    _compare(session.store, item.object, path)
    found["read back and compared, s"] = time.perf_counter() - started
    session.close()
    return found


def _compare(store, name, path):
    part = next(part for part in store.recipe(name).parts if part.name == "data")
    with open(path, "rb") as file:
        for ref in part.refs():
            if store.chunks.fetch([ref.hash])[ref.hash] != file.read(ref.size):
                raise SystemExit("the store holds other bytes than the file")
        if file.read(1):
            raise SystemExit("the store holds fewer bytes than the file")


if __name__ == "__main__":
    print(json.dumps(keep(*sys.argv[1:])))
