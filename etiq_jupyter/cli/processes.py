"""Starting the dashboard and JupyterLab as child processes, and ending them again."""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from etiq_jupyter.errors import ServerError

STOP_WAIT = 10.0  # seconds between the polite and the final signal


def free_port(wanted: int) -> int:
    """Return the wanted port when it is free on loopback, else any free one."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ServerError("No free port on this machine")


class Child:
    """A child process with its output in a log file, so that failures can be shown.

    Parameters
    ----------
    command : sequence of str
    log : Path
        Receives standard error (and standard output, unless ``pipe`` is True).
    environment : mapping
        Added to this process's environment.
    """

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        environment: Mapping[str, str],
        *,
        pipe: bool = False,
        folder: Path | None = None,
    ) -> None:
        self.log = log
        self._file = log.open("wb")
        self.process = subprocess.Popen(  # noqa: S603 - our own commands
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if pipe else self._file,
            stderr=self._file,
            env={**os.environ, **environment},
            cwd=folder,
            start_new_session=True,  # Ctrl-C comes to the parent, which ends the children in order
        )

    def first_line(self, timeout: float) -> str:
        """Wait for the first line of standard output.

        Raises
        ------
        ServerError
            When the process ends before, or says nothing for too long.
        """
        assert self.process.stdout is not None  # noqa: S101 - made with pipe=True
        descriptor = self.process.stdout.fileno()
        deadline, text = time.monotonic() + timeout, b""
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while b"\n" not in text:
                left = deadline - time.monotonic()
                if left <= 0 or not selector.select(left):
                    raise ServerError("It did not start in time", why=self.tail())
                piece = os.read(descriptor, 4096)
                if not piece:
                    raise ServerError("It ended while starting", why=self.tail())
                text += piece
        return text.split(b"\n", 1)[0].decode()

    def tail(self, lines: int = 12) -> str:
        """Return the end of the log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self) -> None:
        """End it: politely first, for sure after ten seconds."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_WAIT)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._file.close()


def start_dashboard(
    data_dir: Path, port: int, log: Path, timeout: float = 60.0
) -> tuple[Child, dict[str, str]]:
    """Start a dashboard on loopback and wait until it answers.

    Returns
    -------
    (Child, dict)
        The process, and what it said: ``url``, and ``setup_url`` while it has no users.
    """
    command = [sys.executable, "-m", "etiq_jupyter.dashboard", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--data-dir", str(data_dir)]
    child = Child(command, log, {}, pipe=True)
    try:
        ready: dict[str, str] = json.loads(child.first_line(timeout))
    except BaseException:
        child.stop()
        raise
    return child, ready
