"""Python, platform, packages and git of this process, as they are now.

Listing the installed packages takes some 50 ms; later calls reuse that list as long as the folders
of packages are unchanged. git runs as a process with a time limit, and is asked again when the work
tree's HEAD or index changed, or a few seconds have passed. `surroundings` calls this in a thread.
"""

from __future__ import annotations

import os
import platform
import sys
import threading
import time
from pathlib import Path
from typing import Any

MAX_DIFF = 200_000
"""Characters of the dirty diff that are kept."""
GIT_SECONDS = 2.0
FRESH_SECONDS = 5.0
"""Age below which git is not asked again."""


class Environment:
    """Collects, and remembers what is slow to collect. One instance serves the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._packages: tuple[Any, dict[str, str]] = (None, {})
        self._git: tuple[Any, dict[str, Any]] = (None, {})

    def collect(self) -> dict[str, Any]:
        """Collect now and return it.

        Returns
        -------
        dict
            ``python``, ``implementation``, ``platform``, ``machine``, ``packages`` (name ->
            version) and, inside a work tree, ``git`` (``commit``, ``branch``, ``dirty``, ``diff``).
        """
        with self._lock:
            found: dict[str, Any] = {
                "python": platform.python_version(),
                "implementation": platform.python_implementation(),
                "platform": platform.platform(),
                "machine": platform.machine(),
                "packages": self._installed(),
            }
            git = self._work_tree()
            if git:
                found["git"] = git
            return found

    def _installed(self) -> dict[str, str]:
        stamp = tuple((folder, _changed(folder)) for folder in sys.path if folder)
        if self._packages[0] != stamp:
            from importlib.metadata import distributions

            packages: dict[str, str] = {}
            for distribution in distributions():
                try:
                    name, version = distribution.metadata["Name"], distribution.version
                except Exception:  # noqa: BLE001, S112 - a broken package must not hide the others
                    continue
                if name and version:
                    packages.setdefault(name, version)
            self._packages = (
                stamp,
                dict(sorted(packages.items(), key=lambda entry: entry[0].lower())),
            )
        return self._packages[1]

    def _work_tree(self) -> dict[str, Any]:
        try:
            folder = Path.cwd()
        except OSError:
            return {}
        root = next((p for p in (folder, *folder.parents) if (p / ".git").exists()), None)
        if root is None:
            return {}
        git = root / ".git"
        stamp = (
            str(root),
            _changed(git / "HEAD"),
            _changed(git / "index"),
            int(time.monotonic() / FRESH_SECONDS),
        )
        if self._git[0] != stamp:
            self._git = (stamp, _ask_git(root))
        return self._git[1]


def _changed(path: Any) -> int:
    try:
        return Path(path).stat().st_mtime_ns
    except OSError:
        return 0


def _ask_git(root: Path) -> dict[str, Any]:
    commit = _git(root, "rev-parse", "HEAD")
    if commit is None:
        return {}
    branch = _git(root, "rev-parse", "--abbrev-ref", "HEAD") or ""
    # Submodules and external diff programs are left out: they can be slow, or run anything.
    diff = _git(
        root, "diff", "HEAD", "--no-ext-diff", "--no-textconv", "--ignore-submodules", "--no-color"
    )
    status = _git(root, "status", "--porcelain", "--ignore-submodules")
    found: dict[str, Any] = {
        "commit": commit.strip(),
        "branch": branch.strip(),
        "dirty": bool(status and status.strip()),
    }
    if diff and diff.strip():
        found["diff"] = diff[:MAX_DIFF]
        if len(diff) > MAX_DIFF:
            found["diff"] += f"\n[{len(diff) - MAX_DIFF:,} more characters were not kept]\n"
    return found


def _git(root: Path, *arguments: str) -> str | None:
    import subprocess

    quiet = os.environ | {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    command = ["git", "-c", "core.fsmonitor=false", "-C", str(root), *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - a fixed program with fixed arguments
            command,
            capture_output=True,
            timeout=GIT_SECONDS,
            env=quiet,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode != 0:
        return None
    return done.stdout[: MAX_DIFF * 4].decode("utf-8", "replace")


environment = Environment()


def _after_fork() -> None:
    global environment
    environment = Environment()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def collect() -> dict[str, Any]:
    """Collect the environment of this process now."""
    return environment.collect()
