"""Finding codecs: plug-ins, failures, and what is not imported for nothing."""

# ruff: noqa: E501 - tables read better unbroken

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from etiq_jupyter import codecs
from etiq_jupyter.codecs.registry import GROUP, Registry
from etiq_jupyter.errors import NotKept
from etiq_jupyter.objects.content import Buffer, Content


class Celsius:
    def __init__(self, degrees: float) -> None:
        self.degrees = degrees


class CelsiusCodec(codecs.Codec):
    name = "weather.celsius"
    packages = (Celsius.__module__.partition(".")[0],)

    def accepts(self, value: Any) -> bool:
        return type(value) is Celsius

    def encode(self, value: Any, how: Any) -> Content:
        if value.degrees < -273.15:
            raise RuntimeError("colder than possible")
        return Content(
            self.name, self.version, {}, [Buffer("d", memoryview(str(value.degrees).encode()))]
        )

    def decode(self, reader: Any, how: Any) -> Celsius:
        return Celsius(float(bytes(reader.read("d"))))

    def summarise(self, value: Any, content: Content) -> codecs.Facts:
        return codecs.Facts("plain", "Celsius", f"{value.degrees} C")


class Point:
    def __init__(self, made: Any) -> None:
        self.made, self.name = made, "test"

    def load(self) -> Any:
        if isinstance(self.made, Exception):
            raise self.made
        return self.made


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    import importlib.metadata

    points = [Point(ImportError("broken")), Point(CelsiusCodec)]
    monkeypatch.setattr(
        importlib.metadata, "entry_points", lambda group: points if group == GROUP else []
    )
    return Registry()


def test_a_plug_in_keeps_and_reads_its_values(registry: Registry) -> None:
    encoded = registry.encode(Celsius(21.5))
    assert (encoded.facts.summary, encoded.content.codec) == ("21.5 C", "weather.celsius")
    assert registry.decode_content(encoded.content, codecs.Reading()).degrees == 21.5


def test_a_codec_that_fails_makes_the_value_recomputable(registry: Registry) -> None:
    with pytest.raises(NotKept, match="colder than possible"):
        registry.encode(Celsius(-300))


def test_without_the_plug_in_its_contents_say_what_is_missing(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = registry.encode(Celsius(1)).content
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [])
    with pytest.raises(NotKept, match=r"weather\.celsius"):
        Registry().decode_content(content, codecs.Reading())


def test_plain_values_import_no_library() -> None:
    code = (
        "import sys\nfrom etiq_jupyter import codecs\n"
        "e = codecs.encode({'a': [1, 2.5, ('x', None)]})\nassert codecs.decode(e.content)['a'][0] == 1\ncodecs.preview(e.content)\n"
        "bad = {'numpy', 'pandas', 'pyarrow', 'polars', 'sklearn', 'matplotlib', 'IPython'} & set(sys.modules)\nassert not bad, bad\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_summary_runs_no_code_of_the_value() -> None:
    class Loud:
        def __repr__(self) -> str:
            raise RuntimeError("ran")

    with pytest.raises(NotKept):
        codecs.encode([Loud()])
    from etiq_jupyter.codecs.describe import describe

    assert "Loud" in describe([1, Loud()])


def test_the_hash_of_a_set_does_not_depend_on_the_process() -> None:
    code = (
        "from etiq_jupyter import codecs\n"
        "v = [{'b', 'a', 'c'}, {('x', 1), ('y', 2), ('z',)}, frozenset({frozenset({'p', 'q'}), frozenset({'r'})})]\n"
        "print(codecs.encode(v).content.hash)\n"
    )
    seen = set()
    for seed in ("1", "2", "3"):
        environment = {"PYTHONHASHSEED": seed, "PATH": "/usr/bin:/bin"}
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            env=environment,
        )
        seen.add(done.stdout)
    assert len(seen) == 1
