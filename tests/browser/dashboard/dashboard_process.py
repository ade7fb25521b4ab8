"""A real dashboard process with its people, and a client that uploads real snapshots to it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import msgspec
import requests
from playwright.sync_api import Page

from etiq_jupyter import codecs, ids, model
from etiq_jupyter.errors import NotKept
from etiq_jupyter.objects.chunk import RAW
from etiq_jupyter.objects.content import Content
from etiq_jupyter.objects.hashing import blake3_hex
from etiq_jupyter.objects.pack import Frame, write_pack
from etiq_jupyter.objects.recipe import FORMAT, ChunkRef, Part, Recipe, encode_recipe, pack_refs

PASSWORD = "correct horse battery"
START = (sys.executable, "-m", "etiq_jupyter.dashboard")
PIECE = 1 << 20


class Dashboard:
    """A dashboard process on a free port; ended by its process id."""

    def __init__(self, data_dir: Path, *options: str) -> None:
        self.process = subprocess.Popen(
            [*START, "--port", "0", "--data-dir", data_dir, *options],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the dashboard did not start"
        ready = json.loads(line)
        self.url: str = ready["url"]
        self.setup_url: str = ready["setup_url"] or ""

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)

    def first_user(self, name: str) -> Client:
        secret = self.setup_url.partition("secret=")[2]
        return self._account("/setup", name, {"secret": secret})

    def register(self, name: str) -> Client:
        return self._account("/register", name, {})

    def _account(self, path: str, name: str, more: dict[str, str]) -> Client:
        client = Client(self.url)
        body = more | {"username": name, "email": f"{name}@example.org", "password": PASSWORD}
        client.send("POST", path, json=body)
        return client


class Client:
    """A signed-in person: calls the API and uploads snapshots as a session does."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = requests.Session()
        self.http.headers["Origin"] = url

    def send(self, method: str, path: str, **options: Any) -> Any:
        answer = self.http.request(method, f"{self.url}/api/v1{path}", timeout=20, **options)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text[:400]}"
        return answer.json() if answer.content else None

    def open_project(self, name: str) -> Notebook:
        return Notebook(self, self.send("POST", "/projects/open", json={"name": name})["id"])


class Notebook:
    """One run in a project. Its snapshots are a minute apart and end about now."""

    def __init__(self, client: Client, project: str, name: str = "quickstart.ipynb") -> None:
        self.client = client
        self.project = project
        self.run = model.Run(
            id=ids.new_id(), kind="notebook", name=name, host="laptop", started_at=_now()
        )
        self.taken = 0
        self.hashes: dict[str, str] = {}
        self._known: set[str] = set()

    def snapshot(
        self,
        name: str,
        source: str = "",
        values: dict[str, Any] | None = None,
        *,
        outputs: list[dict[str, Any]] | None = None,
        environment: dict[str, Any] | None = None,
        figures: dict[str, Any] | None = None,
        reads: tuple[str, ...] = (),
        ago: timedelta = timedelta(0),
        **more: Any,
    ) -> model.Receipt:
        """Upload what a cell did; ``reads`` names variables of earlier snapshots."""
        self.taken += 1
        items, frames = [], {}
        parts = [("variable", key, value) for key, value in (values or {}).items()]
        parts += [("figure", f"@{key}", value) for key, value in (figures or {}).items()]
        for role, key, value in parts:
            items.append(self._item(role, key, value, frames))
        for role, given in (("outputs", outputs), ("environment", environment)):
            if given is not None:
                codec = codecs.registry.by_name(role)
                content = codec.encode(given, codecs.Writing())
                facts = codec.summarise(given, content)
                items.append(_stored(role, f"@{role}", content, facts, frames))
        read = [model.Read(name=key, hash=self.hashes[key]) for key in reads]
        self.hashes |= {item.name: item.hash for item in items if item.role == "variable"}
        metrics = {
            key: float(value)
            for key, value in (values or {}).items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        }
        manifest = model.Snapshot(
            id=ids.new_id(),
            name=name,
            project=self.project,
            run=self.run,
            sequence=self.taken,
            created_at=_now() - ago,
            duration=more.pop("duration", 0.31),
            source=source,
            cell_id=more.pop("cell_id", f"cell-{name}"),
            execution_count=self.taken,
            items=items,
            reads=read,
            metrics=metrics,
            new_bytes=sum(len(frame.data) for frame in frames.values()),
            **more,
        )
        self._upload(manifest, frames)
        return msgspec.convert(self._answer, model.Receipt, strict=False)

    def _item(self, role: str, key: str, value: Any, frames: dict[str, Frame]) -> model.Item:
        try:
            encoded = codecs.encode(value)
        except NotKept as error:
            return model.Item(
                name=key, kind="other", type=type(value).__name__, reason=str(error.what)
            )
        return _stored(role, key, encoded.content, encoded.facts, frames)

    def _upload(self, manifest: model.Snapshot, frames: dict[str, Frame]) -> None:
        fresh = [frame for key, frame in frames.items() if key not in self._known]
        if fresh:
            pack = write_pack(fresh)
            self.client.send(
                "PUT",
                f"/packs/{blake3_hex(pack)}",
                params={"project": self.project},
                data=pack,
                headers={"Content-Type": "application/octet-stream"},
            )
            self._known |= set(frames)
        self._answer = self.client.send(
            "PUT",
            f"/snapshots/{manifest.id}",
            data=msgspec.json.encode(manifest),
            headers={"Content-Type": "application/json"},
        )


def _stored(
    role: Any, key: str, content: Content, facts: codecs.Facts, frames: dict[str, Frame]
) -> model.Item:
    """Cut a content in pieces, add them and its recipe to the frames, and describe the item."""
    parts = []
    for buffer in content.buffers:
        data = bytes(buffer.data)
        pieces = [data[at : at + PIECE] for at in range(0, len(data), PIECE)]
        refs = [ChunkRef(_add(frames, piece), len(piece)) for piece in pieces]
        parts.append(
            Part(
                name=buffer.name,
                size=len(data),
                digest=buffer.digest,
                layout=buffer.layout,
                itemsize=buffer.itemsize,
                row_bytes=buffer.row_bytes,
                chunks=pack_refs(refs),
            )
        )
    recipe = Recipe(
        format=FORMAT,
        codec=content.codec,
        version=content.version,
        meta=content.meta,
        rows=content.rows,
        parts=parts,
    )
    return model.Item(
        name=key,
        role=role,
        kind=facts.kind,
        type=facts.type,
        summary=facts.summary,
        size=content.size,
        hash=content.hash,
        object=_add(frames, encode_recipe(recipe)),
        codec=content.codec,
        detail=facts.detail,
    )


def _add(frames: dict[str, Frame], data: bytes) -> str:
    name = blake3_hex(data)
    frames[name] = Frame(name, RAW, len(data), "", data)
    return name


def _now() -> datetime:
    return datetime.now(timezone.utc)


class Beacon(ThreadingHTTPServer):
    """Another host; remembers who called it."""

    def __init__(self) -> None:
        self.called: list[str] = []
        called = self.called

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                called.append(self.path)
                self.send_error(404)

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@dataclass
class Team:
    """A dashboard with ana, who has a study and a hostile snapshot, and bea, who sees nothing."""

    dashboard: Dashboard
    ana: Client
    bea: Client
    study: Notebook
    ids: dict[str, str]
    hostile: str
    beacon: Beacon

    @property
    def url(self) -> str:
        return self.dashboard.url


def sign_in(page: Page, url: str, name: str, password: str = PASSWORD) -> None:
    """Sign in at whatever page the address asks for."""
    page.goto(url)
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
