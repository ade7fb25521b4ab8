"""The memory that a kernel and its courier share."""

import os

import pytest

from etiq_jupyter.sync import arena

ALL = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ("2147483648\n", 512 << 20),
        ("100000000\n", 64 << 20),
        ("max\n", min(5 << 28, ALL // 4)),
        ("9223372036854771712\n", min(5 << 28, ALL // 4)),
    ],
)
def test_it_is_a_quarter_of_what_a_container_may_use(tmp_path, monkeypatch, limit, expected):
    path = tmp_path / "memory.max"
    path.write_text(limit)
    monkeypatch.setattr(arena, "_LIMITS", (tmp_path / "missing", path))
    assert arena.default_size() == expected // 4096 * 4096


def test_what_is_given_back_is_given_out_again():
    made = arena.Arena(1 << 20)
    first, second = made.allocate(300_000), made.allocate(300_000)
    assert (first, made.allocate(600_000)) == (0, None)
    made.release(first)
    made.release(second)
    assert made.allocate(1 << 20) == 0
    made.close()
