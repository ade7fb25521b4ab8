"""What bounds the rate at which a dashboard takes snapshots in, on the machine that measures.

Run as a program it is a bare server: uvicorn and Starlette as the dashboard has them, an endpoint
that reads a body, looks the token up in memory and answers a receipt made beforehand.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def flush_ms(folder: Path, size: int = 40_000) -> float:
    """Return how long the disk takes to make some bytes durable: a commit cannot be faster."""
    target = os.open(folder / "flush", os.O_CREAT | os.O_WRONLY)
    took = []
    for _ in range(20):
        begun = time.perf_counter()
        os.write(target, b"x" * size)
        os.fdatasync(target)
        took.append(time.perf_counter() - begun)
    os.close(target)
    return statistics.median(took) * 1000


@contextmanager
def bare_server(token: str) -> Iterator[tuple[str, int]]:
    """Run the bare server; yields its address and its process."""
    command = [sys.executable, __file__]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(token + "\n")
        process.stdin.close()
        yield json.loads(process.stdout.readline())["url"], process.pid
    finally:
        process.terminate()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def _serve(token: str) -> None:
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    known = {hashlib.sha256(token.encode()).hexdigest()}
    receipt = json.dumps({"id": secrets.token_hex(18), "url": "x" * 250}).encode()

    async def take(request: Request) -> Response:
        await request.body()
        given = request.headers["authorization"].removeprefix("Bearer ")
        status = 201 if hashlib.sha256(given.encode()).hexdigest() in known else 401
        return Response(receipt, status, media_type="application/json")

    app = Starlette(routes=[Route("/api/v1/snapshots/{snapshot}", take, methods=["PUT"])])
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(2048)
    print(json.dumps({"url": f"http://127.0.0.1:{listening.getsockname()[1]}"}), flush=True)
    options: dict[str, Any] = {"loop": "uvloop", "http": "httptools", "ws": "none"}
    config = uvicorn.Config(app, access_log=False, log_level="warning", **options)
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    _serve(sys.stdin.readline().strip())
