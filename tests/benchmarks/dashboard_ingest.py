"""Snapshots taken in per second by a dashboard, 16 authenticated clients.

    python tests/benchmarks/dashboard_ingest.py [--count 20000] [--postgresql | --database-url URL]
        [--folder DIR] [--rounds N] [--json FILE]

The clients share this machine with the dashboard: keep-alive connections that send manifests made
beforehand (2.3 kB, three variables, two metrics, two reads) and read the receipts, one request on
its way for each client. ``PUT /snapshots/{id}`` takes one snapshot in, ``POST /snapshots/batch``
sixty-four, as clients send what has piled up. Every receipt means that its snapshot is durable
(SQLite with synchronous=FULL, PostgreSQL as it comes).

Beside each rate stands what bounds it, measured in the same run: a bare server with nothing behind
it, and the disk, which makes at most 16 snapshots durable at once when each client waits for one.
The CPU time per snapshot says what a snapshot costs where others share the machine. Peers, one row
per request on the same kind of machine: trackio 268/s, MLflow 46 to 133/s.
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
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parent))
import postgresql
from dashboard_limits import bare_server, flush_ms

GOAL = 3_000
PEERS = {"trackio": 268, "MLflow": 133}
CLIENTS = 16
TOGETHER = 64
"""Snapshots of one batch."""


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


def bodies_of(count: int, project: str) -> dict[str, bytes]:
    """Make manifests, by their ids."""
    import msgspec

    from etiq_jupyter import ids, model

    run = model.Run(id=ids.new_id(), kind="notebook", name="analysis.ipynb", host="bench")
    made = {}
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
        made[snapshot.id] = msgspec.msgpack.encode(snapshot)
    return made


def request(url: str, token: str, line: str, body: bytes) -> bytes:
    """Return a whole HTTP request."""
    head = (
        f"{line} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\n"
        f"Authorization: Bearer {token}\r\nContent-Type: application/msgpack\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def puts(url: str, token: str, bodies: dict[str, bytes]) -> list[bytes]:
    """Return a request for each snapshot."""
    return [
        request(url, token, f"PUT /api/v1/snapshots/{one}", body) for one, body in bodies.items()
    ]


def batches(url: str, token: str, bodies: dict[str, bytes]) -> list[bytes]:
    """Return requests with many snapshots each."""
    import msgspec

    waiting = list(bodies.values())
    return [
        request(
            url,
            token,
            "POST /api/v1/snapshots/batch",
            msgspec.msgpack.encode(waiting[start : start + TOGETHER]),
        )
        for start in range(0, len(waiting), TOGETHER)
    ]


def load(url: str, waiting: list[bytes], clients: int, answers: Any) -> None:
    """Send all requests; puts the seconds it took, the waits and its own CPU seconds on a queue.

    One bare socket for each client, with one request on its way at a time: on two cores, whatever
    the load takes for itself is taken from the dashboard.
    """
    address = urlsplit(url)
    sockets = {}
    poll = select.epoll()
    for _ in range(min(clients, len(waiting))):
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
            part = sockets[number].recv(65536)
            answer = parts.pop(number, b"") + part
            if not part or not answer.startswith(b"HTTP/1.1 20"):
                raise RuntimeError(answer.decode(errors="replace") or "the connection was closed")
            if not _is_whole(answer):
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


def _is_whole(answer: bytes) -> bool:
    head, _, body = answer.partition(b"\r\n\r\n")
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]
    return bool(length) and len(body) == int(length)


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used, in all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cpu_of_family(pid: int) -> float:
    """Return the CPU time of a process with its children, those that have ended included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ended = (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return cpu_seconds(pid) + ended + sum(cpu_seconds(int(one)) for one in children)


def _answer_of(process: Any, answers: Any) -> Any:
    """Return what a process puts on its queue; fails when it ends without."""
    while True:
        try:
            return answers.get(timeout=1)
        except queue.Empty:
            if process.exitcode:
                raise RuntimeError("the load has failed, see above") from None


def timed(
    url: str, waiting: list[bytes], snapshots: int, server: int, database: int | None
) -> dict[str, Any]:
    """Send requests; returns the rate, the waits, and the CPU time per snapshot of all sides."""
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    process = context.Process(target=load, args=(url, waiting, CLIENTS, answers))
    used, rows = cpu_seconds(server), cpu_of_family(database) if database else 0.0
    process.start()
    seconds, waits, load_cpu = _answer_of(process, answers)
    used = cpu_seconds(server) - used
    rows = cpu_of_family(database) - rows if database else 0.0
    process.join()
    waits.sort()
    return {
        "per_second": round(snapshots / seconds),
        "p50_ms": round(waits[len(waits) // 2] * 1000, 2),
        "p99_ms": round(waits[int(len(waits) * 0.99)] * 1000, 2),
        "server_cpu_us": round(used / snapshots * 1e6),
        "database_cpu_us": round(rows / snapshots * 1e6),
        "load_cpu_us": round(load_cpu / snapshots * 1e6),
    }


def measure(
    count: int, database_url: str = "", folder: Path | None = None, database: int | None = None
) -> dict[str, Any]:
    """Send ``count`` snapshots each way, and to a bare server."""
    rows: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(dir=folder) as place:
        with running(Path(place) / "data", database_url) as (url, token, project, pid):
            warm = bodies_of(min(500, count), project)
            timed(url, puts(url, token, warm), len(warm), pid, database)
            for name, made in (("PUT, one snapshot", puts), (f"POST, {TOGETHER}", batches)):
                bodies = bodies_of(count, project)
                rows[name] = timed(url, made(url, token, bodies), count, pid, database)
        with bare_server(token) as (url, pid):
            timed(url, puts(url, token, warm), len(warm), pid, None)
            rows["limit: bare server"] = timed(url, puts(url, token, bodies), count, pid, None)
        flush = flush_ms(Path(place), CLIENTS * 3_000)
    rows["limit: this disk"] = {"per_second": round(CLIENTS / flush * 1000)}
    return {
        "database": "PostgreSQL" if database_url else "SQLite",
        "goal": GOAL,
        "peers": PEERS,
        "disk_flush_ms": round(flush, 2),
        "snapshots": count,
        "clients": CLIENTS,
        "rows": rows,
    }


def _best(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """Return, row by row, the round in which it was fastest."""
    best = dict(rounds[0])
    best["rows"] = {
        name: max((one["rows"][name] for one in rounds), key=lambda row: row["per_second"])
        for name in rounds[0]["rows"]
    }
    return best


def main(arguments: list[str] | None = None) -> int:
    """Print the rates beside their goal, their limits and the peers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--postgresql", action="store_true", help="on a server of its own")
    which.add_argument("--database-url", default="", help="of an empty database")
    parser.add_argument("--folder", type=Path, help="where the data is put, e.g. /dev/shm")
    parser.add_argument("--rounds", type=int, default=1, help="the best one counts")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    rounds = []
    for _ in range(options.rounds):
        with ExitStack() as stack:
            url, process = options.database_url, None
            if options.postgresql:
                server = stack.enter_context(
                    postgresql.running(durable=True, parent=options.folder)
                )
                url, process = server.url, server.pid
            rounds.append(measure(options.count, url, options.folder, process))
    found = _best(rounds)
    print(
        f"{found['database']}, {found['clients']} clients, {found['snapshots']:,} snapshots, "
        f"goal {GOAL:,} per second; peers {PEERS}"
    )
    heads = ("per second", "p50 ms", "p99 ms", "server CPU", "database CPU", "load CPU")
    print(f"{'':<22}" + "".join(f"{head:>14}" for head in heads))
    for name, row in found["rows"].items():
        cells = [f"{row['per_second']:,}", row.get("p50_ms", ""), row.get("p99_ms", "")]
        cells += [
            f"{row[part]} us" if row.get(part) else ""
            for part in ("server_cpu_us", "database_cpu_us", "load_cpu_us")
        ]
        print(f"{name:<22}" + "".join(f"{cell:>14}" for cell in cells))
    print(f"This disk makes 16 snapshots durable in {found['disk_flush_ms']} ms.")
    if options.json:
        options.json.write_text(json.dumps(found, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
