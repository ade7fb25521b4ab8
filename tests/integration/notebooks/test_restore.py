"""A kernel dies; a fresh one goes on with its variables."""

from __future__ import annotations

from typing import Any

MAKE = """%%snapshot made --tag a
import numpy as np, pandas as pd
df = pd.DataFrame({"a": range(5), "b": list("vwxyz")})
arr = np.eye(3)
settings = {"rate": 0.1, "layers": (1, 2)}
alias = settings
gen = (i for i in range(3))
def double(x):
    return 2 * x"""


def test_variables_come_back_in_a_fresh_kernel(run: Any) -> None:
    run("%etiq_project Kernel", MAKE)
    found = run(
        "%etiq_project Kernel",
        "%etiq_restore made",
        "assert df['b'].tolist() == list('vwxyz') and arr.shape == (3, 3)",
        "assert settings == {'rate': 0.1, 'layers': (1, 2)} and alias is settings",
        "assert 'gen' not in globals()",
    )
    assert found.error is None, found.error
    said = found.text(1)
    assert "restored" in said
    assert "gen" in said


def test_only_some_names_with_a_prefix_and_a_dry_run(run: Any) -> None:
    run("%etiq_project Kernel", MAKE)
    found = run(
        "%etiq_project Kernel",
        "%etiq_restore made df --into old_ --dry-run",
        "assert 'old_df' not in globals()",
        "%etiq_restore made df --into old_",
        "assert len(old_df) == 5 and 'df' not in globals()",
    )
    assert found.error is None, found.error


def test_a_different_variable_is_not_overwritten_without_force(run: Any) -> None:
    run("%etiq_project Kernel", MAKE)
    found = run(
        "%etiq_project Kernel",
        "df = 'mine'",
        "%etiq_restore made",
        "assert df == 'mine' and arr.shape == (3, 3)",
        "%etiq_restore made --force",
        "assert len(df) == 5",
    )
    assert found.error is None, found.error
    assert "df" in found.text(2)


def test_an_unknown_snapshot_is_a_short_error(run: Any) -> None:
    found = run("%etiq_project Kernel", "%etiq_restore SNP-99")
    assert found.error is not None
    assert "NotFound" in found.text(1)
    assert "Traceback" not in found.text(1)


def test_two_snapshots_are_compared(run: Any) -> None:
    found = run(
        "%etiq_project Kernel",
        "%%snapshot one\nacc, n = 0.8, 3",
        "%%snapshot two\nacc, m = 0.9, 4",
        "%etiq_diff one two",
    )
    assert found.error is None, found.error
    said = found.text(3)
    assert "acc" in said
    assert "0.9" in said


def test_the_list_of_snapshots(run: Any) -> None:
    found = run("%etiq_project Kernel", "%%snapshot listed\nacc = 0.8", "%etiq_snapshots")
    assert "listed" in found.text(2)
    assert "0.8" in found.text(2)
