"""What the repository must not hold."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOP = {
    "pyproject.toml",
    "etiq_jupyter",
    "labextension",
    "tests",
    "binder",
    "examples",
    "README.md",
    "CHANGELOG.md",
    "LICENSE",
}


def tracked() -> list[str]:
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_the_top_level_is_the_agreed_one() -> None:
    found = {name.split("/")[0] for name in tracked()}
    assert {name for name in found if not name.startswith(".")} == TOP


def test_the_lock_file_records_no_download_addresses() -> None:
    text = (ROOT / "labextension" / "yarn.lock").read_text()
    assert not re.findall(r"https?://", text)


def test_files_are_of_a_size_that_one_reads() -> None:
    long = {
        name: count
        for name in tracked()
        if name.endswith((".py", ".ts", ".tsx"))
        and not name.startswith("tests/")
        and (ROOT / name).is_file()
        and (count := len((ROOT / name).read_text().splitlines())) > 550
    }
    assert long == {}
