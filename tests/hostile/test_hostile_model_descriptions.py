"""Crafted descriptions of models: no type, function or file is taken from them that is not known."""

# ruff: noqa: E501 - tables read better unbroken

from __future__ import annotations

import io
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from etiq_jupyter import codecs


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


def test_boosters_take_only_their_own_text(crafted: Any, refused: Any, payload: Any) -> None:
    payload = pickle.dumps(payload)
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


def test_every_array_of_a_model_is_read_without_pickle(
    crafted: Any, refused: Any, payload: Any
) -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    pytest.importorskip("skops")
    content = crafted.of(linear.LinearRegression().fit([[1.0], [2.0]], [1.0, 2.0]))
    out = io.BytesIO()
    array = np.empty(1, object)
    array[0] = payload
    np.save(out, array, allow_pickle=True)
    for name in list(content.buffers):
        if name.endswith(".npy"):
            content.buffers[name] = out.getvalue()
    refused(content)


def test_a_zip_in_place_of_a_schema_is_refused(crafted: Any, refused: Any) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../evil", b"\0" * 50_000_000)
    refused(crafted("sklearn.estimator", {"files": 1}, {"schema": out.getvalue()}))
