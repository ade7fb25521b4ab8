"""The token is in memory and in the Authorization header, and nowhere else."""

from __future__ import annotations

import base64
import importlib.util
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nbformat
import pytest
from nbclient import NotebookClient

CELLS = [
    "%load_ext etiq_jupyter",
    "%etiq_login",
    "%etiq_project Secrets",
    # What a careless notebook does.
    "import os, sys, logging\nprint(os.environ['ETIQ_TOKEN'])\nos.environ['ETIQ_TOKEN']",
    "%%snapshot careless --note 'see output'\n"
    "token = os.environ['ETIQ_TOKEN']\n"
    "config = {'nested': [token, {'deep': token}], token: 1}\n"
    "as_bytes = token.encode()\n"
    "environment = dict(os.environ)\n"
    "print('the token is', token)\n"
    "print(token, file=sys.stderr)\n"
    "logging.getLogger('x').error('log %s', token)\n"
    "import pandas as pd, numpy as np\n"
    "frame = pd.DataFrame({'t': [token, 'x']})\n"
    "array = np.array([token])\n"
    "def use(x=token):\n    return x\n"
    "display({'text/plain': token, 'text/html': f'<b>{token}</b>'}, raw=True)\n"
    "token",
    "%%snapshot raising\nraise ValueError('with ' + os.environ['ETIQ_TOKEN'])",
    "%etiq_status",
    "%etiq_login --explain",
    "import etiq_jupyter as etiq\nprint(etiq.session, etiq.status(), vars(etiq.session))",
    "from etiq_jupyter.jupyter.panel import Panel\n"
    "panel = Panel(etiq.session)\n"
    "panel.url.value = os.environ['ETIQ_DASHBOARD_URL']\n"
    "panel.token.value = os.environ['ETIQ_TOKEN']\n"
    "panel.login()\n"
    "panel.widget",
    "%etiq_sync --wait",
]


def load_proxy() -> Any:
    path = Path(__file__).with_name("recording_proxy.py")
    spec = importlib.util.spec_from_file_location("recording_proxy", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def proxy(own_dashboard: Any) -> Iterator[Any]:
    made = load_proxy().RecordingProxy(urlsplit(own_dashboard.url).port)
    yield made
    made.close()


def forms(token: str) -> list[bytes]:
    """The token as it is, reversed in pieces nowhere, and as base64 at every alignment."""
    found = [token.encode()]
    for pad in range(3):
        encoded = base64.b64encode(b"x" * pad + token.encode())
        found.append(encoded[4:-4])
    return found


def test_the_token_is_in_nothing_written_or_sent_but_the_header(
    own_dashboard: Any,
    proxy: Any,
    tmp_path: Path,
    own_home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    token = own_dashboard.admin.token()
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.setenv("ETIQ_DASHBOARD_URL", f"http://127.0.0.1:{proxy.port}")
    monkeypatch.setenv("ETIQ_TOKEN", token)
    monkeypatch.chdir(work)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in CELLS])
    NotebookClient(
        notebook,
        timeout=120,
        allow_errors=True,
        store_widget_state=True,
        resources={"metadata": {"path": str(work)}},
    ).execute()
    saved = work / "saved.ipynb"
    nbformat.write(notebook, saved)
    text = saved.read_text()
    assert "Connection successful" in text
    assert "jupyter-widgets" in text
    assert "the token is" in text

    for folder in (work, own_home, own_dashboard.folder):
        for file in folder.rglob("*"):
            if file.is_file():
                data = file.read_bytes()
                assert not [form for form in forms(token) if form in data], file
    sent = bytes(proxy.sent)
    header = b"Authorization: Bearer " + token.encode()
    assert sent.count(token.encode()) == sent.count(header) > 3
    assert token.encode() not in bytes(proxy.received)
    assert os.environ["ETIQ_TOKEN"] == token

    listed = own_dashboard.admin.call("GET", "/search?q=careless").json()["snapshots"]
    detail = own_dashboard.admin.call("GET", f"/snapshots/{listed[0]['id']}").json()
    assert sum(found["count"] for found in detail["redactions"]) >= 5
    assert re.search("redacted", str(detail["redactions"])) or detail["redactions"]
    failed = own_dashboard.admin.call("GET", "/search?q=raising").json()["snapshots"]
    assert failed[0]["failed"]
