"""%etiq_login in a real kernel: with someone to answer, and without."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import start_new_kernel

from etiq_jupyter.sessions import WELCOME


class Kernel:
    """A kernel and a person who answers its prompts."""

    def __init__(self) -> None:
        self.manager, self.client = start_new_kernel(kernel_name="python3")
        self.prompts: list[tuple[str, bool]] = []

    def run(self, code: str, answers: list[str] | None = None) -> tuple[str, str]:
        """Run code; return what it printed and the error's name."""
        said: list[str] = []
        pending = list(answers or [])

        def show(message: dict[str, Any]) -> None:
            content = message["content"]
            if message["msg_type"] == "stream":
                said.append(content["text"])
            elif message["msg_type"] == "error":
                said.append("\n".join(content["traceback"]))
            elif "data" in content:
                said.append(content["data"].get("text/plain", ""))

        def answer(message: dict[str, Any]) -> None:
            content = message["content"]
            self.prompts.append((content["prompt"], content["password"]))
            self.client.input(pending.pop(0))

        reply = self.client.execute_interactive(
            code,
            allow_stdin=answers is not None,
            stdin_hook=answer,
            output_hook=show,
            timeout=30,
        )
        return "".join(said), reply["content"].get("ename", "")

    def stop(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def kernel(own_home: Path) -> Iterator[Kernel]:
    made = Kernel()
    made.run("%load_ext etiq_jupyter")
    yield made
    made.stop()


def test_it_asks_for_what_is_missing_and_hides_the_token(dashboard: Any, kernel: Kernel) -> None:
    token = dashboard.admin.token()
    said, error = kernel.run("%etiq_login", [dashboard.url, token])
    assert error == ""
    assert WELCOME in said
    assert [hidden for _, hidden in kernel.prompts] == [False, True]
    assert token not in said
    said, _ = kernel.run("%etiq_status")
    assert f"Connected: ana @ {dashboard.url}" in said


def test_it_never_asks_where_nobody_can_answer(kernel: Kernel) -> None:
    said, error = kernel.run("%etiq_login")
    assert error == "AuthError"
    assert "ETIQ_TOKEN" in said
    assert "Traceback" not in said
    assert kernel.prompts == []


def test_the_token_from_a_file_or_a_variable(
    dashboard: Any, kernel: Kernel, tmp_path: Path
) -> None:
    token = dashboard.admin.token()
    (tmp_path / "token").write_text(f"{token}\n")
    said, error = kernel.run(f"%etiq_login {dashboard.url} --token-file {tmp_path / 'token'}")
    assert (error, WELCOME in said) == ("", True)
    kernel.run(f"import os; os.environ['MINE'] = open('{tmp_path / 'token'}').read()")
    said, error = kernel.run(f"%etiq_login {dashboard.url} --token-env MINE")
    assert (error, WELCOME in said) == ("", True)
    _, error = kernel.run(f"%etiq_login {dashboard.url} --token-env ABSENT")
    assert error == "AuthError"
    said, error = kernel.run(f"%etiq_login {dashboard.url} --token-file {tmp_path / 'no'}")
    assert (error, "No such file" in said) == ("ConfigError", True)


def test_explain_shows_the_walk_without_secrets(kernel: Kernel) -> None:
    kernel.run(
        "import os; os.environ.update(ETIQ_DASHBOARD_URL='http://h:1', ETIQ_TOKEN='etq_xyz1')"
    )
    said, error = kernel.run("%etiq_login --explain")
    assert error == ""
    assert "-> environment" in said
    assert "etq_xyz1" not in said
    assert os.environ.get("ETIQ_TOKEN") is None


def test_logging_out_says_so_in_the_status(dashboard: Any, kernel: Kernel) -> None:
    token = dashboard.admin.token()
    kernel.run("%etiq_login", [dashboard.url, token])
    kernel.run("%etiq_logout")
    said, _ = kernel.run("%etiq_status")
    assert said.startswith("Local")
    said, error = kernel.run("import etiq_jupyter as etiq; etiq.request('GET', '/me')")
    assert error == "AuthError"
