"""Where values came from, and the cells that make one."""

# ruff: noqa: E501 - tables read better unbroken

from __future__ import annotations

import json
from typing import Any

import pytest

from etiq_jupyter.compare import lineage
from etiq_jupyter.compare.names import analyse
from etiq_jupyter.errors import NotFound


def test_parents_and_children_by_content(notebook: Any) -> None:
    load = notebook.run("data = [3, 1, 2]", "load")
    clean = notebook.run("data.sort()", "clean")
    total = notebook.run("total = sum(data)", "total")
    other = notebook.run("x = 1", "other")
    link = lineage.parents(notebook.snapshots, total)[0]
    assert (link.id, link.name, link.items) == (clean, "clean", ["data"])
    assert [link.id for link in lineage.parents(notebook.snapshots, clean)] == [load]
    assert [link.id for link in lineage.children(notebook.snapshots, load)] == [clean]
    assert lineage.parents(notebook.snapshots, other) == []


def test_pipelines_are_the_connected_parts(notebook: Any) -> None:
    notebook.run("a = [1]", "load")
    notebook.run("b = [*a, 2]", "clean")
    notebook.run("alone = 5", "alone")
    notebook.run("c = ['x']", "start")
    notebook.run("d = c + b", "join")
    found = lineage.pipelines(notebook.snapshots)
    assert len(found) == 1
    assert [node.name for node in found[0].nodes] == ["load", "clean", "start", "join"]
    assert found[0].name == "load to join"
    assert {(edge.items[0]) for edge in found[0].edges} == {"a", "b", "c"}


def test_minimal_cells_run_clean_give_the_same_hash(notebook: Any) -> None:
    notebook.run("import math\nfrom decimal import Decimal", "imports")
    notebook.run("noise = [1]", "noise")
    notebook.run("data = [4, 9]", "load")
    notebook.run("def root(x): return math.sqrt(x) + offset", "define")
    notebook.run("offset = 1", "offset")
    notebook.run("data.append(16)", "extend")
    notebook.run("noise.append(data)", "use")
    last = notebook.run("roots = [root(x) for x in data]\nalso = 2", "apply")
    cells = lineage.minimal_cells(notebook.snapshots, last, "roots")
    assert [s.name for s in cells.snapshots] == [
        "imports",
        "load",
        "define",
        "offset",
        "extend",
        "apply",
    ]
    assert cells.missing == []
    script = lineage.as_script(cells)
    space: dict[str, Any] = {}
    exec(compile(script, "<script>", "exec"), space)
    from etiq_jupyter import codecs

    wrote = next(item for item in notebook.snapshots[-1].items if item.name == "roots")
    assert codecs.encode(space["roots"]).content.hash == wrote.hash


def test_a_value_kept_again_unchanged_comes_from_where_it_was_made(notebook: Any) -> None:
    first = notebook.run("data = [1]", "load")
    again = notebook.run("y = data[0]", "use")
    assert [s.id for s in lineage.minimal_cells(notebook.snapshots, again, "y").snapshots] == [
        first,
        again,
    ]
    assert [s.id for s in lineage.minimal_cells(notebook.snapshots, first, "data").snapshots] == [
        first
    ]


def test_names_of_cells_that_were_not_kept_are_told(notebook: Any) -> None:
    exec("hidden = lambda v: v", notebook.space)
    last = notebook.run("x = hidden(1)")
    cells = lineage.minimal_cells(notebook.snapshots, last)
    assert cells.missing == ["hidden"]
    assert "hidden" in lineage.as_script(cells)
    assert "hidden" in lineage.as_notebook(cells)


def test_the_notebook_is_one(notebook: Any) -> None:
    last = notebook.run("x = 1", "one")
    made = json.loads(lineage.as_notebook(lineage.minimal_cells(notebook.snapshots, last)))
    nbformat = pytest.importorskip("nbformat")
    nbformat.validate(nbformat.from_dict(made))
    assert made["cells"][0]["source"] == "x = 1"


def test_shell_lines_become_comments_in_scripts() -> None:
    from datetime import datetime, timezone

    from etiq_jupyter.model import Run, Snapshot

    source = "%matplotlib inline\nx = 1\n!ls\nfiles = !ls\n%time y = x"
    snapshot = Snapshot(
        id="1", run=Run(id="r"), created_at=datetime.now(timezone.utc), source=source
    )
    script = lineage.as_script([snapshot])
    exec(compile(script, "<s>", "exec"), space := {})
    assert space["y"] == 1
    assert "# !ls" in script


def test_unknown_snapshots_and_items(notebook: Any) -> None:
    made = notebook.run("x = 1")
    with pytest.raises(NotFound):
        lineage.minimal_cells(notebook.snapshots, "nope")
    with pytest.raises(NotFound):
        lineage.minimal_cells(notebook.snapshots, made, "nope")


@pytest.mark.parametrize(
    ("source", "bound", "reads"),
    [
        ("x = 1\ny = x", ["x", "y"], []), ("y = x\nx = 1", ["y", "x"], ["x"]), ("def f(a): return a + b", ["f"], []), ("def f(a): return a + b\nf(1)", ["f"], ["b"]),
        ("[i for i in rows if i]", [], ["rows"]), ("{k: v for k, v in d.items()}", [], ["d"]), ("lambda q: q + z", [], ["z"]), ("for i in r: s += i", ["i", "s"], ["r", "s"]),
        ("with open('f') as g: t = g.read()", ["g", "t"], ["open"]), ("try: import q\nexcept E as e: q = None", ["q"], ["E"]), ("class A(B):\n    x = y\n    def f(self): return x", ["A"], ["B", "x", "y"]),
        ("(n := 5) + n", ["n"], ["n"]), ("a.b = c", [], ["a", "c"]), ("a[i] = 1", [], ["a", "i"]), ("x: int = 5", ["x"], ["int"]), ("del a", [], []), ("import a.b, c as d", ["a", "d"], []), ("async def f(): await g()\nawait f()", ["f"], ["g"]),
        ("match p:\n    case {'k': [x, *rest]}: y = x", ["x", "rest", "y"], ["p"]), ("if a: b = 1\nprint(b)", ["b"], ["a", "b", "print"]), ("x = 1\ndel x\nprint(x)", [], ["print", "x"]), ("print(f'{a!r:>{w}}')", [], ["a", "print", "w"]),
    ],
)  # fmt: skip
def test_names_of_sources(source: str, bound: list[str], reads: list[str]) -> None:
    found = analyse(source)
    assert (list(found.bound), sorted(found.reads)) == (bound, sorted(reads))
