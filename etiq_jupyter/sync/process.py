"""Starting a courier process, where that is possible."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

_SECRETS = ("ETIQ_TOKEN",)


class NoCourier(Exception):
    """A courier cannot take this snapshot; ``final`` when it will never take any."""

    def __init__(self, reason: str, *, final: bool = False) -> None:
        self.final = final
        super().__init__(reason)


def allowed() -> bool:
    """Whether a courier can be had on this machine, as far as one can tell without trying."""
    wanted = os.environ.get("ETIQ_COURIER", "1").lower() not in ("0", "no", "off", "false")
    return wanted and hasattr(socket, "send_fds") and bool(sys.executable)


def spawn(fd: int, folder: Path) -> subprocess.Popen[bytes]:
    """Start a courier on a socket; raises OSError when it cannot be."""
    environment = {key: value for key, value in os.environ.items() if key not in _SECRETS}
    package = str(Path(__file__).resolve().parents[2])
    paths = [path for path in (environment.get("PYTHONPATH"), package) if path]
    environment["PYTHONPATH"] = os.pathsep.join(paths)
    environment["PYTHONSAFEPATH"] = "1"
    return subprocess.Popen(  # noqa: S603 - this interpreter, a module of this package
        [sys.executable, "-m", "etiq_jupyter.sync.courier", str(fd)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(fd,),
        env=environment,
        cwd=folder,  # not the notebook's folder: files there must not be taken for modules
        start_new_session=True,  # an interrupt of the kernel is not one of the courier
    )
