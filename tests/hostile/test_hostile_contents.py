"""Crafted contents of every codec: nothing executes, memory stays bounded, the error names the item."""

# ruff: noqa: E501 - tables read better unbroken

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from etiq_jupyter import codecs
from etiq_jupyter.errors import Corrupt


@pytest.mark.parametrize("meta", [{}, None, [], "x", {"rows": None}, {"class": 5}])
def test_every_codec_refuses_a_description_that_is_none(
    crafted: Any, refused: Any, meta: Any
) -> None:
    from etiq_jupyter.codecs import registry

    names = [
        "numpy.array",
        "pandas.frame",
        "pandas.series",
        "pandas.index",
        "pandas.array",
        "polars.frame",
        "polars.series",
        "pyarrow.table",
        "pyarrow.array",
        "scipy.sparse",
        "sklearn.estimator",
        "picture",
        "picture.pixels",
        "matplotlib.figure",
        "plain",
        "source",
        "outputs",
        "environment",
    ]
    for name in names:
        try:
            registry.registry.by_name(name)
        except Exception:
            continue
        try:
            refused(crafted(name, meta if isinstance(meta, dict) else {}, {"x": b"\0"}))
        except pytest.fail.Exception:
            pytest.fail(f"{name} read a content without a description")


def test_unknown_codecs_and_newer_versions_are_refused(crafted: Any, refused: Any) -> None:
    assert "no codec" in str(refused(crafted("os.system", {})))
    assert "no codec" in str(refused(crafted("", {})))
    assert "newer" in str(refused(crafted("plain", {}, {"value": b""}, version=99)))


def test_a_pickle_is_not_read(crafted: Any, refused: Any, payload: Any) -> None:
    data = pickle.dumps(payload)
    assert "no codec" in str(refused(crafted("pickle", {}, {"pickle": data})))


def test_the_error_says_what_and_why(crafted: Any) -> None:
    with pytest.raises(Corrupt, match="my_frame"):
        codecs.decode(crafted("plain", {}, {"value": b"\xc1"}), name="my_frame")


def test_pictures_with_lying_sizes_are_refused(crafted: Any, refused: Any) -> None:
    info = codecs.plain.pack_plain({})
    for size in ([2**20, 2**20], [100, 100], [-1, 3], ["a", 1], [3]):
        refused(
            crafted(
                "picture.pixels",
                {"mode": "RGB", "size": size, "info": info},
                {"pixels": b"\0" * 12},
            )
        )
    refused(
        crafted("picture.pixels", {"mode": "EVIL", "size": [1, 1], "info": info}, {"pixels": b"\0"})
    )
    refused(crafted("picture", {"mime": "text/html"}, {"picture": b"<script>"}))


def test_figures_that_are_not_json_objects_are_refused(
    crafted: Any, refused: Any, payload: Any
) -> None:
    for codec in ("plotly.figure", "altair.chart"):
        try:  # before memory is traced, which makes imports slow
            __import__("plotly.io" if codec.startswith("plotly") else "altair")
        except ImportError:
            continue
        for data in (pickle.dumps(payload), b"[]", b"{", b"[" * 100_000):
            refused(crafted(codec, {"mime": "application/json"}, {"figure": data}))


def test_outputs_and_environments_that_are_damaged_are_refused(crafted: Any, refused: Any) -> None:
    for data in (
        b"",
        b"{}",
        b"[1]",
        b"\xff",
        b'[{"data":{"image/png":{"$buffer":"no","newline":false}}}]',
    ):
        refused(crafted("outputs", {}, {"outputs": data}))
    for data in (b"", b"[]", b"\xff"):
        refused(crafted("environment", {}, {"environment": data}))


def test_source_is_text_and_is_not_run(crafted: Any, witness: Path) -> None:
    text = f"open({str(witness)!r}, 'w').close()"
    made = codecs.decode(
        crafted("source", {"name": "f", "form": "function"}, {"source": text.encode()})
    )
    assert str(made) == text
    assert codecs.preview(crafted("source", {"name": "f"}, {"source": text.encode()})).text == text
    assert not witness.exists()
