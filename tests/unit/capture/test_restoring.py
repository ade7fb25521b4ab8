"""Variables back into a namespace: the plan, the three lists, aliases."""

# ruff: noqa: E501 - tables read better unbroken

from __future__ import annotations

from typing import Any

import pytest

from etiq_jupyter import capture
from etiq_jupyter.errors import Invalid, NotFound


def restore(kernel: Any, into: dict[str, Any], **options: Any) -> capture.RestoreReport:
    contents = kernel.last.contents
    return capture.restore(kernel.last.snapshot, lambda name: contents[name], into, **options)


def test_three_lists(kernel: Any) -> None:
    kernel.run("import threading\na = [1]; lock = threading.Lock(); b = a")
    space: dict[str, Any] = {"a": "mine"}
    report = restore(kernel, space)
    assert list(report.restored) == ["b"]
    assert "no safe portable form" in report.recomputable["lock"]
    assert "--force" in report.skipped["a"]
    assert report.source == kernel.last.snapshot.source
    assert space == {"a": "mine", "b": [1]}
    assert "lock" in str(report)


def test_an_equal_variable_is_replaced_without_force(kernel: Any) -> None:
    kernel.run("a = [1]")
    assert list(restore(kernel, {"a": [1]}).restored) == ["a"]


def test_overwrite_prefix_only_and_dry_run(kernel: Any) -> None:
    kernel.run("a = [1]; b = 2")
    space: dict[str, Any] = {"a": 0}
    assert restore(kernel, space, dry_run=True, overwrite=True).restored == {
        "a": "list [1]",
        "b": "int 2",
    }
    assert space == {"a": 0}
    restore(kernel, space, only=["a"], overwrite=True)
    assert space == {"a": [1]}
    restore(kernel, space, prefix="old_")
    assert space == {"a": [1], "old_a": [1], "old_b": 2}
    with pytest.raises(NotFound, match="'c'"):
        restore(kernel, space, only=["c"])
    with pytest.raises(Invalid):
        restore(kernel, space, prefix="1-")


def test_aliases_and_shared_parts_come_back_shared(kernel: Any) -> None:
    kernel.run(
        "import pandas as pd\nlst = [1]; twin = lst; d = {'k': lst, 'own': [lst]}\ndf = pd.DataFrame({'a': [1]})\nbox = {'df': df}\ninner = [9]; p = [inner]; q = [inner]; del inner"
    )
    space: dict[str, Any] = {}
    restore(kernel, space)
    assert space["twin"] is space["lst"] is space["d"]["k"] is space["d"]["own"][0]
    assert space["box"]["df"] is space["df"]
    assert space["p"][0] is space["q"][0]
    assert space["lst"] == [1]


def test_a_missing_class_makes_its_values_recomputable(kernel: Any) -> None:
    kernel.run(
        "import dataclasses\n@dataclasses.dataclass\nclass OnlyThere:\n    x: int\np = OnlyThere(1)\nn = 1"
    )
    report = restore(kernel, {})
    assert "OnlyThere" in report.recomputable["p"]
    assert "n" in report.restored


def test_damage_is_named_and_the_rest_restored(kernel: Any) -> None:
    kernel.run("a = [1]; b = 2")
    kernel.last.contents["a"].buffers[0].data = memoryview(b"\xc1")
    report = restore(kernel, {})
    assert "damaged" in report.skipped["a"]
    assert list(report.restored) == ["b"]


def test_code_is_not_run(kernel: Any) -> None:
    import linecache

    source = "def f():\n    raise SystemExit\n"
    linecache.cache["<f>"] = (len(source), None, source.splitlines(True), "<f>")
    watch = capture.watch_cell(source, kernel.namespace, kernel.memory)
    exec(compile(source, "<f>", "exec"), kernel.namespace)
    kernel.last = watch.finish(capture.CellOutcome())
    assert "run its cell yourself" in restore(kernel, {}).skipped["f"]
