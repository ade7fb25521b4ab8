"""Real kernels with the bridge installed, and a client that keeps every message it sees."""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

HERE = Path(__file__).parent
PATIENCE = 30.0  # seconds, on a busy machine
LOAD = f"""
import sys; sys.path.insert(0, {str(HERE)!r})
from fixed_front import FixedFront
from etiq_jupyter.jupyter import bridge
front = FixedFront()
line = bridge.install(get_ipython().kernel, front)
"""


class Kernel:
    """A running kernel. Another ipykernel is tried by ETIQ_TEST_KERNEL_PYTHON=/path/to/python."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager = manager
        self.client = client
        self.messages: list[dict[str, Any]] = []
        self._running = ""

    def run(self, code: str) -> None:
        """Run a cell to its end; an error of the cell is an error of the test."""
        self._running = self.client.execute(code)
        self.finish()

    def start(self, code: str) -> None:
        """Start a cell and return once it runs."""
        self._running = asked = self.client.execute(code)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            message = self.iopub(30)
            if (
                message["msg_type"] == "execute_input"
                and message["parent_header"]["msg_id"] == asked
            ):
                return
        raise AssertionError("the cell did not start")

    def finish(self, timeout: float = 60) -> dict[str, Any]:
        """Wait for the reply of the cell that was started last."""
        content = self._ended(timeout)
        assert content["status"] == "ok", content
        return content

    def interrupt(self) -> None:
        """End the cell, which must still be running."""
        assert not self.client.shell_channel.msg_ready(), "the cell has ended by itself"
        self.manager.interrupt_kernel()
        content = self._ended(60)
        assert content.get("ename") == "KeyboardInterrupt", content

    def _ended(self, timeout: float) -> dict[str, Any]:
        while True:
            message: dict[str, Any] = self.client.get_shell_msg(timeout=timeout)
            self.messages.append(message)
            if message["parent_header"]["msg_id"] == self._running:
                content: dict[str, Any] = message["content"]
                return content

    def load(self) -> None:
        """Install the bridge, as loading the extension does."""
        self.run(LOAD)

    def request(
        self, method: str, params: Any = None, *, content: Any = None, timeout: float = PATIENCE
    ) -> dict[str, Any]:
        """Ask over the control channel; the reply's content with the seconds it took."""
        started = time.perf_counter()
        asked = self.post(method, params, content=content)
        reply = self.reply(asked, timeout)
        reply["seconds"] = time.perf_counter() - started
        return reply

    def post(self, method: str, params: Any = None, *, content: Any = None) -> str:
        body = content or {"v": 1, "method": method, "params": params or {}}
        message = self.client.session.msg("etiq_request", body)
        self.client.control_channel.send(message)
        identity: str = message["header"]["msg_id"]
        return identity

    def reply(self, asked: str, timeout: float = PATIENCE) -> dict[str, Any]:
        deadline = time.monotonic() + timeout
        while True:
            message = self.client.get_control_msg(timeout=max(0.01, deadline - time.monotonic()))
            self.messages.append(message)
            if message["parent_header"]["msg_id"] == asked:
                content: dict[str, Any] = message["content"]
                return content

    def iopub(self, timeout: float = PATIENCE) -> dict[str, Any]:
        message: dict[str, Any] = self.client.get_iopub_msg(timeout=timeout)
        self.messages.append(message)
        return message

    def pushed(
        self, until: Callable[[dict[str, Any]], bool], timeout: float = PATIENCE
    ) -> list[Any]:
        """Read the comm until a pushed state satisfies ``until``; all data read up to there."""
        seen = []
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            try:
                message = self.iopub(max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                break
            if message["msg_type"] in ("comm_open", "comm_msg"):
                data = message["content"]["data"]
                seen.append(data)
                if until(data):
                    return seen
        raise AssertionError(f"no such state was pushed, only {seen}")

    def drain(self, quiet: float = 0.3) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                self.iopub(quiet)

    def comms(self) -> dict[str, Any]:
        """Ask for the comm over the control channel, which works beside a running cell."""
        message = self.client.session.msg("comm_info_request", {"target_name": "etiq.state"})
        self.client.control_channel.send(message)
        found: dict[str, Any] = self.reply(message["header"]["msg_id"])["comms"]
        return found


def start_kernel(tmp_path: Path) -> Kernel:
    python = os.environ.get("ETIQ_TEST_KERNEL_PYTHON", sys.executable)
    manager = KernelManager()
    manager._kernel_spec = KernelSpec(
        argv=[python, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        display_name="under test",
        language="python",
    )
    environment = {
        **os.environ,
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "ETIQ_HOME": str(tmp_path / "etiq"),
    }
    manager.start_kernel(env=environment, cwd=str(tmp_path))
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    return Kernel(manager, client)


def end_kernel(kernel: Kernel) -> None:
    kernel.client.stop_channels()
    kernel.manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module")
def _shared_kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    made = start_kernel(tmp_path_factory.mktemp("kernel"))
    made.load()
    yield made
    end_kernel(made)


@pytest.fixture
def kernel(_shared_kernel: Kernel) -> Kernel:
    """A kernel with a fresh bridge, shared by the tests of one file."""
    _shared_kernel.run("line.close()")
    _shared_kernel.load()
    _shared_kernel.drain(0.05)
    return _shared_kernel


@pytest.fixture
def fresh_kernel(tmp_path: Path) -> Iterator[Kernel]:
    """A kernel of its own, without a bridge."""
    made = start_kernel(tmp_path)
    yield made
    end_kernel(made)
