"""What a cell bound or changed, read, and left alone."""

# ruff: noqa: E501 - tables read better unbroken

from __future__ import annotations

from typing import Any

import pytest

from etiq_jupyter import capture
from etiq_jupyter.errors import Invalid


def test_bound_names_in_order(kernel: Any) -> None:
    assert kernel.kept("b = 1\na = [2]\nfor i in range(2): pass") == ["b", "a", "i"]


def test_hidden_names_modules_and_imports_are_left_out(kernel: Any) -> None:
    assert kernel.kept(
        "import math, os.path\nfrom json import loads\nfrom decimal import Decimal\n_x = 1\n__y = 2\nIn = []\nx = 1"
    ) == ["x"]


def test_unchanged_variables_are_read_not_kept(kernel: Any) -> None:
    kernel.run("x = [1]\ny = 2")
    assert kernel.kept("z = x[0] + y") == ["z"]
    assert kernel.reads() == ["x", "y"]


def test_reads_link_to_what_was_written(kernel: Any) -> None:
    kernel.run("x = [1]\ny = 2.5")
    wrote = {item.name: item.hash for item in kernel.items(kernel.last)}
    kernel.run("z = (x, y)")
    assert {read.name: read.hash for read in kernel.last.snapshot.reads} == wrote


@pytest.mark.parametrize(
    ("setup", "change", "changed"),
    [
        ("lst = [1]", "lst.append(2)", ["lst"]),
        ("d = {}", "d['a'] = 1", ["d"]),
        ("d = {'k': []}", "d['k'].append(1)", ["d"]),
        ("a = [1]; b = a", "b.append(2)", ["a", "b"]),
        ("lst = [1]; d = {'k': lst}", "d['k'].append(2)", ["lst", "d"]),
        ("lst = [1]; d = {'k': lst}", "lst.append(2)", ["lst", "d"]),
        ("lst = [1]\ndef f(): lst.append(2)", "f()", ["lst"]),
        ("lst = [1]\ndef g(): lst.append(2)\ndef f(): g()", "f()", ["lst"]),
        ("lst = [1]\nf = lambda: lst.append(2)", "f()", ["lst"]),
        ("n = 1\ndef f():\n    global n\n    n = 2", "f()", ["n"]),
        ("lst = [1]\nclass A:\n    def m(self): lst.append(2)\na = A()", "a.m()", ["lst"]),
        ("lst = [3, 1]", "lst.sort()", ["lst"]),
        ("s = {1}", "s |= {2}", ["s"]),
        ("x = 1", "x += 1", ["x"]),
        ("x = 1", "del x", []),
        ("x = 1", "exec('x = 5')", ["x"]),
        ("x = 1", "globals()['y'] = 5", ["y"]),
        ("a, b = [1], [2]", "a, b = b, a", ["a", "b"]),
        ("x = [1]", "if False: x = 2", []),
        ("x = [1]", "x", []),
        ("x = [1]", "x = [1]", ["x"]),
        (
            "import functools\nlst = [1]\ndef f(q): lst.append(q)\np = functools.partial(f, 1)",
            "p()",
            ["lst"],
        ),
    ],
)
def test_changes(kernel: Any, setup: str, change: str, changed: list[str]) -> None:
    kernel.run(setup)
    assert kernel.kept(change) == changed


def test_frames_and_arrays_changed_in_place(kernel: Any) -> None:
    kernel.run(
        "import pandas as pd, numpy as np\ndf = pd.DataFrame({'a': [1, 2]})\narr = np.arange(4)\nview = arr[1:]\nother = 1"
    )
    assert kernel.kept("df['z'] = 1") == ["df"]
    assert kernel.kept("df.loc[0, 'a'] = 9") == ["df"]
    assert kernel.kept("df.drop(columns='z', inplace=True)") == ["df"]
    assert kernel.kept("print(df.sum(), end='')") == []
    assert kernel.kept("view[0] = 7") == ["arr", "view"]
    assert kernel.kept("np.add(arr, 1, out=arr)") == ["arr", "view"]
    assert kernel.kept("df.attrs['x'] = 1") == ["df"]


def test_a_model_is_kept_when_fitted_and_read_when_used(kernel: Any) -> None:
    pytest.importorskip("sklearn")
    pytest.importorskip("skops")
    kernel.run(
        "from sklearn.linear_model import LinearRegression\nm = LinearRegression()\nX = [[1.0], [2.0]]; y = [1.0, 2.0]"
    )
    first = kernel.item("m").hash
    assert kernel.kept("m.fit(X, y)") == ["m"]
    assert kernel.item("m").hash != first
    assert set(kernel.reads()) == {"m", "X", "y"}
    assert kernel.kept("p = m.predict(X).tolist()") == ["p"]
    assert "m" in kernel.reads()


def test_what_ran_between_snapshots_is_a_new_version(kernel: Any) -> None:
    kernel.run("lst = [1]")
    kernel.unseen("lst.append(2)")
    assert kernel.kept("len(lst)") == ["lst"]


def test_a_cell_that_failed_keeps_what_it_bound(kernel: Any) -> None:
    kernel.run("a = 1; z = 5")
    assert kernel.kept("b = 2\n1/0\nz = 6") == ["b"]
    assert kernel.last.snapshot.error.name == "ZeroDivisionError"


def test_a_cell_with_a_syntax_error_is_a_snapshot(kernel: Any) -> None:
    assert kernel.kept("x = (") == []
    assert kernel.last.snapshot.error.name == "SyntaxError"
    assert kernel.last.snapshot.source == "x = ("


def test_ipython_syntax_is_understood_without_ipython() -> None:
    names = capture.watch_cell(
        "files = !ls\n%time y = g(x)\n!rm z\n?help\n", {}, capture.Memory()
    ).names
    assert list(names.bound) == ["files", "y"]
    assert set(names.reads) == {"g", "x"}


def test_a_transformer_that_fails_does_no_harm(kernel: Any) -> None:
    def broken(source: str) -> str:
        raise RuntimeError(source)

    watch = capture.watch_cell("x = 1", kernel.namespace, kernel.memory, transform=broken)
    assert list(watch.names.bound) == ["x"]


def test_options_choose_variables(kernel: Any) -> None:
    kernel.run("a = 1; b = [2]; c = 'x'")
    assert kernel.kept("d = 4", variables=["b", "a"]) == ["a", "b"]
    assert kernel.kept("d = 4", variables="all") == ["a", "b", "c", "d"]
    assert kernel.kept("e = 4", variables="none") == []
    assert kernel.last.snapshot.metrics == {}
    with pytest.raises(Invalid, match="nope"):
        kernel.run("f = 1", variables=["nope"])


def test_metrics_are_numbers_that_json_has(kernel: Any) -> None:
    kernel.run(
        "import numpy as np\na = 1; b = 0.5; c = np.float32(2); d = True; e = float('nan'); f = float('inf'); g = 1j; h = 10**400; i = np.bool_(True); j = np.array(3)"
    )
    assert kernel.last.snapshot.metrics == {"a": 1.0, "b": 0.5, "c": 2.0}
    assert {item.name for item in kernel.items(kernel.last)} == set("abcdefghij")


@pytest.mark.parametrize(
    "value",
    ["np.memmap(path, np.int16, 'w+', shape=(3, 2))", "np.matrix('1 2; 3 4')", "np.ma.array([1, 2], mask=[0, 1])", "np.rec.array([(1, 2.0), (3, 4.0)])", "np.arange(6).view(Mine)"],
)  # fmt: skip
def test_arrays_of_every_class_are_no_metrics_and_do_no_harm(
    kernel: Any, tmp_path: Any, value: str
) -> None:
    kernel.namespace["path"] = str(tmp_path / "array")
    kernel.run("import numpy as np\nclass Mine(np.ndarray): pass\nMine.__module__ = 'numpy'")
    assert "a" in kernel.kept(f"a = {value}\nscore = np.float32(0.5)")
    assert kernel.last.snapshot.metrics == {"score": 0.5}


def test_aliases_are_named(kernel: Any) -> None:
    kernel.run("a = [1]; b = a; c = [1]; x = y = 5")
    assert kernel.item("b").same_as == "a"
    assert kernel.item("c").same_as == ""
    assert kernel.item("y").same_as == ""
    assert set(kernel.last.contents) >= {"a", "c"}
    assert "b" not in kernel.last.contents


def test_what_cannot_be_kept_is_listed_with_the_reason(kernel: Any) -> None:
    kernel.run(
        "import threading\nlock = threading.Lock()\ngen = (i for i in [])\nd = {'a': [1, {'f': open}]}\nok = 1"
    )
    assert "no safe portable form" in kernel.item("lock").reason
    assert kernel.item("gen").kind == "other"
    assert "['a'][1]['f']" in kernel.item("d").reason
    assert kernel.item("ok").reason == ""


def test_values_that_misbehave_do_not_fail_the_cell(kernel: Any) -> None:
    source = (
        "class Evil:\n"
        "    def __getattr__(self, n): raise RuntimeError(n)\n"
        "    def __repr__(self): raise RuntimeError\n"
        "    def __eq__(self, o): raise RuntimeError\n"
        "    def __len__(self): raise RuntimeError\n"
        "    __hash__ = None\n"
        "    @property\n    def __class__(self): raise RuntimeError\n"
        "e = Evil()\nl = [e]\n"
        "loop = []\nloop.append(loop)\ndeep = []\nfor _ in range(5000): deep = [deep]\n"
    )
    kernel.run(source)
    assert kernel.item("e").reason
    assert kernel.item("l").reason
    assert not kernel.item("loop").reason
    assert "deeper" in kernel.item("deep").reason


def test_capture_values_needs_no_cell() -> None:
    made = capture.capture_values({"acc": 0.9, "xs": [1]}, name="n", tags=["t"], note="o")
    assert made.snapshot.metrics == {"acc": 0.9}
    assert [i.name for i in made.snapshot.items] == ["acc", "xs", "@environment"]
    assert (made.snapshot.name, made.snapshot.tags, made.snapshot.note) == ("n", ["t"], "o")


def test_functions_of_the_notebook_are_kept_as_source(kernel: Any, tmp_path: Any) -> None:
    import linecache

    source = "def area(r, *, pi=3):\n    return pi * r ** 2\n"
    linecache.cache["<area>"] = (len(source), None, source.splitlines(True), "<area>")
    kernel.namespace.pop("area", None)
    watch = capture.watch_cell(source, kernel.namespace, kernel.memory)
    exec(compile(source, "<area>", "exec"), kernel.namespace)
    made = watch.finish(capture.CellOutcome())
    item = made.snapshot.items[0]
    assert (item.kind, item.summary) == ("code", "area(r, pi)")
    assert bytes(made.contents["area"].read("source")).decode().startswith("def area")
