"""The data of `store.py`, and the limits of the machine."""

import os
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pandas as pd
import xxhash
import zstandard
from blake3 import blake3

from etiq_jupyter import codecs

_ROWS = 1000


def frame(rows, seed=0):
    """Twelve columns, about 105 bytes per row; four of them incompressible noise."""
    rng = np.random.default_rng(seed)
    columns = {
        "id": np.arange(rows),
        "time": pd.to_datetime(np.cumsum(rng.integers(1, 10**9, rows))),
        "price": np.round(rng.gamma(2, 50, rows), 2),
    }
    columns |= {f"noise{n}": rng.normal(size=rows) for n in range(4)}
    columns |= {
        "f32": rng.normal(size=rows).astype(np.float32),
        "i32": rng.integers(0, 100_000, rows).astype(np.int32),
        "flag": rng.random(rows) < 0.3,
        "category": rng.choice(["alpha", "beta", "gamma", "delta"], rows),
        "name": [f"customer-{n:09d}" for n in rng.integers(0, 10**9, rows)],
    }
    return pd.DataFrame(columns)


def frames(first):
    """The frame and its changes, in order."""
    rng = np.random.default_rng(1)
    rows = len(first)
    yield "frame 100 MB first", first
    yield "frame unchanged", first.copy(deep=False)
    some = rng.choice(rows, rows // 100, replace=False)
    changed = first.copy()
    changed.loc[some, "noise1"] = rng.normal(size=len(some))
    yield "1 % of one column", changed
    more = frame(rows // 100, seed=5)
    yield (
        "1 % rows inserted",
        pd.concat([changed[: rows // 2], more, changed[rows // 2 :]], ignore_index=True),
    )
    yield "a column added", changed.assign(extra=rng.normal(size=rows))
    # (Other rows than those inserted above: else the frame would be rows of that one.)
    every, more = changed.copy(), frame(rows // 100, seed=6)
    for name in every.columns:
        every.iloc[some, every.columns.get_loc(name)] = more[name].to_numpy()[: len(some)]
    yield "1 % of rows in all columns", every
    yield "random 90 % of rows", changed[rng.random(rows) < 0.9]


def sent_again(first):
    """The frame, and changes of which little should go over the wire."""
    rng = np.random.default_rng(2)
    yield "first", first
    edited = first.copy()
    edited.loc[edited.index[len(edited) // 3], "noise1"] = 0.5
    yield "one cell edited", edited
    deleted = edited.drop(edited.index[1234])
    yield "one row deleted", deleted
    yield "random 90 % of rows", edited[rng.random(len(edited)) < 0.9]


def noise(size):
    """Incompressible float32."""
    rng = np.random.default_rng(3)
    part = rng.normal(size=1 << 20).astype(np.float32)
    out = np.resize(part, size)
    out *= np.repeat(np.arange(1, size // len(part) + 2, dtype=np.float32), len(part))[:size]
    return out


def encode(value):
    """The content of a value, without digests of earlier calls."""
    content = codecs.encode(value).content
    content.hash  # noqa: B018 - capture needs it, so its time counts
    return content


def count():
    """A step of a main thread that runs pure Python."""
    return sum(i * i for i in range(2000))


_matrix = np.random.default_rng(0).normal(size=(96, 96))


def multiply():
    """A step of a main thread that runs NumPy."""
    return np.sort(_matrix @ _matrix, axis=None)


def rate(step, seconds):
    """Steps per second."""
    done, until = 0, time.perf_counter() + seconds
    while time.perf_counter() < until:
        step()
        done += 1
    return done / seconds


def private_memory(pid):
    """Megabytes that only this process holds."""
    total = 0
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(("Private_Clean", "Private_Dirty")):
            total += int(line.split()[1])
    return total / 1024


def limits(folder, size, found):
    """What the machine can do at best; adds to what was found in earlier rounds."""
    data = np.random.default_rng(4).bytes(size)
    target = bytearray(size)
    view = memoryview(target)
    view[:] = data
    path = folder / "limit"

    def write():
        with path.open("wb", buffering=0) as file:
            file.write(data)
            os.fsync(file.fileno())

    def compress():
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            pieces = [data[at : at + (1 << 20)] for at in range(0, size, 1 << 20)]
            list(pool.map(lambda p: zstandard.ZstdCompressor(level=1).compress(p), pieces))

    append = path.open("ab", buffering=0)

    def sync():
        append.write(b"x" * 4096)
        os.fdatasync(append.fileno())

    def write_much():
        with path.open("wb", buffering=0) as file:
            for _ in range(10):
                file.write(data)
            os.fsync(file.fileno())

    scale = 100e6 / size
    whole = _compressed(data)

    def both():
        xxhash.xxh3_128_digest(data)
        view[:] = data

    def keep():
        compress()
        with path.open("wb", buffering=0) as file:
            file.write(data[: size // 2])  # what is left of the frame of this benchmark
            os.fsync(file.fileno())

    def read_back():
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(lambda p: blake3(zstandard.ZstdDecompressor().decompress(p)), whole))

    for name, action, factor in (
        ("xxh3 and memcpy 100 MB, warm, ms", both, 1e3 * scale),
        ("zstd-1 100 MB and write and fsync, s", keep, scale),
        ("zstd read back and BLAKE3 100 MB, s", read_back, scale),
        ("memcpy 100 MB, warm, ms", lambda: view.__setitem__(slice(None), data), 1e3 * scale),
        ("xxh3 100 MB, ms", lambda: xxhash.xxh3_128_digest(data), 1e3 * scale),
        ("zstd-1 100 MB of noise, all cores, ms", compress, 1e3 * scale),
        ("write and fsync 100 MB, s", write, scale),
        ("write and fsync 1 GB, s", write_much, scale),
        ("append 4 KB and fdatasync, ms", sync, 1e3),
        ("SQLite, a row of 3 KB, committed, us", lambda: _rows(folder), 1e6 / _ROWS),
        ("PUT 100 MB over loopback, s", lambda: _put(data), scale),
    ):
        started = time.perf_counter()
        action()
        found.setdefault(name, []).append((time.perf_counter() - started) * factor)
    append.close()
    path.unlink()
    return found


def _compressed(data):
    compressor = zstandard.ZstdCompressor(level=1)
    return [compressor.compress(data[at : at + (1 << 20)]) for at in range(0, len(data), 1 << 20)]


def _rows(folder):
    """Commit rows one by one, safe from the end of the process: the least that SQLite does."""
    connection = sqlite3.connect(folder / "limit.sqlite", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("CREATE TABLE IF NOT EXISTS t (a)")
    row = (os.urandom(3000),)
    for _ in range(_ROWS):
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO t VALUES (?)", row)
        connection.execute("COMMIT")
    connection.close()


def _put(data):
    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self):
            left = int(self.headers["Content-Length"])
            while left:
                left -= len(self.rfile.read(min(left, 1 << 20)))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.handle_request, daemon=True).start()
    there = HTTPConnection(*server.server_address)
    there.request("PUT", "/", data)
    there.getresponse().read()
    there.close()
    server.server_close()
