"""PostgreSQL and an S3 server as real processes, and contents as a client sends them."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import postgresql as postgresql_server

from etiq_jupyter import ids
from etiq_jupyter.objects.chunk import RAW
from etiq_jupyter.objects.content import Buffer, Content
from etiq_jupyter.objects.hashing import blake3_hex
from etiq_jupyter.objects.pack import Frame, write_pack
from etiq_jupyter.objects.recipe import ChunkRef, Part, Recipe, encode_recipe, pack_refs


class Sent:
    """Bytes as an object: recipe, chunks, pack."""

    def __init__(self, data: bytes, piece: int = 64 << 10) -> None:
        self.data = data
        frames: dict[str, Frame] = {}
        refs = []
        for start in range(0, len(data), piece):
            part = data[start : start + piece]
            refs.append(ChunkRef(blake3_hex(part), len(part)))
            frames[refs[-1].hash] = Frame(refs[-1].hash, RAW, len(part), "", part)
        buffer = Buffer("data", memoryview(data))
        self.hash = Content("bytes", 1, {}, [buffer]).hash
        part = Part(name="data", size=len(data), digest=buffer.digest, chunks=pack_refs(refs))
        recipe = encode_recipe(Recipe(format=1, codec="bytes", version=1, meta={}, parts=[part]))
        self.object = blake3_hex(recipe)
        frames[self.object] = Frame(self.object, RAW, len(recipe), "", recipe)
        self.hashes = list(frames)
        self.chunks = [ref.hash for ref in refs]
        self.pack = write_pack(frames.values())

    def item(self, name: str = "blob") -> dict[str, Any]:
        return {
            "name": name,
            "kind": "bytes",
            "type": "bytes",
            "hash": self.hash,
            "object": self.object,
            "codec": "bytes",
            "size": len(self.data),
        }


@pytest.fixture(scope="session")
def sent() -> Callable[[bytes], Sent]:
    return Sent


@pytest.fixture(scope="session")
def manifest() -> Callable[..., dict[str, Any]]:
    """Makes manifests."""
    run = ids.new_id()

    def make(project: dict[str, Any], name: str = "fit", **more: Any) -> dict[str, Any]:
        return {
            "id": ids.new_id(),
            "project": project["id"],
            "name": name,
            "run": {"id": run, "kind": "script", "name": "train.py"},
            "created_at": datetime.now(timezone.utc).isoformat(),
            "source": "fit()",
            **more,
        }

    return make


# --- PostgreSQL -------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a real PostgreSQL server, on a unix socket in a folder of its own."""
    if postgresql_server.binaries() is None:
        pytest.skip("no PostgreSQL that this user may run")
    with postgresql_server.running(durable=False) as server:
        yield server.url


@pytest.fixture
def postgresql_url(postgresql: str) -> Iterator[str]:
    """The URL of an empty database."""
    import psycopg

    name = f"etiq_{uuid.uuid4().hex[:12]}"
    for _ in range(100):
        try:
            with psycopg.connect(postgresql, autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name}")
            break
        except psycopg.OperationalError:
            time.sleep(0.05)
    return postgresql.replace("/postgres?", f"/{name}?")


# --- S3 ---------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def s3() -> Iterator[dict[str, str]]:
    """The environment in which ``s3://etiq`` is a bucket of a real server."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:

        def answers() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        _wait_for(answers)
        import requests

        url = f"http://127.0.0.1:{port}"
        requests.put(f"{url}/etiq", timeout=20).raise_for_status()
        yield {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_REGION": "us-east-1",
        }
    finally:
        server.terminate()
        server.wait(20)


def _wait_for(what: Callable[[], bool], timeout: float = 30.0) -> None:
    end = time.monotonic() + timeout
    while not what():
        assert time.monotonic() < end, "did not start in time"
        time.sleep(0.02)
