"""Snapshots taken in per second by a dashboard, 16 authenticated clients.

    python tests/benchmarks/dashboard_ingest.py [--count 20000] [--database-url URL]
        [--folder DIR] [--rounds N] [--json FILE]

The clients share this machine with the dashboard: keep-alive connections that send manifests made
beforehand (2.3 kB, three variables, two metrics, two reads) and read the receipts. Every receipt
means that the snapshot is on the disk (SQLite with synchronous=FULL, group commit), so a slow disk
bounds the rate: no more than 16 snapshots for each time it makes something durable. The dashboard's
CPU time per snapshot says what it costs where the disk does not. Peers, one row per request on the
same kind of machine: trackio 268/s, MLflow 46 to 133/s.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import queue
import secrets
import select
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

GOAL = 3_000
PEERS = {"trackio": 268, "MLflow": 133}
CLIENTS = 16


@contextmanager
def running(folder: Path, database_url: str = "") -> Iterator[tuple[str, str, str, int]]:
    """Run a dashboard; yields its address, a token, a project's id and its process id."""
    import subprocess

    import requests

    command = [sys.executable, "-m", "etiq_jupyter.dashboard", "--port", "0"]
    command += ["--data-dir", str(folder), "--database-url", database_url]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        session = requests.Session()
        session.headers["Origin"] = said["url"]
        api = said["url"] + "/api/v1"
        account = {"username": "ana", "email": "", "password": secrets.token_hex(8)}
        secret = said["setup_url"].rpartition("=")[2]
        session.post(f"{api}/setup", json=account | {"secret": secret}).raise_for_status()
        token = session.post(f"{api}/tokens", json={"name": "load"}).json()["secret"]
        project = session.post(f"{api}/projects/open", json={"name": "load"}).json()["id"]
        yield said["url"], token, project, process.pid
    finally:
        process.terminate()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def requests_of(count: int, url: str, token: str, project: str) -> list[bytes]:
    """Make whole HTTP requests, each with a snapshot of its own."""
    import msgspec

    from etiq_jupyter import ids, model

    run = model.Run(id=ids.new_id(), kind="notebook", name="analysis.ipynb", host="bench")
    host = urlsplit(url).netloc
    made = []
    for number in range(count):
        items = [
            model.Item(
                name=name,
                kind=kind,
                type=kind,
                summary="950,000 x 12",
                size=44_600_000,
                hash=secrets.token_hex(16),
                codec="pandas.frame",
                detail={"shape": [950_000, 12], "columns": [f"column_{i}" for i in range(12)]},
            )
            for name, kind in (("df", "frame"), ("clf", "model"), ("acc", "number"))
        ]
        snapshot = model.Snapshot(
            id=ids.new_id(),
            name=f"cell {number % 20}",
            project=project,
            run=run,
            sequence=number,
            created_at=datetime.now(timezone.utc),
            duration=0.1,
            source="df = clean(raw)\nclf = fit(df)\nacc = score(clf, df)\n" * 12,
            cell_id=f"cell-{number % 20}",
            items=items,
            reads=[model.Read(name=n, hash=secrets.token_hex(16)) for n in ("raw", "df")],
            metrics={"acc": number / count, "loss": 1 - number / count},
        )
        body = msgspec.msgpack.encode(snapshot)
        head = (
            f"PUT /api/v1/snapshots/{snapshot.id} HTTP/1.1\r\nHost: {host}\r\n"
            f"Authorization: Bearer {token}\r\nContent-Type: application/msgpack\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        made.append(head.encode() + body)
    return made


def load(url: str, waiting: list[bytes], clients: int, answers: Any) -> None:
    """Send all requests; puts the seconds it took, the waits and its own CPU seconds on a queue.

    One bare socket for each client, with one request on its way at a time: on two cores, whatever
    the load takes for itself is taken from the dashboard.
    """
    address = urlsplit(url)
    sockets = {}
    poll = select.epoll()
    for _ in range(clients):
        made = socket.create_connection((address.hostname, address.port))
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sockets[made.fileno()] = made
        poll.register(made.fileno(), select.EPOLLIN)
    begun: dict[int, float] = {}
    parts: dict[int, bytes] = {}
    waits: list[float] = []
    cpu, start = time.process_time(), time.perf_counter()
    for number, one in sockets.items():
        begun[number] = time.perf_counter()
        one.sendall(waiting.pop())
    while begun:
        for number, _ in poll.poll():
            part = sockets[number].recv(16384)
            answer = parts.pop(number, b"") + part
            if not part or not answer.startswith(b"HTTP/1.1 201"):
                raise RuntimeError(answer.decode(errors="replace") or "the connection was closed")
            if not answer.endswith(b"}"):  # a receipt is an object without further ones
                parts[number] = answer
                continue
            moment = time.perf_counter()
            waits.append(moment - begun[number])
            if waiting:
                begun[number] = moment
                sockets[number].sendall(waiting.pop())
            else:
                del begun[number]
    answers.put((time.perf_counter() - start, waits, time.process_time() - cpu))


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used, in all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def flush_ms(folder: Path) -> float:
    """Return how long the disk takes to make 40 kB durable: what a commit cannot be faster than."""
    target = os.open(folder / "flush", os.O_CREAT | os.O_WRONLY)
    took = []
    for _ in range(20):
        begun = time.perf_counter()
        os.write(target, b"x" * 40_000)
        os.fdatasync(target)
        took.append(time.perf_counter() - begun)
    os.close(target)
    return statistics.median(took) * 1000


def _answer_of(process: Any, answers: Any) -> Any:
    """Return what a process puts on its queue; fails when it ends without."""
    while True:
        try:
            return answers.get(timeout=1)
        except queue.Empty:
            if process.exitcode:
                raise RuntimeError("the load has failed, see above") from None


def measure(
    count: int, database_url: str = "", clients: int = CLIENTS, folder: Path | None = None
) -> dict[str, Any]:
    """Send ``count`` snapshots; returns the rate, the waits and the dashboard's CPU time."""
    with (
        tempfile.TemporaryDirectory(dir=folder) as place,
        running(Path(place) / "data", database_url) as (url, token, project, pid),
    ):
        warm = min(500, count)
        waiting = requests_of(count + warm, url, token, project)
        context = multiprocessing.get_context("spawn")
        for part in (waiting[:warm], waiting[warm:]):
            used = cpu_seconds(pid)
            answers = context.Queue()
            process = context.Process(target=load, args=(url, part, clients, answers))
            process.start()
            seconds, waits, load_cpu = _answer_of(process, answers)
            used = cpu_seconds(pid) - used
            process.join()
        flush = flush_ms(Path(place))
    waits.sort()
    return {
        "database": "PostgreSQL" if database_url else "SQLite",
        "per_second": round(count / seconds),
        "goal": GOAL,
        "peers": PEERS,
        "p50_ms": round(waits[len(waits) // 2] * 1000, 2),
        "p99_ms": round(waits[int(len(waits) * 0.99)] * 1000, 2),
        "server_cpu_us": round(used / count * 1e6),
        "load_cpu_us": round(load_cpu / count * 1e6),
        "disk_flush_ms": round(flush, 2),
        "snapshots": count,
        "clients": clients,
    }


def main(arguments: list[str] | None = None) -> int:
    """Print the rate beside its goal and the peers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--database-url", default="")
    parser.add_argument("--folder", type=Path, help="where the data is put, e.g. /dev/shm")
    parser.add_argument("--rounds", type=int, default=1, help="the best one counts")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    rounds = [
        measure(options.count, options.database_url, folder=options.folder)
        for _ in range(options.rounds)
    ]
    found = max(rounds, key=lambda one: int(one["per_second"]))
    print(f"{found['database']}, {found['clients']} clients, {found['snapshots']:,} snapshots:")
    print(f"  {found['per_second']:>8,} per second   goal {GOAL:,}   {PEERS}")
    print(f"  {found['p50_ms']:>8} ms median wait, {found['p99_ms']} ms at the 99th percentile")
    print(
        f"  {found['server_cpu_us']:>8} us CPU per snapshot, {found['load_cpu_us']} us of the load"
    )
    print(f"  {found['disk_flush_ms']:>8} ms for this disk to make 40 kB durable")
    if options.json:
        options.json.write_text(json.dumps(found, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
