"""A dashboard in this process, on a database of its own, and people who use it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import xxhash
from anyio.from_thread import BlockingPortal, start_blocking_portal
from starlette.testclient import TestClient

from etiq_jupyter import ids
from etiq_jupyter.dashboard.app import create_app
from etiq_jupyter.dashboard.config import Settings
from etiq_jupyter.dashboard.serve import prepare
from etiq_jupyter.dashboard.services import Services, build
from etiq_jupyter.objects.chunk import RAW
from etiq_jupyter.objects.content import Content
from etiq_jupyter.objects.hashing import blake3_hex
from etiq_jupyter.objects.pack import Frame, write_pack
from etiq_jupyter.objects.recipe import ChunkRef, Part, Recipe, encode_recipe, pack_refs

URL = "http://127.0.0.1:8765"
PASSWORD = "correct horse battery staple"
START = datetime(2026, 11, 20, 8, 0, tzinfo=timezone.utc)


def content_hash(text: str) -> str:
    return xxhash.xxh3_128_hexdigest(text.encode())


class Stored:
    """A content as a client sends it: its recipe, its chunks, all in one pack."""

    def __init__(self, content: Content, piece: int = 1000) -> None:
        self.content = content
        frames: dict[str, Frame] = {}
        parts = []
        for buffer in content.buffers:
            refs = []
            for start in range(0, buffer.data.nbytes, piece):
                data = bytes(buffer.data[start : start + piece])
                refs.append(ChunkRef(blake3_hex(data), len(data)))
                frames[refs[-1].hash] = Frame(refs[-1].hash, RAW, len(data), "", data)
            parts.append(
                Part(
                    name=buffer.name,
                    size=buffer.data.nbytes,
                    digest=buffer.digest,
                    layout=buffer.layout,
                    itemsize=buffer.itemsize,
                    row_bytes=buffer.row_bytes,
                    chunks=pack_refs(refs),
                )
            )
        recipe = encode_recipe(
            Recipe(
                format=1,
                codec=content.codec,
                version=content.version,
                meta=content.meta,
                rows=content.rows,
                parts=parts,
            )
        )
        self.object = blake3_hex(recipe)
        self.chunks = list(frames)
        frames[self.object] = Frame(self.object, RAW, len(recipe), "", recipe)
        self.frames = frames
        self.hashes = list(frames)
        self.pack = write_pack(frames.values())


class Person:
    """Somebody signed in with a browser, and with a token."""

    def __init__(self, house: House, username: str) -> None:
        self.house = house
        self.username = username
        self.user = house.services.people.add(username, f"{username}@example.org", PASSWORD)
        self.browser = house.new_client()
        body = {"username": username, "password": PASSWORD}
        assert self.browser.post("/api/v1/sign-in", json=body).status_code == 200
        self.client = house.new_client(self.token("all", ["read", "write", "admin"]))

    def token(self, name: str = "notebook", scopes: list[str] | None = None, **more: Any) -> str:
        body = {"name": name, "scopes": scopes, **more}
        answer = self.browser.post("/api/v1/tokens", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["secret"])

    def call(self, method: str, path: str, expect: int | None = None, **options: Any) -> Any:
        answer = self.client.request(method, f"/api/v1{path}", **options)
        if expect is not None:
            assert answer.status_code == expect, answer.text
            return answer.json() if answer.content else None
        return answer

    def get(self, path: str, **params: Any) -> Any:
        return self.call("GET", path, 200, params=params)

    def project(self, name: str = "Churn model") -> dict[str, Any]:
        made: dict[str, Any] = self.call("POST", "/projects/open", json={"name": name}).json()
        return made

    def send(self, project: dict[str, Any], stored: Stored) -> dict[str, Any]:
        answer: dict[str, Any] = self.call(
            "PUT",
            f"/packs/{blake3_hex(stored.pack)}",
            200,
            params={"project": project["id"]},
            content=stored.pack,
        )
        return answer

    def put(self, manifest: dict[str, Any], expect: int = 201) -> Any:
        return self.call("PUT", f"/snapshots/{manifest['id']}", expect, json=manifest)


class House:
    """A dashboard and its doors."""

    def __init__(self, services: Services, portal: BlockingPortal | None = None) -> None:
        self.services = services
        self.portal = portal
        self.app = create_app(services)
        self.run = ids.new_id()
        self.count = 0

    def new_client(self, token: str = "", **headers: str) -> TestClient:
        sent = {"Sec-Fetch-Site": "same-origin", **headers}
        if token:
            sent = {"Authorization": f"Bearer {token}", **headers}
        client = TestClient(self.app, base_url=URL, headers=sent, raise_server_exceptions=False)
        client.portal = self.portal  # one event loop for all, instead of one for each request
        return client

    def manifest(
        self,
        project: dict[str, Any],
        name: str = "fit",
        *,
        wrote: dict[str, str] | None = None,
        read: dict[str, str] | None = None,
        stored: dict[str, Stored] | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        """A manifest; ``wrote`` and ``read`` map variable names to contents."""
        self.count += 1
        items = [
            {"name": key, "kind": "plain", "type": "str", "hash": content_hash(value), "size": 9}
            for key, value in (wrote or {}).items()
        ]
        items += [
            {
                "name": key,
                "kind": "array",
                "type": "ndarray",
                "hash": value.content.hash,
                "object": value.object,
                "codec": value.content.codec,
                "size": value.content.size,
            }
            for key, value in (stored or {}).items()
        ]
        return {
            "id": ids.new_id(),
            "project": project["id"],
            "name": name,
            "run": {"id": self.run, "kind": "notebook", "name": "analysis.ipynb"},
            "sequence": self.count,
            "created_at": (START + timedelta(seconds=self.count)).isoformat(),
            "source": f"{name} = {self.count}",
            "items": items,
            "reads": [
                {"name": key, "hash": content_hash(value)} for key, value in (read or {}).items()
            ],
            **more,
        }


@pytest.fixture(scope="session", autouse=True)
def _quick_passwords() -> Iterator[None]:
    """Hash passwords with little work: most tests are not about how hard they are to guess."""
    from argon2 import PasswordHasher

    from etiq_jupyter.dashboard.identity import passwords

    with pytest.MonkeyPatch.context() as patch:
        quick = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
        patch.setattr(passwords, "_hasher", quick)
        yield


@pytest.fixture(scope="session")
def empty_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tables without rows, made once and copied for each test."""
    folder = tmp_path_factory.mktemp("empty") / "data"
    assert prepare(Settings(data_dir=folder)) is True
    return folder


@pytest.fixture
def settings(empty_data: Path, tmp_path: Path) -> Settings:
    shutil.copytree(empty_data, tmp_path / "data")
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture(scope="session")
def portal() -> Iterator[BlockingPortal]:
    with start_blocking_portal() as portal:
        yield portal


@pytest.fixture
def house(settings: Settings, portal: BlockingPortal) -> Iterator[House]:
    services = build(settings, "the-setup-secret")
    yield House(services, portal)
    services.close()


@pytest.fixture
def ana(house: House) -> Person:
    return Person(house, "ana")


@pytest.fixture
def bea(house: House) -> Person:
    return Person(house, "bea")


@pytest.fixture
def make_person(house: House) -> Any:
    return lambda username: Person(house, username)


@pytest.fixture
def stored() -> Any:
    """Makes a stored content of bytes."""
    from etiq_jupyter.objects.content import Buffer

    def make(data: bytes, codec: str = "bytes", piece: int = 1000, **meta: Any) -> Stored:
        buffers = [Buffer("data", memoryview(data))] if data else []
        return Stored(Content(codec, 1, meta, buffers), piece)

    return make


@pytest.fixture
def stored_value() -> Any:
    """Makes a stored content of a Python value, as its codec writes it."""
    from etiq_jupyter import codecs

    def make(value: Any) -> Stored:
        content = codecs.encode(value).content
        assert content is not None
        return Stored(content, 64 << 10)

    return make


@pytest.fixture
def stored_content() -> Any:
    """Makes the stored form of any content."""
    return Stored
