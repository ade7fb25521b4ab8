"""Python, packages and git: what is collected, and that nobody waits for it."""

from __future__ import annotations

import platform
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from etiq_jupyter import codecs
from etiq_jupyter.capture import environment
from etiq_jupyter.capture.environment import MAX_DIFF, Environment
from etiq_jupyter.capture.surroundings import Collector


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def git(*arguments: str) -> None:
        subprocess.run(
            ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments],
            cwd=tmp_path,
            check=True,
            capture_output=True,
        )

    git("init", "-q", "-b", "work")
    (tmp_path / "a.py").write_text("x = 1\n")
    git("add", "a.py")
    git("commit", "-q", "-m", "one")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_python_and_packages() -> None:
    found = Environment().collect()
    assert found["python"] == platform.python_version()
    assert "pytest" in found["packages"]
    assert list(found["packages"]) == sorted(found["packages"], key=str.lower)


def test_a_clean_and_a_dirty_tree(tree: Path) -> None:
    clean = Environment().collect()["git"]
    assert len(clean["commit"]) == 40
    assert (clean["branch"], clean["dirty"]) == ("work", False)
    assert "diff" not in clean
    (tree / "a.py").write_text("x = 2\n")
    dirty = Environment().collect()["git"]
    assert dirty["dirty"]
    assert "+x = 2" in dirty["diff"]


def test_a_huge_diff_is_cut_with_a_mark(tree: Path) -> None:
    (tree / "a.py").write_text("y = 'long line'\n" * 50_000)
    diff = Environment().collect()["git"]["diff"]
    assert len(diff) < MAX_DIFF + 100
    assert "not kept" in diff


def test_programs_that_a_repository_configures_do_not_run(tree: Path) -> None:
    witness = tree / "ran"
    evil = tree / "evil.sh"
    evil.write_text(f"#!/bin/sh\ntouch {witness}\n")
    evil.chmod(0o755)
    for key in ("diff.external", "core.fsmonitor", "diff.evil.textconv", "core.pager"):
        subprocess.run(["git", "config", key, str(evil)], cwd=tree, check=True)
    (tree / ".gitattributes").write_text("*.py diff=evil\n")
    (tree / "a.py").write_text("x = 3\n")
    assert Environment().collect()["git"]["dirty"]
    assert not witness.exists()


def test_outside_a_work_tree_there_is_no_git(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    assert "git" not in Environment().collect()


def test_git_that_hangs_is_given_up(tree: Path, monkeypatch: Any) -> None:
    def hang(*_: Any, timeout: float, **__: Any) -> Any:
        raise subprocess.TimeoutExpired("git", timeout)

    monkeypatch.setattr(subprocess, "run", hang)
    assert "git" not in Environment().collect()


def test_nobody_waits_for_a_second_collection(monkeypatch: Any) -> None:
    one = Collector()
    first = one.current(wait=30)
    monkeypatch.setattr(environment, "collect", lambda: time.sleep(5))
    one._at = -1e9
    begun = time.perf_counter()
    one.refresh()
    assert one.current() is first
    assert time.perf_counter() - begun < 0.5


def test_a_large_diff_is_redacted_before_a_cell_asks(
    kernel: Any, surroundings: Any, monkeypatch: Any
) -> None:
    surroundings("+x = 'ghp_" + "a1B2" * 9 + "'\n" * 4_000)
    monkeypatch.setattr(
        "etiq_jupyter.capture.surroundings.prepare",
        lambda *_, **__: pytest.fail("made by the cell"),
    )
    captured = kernel.run("x = 1")
    assert "redacted" in codecs.decode(captured.contents["@environment"])["git"]["diff"]


def test_equal_facts_are_made_once(monkeypatch: Any) -> None:
    monkeypatch.setattr(environment, "collect", lambda: {"python": "3", "packages": {}})
    one = Collector()
    first = one.current(wait=30)
    one._collect()
    assert one.current() is first


def test_a_collection_that_fails_or_hangs_leaves_the_least(monkeypatch: Any) -> None:
    monkeypatch.setattr(environment, "collect", lambda: 1 / 0)
    assert Collector().current().facts["python"] == platform.python_version()


def test_equal_environments_have_equal_hashes(kernel: Any) -> None:
    one, other = kernel.run("x = 1"), kernel.run("x = 2")
    hashes = {
        item.hash
        for made in (one, other)
        for item in made.snapshot.items
        if item.role == "environment"
    }
    assert len(hashes) == 1
    assert codecs.decode(one.contents["@environment"])["python"] == platform.python_version()
