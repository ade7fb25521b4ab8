from __future__ import annotations

import pytest
from IPython.core.error import UsageError

from etiq_jupyter.jupyter.arguments import SnapshotArguments, parse, split_cell


def test_an_empty_line_asks_for_nothing() -> None:
    assert parse("") == SnapshotArguments()


def test_a_name_may_have_several_words_with_or_without_quotes() -> None:
    assert parse("fit baseline").name == "fit baseline"
    assert parse("'fit baseline' --tag a").name == "fit baseline"


def test_all_options_are_read() -> None:
    found = parse('fit -p "Churn model" --tag a --tag b --note "why not" --vars x,y --wait')
    assert found == SnapshotArguments(
        name="fit",
        project="Churn model",
        tags=("a", "b"),
        note="why not",
        variables=("x", "y"),
        wait=True,
    )


@pytest.mark.parametrize(("flag", "means"), [("--all", "all"), ("--no-vars", "none")])
def test_which_variables(flag: str, means: str) -> None:
    assert parse(flag).variables == means


@pytest.mark.parametrize(
    "line", ["--nonsense", "--tag", "--all --no-vars", "--vars 1x", "--vars ,", "'unclosed"]
)
def test_faulty_arguments_are_usage_errors(line: str) -> None:
    with pytest.raises(UsageError):
        parse(line)


def test_braces_and_dollars_are_not_expanded() -> None:
    assert parse("{x} $y").name == "{x} $y"


@pytest.mark.parametrize("text", ["x = 1", "# %%snapshot\nx", "%%snapshots\nx", "%%timeit\n1"])
def test_other_cells_are_not_ours(text: str) -> None:
    assert split_cell(text) is None


def test_the_line_and_the_body_are_told_apart() -> None:
    cell = split_cell("\n%%snapshot fit\nx = 1\n")
    assert cell is not None
    assert (cell.line, cell.body) == ("%%snapshot fit", "x = 1\n")
    assert cell.arguments == SnapshotArguments(name="fit")


@pytest.mark.parametrize("text", ["%%snapshot --nonsense\nx = 1", "%%snapshot", "%%snapshot\n \n"])
def test_a_faulty_or_empty_cell_has_no_arguments(text: str) -> None:
    cell = split_cell(text)
    assert cell is not None
    assert cell.arguments is None
