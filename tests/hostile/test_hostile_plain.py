"""Crafted plain values: no class is imported, no code of a class runs, nothing grows without end."""

# ruff: noqa: E501 - tables read better unbroken

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from etiq_jupyter import codecs
from etiq_jupyter.errors import UnsafeContent

pack = msgspec.msgpack.encode
Ext = msgspec.msgpack.Ext


def node(number: int) -> Ext:
    return Ext(1, pack(number))


def scalar(*form: Any) -> bytes:
    return pack([Ext(5, pack(list(form))), []])


def test_classes_are_never_imported_or_called(
    crafted: Any, refused: Any, tmp_path: Path, witness: Path, monkeypatch: Any
) -> None:
    (tmp_path / "evil_module.py").write_text(
        f"open({str(witness)!r}, 'w').close()\nclass A: pass\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    for module, name in (
        ("evil_module", "A"),
        ("os", "system"),
        ("subprocess", "Popen"),
        ("builtins", "exec"),
        ("antigravity", "x"),
    ):
        for form in (
            ["data", module, name, ["args"], ["id"]],
            ["named", module, name, ["a"], ["touch x"]],
        ):
            refused(crafted("plain", {}, {"value": pack([node(0), [form]])}))
        refused(crafted("plain", {}, {"value": scalar("enum", module, name, "A")}))
        refused(crafted("plain", {}, {"value": scalar("flag", module, name, 1)}))
    assert "evil_module" not in sys.modules


def test_attributes_of_modules_and_metaclasses_are_not_run(
    crafted: Any, refused: Any, witness: Path, monkeypatch: Any
) -> None:
    import types

    module = types.ModuleType("lazy_module")

    def run(name: str) -> Any:
        witness.write_text("ran")
        raise AttributeError(name)

    module.__getattr__ = run  # type: ignore[method-assign]
    monkeypatch.setitem(sys.modules, "lazy_module", module)
    refused(crafted("plain", {}, {"value": scalar("enum", "lazy_module", "Anything", "A")}))


def test_init_and_setattr_of_a_known_dataclass_do_not_run(
    crafted: Any, witness: Path, monkeypatch: Any
) -> None:
    import dataclasses
    import types

    module = types.ModuleType("their_module")
    source = (
        "import dataclasses\n@dataclasses.dataclass\nclass D:\n    x: int\n"
        f"    def __post_init__(self): open({str(witness)!r}, 'w').close()\n"
        f"    def __setattr__(self, n, v): open({str(witness)!r}, 'w').close()\n"
    )
    monkeypatch.setitem(sys.modules, "their_module", module)
    exec(source, module.__dict__)
    made = codecs.decode(
        crafted(
            "plain", {}, {"value": pack([node(0), [["data", "their_module", "D", ["x"], [5]]]])}
        )
    )
    assert made.__dict__ == {"x": 5}
    assert dataclasses.is_dataclass(made)
    assert not witness.exists()


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\xc1", b"\x92\xc0", pack([1, 2]), pack([node(0), []]), pack([node(5), [["list", True, []]]]), pack([node(0), [["nonsense", 1]]]),
        pack([node(0), [["list", True, [node(0)]]]]), pack([node(0), [["list", True, [[1]]]]]), pack([node(0), [["dict", True, [1], [2, 3]]]]),
        pack([node(0), [["set", [node(1)]], ["list", True, []]]]), pack([node(0), [["tuple", False, [node(0)]]]]), pack([node(0), [["deque", True, [], "x"]]]),
        pack([node(0), [["default", True, [], [], "eval"]]]), pack([node(0), [["content", "nope", 1, {}, "v0/"]]]), pack([Ext(9, b"x"), []]), pack([Ext(1, pack(-1)), [["list", True, []]]]),
        pack([Ext(3, b"123"), []]), pack([Ext(4, b"\xff\xff"), []]), scalar("datetime", 99999, 1, 1, 0, 0, 0, 0, 0, None), scalar("decimal", "nope"), scalar("fraction", 1, 0), scalar("uuid", b"1"),
        scalar("path", "Popen", "x"), scalar("type", "eval"), scalar("pattern", "(" * 50, 0), scalar("pattern", "a" * 20_000, 0), scalar("zone", ["zone", "../../etc/passwd"]), scalar("zone", ["zone", "/etc/passwd"]),
        scalar("numpy", "|O", b"12345678"), scalar("numpy", "<f8", b"1"), scalar("dtype", "|O"), scalar("dtype", "O,O"), scalar("range", 1, 2, 0), scalar("nonsense"), scalar("pd.Timestamp", 1, "fortnight", None, 0),
        b"\xdd\xff\xff\xff\xff", b"\x91" * 200_000 + b"\xc0", pack([node(0), [["list", False, "abc"]]]), pack([node(0), {"a": 1}]),
    ],
    ids=lambda data: repr(data[:24]),
)  # fmt: skip
def test_damaged_plain_values_are_refused(crafted: Any, refused: Any, data: bytes) -> None:
    refused(crafted("plain", {}, {"value": data}))


def test_deep_nesting_does_not_exhaust_the_stack(crafted: Any) -> None:
    depth = 10_000
    nodes = [["list", False, [node(n + 1)]] for n in range(depth)] + [["list", True, []]]
    content = crafted("plain", {}, {"value": pack([node(0), nodes])})
    with pytest.raises(UnsafeContent, match="deep"):
        codecs.decode(content)
    shown = codecs.preview(content)
    assert shown.form == "none"


def test_a_billion_laughs_stay_shared_and_unshown(crafted: Any) -> None:
    nodes = [["list", False, [node(n + 1)] * 10] for n in range(30)] + [["list", True, ["lol"]]]
    content = crafted("plain", {}, {"value": pack([node(0), nodes])})
    value = codecs.decode(content)
    assert value[0] is value[9]
    shown = codecs.preview(content)
    assert len(msgspec.json.encode(shown)) < 200_000
    assert shown.truncated


def test_a_tuple_that_contains_only_itself_is_refused(crafted: Any, refused: Any) -> None:
    refused(
        crafted(
            "plain",
            {},
            {"value": pack([node(0), [["tuple", False, [node(1)]], ["tuple", False, [node(0)]]]])},
        )
    )


def test_contents_inside_contents_are_bounded(crafted: Any, refused: Any) -> None:
    data = pack([node(0), [["content", "plain", 1, {}, ""]]])
    refused(crafted("plain", {}, {"value": data}))


def test_parts_that_name_the_same_bytes_again_and_again_are_refused(
    crafted: Any, refused: Any
) -> None:
    large = crafted.of(np.zeros(100_000))
    buffers = {f"v0/{name}": data for name, data in large.buffers.items()}
    part = ["content", "numpy.array", 1, large.meta, "v0/"]
    nodes = [["list", False, [node(n + 1) for n in range(200)]], *[part] * 200]
    content = crafted("plain", {}, {"value": pack([node(0), nodes]), **buffers})
    assert "same bytes" in str(refused(content))
    nodes[1:] = [["array", "a0", "<f8", 0, [100_000]]] * 200
    content = crafted("plain", {}, {"value": pack([node(0), nodes]), "a0": bytes(800_000)})
    assert "overlap" in str(refused(content))


@pytest.mark.parametrize(
    "place",
    [
        ("a0", "<f8", 0, [3]), ("a0", "<f8", -8, [1]), ("a0", "<f8", 16, [1]), ("a0", "<f8", 0, [-1, -1]), ("a0", "<f8", 0, [2**40, 2**40]), ("a0", "<f8", 0, 2), ("a0", "|V0", 0, [2**50]),
        ("a0", "|O", 0, [1]), ("a0", "<f8", "0", [1]), ("a1", "<f8", 0, [1]), ("value", "|u1", 0, [1]), ("../a0", "<f8", 0, [1]), ("a0", "<f8", True, [1]), ("a0", "<f8", 0), (5, "<f8", 0, [1]), ("a0", "<f8", 0, [0, 2**62]),
    ],
    ids=repr,
)  # fmt: skip
def test_small_arrays_outside_their_buffer_are_refused(
    crafted: Any, refused: Any, place: tuple[Any, ...]
) -> None:
    data = pack([node(0), [["array", *place]]])
    refused(crafted("plain", {}, {"value": data, "a0": bytes(16)}))


def test_reading_hostile_plain_values_needs_no_library() -> None:
    code = (
        "import sys, msgspec\nfrom etiq_jupyter import codecs\nfrom etiq_jupyter.objects.content import Content, Buffer\n"
        "c = Content('plain', 1, {}, [Buffer('value', memoryview(msgspec.msgpack.encode([5, []])))])\n"
        "assert codecs.decode(c) == 5\nassert not {'numpy', 'pandas', 'pyarrow', 'sklearn'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
