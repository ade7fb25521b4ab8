"""Many scripts that create snapshots against one dashboard at the same time.

    python tests/benchmarks/store_scripts.py [--scripts 50] [--snapshots 1000] [--at-once 10]

All must arrive, in order per script. Prints time and bytes; exit status 0 only if all are there.
"""

import argparse
import collections
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "crash"))

SCRIPT = """
import os, sys
from datetime import datetime, timezone
from etiq_jupyter import model
from etiq_jupyter.ids import new_id
from etiq_jupyter.objects.content import Buffer, Content
from etiq_jupyter.sync.recorder import Destination, Recorder

store, url, user, token, project, count = sys.argv[1:]
recorder, run = Recorder(store), model.Run(id=new_id())
destination = Destination(url, user, "ana")
recorder.connect(destination, token)
for number in range(1, int(count) + 1):
    content = Content("plain", 1, {"n": number, "run": run.id}, [Buffer("d", memoryview(b"0.9"))])
    item = model.Item(name="m", kind="plain", type="float", hash=content.hash, size=3)
    snapshot = model.Snapshot(
        id=new_id(), run=run, project=project, project_name="Crash", sequence=number,
        created_at=datetime.now(timezone.utc), items=[item], metrics={"acc": number / 1000},
    )
    recorder.record(snapshot, {"m": content}, destination)
sys.exit(0 if recorder.close(600) else 1)
"""


def main():
    from harness import Dashboard
    from proxy import FaultProxy

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--scripts", type=int, default=50)
    parser.add_argument("--snapshots", type=int, default=1000)
    parser.add_argument("--at-once", type=int, default=10)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="etiq-scripts-"))
    dashboard = Dashboard(folder / "dashboard")
    proxy = FaultProxy(dashboard.port)
    url, started = f"http://127.0.0.1:{proxy.port}", time.monotonic()
    waiting, running, failed = list(range(arguments.scripts)), [], 0
    while waiting or running:
        while waiting and len(running) < arguments.at_once:
            store = folder / f"store-{waiting.pop()}"
            words = (store, url, dashboard.user, dashboard.token, dashboard.project)
            command = [sys.executable, "-c", SCRIPT, *map(str, words), str(arguments.snapshots)]
            running.append(subprocess.Popen(command))
        for process in [each for each in running if each.poll() is not None]:
            failed += process.returncode != 0
            running.remove(process)
        time.sleep(0.05)
    took = time.monotonic() - started
    runs, order = collections.defaultdict(list), True
    cursor = None
    while True:
        query = {"limit": 200, "sort": "created"} | ({"cursor": cursor} if cursor else {})
        page = dashboard.get(f"/projects/{dashboard.project}/snapshots", **query)
        for each in page["items"]:
            runs[each["run"]].append((each["sequence"], int(each["short_id"].split("-")[1])))
        cursor = page["next_cursor"]
        if not cursor:
            break
    for pairs in runs.values():
        numbers = [number for _, number in sorted(pairs)]
        whole = [sequence for sequence, _ in sorted(pairs)] == list(range(1, len(pairs) + 1))
        order = order and whole and numbers == sorted(numbers)
    there = sum(len(pairs) for pairs in runs.values())
    report = {
        "scripts": arguments.scripts,
        "snapshots": there,
        "wanted": arguments.scripts * arguments.snapshots,
        "in order": order,
        "failed scripts": failed,
        "seconds": round(took, 1),
        "snapshots per second": round(there / took),
        "bytes sent": proxy.seen,
        "cpus": os.cpu_count(),
    }
    print(json.dumps(report, indent=2))
    proxy.close()
    dashboard.kill()
    complete = there == report["wanted"] and order and not failed
    sys.exit(0 if complete else 1)


if __name__ == "__main__":
    main()
