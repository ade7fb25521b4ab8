"""What differs between two snapshots."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest

from etiq_jupyter import compare
from etiq_jupyter.compare.snapshots import environment_changes, source_lines


def test_variables_are_added_removed_changed_and_same(diff: Any) -> None:
    found = diff({"a": 1, "b": [1], "c": "x", "d": 5}, {"a": 1, "b": [1, 2], "e": 2.5, "d": 5})
    assert {v.name: v.status for v in found.variables} == {
        "a": "same",
        "b": "changed",
        "c": "removed",
        "d": "same",
        "e": "added",
    }
    assert {m.name: (m.a, m.b) for m in found.metrics} == {"e": (None, 2.5)}
    assert found.source_same
    assert found.environment == []
    msgspec.json.decode(msgspec.json.encode(found), type=type(found))


def test_metrics_with_their_change(diff: Any) -> None:
    found = diff({"acc": 0.9}, {"acc": 0.92}).metrics[0]
    assert (found.a, found.b) == (0.9, 0.92)
    assert found.change == pytest.approx(0.02)


def test_source_by_lines() -> None:
    lines = source_lines("a\nb\nc", "a\nB\nc\nd")
    assert [(line.op, line.text, line.a, line.b) for line in lines] == [
        (" ", "a", 1, 1),
        ("-", "b", 2, 0),
        ("+", "B", 0, 2),
        (" ", "c", 3, 3),
        ("+", "d", 0, 4),
    ]


def test_frames_by_key(change: Any) -> None:
    a = pd.DataFrame({"id": [1, 2, 3, 4], "x": [1.0, 2.0, np.nan, 4.0], "gone": list("abcd")})
    b = pd.DataFrame({"id": [4, 3, 2, 9], "x": [4.0, np.nan, 7.0, 0.0], "new": [1, 2, 3, 4]})
    found = change(a, b).detail
    assert (found["matched_by"], found["key"]) == ("key", "id")
    assert found["rows"] == {"added": 1, "removed": 1, "changed": 1, "same": 2}
    assert found["reordered"]
    assert found["schema"]["added"] == [{"name": "new", "type": "int64"}]
    assert found["schema"]["removed"] == [{"name": "gone", "type": "string"}]
    assert found["sample"] == [
        {"row_a": 1, "row_b": 2, "key": 2, "cells": [{"column": "x", "a": 2.0, "b": 7.0}]}
    ]
    assert found["added_rows"]["places"] == [3]
    assert found["removed_rows"]["places"] == [0]


def test_frames_by_named_index(change: Any) -> None:
    a = pd.DataFrame({"x": [1, 1, 1]}, index=pd.Index(["p", "q", "r"], name="key"))
    b = pd.DataFrame({"x": [1, 5]}, index=pd.Index(["r", "p"], name="key"))
    found = change(a, b).detail
    assert (found["matched_by"], found["key"]) == ("key", "key")
    assert found["rows"] == {"added": 0, "removed": 1, "changed": 1, "same": 1}


def test_frames_by_position_and_content(change: Any) -> None:
    a = pd.DataFrame({"x": [1.5, 2.5, 2.5, 4.5], "c": ["a", "b", "b", "d"]})
    edited = a.copy()
    edited.loc[1, "c"] = "z"
    found = change(a, edited).detail
    assert (found["matched_by"], found["rows"]["changed"]) == ("position", 1)
    inserted = pd.concat(
        [a.iloc[:2], pd.DataFrame({"x": [9.5], "c": ["n"]}), edited.iloc[2:]], ignore_index=True
    )
    inserted.loc[0, "x"] = 0.5
    found = change(a, inserted).detail
    assert found["matched_by"] == "content"
    assert found["rows"] == {"added": 1, "removed": 0, "changed": 1, "same": 3}
    shuffled = a.iloc[[2, 0, 3, 1]].reset_index(drop=True)
    found = change(a, shuffled)
    assert found.detail["rows"] == {"added": 0, "removed": 0, "changed": 0, "same": 4}
    assert found.detail["reordered"]
    assert "reordered" in found.summary


def test_frames_with_nulls_of_every_kind_are_equal_where_they_are(change: Any) -> None:
    a = pd.DataFrame(
        {
            "f": [1.0, None],
            "s": ["a", None],
            "i": pd.array([1, None], dtype="Int64"),
            "t": pd.to_datetime(["2020", None]),
            "c": pd.Categorical(["x", None]),
            "o": pd.Series([[1], None], dtype=object),
        }
    )
    b = a.copy()
    b.attrs["note"] = 1
    found = change(a, b)
    assert found.status == "changed"
    assert found.detail["rows"] == {"added": 0, "removed": 0, "changed": 0, "same": 2}
    for column, value in (
        ("f", 2.0),
        ("s", "b"),
        ("i", 5),
        ("t", pd.Timestamp("2021")),
        ("c", "x"),
    ):
        b = a.copy()
        b.loc[1, column] = value
        assert change(a, b).detail["rows"]["changed"] == 1, column


def test_changed_types_of_columns(change: Any) -> None:
    a, b = pd.DataFrame({"x": [1, 2]}), pd.DataFrame({"x": [1.0, 3.0]})
    found = change(a, b).detail
    assert found["schema"]["changed"] == [{"name": "x", "a": "int64", "b": "float64"}]
    assert found["rows"]["changed"] == 1
    assert change(a, pd.DataFrame({"x": ["1", "2"]})).detail["schema"]["changed"]


def test_distributions_of_changed_columns(change: Any) -> None:
    a = pd.DataFrame({"id": range(100), "x": np.arange(100.0), "c": ["a"] * 100})
    b = a.assign(x=a["x"] * 2, c=["a"] * 50 + ["b"] * 50)
    columns = {column["name"]: column for column in change(a, b).detail["columns"]}
    assert set(columns) == {"x", "c"}
    assert columns["x"]["mean"] == [49.5, 99.0]
    assert sum(columns["x"]["histogram"]["a"]) == sum(columns["x"]["histogram"]["b"]) == 100
    assert columns["c"]["distinct"] == [1, 2]
    assert columns["c"]["top"] == [
        {"value": "a", "a": 100, "b": 50},
        {"value": "b", "a": 0, "b": 50},
    ]


def test_pandas_and_polars_frames_compare(change: Any) -> None:
    pl = pytest.importorskip("polars")
    found = change(
        pd.DataFrame({"a": [1, 2], "s": ["x", "y"]}), pl.DataFrame({"a": [1, 3], "s": ["x", "y"]})
    )
    assert found.detail["rows"] == {"added": 0, "removed": 0, "changed": 1, "same": 1}


def test_arrays(change: Any) -> None:
    a = np.zeros((10, 4))
    b = a.copy()
    b[3, 2], b[0, 0] = -7, np.nan
    found = change(a, b)
    assert found.detail["changed"] == 2
    assert (found.detail["largest"], found.detail["at"], found.detail["values"]) == (
        7.0,
        [3, 2],
        ["0.0", "-7.0"],
    )
    assert found.detail["missing_changed"] == 1
    assert "10 x 4 -> 5" in change(a, np.zeros(5)).summary
    assert change(np.array(["a", "b"]), np.array(["a", "c"])).detail["changed"] == 1
    assert change(np.array([1, 2]), np.array([1, 2], "i4")).detail["changed"] == 0
    assert change(np.array([2**63], "u8"), np.array([0], "u8")).detail["largest"] == 2.0**63


def test_plain_values(change: Any) -> None:
    found = change({"a": [1, {"b": 2}], "gone": 0}, {"a": [1, {"b": 3}, 4], "new": "x"})
    assert found.detail["counts"] == {"added": 2, "removed": 1, "changed": 1}
    assert {(c["what"], c["path"]) for c in found.detail["changes"]} == {
        ("changed", "['a'][1]['b']"),
        ("added", "['a'][2]"),
        ("removed", "['gone']"),
        ("added", "['new']"),
    }
    assert change(1, 3).detail["change"] == 2
    assert (
        "1 lines added" in change("a\nb", "a\nc\nd").summary
        or "lines added" in change("a\nb", "a\nc\nd").summary
    )
    assert change({1, 2}, {2, 3}).detail["counts"] == {"added": 1, "removed": 1, "changed": 0}
    assert change(float("nan"), float("nan")).status == "same"
    assert change(1, "1").detail["counts"]["changed"] == 1


def test_figures_side_by_side(change: Any) -> None:
    from etiq_jupyter.codecs.images import Picture

    found = change(Picture("image/png", b"\x89PNG1"), Picture("image/png", b"\x89PNG2"))
    assert found.detail["form"] == "picture"
    assert found.detail["a"]["mime"] == "image/png"


def test_values_that_were_not_kept(change: Any) -> None:
    assert change(iter([]), iter([])).status == "same"
    assert change(iter([]), [1]).status == "changed"


def test_a_damaged_content_does_not_stop_the_comparison(diff: Any) -> None:
    from etiq_jupyter import capture
    from etiq_jupyter.errors import Corrupt

    left, right = (
        capture.capture_values({"a": [1], "b": 1}),
        capture.capture_values({"a": [2], "b": 2}),
    )

    def broken(item: Any) -> Any:
        raise Corrupt("the bytes are gone")

    found = compare.diff(left.snapshot, right.snapshot, broken)
    assert [v.status for v in found.variables] == ["changed", "changed"]
    assert "gone" in found.variables[0].detail["error"]


def test_environments() -> None:
    a = {
        "python": "3.11",
        "packages": {"numpy": "2.0", "old": "1"},
        "git": {"commit": "a", "dirty": False},
    }
    b = {
        "python": "3.12",
        "packages": {"numpy": "2.1", "new": "1"},
        "git": {"commit": "b", "dirty": True, "diff": "x\ny"},
    }
    found = {c.name: (c.a, c.b) for c in environment_changes(a, b)}
    assert found == {
        "python": ("3.11", "3.12"),
        "git commit": ("a", "b"),
        "git dirty": ("False", "True"),
        "git diff": ("none", "2 lines"),
        "new": (None, "1"),
        "numpy": ("2.0", "2.1"),
        "old": ("1", None),
    }


def test_the_display_escapes_everything(diff: Any) -> None:
    evil = "<script>alert(1)</script>"
    found = diff(
        {"a": evil, "f": pd.DataFrame({evil: [1, 2]}), evil: 1, "d": {evil: 1}},
        {"a": evil + "2", "f": pd.DataFrame({evil: [1, 3]}), evil: 2, "d": {evil: 2}},
    )
    view = compare.DiffView(found)
    shown = view._repr_html_()
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown
    assert "a: " in repr(view)
    assert view.to_dict()["variables"]


def test_a_million_rows_in_time_with_planted_edits_found() -> None:
    from etiq_jupyter import codecs
    from etiq_jupyter.compare.frames import frame_change

    rng, n = np.random.default_rng(0), 1_000_000
    a = pd.DataFrame({f"f{i}": rng.normal(size=n) for i in range(6)})
    a["n"], a["c"] = rng.integers(0, 100, n), rng.choice(["a", "b", "c"], n)
    a["u"], a["id"] = "u" + pd.Series(rng.integers(0, 900_000, n)).astype(str), np.arange(n)
    b = a.drop(index=[10, 11])
    b.loc[[5, 500, 99_999], "f1"] = 7.0
    b.loc[77, "c"] = "z"
    left, right = codecs.encode(a).content, codecs.encode(b).content
    cpu = time.process_time()
    _, detail = frame_change(left, right)
    taken = time.process_time() - cpu
    assert detail["rows"] == {"added": 0, "removed": 2, "changed": 4, "same": n - 6}
    assert [row["row_a"] for row in detail["sample"]] == [5, 77, 500, 99_999]
    assert detail["removed_rows"]["places"] == [10, 11]
    assert taken < 8, taken  # 2 s on a quiet machine; the benchmark prints it
