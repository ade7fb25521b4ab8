"""Crafted contents of every codec: nothing executes, memory stays bounded, the error names the item."""

# ruff: noqa: E501 - tables read better unbroken

from __future__ import annotations

import io
import json
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest

from etiq_jupyter import codecs
from etiq_jupyter.codecs.pickles import KeySigner
from etiq_jupyter.errors import Corrupt, EtiqError, UnsafeContent

pack = msgspec.msgpack.encode
Ext = msgspec.msgpack.Ext


def node(number: int) -> Ext:
    return Ext(1, pack(number))


def scalar(*form: Any) -> bytes:
    return pack([Ext(5, pack(list(form))), []])


class Payload:
    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> Any:
        return (exec, (f"open({str(self.witness)!r}, 'w').close()",))


# --- pickle -----------------------------------------------------------------------------------


def test_a_pickle_is_not_read_without_trust(crafted: Any, refused: Any, witness: Path) -> None:
    data = pickle.dumps(Payload(witness))
    signer = KeySigner(b"k" * 32)
    content = crafted("pickle", {"signature": signer.sign(data), "type": "x"}, {"pickle": data})
    assert "trust=True" in str(refused(content))
    assert "key" in str(refused(content, trust=True))


def test_a_pickle_of_somebody_else_is_not_read_with_trust(
    crafted: Any, refused: Any, witness: Path
) -> None:
    data = pickle.dumps(Payload(witness))
    theirs, mine = KeySigner(b"t" * 32), KeySigner(b"m" * 32)
    for signature in (theirs.sign(data), b"", b"\0" * 32):
        content = crafted("pickle", {"signature": signature, "type": "x"}, {"pickle": data})
        assert "not made with this store's key" in str(refused(content, trust=True, signer=mine))


def test_a_changed_own_pickle_is_not_read(crafted: Any, refused: Any, witness: Path) -> None:
    mine = KeySigner(b"m" * 32)
    signature = mine.sign(pickle.dumps([1]))
    content = crafted(
        "pickle", {"signature": signature}, {"pickle": pickle.dumps(Payload(witness))}
    )
    refused(content, trust=True, signer=mine)


def test_an_own_pickle_is_read_with_trust() -> None:
    mine = KeySigner(b"m" * 32)
    content = codecs.encode(iter([1, 2]), pickle=mine).content
    assert content.codec == "pickle"
    assert list(codecs.decode(content, trust=True, signer=mine)) == [1, 2]
    with pytest.raises(UnsafeContent):
        codecs.decode(content)


def test_numpy_bytes_that_are_a_pickle_stay_bytes(
    crafted: Any, refused: Any, witness: Path
) -> None:
    data = pickle.dumps(Payload(witness))
    for dtype in (
        "|O",
        "|O8",
        "O",
        "object",
        {
            "names": ["a"],
            "formats": ["|O"],
            "offsets": [0],
            "titles": [None],
            "itemsize": 8,
            "aligned": False,
        },
    ):
        refused(
            crafted(
                "numpy.array",
                {"dtype": dtype, "shape": [len(data) // 8], "order": "C"},
                {"data": data[: len(data) // 8 * 8]},
            )
        )


def test_every_array_of_a_model_is_read_without_pickle(
    crafted: Any, refused: Any, witness: Path
) -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    pytest.importorskip("skops")
    content = crafted.of(linear.LinearRegression().fit([[1.0], [2.0]], [1.0, 2.0]))
    out = io.BytesIO()
    array = np.empty(1, object)
    array[0] = Payload(witness)
    np.save(out, array, allow_pickle=True)
    for name in list(content.buffers):
        if name.endswith(".npy"):
            content.buffers[name] = out.getvalue()
    refused(content)


# --- models -----------------------------------------------------------------------------------


def _skops(node_: dict[str, Any]) -> bytes:
    return json.dumps({**node_, "protocol": 2, "_skops_version": "0.16.0"}).encode()


def _call(module: str, name: str, argument: str) -> dict[str, Any]:
    text = {
        "__class__": "str",
        "__module__": "builtins",
        "__loader__": "JsonNode",
        "content": json.dumps(argument),
        "is_json": True,
    }
    return {
        "__class__": name, "__module__": module, "__loader__": "ReduceNode",
        "__reduce__": {"args": {"__class__": "tuple", "__module__": "builtins", "__loader__": "TupleNode", "content": [text]}},
        "content": text,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("loader", "module", "name"),
    [
        ("ReduceNode", "os", "system"), ("ObjectNode", "builtins", "eval"), ("FunctionNode", "os", "system"), ("TypeNode", "subprocess", "Popen"),
        ("OperatorFuncNode", "operator", "methodcaller"), ("MethodNode", "builtins", "exec"), ("PartialNode", "functools", "partial"),
        ("TreeNode", "os", "system"), ("LossNode", "subprocess", "Popen"), ("QuantileForestNode", "os", "system"), ("ObjectNode", "__main__", "Evil"),
        ("NoSuchNode", "builtins", "dict"), ("JsonNode", "os", "system"), ("SGDNode", "os", "system"), ("CachedNode", "os", "system"),
    ],
)  # fmt: skip
def test_a_model_that_names_unknown_types_is_refused(
    crafted: Any, refused: Any, witness: Path, loader: str, module: str, name: str
) -> None:
    pytest.importorskip("skops")
    call = _call(module, name, f"touch {witness}") | {"__loader__": loader}
    content = crafted("sklearn.estimator", {"files": 0}, {"schema": _skops(call)})
    try:
        error = refused(content)
    except pytest.fail.Exception:
        assert loader == "JsonNode"  # a constant: the class it names is never looked up
        return
    if loader in ("ReduceNode", "ObjectNode", "FunctionNode", "TypeNode"):
        assert f"{module}.{name}" in str(error) or name in str(error)


def test_a_model_with_a_function_of_os_inside_is_refused_by_name(
    crafted: Any, refused: Any
) -> None:
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    pytest.importorskip("skops")
    content = crafted.of(preprocessing.FunctionTransformer(np.log1p))
    schema = content.buffers["schema"]
    assert b'"log1p"' in schema
    evil = json.loads(schema)
    func = evil["content"]["content"]["func"]
    func.update(
        {
            "__module__": "os",
            "__class__": "system",
            "__loader__": "FunctionNode",
            "content": {"module_path": "os", "function": "system"},
        }
    )
    content.buffers["schema"] = json.dumps(evil).encode()
    assert "os.system" in str(refused(content))


def test_a_model_cannot_name_files_outside(crafted: Any, refused: Any) -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    content = crafted.of(linear.LinearRegression().fit([[1.0], [2.0]], [1.0, 2.0]))
    for name in ("../../etc/passwd", "/etc/passwd", "schema.json", "missing.npy", "..\\x.npy"):
        evil = json.loads(content.buffers["schema"])
        text = json.dumps(evil).replace("a0.npy", name.replace("\\", "\\\\"))
        refused(
            crafted("sklearn.estimator", {"files": 1}, content.buffers | {"schema": text.encode()})
        )


@pytest.mark.parametrize(
    "fault", ["left_child", "right_child", "feature", "loop", "depth", "features", "count"]
)
def test_a_tree_whose_indices_leave_its_memory_is_refused(
    crafted: Any, refused: Any, fault: str
) -> None:
    tree = pytest.importorskip("sklearn.tree")
    pytest.importorskip("skops")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 3))
    content = crafted.of(
        tree.DecisionTreeClassifier(max_depth=3, random_state=0).fit(x, x[:, 0] > 0)
    )
    name = next(n for n, data in content.buffers.items() if b"left_child" in data)
    nodes = np.load(io.BytesIO(content.buffers[name])).copy()
    inner = int(np.flatnonzero(nodes["left_child"] >= 0)[0])
    if fault in ("left_child", "right_child", "feature"):
        nodes[fault][inner] = 10**9
    elif fault == "loop":
        nodes["left_child"][inner] = inner
    if fault in ("depth", "features", "count"):
        schema = json.loads(content.buffers["schema"])
        state = schema["content"]["content"]["tree_"]
        if fault == "features":
            schema["content"]["content"]["n_features_in_"]["content"] = "1"
        else:
            state["content"]["content"][{"depth": "max_depth", "count": "node_count"}[fault]][
                "content"
            ] = "0" if fault == "depth" else "1000000"
        content.buffers["schema"] = json.dumps(schema).encode()
    else:
        out = io.BytesIO()
        np.save(out, nodes)
        content.buffers[name] = out.getvalue()
    assert "tree" in str(refused(content))


def test_a_deep_schema_is_refused(crafted: Any, refused: Any) -> None:
    pytest.importorskip("skops")
    refused(
        crafted(
            "sklearn.estimator",
            {"files": 0},
            {"schema": b'{"a":' * 100_000 + b"1" + b"}" * 100_000},
        )
    )


def test_boosters_take_only_their_own_text(crafted: Any, refused: Any, witness: Path) -> None:
    payload = pickle.dumps(Payload(witness))
    if __import__("importlib.util").util.find_spec("xgboost"):
        params = codecs.plain.pack_plain({})
        refused(crafted("xgboost.model", {"class": "Booster"}, {"model": payload}))
        refused(crafted("xgboost.model", {"class": "system", "params": params}, {"model": b"{}"}))
        refused(crafted("xgboost.model", {"class": "Booster"}, {"model": b'{"learner":{}}'}))
    if __import__("importlib.util").util.find_spec("lightgbm"):
        refused(crafted("lightgbm.model", {"class": "Booster"}, {"model": payload}))
        refused(
            crafted(
                "lightgbm.model", {"class": "Booster"}, {"model": b"tree\nnum_leaves=99999999999\n"}
            )
        )
        refused(
            crafted(
                "lightgbm.model",
                {"class": "__builtins__", "params": codecs.plain.pack_plain({})},
                {},
            )
        )


# --- plain values -----------------------------------------------------------------------------


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


# --- arrays and frames ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "meta",
    [
        {"dtype": "<f8", "shape": [10**15]}, {"dtype": "<f8", "shape": [2**62, 2**62]}, {"dtype": "<f8", "shape": [-1]}, {"dtype": "<f8", "shape": [True]},
        {"dtype": "<f8", "shape": [2.0]}, {"dtype": "<f8", "shape": [1] * 100}, {"dtype": "<f8", "shape": "2"}, {"dtype": "<U0", "shape": [2**61]}, {"dtype": "|V0", "shape": [2**50]},
        {"dtype": "<f8"}, {"shape": [2]}, {"dtype": "__import__('os')", "shape": [2]}, {"dtype": "<f8,<f8", "shape": [1]}, {"dtype": {"base": "<f8", "shape": [10**12]}, "shape": [1]},
        {"dtype": {"names": ["a"], "formats": ["<f8"], "offsets": [-8], "titles": [None], "itemsize": 8, "aligned": False}, "shape": [2]},
        {"dtype": {"names": ["a"], "formats": ["<f8"], "offsets": [100], "titles": [None], "itemsize": 8, "aligned": False}, "shape": [2]},
        {"dtype": "<f8", "shape": [2], "form": "masked", "mask": "<f8"}, {"dtype": "O", "shape": [10**9]},
    ],
    ids=lambda meta: repr(meta)[:60],
)  # fmt: skip
def test_arrays_with_lying_sizes_are_refused(
    crafted: Any, refused: Any, meta: dict[str, Any]
) -> None:
    empty = pack([node(0), [["list", True, []]]])
    refused(crafted("numpy.array", meta, {"data": b"\0" * 16, "value": empty}))


FRAME = pd.DataFrame(
    {
        "i": [1, 2, 3],
        "s": ["a", "bb", None],
        "c": pd.Categorical(["x", "y", "x"]),
        "d": pd.date_range("2020", periods=3),
        "o": [[1], {}, None],
        "sp": pd.arrays.SparseArray([0, 1, 0]),
        "iv": pd.interval_range(0, 3),
        "p": pd.period_range("2020", periods=3, freq="M"),
    }
)


def _deep_set(meta: Any, path: tuple[Any, ...], value: Any) -> Any:
    meta = msgspec.msgpack.decode(pack(meta))
    place = meta
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return meta


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("rows",), 10**12), (("rows",), 2**62), (("rows",), -1), (("rows",), "3"), (("rows",), 2), (("columns",), []), (("columns",), 5), (("columns", 0), {}), (("columns", 0, "form"), "eval"),
        (("columns", 0, "dtype"), "|O"), (("columns", 0, "dtype"), "<f2"), (("columns", 1, "arrow"), "no"), (("columns", 1, "arrow"), ["struct", []]), (("columns", 1, "form"), "fixed"), (("columns", 1, "nulls"), 0.5),
        (("columns", 2, "dtype"), "<i8"), (("columns", 2, "size"), 10**12), (("columns", 2, "categories", "rows"), 10**10), (("columns", 2, "categories", "index"), "evil"), (("columns", 5, "size"), 10**9), (("columns", 5, "subtype"), "|O"),
        (("columns", 6, "closed"), "nope"), (("columns", 7, "freq"), "nonsense"), (("index", "range"), [0, 10**12, 1]), (("index", "range"), [0, 3, 0]), (("index", "rows"), 10**9), (("index", "index"), "flat"), (("index", "names"), []),
        (("labels", "rows"), 2), (("labels", "rows"), 10**9), (("columns", 3, "dtype"), "<M8[evil]"), (("attrs",), b"\xff"), (("columns", 1, "form"), "null"), (("columns", 1, "form"), "list"), (("columns", 1, "form"), "codes"), (("columns", 0, "pandas"), "zoned"),
    ],
    ids=lambda value: repr(value)[:40],
)  # fmt: skip
def test_frames_with_lying_descriptions_are_refused(
    crafted: Any, refused: Any, path: tuple[Any, ...], value: Any
) -> None:
    content = crafted.of(FRAME)
    content.meta = _deep_set(content.meta, path, value)
    refused(content)


@pytest.mark.parametrize("name", sorted(codecs.encode(FRAME).content.names()))
@pytest.mark.parametrize("fault", ["cut", "longer", "empty", "ones"])
def test_frames_with_damaged_buffers_never_crash(crafted: Any, name: str, fault: str) -> None:
    content = crafted.of(FRAME)
    old = content.buffers[name]
    content.buffers[name] = {
        "cut": old[:-1],
        "longer": old + b"\xff",
        "empty": b"",
        "ones": b"\xff" * len(old),
    }[fault]
    for look in (
        codecs.decode,
        codecs.preview,
        codecs.profile,
        lambda c: codecs.export(c, "parquet"),
    ):
        try:
            look(content)  # other numbers are numbers; what does not fit is refused
        except EtiqError:
            continue


def test_polars_and_arrow_frames_with_damaged_buffers_never_crash(crafted: Any) -> None:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(
        {"s": ["a", None, "ccc"], "l": [[1], [], None], "c": ["x", "y", "x"]}
    ).with_columns(polars.col("c").cast(polars.Categorical))
    for value in (frame, frame.to_arrow()):
        names = codecs.encode(value).content.names()
        for name in names:
            for damage in (b"", b"\xff", b"\xff" * 64):
                content = crafted.of(value)
                content.buffers[name] = damage
                try:
                    codecs.decode(content)
                except EtiqError:
                    continue


def test_text_that_is_not_utf8_is_refused(crafted: Any, refused: Any) -> None:
    content = crafted.of(pd.DataFrame({"s": ["abcd"]}))
    content.buffers["c0/payload"] = b"\xff\xfe\xff\xfe"
    refused(content)


def test_python_metadata_in_a_table_stays_bytes(crafted: Any, witness: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    evil = pickle.dumps(Payload(witness))
    table = pa.table({"a": [1]}).replace_schema_metadata(
        {
            b"pandas": b'{"columns": [{"pandas_type": "object", "numpy_type": "evil"}]}',
            b"ARROW:extension:name": b"arrow.py_extension_type",
            b"ARROW:extension:metadata": evil,
        }
    )
    field = pa.field(
        "a",
        pa.int64(),
        metadata={
            b"ARROW:extension:name": b"arrow.py_extension_type",
            b"ARROW:extension:metadata": evil,
        },
    )
    for value in (table, table.cast(pa.schema([field]))):
        content = crafted.of(value)
        assert codecs.decode(content)["a"].to_pylist() == [1]
        _, data = codecs.export(content, "parquet")
        import pyarrow.parquet as pq

        pq.read_table(io.BytesIO(data))
    assert not witness.exists()


def test_sparse_matrices_whose_indices_point_outside_are_refused(
    crafted: Any, refused: Any
) -> None:
    sparse = pytest.importorskip("scipy.sparse")
    for form in ("csr", "csc", "coo", "bsr"):
        good = crafted.of(sparse.coo_array(np.eye(4)).asformat(form))
        for name in list(good.buffers):
            if name == "data":
                continue
            kind = np.dtype(good.meta[name]["dtype"])
            bad = crafted.of(sparse.coo_array(np.eye(4)).asformat(form))
            bad.buffers[name] = np.full(
                len(bad.buffers[name]) // kind.itemsize, 10**9, kind
            ).tobytes()
            refused(bad)
    huge = crafted.of(sparse.coo_array(np.eye(4)).asformat("lil"))
    huge.meta = huge.meta | {"shape": [2**39, 4]}
    refused(huge)


# --- pictures, figures, outputs, source -------------------------------------------------------


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
    crafted: Any, refused: Any, witness: Path
) -> None:
    for codec in ("plotly.figure", "altair.chart"):
        try:  # before memory is traced, which makes imports slow
            __import__("plotly.io" if codec.startswith("plotly") else "altair")
        except ImportError:
            continue
        for data in (pickle.dumps(Payload(witness)), b"[]", b"{", b"[" * 100_000):
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


# --- all together -----------------------------------------------------------------------------


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
        "pickle",
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


def test_a_zip_in_place_of_a_schema_is_refused(crafted: Any, refused: Any) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../evil", b"\0" * 50_000_000)
    refused(crafted("sklearn.estimator", {"files": 1}, {"schema": out.getvalue()}))


def test_the_error_says_what_and_why(crafted: Any) -> None:
    with pytest.raises(Corrupt, match="my_frame"):
        codecs.decode(crafted("plain", {}, {"value": b"\xc1"}), name="my_frame")
