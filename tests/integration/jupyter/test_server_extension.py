"""The server extension in a real Jupyter server, which allows nobody without its token."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from etiq_jupyter.jupyter import server_extension

HERE = Path(__file__).parent
ROOT = HERE.parents[2]


class Server(NamedTuple):
    url: str
    token: str
    log: Path

    def get(self, path: str) -> Any:
        return requests.get(
            self.url + path, headers={"Authorization": f"token {self.token}"}, timeout=60
        )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = home / "log"
    folders = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    with log.open("w") as out:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "jupyter", "server", "--allow-root", "--no-browser"),
                f"--ServerApp.port={port}",
                "--ServerApp.port_retries=0",
                "--IdentityProvider.token=of-the-test",
                "--ServerApp.allow_unauthenticated_access=False",
                "--ServerApp.jpserver_extensions={'etiq_jupyter': True}",
                f"--ServerApp.root_dir={home}",
            ],
            env={**os.environ, **{name: str(home / name) for name in folders}},
            cwd=ROOT,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    made = Server(f"http://127.0.0.1:{port}", "of-the-test", log)
    try:
        deadline = time.monotonic() + 180
        while True:
            try:
                if made.get("/api/status").ok:
                    break
            except (requests.ConnectionError, requests.Timeout):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
        yield made
    finally:
        process.terminate()
        process.wait(60)


def test_it_loads_and_opens_nothing_to_strangers(server: Server) -> None:
    log = server.log.read_text()
    assert "etiq_jupyter | extension was successfully loaded" in log
    # The server names every handler that it would have to open to strangers.
    named = [line for line in log.splitlines() if "registered for" in line]
    assert not [line for line in named if "etiq" in line]
    assert requests.get(server.url + "/api/kernels", timeout=10).status_code == 403
    assert server.get("/etiq_jupyter").status_code == 404


def test_a_busy_kernel_stays_busy_for_the_server_while_the_bridge_answers(server: Server) -> None:
    made = requests.post(
        server.url + "/api/kernels",
        headers={"Authorization": f"token {server.token}"},
        json={"name": "python3"},
        timeout=30,
    ).json()

    async def ask() -> tuple[Any, str]:
        channel = await websocket_connect(
            HTTPRequest(
                server.url.replace("http", "ws") + f"/api/kernels/{made['id']}/channels",
                headers={"Authorization": f"token {server.token}"},
            )
        )

        async def send(kind: str, on: str, content: Any) -> str:
            header = {"msg_id": uuid.uuid4().hex, "msg_type": kind, "version": "5.4"}
            header |= {"session": "test", "username": "", "date": ""}
            message = {"header": header, "channel": on, "content": content}
            await channel.write_message(
                json.dumps({**message, "parent_header": {}, "metadata": {}, "buffers": []})
            )
            return header["msg_id"]

        async def wait_for(parent: str, *kinds: str) -> dict[str, Any]:
            found: dict[str, Any] = {}
            while not set(kinds) <= set(found):
                message = json.loads(await asyncio.wait_for(channel.read_message(), 60))  # type: ignore[arg-type]
                if message["parent_header"].get("msg_id") == parent:
                    content = message["content"]
                    found[content.get("execution_state") or message["msg_type"]] = content
            return found

        async def state() -> str:
            model = await asyncio.to_thread(server.get, f"/api/kernels/{made['id']}")
            return model.json()["execution_state"]

        code = (
            f"import sys; sys.path.insert(0, {str(HERE)!r})\n"
            "from fixed_front import FixedFront\n"
            "from etiq_jupyter.jupyter import bridge\n"
            "bridge.install(get_ipython().kernel, FixedFront())\n"
            "print('loaded', flush=True)\n"
            "import time; time.sleep(300)"
        )
        cell = await send("execute_request", "shell", {"code": code, "silent": False})
        await wait_for(cell, "stream")
        while await state() != "busy":
            await asyncio.sleep(0.1)
        asked = await send("etiq_request", "control", {"v": 1, "method": "status", "params": {}})
        # The request is surrounded by messages of its own that say busy and idle.
        answers = await wait_for(asked, "etiq_reply", "busy", "idle")
        await asyncio.sleep(0.2)  # the server reads them, too
        said = await state()
        channel.close()
        return answers["etiq_reply"], said

    reply, said = asyncio.run(ask())
    requests.delete(
        f"{server.url}/api/kernels/{made['id']}",
        headers={"Authorization": f"token {server.token}"},
        timeout=60,
    )
    assert reply["status"] == "ok"
    assert reply["result"]["state"] == "connected"
    assert said == "busy"


def test_loading_it_twice_names_each_message_type_once() -> None:
    class Kernels:
        untracked_message_types = ["status"]  # noqa: RUF012 - the server's own form

    class App:
        kernel_manager = Kernels()

    server_extension._load_jupyter_server_extension(App)
    server_extension._load_jupyter_server_extension(App)
    assert App.kernel_manager.untracked_message_types == ["status", "etiq_request", "etiq_reply"]


def test_the_package_names_its_extensions_without_loading_anything_heavy() -> None:
    code = (
        "import sys, etiq_jupyter as e\n"
        "print(e._jupyter_labextension_paths(), e._jupyter_server_extension_points())\n"
        "print([m for m in ('IPython', 'ipywidgets', 'requests', 'numpy') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "'dest': 'etiq_jupyter'" in said.stdout
    assert "'module': 'etiq_jupyter.jupyter.server_extension'" in said.stdout
    assert said.stdout.splitlines()[-1] == "[]"
