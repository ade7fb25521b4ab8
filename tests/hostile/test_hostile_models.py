"""Models whose compiled code follows what it is given: bad indices and shapes are refused."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from etiq_jupyter import codecs
from etiq_jupyter.errors import EtiqError

pytest.importorskip("sklearn")
pytest.importorskip("skops")

Change = Callable[[Any], Any]
RNG = np.random.default_rng(0)
X = np.abs(RNG.normal(size=(60, 3)))
Y = (X[:, 0] > 0.6).astype(int)


def fitted(name: str) -> Any:
    from sklearn import cluster, ensemble, neighbors, preprocessing, svm

    made = {
        "kd": lambda: neighbors.KNeighborsClassifier(algorithm="kd_tree", leaf_size=5),
        "ball": lambda: neighbors.KNeighborsClassifier(algorithm="ball_tree", leaf_size=5),
        "brute": lambda: neighbors.KNeighborsClassifier(algorithm="brute"),
        "hist": lambda: ensemble.HistGradientBoostingClassifier(max_iter=1, min_samples_leaf=5),
        "spline": lambda: preprocessing.SplineTransformer(),
        "bisecting": lambda: cluster.BisectingKMeans(3),
        "kmeans": lambda: cluster.KMeans(3, n_init=1),
        "svc": lambda: svm.SVC(),
    }
    return made[name]().fit(X, Y)


def node_at(schema: Any, path: str) -> Any:
    """Follow attributes and positions, ``estimators_.0.left``."""
    node = schema
    for step in path.split("."):
        content = node["content"]
        content = content["content"] if isinstance(content, dict) else content
        node = content[int(step)] if isinstance(content, list) else content[step]
    return node


def changed(crafted: Any, name: str, path: str, change: Any) -> Any:
    """Return the model's content with one part changed: an array by a function, or a constant."""
    content = crafted.of(fitted(name))
    schema = json.loads(content.buffers["schema"])
    node = node_at(schema, path)
    if callable(change):
        array = np.load(io.BytesIO(content.buffers[node["file"]])).copy()
        array = change(array)
        out = io.BytesIO()
        np.save(out, array)
        content.buffers[node["file"]] = out.getvalue()
    else:
        node["content"] = json.dumps(change)
        content.buffers["schema"] = json.dumps(schema).encode()
    return content


def put(where: Any, value: Any, field: str = "") -> Change:
    def change(array: Any) -> Any:
        (array[field] if field else array)[where] = value
        return array

    return change


TREE, HIST = "_tree", "_predictors.0.0.nodes"
CASES: list[tuple[str, str, Any]] = [
    ("kd", f"{TREE}.1", put(0, 10**9)),
    ("kd", f"{TREE}.1", put(0, -1)),
    ("kd", f"{TREE}.1", put(slice(None), 0)),
    ("kd", f"{TREE}.2", put(1, 10**9, "idx_end")),
    ("kd", f"{TREE}.2", put(1, 60, "idx_end")),
    ("kd", f"{TREE}.2", put(1, -5, "idx_start")),
    ("kd", f"{TREE}.2", put(slice(None), 0, "is_leaf")),
    ("kd", f"{TREE}.2", lambda nodes: nodes[:1]),
    ("kd", f"{TREE}.3", lambda bounds: bounds[:, :1]),
    ("kd", f"{TREE}.3", lambda bounds: bounds[..., :1]),
    ("kd", f"{TREE}.0", lambda data: data[:5]),
    ("kd", f"{TREE}.4", 0),
    ("kd", f"{TREE}.5", 40),
    ("kd", f"{TREE}.6", 10**9),
    ("kd", f"{TREE}.12", [1.0]),
    ("ball", f"{TREE}.1", put(0, 10**9)),
    ("ball", f"{TREE}.2", put(1, 60, "idx_end")),
    ("ball", f"{TREE}.3", lambda bounds: bounds[:, :1]),
    ("brute", "_y", put(0, 10**6)),
    ("brute", "_y", put(0, -1)),
    ("brute", "_y", lambda labels: labels[:5]),
    ("brute", "classes_", lambda classes: classes[:1]),
    ("hist", HIST, put(0, 10**6, "left")),
    ("hist", HIST, put(0, 0, "right")),
    ("hist", HIST, put(0, 10**6, "feature_idx")),
    ("hist", HIST, put(0, -1, "feature_idx")),
    ("hist", HIST, put(0, 1, "is_categorical")),
    ("hist", HIST, put(slice(None), 0, "is_leaf")),
    ("hist", HIST, lambda nodes: nodes[:0]),
    ("hist", "_bin_mapper.is_categorical_", put(0, True)),
    ("hist", "n_features_in_", 1),
    ("hist", "_in_fit", True),
    ("spline", "bsplines_.0._t", lambda knots: knots[:3]),
    ("spline", "bsplines_.0._t", lambda knots: knots[::-1]),
    ("spline", "bsplines_.0._t", put(0, np.nan)),
    ("spline", "bsplines_.0._c", lambda values: values[:1]),
    ("spline", "bsplines_.0.k", 10**6),
    ("spline", "bsplines_.0.k", -1),
    ("bisecting", "_bisecting_tree.left.center", lambda center: center[:1]),
    ("bisecting", "n_features_in_", 300),
    ("kmeans", "cluster_centers_", lambda centers: centers[:, :1]),
    ("kmeans", "n_features_in_", 300),
    ("kmeans", "_n_threads", 10**6),
    ("svc", "_n_support", put(slice(None), [-1, 10])),
    ("svc", "_n_support", put(0, 10**6)),
    ("svc", "_dual_coef_", lambda weights: weights[:, :1]),
    ("svc", "_intercept_", lambda borders: borders[:0]),
    ("svc", "support_", lambda support: support[:1]),
]


@pytest.mark.parametrize(("name", "path", "change"), CASES)
def test_a_model_that_would_leave_its_memory_is_refused(
    crafted: Any, refused: Any, name: str, path: str, change: Any
) -> None:
    if path == "_in_fit":
        content = crafted.of(fitted(name))
        schema = json.loads(content.buffers["schema"])
        parts = schema["content"]["content"]
        parts["_in_fit"] = parts["warm_start"] | {"content": "true"}
        content.buffers["schema"] = json.dumps(schema).encode()
    else:
        content = changed(crafted, name, path, change)
    refused(content)


def test_a_metric_that_reads_by_its_own_rules_is_refused(crafted: Any, refused: Any) -> None:
    content = crafted.of(fitted("kd"))
    for other in ("PyFuncDistance", "MahalanobisDistance64", "SEuclideanDistance64"):
        schema = content.buffers["schema"].replace(b"EuclideanDistance64", other.encode())
        refused(crafted("sklearn.estimator", {}, content.buffers | {"schema": schema}))


@pytest.mark.parametrize("loader", ["DictNode", "ObjectNode", "NdArrayNode"])
def test_a_part_that_is_not_what_it_shows_is_refused(
    crafted: Any, refused: Any, loader: str
) -> None:
    """An identity met before would bring back an earlier part, in place of what was checked."""
    content = crafted.of(fitted("hist"))
    schema = json.loads(content.buffers["schema"])
    same = [
        node for node in _nodes(schema) if node.get("__loader__") == loader and "__id__" in node
    ]
    same[-1]["__id__"] = same[0]["__id__"]
    content.buffers["schema"] = json.dumps(schema).encode()
    assert "two forms" in str(refused(content))


def test_a_constant_that_names_an_identity_is_refused(crafted: Any, refused: Any) -> None:
    content = crafted.of(fitted("hist"))
    schema = json.loads(content.buffers["schema"])
    node_at(schema, "n_features_in_")["__id__"] = schema["__id__"]
    content.buffers["schema"] = json.dumps(schema).encode()
    assert "identity" in str(refused(content))


def _nodes(part: Any) -> list[dict[str, Any]]:
    if isinstance(part, list):
        return [node for each in part for node in _nodes(each)]
    if not isinstance(part, dict):
        return []
    own = [part] if "__loader__" in part else []
    return own + [node for each in part.values() for node in _nodes(each)]


@pytest.mark.parametrize(
    "meta",
    [
        {"tensors": {"a": {"dtype": "F32", "shape": [9], "buffer": "x"}}, "order": ["a"]},
        {"tensors": {"a": {"dtype": "F32", "shape": [-1], "buffer": "x"}}, "order": ["a"]},
        {"tensors": {"a": {"dtype": "OS", "shape": [1], "buffer": "x"}}, "order": ["a"]},
        {"tensors": {"a": 1}, "order": ["a"]},
        {"tensors": {"__metadata__": {"dtype": "F32"}}, "order": ["__metadata__"]},
        {
            "tensors": {n: {"dtype": "F32", "shape": [1], "buffer": "x"} for n in "ab"},
            "order": ["a", "b"],
        },
        {"tensors": {}, "order": [[]]},
    ],
)
def test_tensors_that_lie_about_their_size_are_not_exported(crafted: Any, meta: Any) -> None:
    content = crafted("torch.module", meta, {"x": b"1234"})
    with pytest.raises(EtiqError):
        codecs.export(content, "safetensors")
