"""%%snapshot in a real kernel, in local mode."""

from __future__ import annotations

from typing import Any

import pytest

BODY = """import sys
print("to stdout")
print("to stderr", file=sys.stderr)
value = 6 * 7
value"""


def plain(outputs: list[Any]) -> list[Any]:
    """Outputs without what differs from run to run."""
    return [
        {k: v for k, v in output.items() if k not in ("execution_count", "metadata")}
        for output in outputs
    ]


def test_the_outputs_are_what_they_would_have_been(run: Any, kept: Any) -> None:
    found = run(BODY, f"%%snapshot same\n{BODY}")
    assert plain(found.outputs(1)) == plain(found.outputs(0))
    (snapshot,) = kept()
    assert snapshot.name == "same"
    assert snapshot.source == BODY
    assert snapshot.metrics == {"value": 42.0}


def test_a_failing_cell_fails_once_and_stops_the_run(run: Any, kept: Any) -> None:
    found = run("%%snapshot broken\nx = 1\n1 / 0", "after = 1")
    assert found.error is not None
    errors = [o for o in found.cells[0].outputs if o.output_type == "error"]
    assert [error.ename for error in errors] == ["ZeroDivisionError"]
    assert found.cells[1].execution_count is None
    (snapshot,) = kept()
    assert snapshot.error is not None
    assert snapshot.error.name == "ZeroDivisionError"
    assert [item.name for item in snapshot.items if item.role == "variable"] == ["x"]


def test_the_traceback_names_the_lines_as_the_reader_sees_them(run: Any) -> None:
    found = run("%%snapshot\nx = 1\n\n1 / 0")
    assert "line 4" in found.text(0)


def test_a_cell_with_a_syntax_error_is_a_snapshot_with_its_error(run: Any, kept: Any) -> None:
    found = run("%%snapshot typo\nx = = 1")
    assert found.error is not None
    (snapshot,) = kept()
    assert snapshot.error is not None
    assert snapshot.error.name == "SyntaxError"


def test_top_level_await_works(run: Any, kept: Any) -> None:
    found = run("%%snapshot\nimport asyncio\nresult = await asyncio.sleep(0.01, result=5)\nresult")
    assert found.error is None
    assert found.text(0).startswith("5")
    assert kept()[0].metrics == {"result": 5.0}


def test_a_cell_magic_below_runs(run: Any, kept: Any) -> None:
    found = run("%%snapshot\n%%time\ntimed = 3")
    assert found.error is None
    assert "Wall time" in found.text(0)
    assert kept()[0].metrics == {"timed": 3.0}


@pytest.mark.parametrize("line", ["--nonsense", "--tag", "--vars 1x"])
def test_unknown_options_are_a_usage_error_and_the_cell_does_not_run(
    line: str, run: Any, kept: Any
) -> None:
    found = run(f"%%snapshot {line}\nprint('ran')")
    assert "UsageError" in found.text(0)
    assert "ran" not in found.text(0)
    assert kept() == []


def test_an_empty_cell_is_a_usage_error(run: Any) -> None:
    assert "body is empty" in run("%%snapshot nothing").text(0)


def test_what_is_kept_and_what_is_not(run: Any, kept: Any) -> None:
    run(
        "%%snapshot everything\n"
        "import numpy as np, pandas as pd, matplotlib.pyplot as plt\n"
        "number, text, nested = 1.5, 'words', {'a': [1, (2, 3)]}\n"
        "array = np.arange(10)\n"
        "frame = pd.DataFrame({'a': [1, 2], 'b': ['x', None]})\n"
        "figure, axes = plt.subplots()\n"
        "generator = (i for i in range(3))\n"
        "_hidden = 1\n"
        "plt.show()"
    )
    (snapshot,) = kept()
    items = {item.name: item for item in snapshot.items}
    kinds = {name: item.kind for name, item in items.items() if item.role == "variable"}
    assert kinds["array"] == "array"
    assert kinds["frame"] == "frame"
    assert kinds["figure"] == "figure"
    assert {"number", "text", "nested"} <= set(kinds)
    assert "_hidden" not in items
    assert "np" not in items
    assert items["generator"].reason
    assert not items["generator"].object
    assert all(item.object for name, item in items.items() if not item.reason and not item.same_as)


def test_options_are_kept(run: Any, kept: Any) -> None:
    run(
        "%%snapshot two words --tag a --tag b --note 'a note' --project Elsewhere --vars y\n"
        "x = y = 1"
    )
    (snapshot,) = kept()
    assert (snapshot.name, snapshot.tags, snapshot.note) == ("two words", ["a", "b"], "a note")
    assert snapshot.project_name == "Elsewhere"
    assert [item.name for item in snapshot.items if item.role == "variable"] == ["y"]


def test_a_dry_run_runs_the_cell_lists_and_keeps_nothing(run: Any, kept: Any) -> None:
    found = run("%%snapshot --dry-run\ndata = list(range(100))\nprint('ran')")
    assert "ran" in found.text(0)
    assert "nothing was kept" in found.text(0)
    assert "data" in found.text(0)
    assert kept() == []


def test_automatic_snapshots_keep_every_cell(run: Any, kept: Any) -> None:
    run("%etiq_autosnapshot on", "a = 1", "b = a + 1", "%etiq_autosnapshot off", "c = 3")
    names = [[i.name for i in s.items if i.role == "variable"] for s in kept()]
    assert ["a"] in names
    assert ["b"] in names
    assert ["c"] not in names


def test_the_line_says_what_was_kept_and_where(run: Any) -> None:
    text = run("%%snapshot fit\nx = 1\ny = 2").text(0)
    assert "fit: 2 variables" in text
    assert "here (not logged in)" in text


def test_unloading_takes_everything_away(run: Any, kept: Any) -> None:
    found = run("%unload_ext etiq_jupyter", "%%snapshot\nx = 1")
    assert "%%snapshot" in found.text(1)
    assert kept() == []


def test_a_cell_that_runs_cells_is_one_snapshot(run: Any, kept: Any) -> None:
    run("%%snapshot outer\nget_ipython().run_cell('inner = 1')\nouter = 2")
    (snapshot,) = kept()
    assert snapshot.name == "outer"


def test_lineage_joins_what_one_cell_wrote_and_another_read(run: Any, kept: Any) -> None:
    run(
        "%%snapshot write\nimport pandas as pd\ndf = pd.DataFrame({'a': range(100)})",
        "%%snapshot read\ntotal = int(df['a'].sum())",
    )
    first, second = kept()
    written = {item.name: item.hash for item in first.items}
    assert {read.name: read.hash for read in second.reads} == {"df": written["df"]}
