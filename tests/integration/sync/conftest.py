"""A small dashboard that keeps everything in memory and can be told to misbehave."""

import json
import os
import re
import subprocess
import sys
import threading
import time
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import msgspec
import numpy as np
import pytest
import requests

from etiq_jupyter import model
from etiq_jupyter.ids import new_id
from etiq_jupyter.objects.content import Buffer, Content
from etiq_jupyter.objects.hashing import blake3_hex
from etiq_jupyter.objects.pack import decode_frame, read_pack
from etiq_jupyter.objects.reader import StoredContent
from etiq_jupyter.objects.recipe import decode_recipe, recipe_chunks
from etiq_jupyter.sync.recorder import Destination, Recorder

NOW = datetime(2026, 11, 20, tzinfo=timezone.utc)


class Outcome:
    """What would be answered for one snapshot of several."""

    def __init__(self, handler):
        self.handler = handler
        self.receipt = self.refusal = None

    def answer(self, status, data):
        self.receipt = data

    def problem(self, status, code, what, **more):
        self.refusal = lambda: self.handler.problem(status, code, what, **more)


class Dashboard:
    """What a dashboard remembers, and the faults it is told to have.

    ``faults`` maps ``(method, pattern of the path)`` to a list of answers that are given first, one
    each: a status, ``(status, headers, body)``, or a callable that gets the handler.
    """

    def __init__(self):
        self.user = model.User(id="u-1", username="ana")
        self.tokens = {"good"}
        self.projects = {}
        self.chunks = {}
        self.snapshots = {}
        self.manifests = {}
        self.calls = []
        self.faults = []
        self.received = 0
        self.limits = model.Limits()
        self.epoch = "one"
        self.lock = threading.RLock()
        dashboard = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *args):
                pass

            def _any(self):
                dashboard.handle(self)

            do_GET = do_POST = do_PUT = do_DELETE = _any  # noqa: N815

            def answer(self, status, data=b"", kind="application/json", headers=()):
                if not isinstance(data, bytes):
                    data = msgspec.json.encode(data)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                for name, value in dict(headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def problem(self, status, code, what, **more):
                body = {"status": status, "code": code, "what": what, **more}
                self.answer(status, body, "application/problem+json")

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, request, client_address):
                pass

        self.Handler, self.Server = Handler, Server
        self.server = None
        self.port = 0
        self.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        self.server = self.Server(("127.0.0.1", self.port), self.Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def fail(self, method, pattern, *answers):
        with self.lock:
            self.faults += [(method, pattern, answer) for answer in answers]

    def handle(self, handler):
        parts = urlsplit(handler.path)
        path = parts.path.removeprefix("/api/v1")
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        with self.lock:
            self.calls.append((handler.command, path))
            self.received += len(body)
            fault = self._fault(handler.command, path)
            if fault is not None:
                if callable(fault):
                    fault = fault(handler)
                if fault is None:
                    return None
                status, headers, data = fault if isinstance(fault, tuple) else (fault, {}, b"")
                if isinstance(data, dict):
                    return handler.answer(status, data, "application/problem+json", headers)
                return handler.answer(status, data, "text/plain", headers)
            token = handler.headers.get("Authorization", "").removeprefix("Bearer ")
            if token not in self.tokens:
                return handler.problem(401, "unauthorized", "The token is not accepted")
            return self.answer(handler, handler.command, path, query, body)

    def _fault(self, method, path):
        for number, (wanted, pattern, answer) in enumerate(self.faults):
            if wanted in ("*", method) and re.search(pattern, path):
                del self.faults[number]
                return answer
        return None

    def answer(self, handler, method, path, query, body):
        if path == "/me":
            server = {"version": "0", "oldest_client": "0", "epoch": self.epoch}
            workspace = model.Workspace(id="w", name="ana")
            me = {
                "user": self.user,
                "scopes": [],
                "server": server,
                "limits": self.limits,
                "workspace": workspace,
            }
            return handler.answer(200, me)
        if path == "/projects/open":
            asked = json.loads(body)
            for project in self.projects.values():
                if project.name == asked["name"]:
                    return handler.answer(200, project)
            project = model.Project(id=asked.get("id") or new_id(), name=asked["name"])
            self.projects[project.id] = project
            return handler.answer(201, project)
        if path == "/chunks/lacking":
            asked = json.loads(body)
            if asked["project"] not in self.projects:
                return handler.problem(404, "not_found", "There is no such project")
            lacking = [name for name in asked["hashes"] if name not in self.chunks]
            return handler.answer(200, {"lacking": lacking})
        if path.startswith("/packs/") and method == "PUT":
            return self._pack(handler, path, query, body)
        if path == "/snapshots/batch" and self.limits.snapshots_per_batch:
            return self._batch(handler, body)
        if path.startswith("/snapshots/") and method == "PUT":
            return self._snapshot(handler, path, body)
        if path == "/chunks/read":
            from etiq_jupyter.objects.chunk import encode_chunk
            from etiq_jupyter.objects.pack import Frame, write_pack

            frames = []
            for name in json.loads(body)["hashes"]:
                raw = self.chunks[name]
                form, stored = encode_chunk(raw)
                frames.append(Frame(name, form, len(raw), "", stored))
            return handler.answer(200, write_pack(frames), "application/octet-stream")
        return handler.problem(404, "not_found", f"There is nothing at {path}")

    def _pack(self, handler, path, query, body):
        if blake3_hex(body) != path.rpartition("/")[2]:
            return handler.problem(422, "invalid", "The pack is damaged")
        if query.get("project") not in self.projects:
            return handler.problem(404, "not_found", "There is no such project")
        stored = known = 0
        for frame in read_pack(body):
            base = self.chunks[frame.base] if frame.base else None
            raw = decode_frame(frame, base)
            known += frame.hash in self.chunks
            stored += frame.hash not in self.chunks
            self.chunks[frame.hash] = raw
        return handler.answer(200, {"stored": stored, "known": known})

    def _batch(self, handler, body):
        outcomes = []
        for manifest in msgspec.msgpack.decode(body):
            outcome = Outcome(handler)
            snapshot = msgspec.msgpack.decode(manifest, type=model.Snapshot)
            self._snapshot(outcome, f"/snapshots/{snapshot.id}", manifest)
            outcomes.append(outcome)
        for outcome in outcomes:
            if outcome.refusal is not None:
                return outcome.refusal()
        return handler.answer(200, {"receipts": [outcome.receipt for outcome in outcomes]})

    def _snapshot(self, handler, path, body):
        snapshot = msgspec.msgpack.decode(body, type=model.Snapshot)
        assert path.endswith(snapshot.id)
        if snapshot.project not in self.projects:
            return handler.problem(404, "not_found", "There is no such project")
        known = self.manifests.get(snapshot.id)
        if known is not None and known != body:
            return handler.problem(409, "conflict", "Another snapshot has this id")
        lacking = []
        for name in {item.object for item in snapshot.items if item.object}:
            if name not in self.chunks:
                lacking.append(name)
                continue
            recipe = decode_recipe(self.chunks[name])
            lacking += [each for each in recipe_chunks(recipe) if each not in self.chunks]
        if lacking:
            return handler.problem(409, "lacking", "Chunks are missing", lacking=lacking)
        self.manifests[snapshot.id] = body
        self.snapshots.setdefault(snapshot.id, snapshot)
        number = list(self.snapshots).index(snapshot.id) + 1
        receipt = model.Receipt(
            id=snapshot.id,
            short_id=f"SNP-{number}",
            project=snapshot.project,
            manifest=blake3_hex(body),
            received_at=NOW,
            url=f"{self.url}/s/SNP-{number}",
        )
        return handler.answer(201 if known is None else 200, receipt)

    def content(self, snapshot, name):
        item = next(item for item in self.snapshots[snapshot].items if item.name == name)
        recipe = decode_recipe(self.chunks[item.object])
        return StoredContent(recipe, lambda names: {each: self.chunks[each] for each in names})


@pytest.fixture
def dashboard():
    made = Dashboard()
    made.projects["p-1"] = model.Project(id="p-1", name="Churn")
    yield made
    made.stop()


@pytest.fixture(params=["courier", "alone"])
def recorder(tmp_path, request, monkeypatch):
    """A recorder with its helper process, and one that has to do without."""
    monkeypatch.setenv("ETIQ_COURIER", "1" if request.param == "courier" else "0")
    made = Recorder(tmp_path / "store")
    yield made
    made.close()


@pytest.fixture
def direct(tmp_path, ana, monkeypatch):
    """A connected recorder without helper process: for faults that have nothing to do with it."""
    monkeypatch.setenv("ETIQ_COURIER", "0")
    made = Recorder(tmp_path / "store")
    made.connect(ana, "good")
    yield made
    made.close()


def _ends(ticket, seconds=15):
    until = time.monotonic() + seconds
    while time.monotonic() < until and not ticket.wait(0.3):
        ticket._recorder.wake()
    return ticket.state == "synced"


@pytest.fixture
def ends():
    """Return how to wait for a ticket, waking the sender as a user does who presses the button."""
    return _ends


@pytest.fixture
def ana(dashboard):
    return Destination(dashboard.url, dashboard.user.id, dashboard.user.username)


def _array(values):
    values = np.ascontiguousarray(values)
    data = memoryview(values).cast("B") if values.nbytes else memoryview(b"")
    buffer = Buffer("data", data, "rows", values.itemsize, values.itemsize)
    return Content("numpy.array", 1, {"dtype": str(values.dtype)}, [buffer])


@pytest.fixture
def array():
    """Return a content made of an array."""
    return _array


@pytest.fixture
def take():
    """Return a function that makes a snapshot and its contents."""
    run = model.Run(id=new_id(), kind="notebook", name="test.ipynb")
    counter = iter(range(1, 1_000_000))

    def make(contents=None, *, project="p-1", project_name="Churn", **facts):
        contents = contents if contents is not None else {"noise": _array(os.urandom_array(200))}
        items = [
            model.Item(name=name, kind="array", type="x", hash=content.hash, size=content.size)
            for name, content in contents.items()
        ]
        snapshot = model.Snapshot(
            id=new_id(),
            name=facts.pop("name", "cell"),
            project=project,
            project_name=project_name,
            run=run,
            sequence=next(counter),
            created_at=datetime.now(timezone.utc),
            items=items,
            **facts,
        )
        return snapshot, contents

    return make


def _random(count):
    return np.frombuffer(os.urandom(count * 8), np.float64)


os.urandom_array = _random


class RealDashboard:
    """A dashboard process with a user, a token and a project."""

    def __init__(self, folder):
        self.folder = folder
        self.port = 0
        self.process = None
        first = self.start()
        secret = parse_qs(urlsplit(first["setup_url"]).query)["secret"][0]
        account = {"username": "ana", "email": "ana@example.org", "password": "correct horse 9"}
        me = requests.post(f"{self.url}/api/v1/setup", json={"secret": secret, **account}).json()
        self.user = me["user"]
        issued = requests.post(
            f"{self.url}/api/v1/tokens/issue", json={**account, "name": "test"}
        ).json()
        self.token = issued["secret"]
        self.project = self.call("POST", "/projects/open", json={"name": "Churn"})["id"]

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        command = [sys.executable, "-m", "etiq_jupyter.dashboard", "--port", str(self.port)]
        self.process = subprocess.Popen(
            [*command, "--data-dir", str(self.folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        first = json.loads(self.process.stdout.readline())
        self.port = urlsplit(first["url"]).port
        return first

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def call(self, method, path, **options):
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = requests.request(method, f"{self.url}/api/v1{path}", headers=headers, **options)
        answer.raise_for_status()
        return answer.json() if "json" in answer.headers["Content-Type"] else answer.content

    @property
    def destination(self):
        return Destination(self.url, self.user["id"], "ana")


@pytest.fixture
def real(tmp_path):
    made = RealDashboard(tmp_path / "dashboard")
    yield made
    made.stop()
