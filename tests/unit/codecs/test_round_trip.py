"""Every kept value comes back equal in value, type, dtype and order, and writes to the same hash."""

# ruff: noqa: E501 - tables read better unbroken

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from etiq_jupyter import codecs

_spec = importlib.util.spec_from_file_location(
    "etiq_test_samples", Path(__file__).with_name("samples.py")
)
assert _spec is not None
assert _spec.loader is not None
samples = importlib.util.module_from_spec(_spec)
import sys  # noqa: E402

sys.modules["etiq_test_samples"] = samples  # values of its classes are found by their module
_spec.loader.exec_module(samples)


def _matrix() -> list[Any]:
    rows = []
    for family, (library, make) in samples.FAMILIES.items():
        if library and importlib.util.find_spec(library) is None:
            rows.append(
                pytest.param(None, id=family, marks=pytest.mark.skip(f"{library} is not installed"))
            )
        else:
            rows += [pytest.param(value, id=name) for name, value in make().items()]
    return rows


MATRIX = _matrix()


@pytest.mark.parametrize("value", MATRIX)
def test_comes_back_equal(value: Any, back: Any, equal: Any) -> None:
    made = back(value)
    assert equal(value, made), (value, made)


@pytest.mark.parametrize("value", MATRIX)
def test_what_came_back_has_the_same_content_hash(value: Any, back: Any) -> None:
    first = codecs.encode(value).content
    assert codecs.encode(back(value)).content.hash == first.hash
    assert codecs.encode(value).content.hash == first.hash


@pytest.mark.parametrize("value", MATRIX)
def test_facts_and_preview_are_there_and_json(value: Any, stored: Any) -> None:
    import msgspec

    encoded = codecs.encode(value)
    facts = encoded.facts
    assert facts.type
    assert len(facts.summary) <= 140
    assert "\n" not in facts.summary
    msgspec.json.encode(facts.detail)
    shown = codecs.preview(stored(encoded.content))
    msgspec.json.encode(shown)
    looked_at = not content_is_opaque(encoded.content.codec)
    assert shown.form != "none" or "mode" in shown.reason or not looked_at, shown.reason


def content_is_opaque(codec: str) -> bool:
    return codec in ("scipy.sparse",)


@pytest.mark.parametrize("value", MATRIX)
def test_exports_in_all_its_formats(value: Any, stored: Any) -> None:
    content = stored(codecs.encode(value).content)
    for form in codecs.formats_of(content):
        if form == "png" and getattr(value, "mode", "L") not in (
            "1",
            "L",
            "LA",
            "P",
            "RGB",
            "RGBA",
        ):
            continue
        mime, data = codecs.export(content, form)
        assert mime
        assert isinstance(data, bytes)


def test_the_matrix_is_large() -> None:
    assert len(MATRIX) >= 120
