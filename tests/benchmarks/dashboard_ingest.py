"""Snapshots taken in per second by a dashboard, 16 authenticated clients.

    python tests/benchmarks/dashboard_ingest.py [--seconds 5] [--database-url URL] [--json FILE]

The clients share this machine with the dashboard: keep-alive connections that send manifests made
beforehand (2.3 kB, three variables, two metrics, two reads) and read the receipts. Every receipt
means that the snapshot is on the disk (SQLite with synchronous=FULL, group commit). Peers, one row
per request on the same kind of machine: trackio 268/s, MLflow 46 to 133/s.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import secrets
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
def running(folder: Path, database_url: str = "") -> Iterator[tuple[str, str, str]]:
    """Run a dashboard; yields its address, a token and a project's id."""
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
        yield said["url"], token, project
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


class _Client(asyncio.Protocol):
    """Sends one request after another on one connection."""

    def __init__(
        self, waiting: list[bytes], waits: list[float], done: asyncio.Future[None]
    ) -> None:
        self.waiting, self.waits, self.done = waiting, waits, done
        self.buffer = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.send()

    def send(self) -> None:
        if not self.waiting:
            self.done.set_result(None)
            return
        self.begun = time.perf_counter()
        self.transport.write(self.waiting.pop())

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(rest) < length:
            return
        assert head.startswith(b"HTTP/1.1 201"), self.buffer
        self.waits.append(time.perf_counter() - self.begun)
        self.buffer = rest[length:]
        self.send()


def load(url: str, waiting: list[bytes], clients: int, answers: Any) -> None:
    """Send all requests; puts the seconds it took and the wait of each on a queue."""
    import uvloop

    async def run() -> tuple[float, list[float]]:
        loop = asyncio.get_running_loop()
        address = urlsplit(url)
        waits: list[float] = []
        done = [loop.create_future() for _ in range(clients)]
        begun = time.perf_counter()
        for one in done:
            client = _Client(waiting, waits, one)
            await loop.create_connection(lambda c=client: c, address.hostname, address.port)
        await asyncio.gather(*done)
        return time.perf_counter() - begun, waits

    answers.put(uvloop.run(run()))


def measure(count: int, database_url: str = "", clients: int = CLIENTS) -> dict[str, Any]:
    """Send ``count`` snapshots; returns the rate and the waits."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder) / "data", database_url) as (url, token, project),
    ):
        warm = min(500, count)
        waiting = requests_of(count + warm, url, token, project)
        context = multiprocessing.get_context("spawn")
        found: tuple[float, list[float]] = (0.0, [])
        for part in (waiting[:warm], waiting[warm:]):
            answers = context.Queue()
            process = context.Process(target=load, args=(url, part, clients, answers))
            process.start()
            found = answers.get(timeout=300)
            process.join()
    seconds, waits = found
    waits.sort()
    return {
        "database": "PostgreSQL" if database_url else "SQLite",
        "per_second": round(count / seconds),
        "goal": GOAL,
        "peers": PEERS,
        "p50_ms": round(waits[len(waits) // 2] * 1000, 2),
        "p99_ms": round(waits[int(len(waits) * 0.99)] * 1000, 2),
        "snapshots": count,
        "clients": clients,
    }


def main(arguments: list[str] | None = None) -> int:
    """Print the rate beside its goal and the peers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--database-url", default="")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    found = measure(options.count, options.database_url)
    print(f"{found['database']}, {found['clients']} clients, {found['snapshots']:,} snapshots:")
    print(f"  {found['per_second']:>8,} per second   goal {GOAL:,}   {PEERS}")
    print(f"  {found['p50_ms']:>8} ms median wait, {found['p99_ms']} ms at the 99th percentile")
    if options.json:
        options.json.write_text(json.dumps(found, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
