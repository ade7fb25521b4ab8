"""Checks of scikit-learn models whose native code follows what it is given without looking.

Neighbour trees (KDTree, BallTree), histogram gradient boosting, splines, k-means with its
bisecting form, and support vector machines are read only when every index and shape that their
compiled code relies on is inside its bounds. What cannot be checked so is kept as recomputable:

- Birch: its tree is made of nodes that refer to each other in a circle, which skops cannot write.
- KDTree and BallTree under another metric than Euclidean, Manhattan, Chebyshev or Minkowski: the
  others read matrices of their own, or call a Python function.
- Histogram gradient boosting with categorical features: their codes are positions in bit sets that
  compiled code sets and reads unchecked, behind an encoder that may give any number of columns.
"""

from __future__ import annotations

from typing import Any

from etiq_jupyter.codecs.base import refuse
from etiq_jupyter.codecs.estimator_schema import (
    Load,
    array_of,
    class_of,
    constant_of,
    demand,
    nodes_of,
    number_of,
    parts_of,
    state_of,
    walk,
)

_NEIGHBOURS = ("sklearn.neighbors._kd_tree.KDTree", "sklearn.neighbors._ball_tree.BallTree")
_METRICS = tuple(
    f"sklearn.metrics._dist_metrics.{name}Distance64"
    for name in ("Euclidean", "Manhattan", "Chebyshev", "Minkowski")
)
_PREDICTOR = "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"
_SPLINE = "scipy.interpolate._bsplines.BSpline"
_BISECTING = "sklearn.cluster._bisect_k_means._BisectingTree"
NATIVE = frozenset(
    [
        *_NEIGHBOURS,
        *_METRICS,
        _PREDICTOR,
        _SPLINE,
        _BISECTING,
        "sklearn.cluster._kmeans._kmeans_single_lloyd",
        "sklearn.cluster._kmeans._kmeans_single_elkan",
        "scipy._lib.array_api_compat.numpy._aliases.asarray",
    ]
)
"""Types and pure functions beyond skops' own list that are read because of the checks here."""
MAX_THREADS = 1024
MAX_DEGREE = 100


def check_natives(schema: Any, load: Load) -> None:
    """Check all models of these kinds in a skops schema.

    Parameters
    ----------
    schema : dict
        skops' schema.
    load : callable
        Reads an array by the name of its file.

    Raises
    ------
    UnsafeContent
        When using the model could leave its memory.
    """

    def visit(node: dict[str, Any], around: dict[str, Any]) -> dict[str, Any]:
        return _check(node, around, load) if node.get("__loader__") == "ObjectNode" else around

    # Around a node: the attributes of the estimator that it stands in.
    nothing: dict[str, Any] = {}
    walk(schema, nothing, visit)


def forget_counters(schema: Any) -> None:
    """Set to zero what neighbour trees count when they are used: predicting changes no model."""
    for node in nodes_of(schema):
        if class_of(node) in _NEIGHBOURS:
            for part in parts_of(node)[7:11]:
                part["content"] = "0"


def _check(node: dict[str, Any], around: dict[str, Any], load: Load) -> dict[str, Any]:
    """Check one object; return the estimator that its parts stand in."""
    module, name = str(node.get("__module__")), str(node.get("__class__"))
    full, state = f"{module}.{name}", state_of(node)
    if full in _NEIGHBOURS:
        _check_neighbours(node, name, load)
    elif full == _PREDICTOR:
        _check_predictor(state, around, load)
    elif full == _SPLINE:
        _check_spline(state, load)
    elif full == _BISECTING:
        _check_center(state, around, load)
    elif module.startswith("sklearn."):
        if "_y" in state and name.endswith("NeighborsClassifier"):
            _check_labels(state, load)
        if module.startswith("sklearn.cluster._") and "cluster_centers_" in state:
            _check_centers(state, load)
        if "_dual_coef_" in state and "support_vectors_" in state:
            _check_vectors(state, load)
        return state if "n_features_in_" in state else around
    return around


# --- neighbours -----------------------------------------------------------------------------------


def _check_neighbours(node: dict[str, Any], name: str, load: Load) -> None:
    import numpy as np

    parts = parts_of(node)
    if len(parts) != 13:
        raise refuse(f"a {name} of the model does not have the parts that it should")
    data, order, nodes, bounds = (array_of(part, load) for part in parts[:4])
    leaf_size, levels, count = (number_of(part) for part in parts[4:7])
    demand(data.ndim == 2 and data.dtype == np.float64, f"a {name} has data of a wrong form")
    rows, columns = data.shape
    demand(rows > 0 and columns > 0 and order.shape == (rows,), f"a {name} has rows left out")
    demand(np.array_equal(np.sort(order), np.arange(rows)), f"a {name} has rows outside it")
    demand(leaf_size is not None and leaf_size > 0, f"a {name} does not say how large it is")
    sides = 2 if name == "KDTree" else 1
    fits = count is not None and levels is not None and 0 < levels < 63
    demand(
        fits and count == 2**levels - 1 and nodes.shape == (count,),  # type: ignore[operator]
        f"a {name} does not have as many nodes as it says",
    )
    demand(bounds.shape == (sides, count, columns), f"a {name} has bounds of a wrong form")
    _check_ranges(nodes, rows, name)
    weights = constant_of(parts[12])
    demand(
        weights is None or array_of(parts[12], load).shape == (rows,),
        f"a {name} does not have a weight for every row",
    )
    _check_metric(parts[11], columns, name, load)


def _check_ranges(nodes: Any, rows: int, name: str) -> None:
    """Every node's rows are those of its two children: no row is met twice, none outside."""
    import numpy as np

    fields = ("idx_start", "idx_end", "is_leaf")
    demand(
        nodes.dtype.names is not None and all(field in nodes.dtype.names for field in fields),
        f"a {name} has nodes of a wrong form",
    )
    start, end, leaf = (nodes[field].astype(np.int64) for field in fields)
    here = np.flatnonzero(leaf == 0)
    message = f"a {name} has a node outside it"
    demand(start[0] == 0 and end[0] == rows and bool((start <= end).all()), message)
    demand(not len(here) or int(here.max()) * 2 + 2 < len(nodes), message)
    left, right = 2 * here + 1, 2 * here + 2
    split = (start[left] == start[here]) & (end[left] == start[right]) & (end[right] == end[here])
    demand(bool(split.all()), message)


def _check_metric(node: Any, columns: int, name: str, load: Load) -> None:
    full = class_of(node)
    demand(full in _METRICS, f"a {name} measures by {full.rpartition('.')[2][:40]}")
    parts = parts_of(node)
    if len(parts) != 3:
        raise refuse(f"a {name} has a metric of a wrong form")
    if full.endswith("MinkowskiDistance64"):
        weights = array_of(parts[1], load)
        demand(
            weights.shape in ((0,), (columns,)),
            f"a {name} does not have a weight for every column",
        )


def _check_labels(state: dict[str, Any], load: Load) -> None:
    """Classes of neighbours are counted in native code, at the position that the label names."""
    if constant_of(state.get("outputs_2d_")) is True:
        return  # counted by NumPy, which looks
    labels, classes = array_of(state["_y"], load), array_of(state.get("classes_"), load)
    fitted = state.get("_fit_X")
    rows = number_of(state.get("n_samples_fit_"))
    if isinstance(fitted, dict) and fitted.get("__loader__") == "NdArrayNode":
        rows = array_of(fitted, load).shape[0]
    right = labels.ndim == 1 and labels.dtype.kind in "iu" and len(labels) == rows
    inside = right and (not len(labels) or 0 <= labels.min() <= labels.max() < len(classes))
    demand(inside, "a classifier by neighbours has labels that are none of its classes")


# --- boosting, splines ----------------------------------------------------------------------------


def _check_predictor(state: dict[str, Any], around: dict[str, Any], load: Load) -> None:
    import numpy as np

    features = number_of(around.get("n_features_in_"))
    mapper = state_of(around.get("_bin_mapper"))
    untouched = constant_of(around.get("_preprocessor")) is None
    plain = untouched and not constant_of(around.get("_in_fit"))
    demand(features is not None and mapper and plain, "its boosting has categorical features")
    categorical = array_of(mapper.get("is_categorical_"), load)
    demand(
        categorical.shape == (features,) and not categorical.any(),
        "its boosting has categorical features",
    )
    nodes = array_of(state.get("nodes"), load)
    fields = ("is_leaf", "left", "right", "feature_idx", "is_categorical")
    names = nodes.dtype.names
    demand(
        nodes.ndim == 1 and len(nodes) and names and all(field in names for field in fields),
        "a tree of its boosting has nodes of a wrong form",
    )
    inner = nodes["is_leaf"] == 0
    demand(not nodes["is_categorical"][inner].any(), "its boosting has categorical features")
    here = np.flatnonzero(inner)
    for side in ("left", "right"):
        child = nodes[side][inner].astype(np.int64)
        demand(
            bool((child > here).all()) and bool((child < len(nodes)).all()),
            "a tree of its boosting has a child outside it",
        )
    split = nodes["feature_idx"][inner].astype(np.int64)
    demand(
        bool((split >= 0).all()) and bool((split < features).all()),
        "a tree of its boosting splits by a feature that it does not have",
    )


def _check_spline(state: dict[str, Any], load: Load) -> None:
    import numpy as np

    knots = array_of(state.get("_t", state.get("t")), load)
    coefficients = array_of(state.get("_c", state.get("c")), load)
    degree = number_of(state.get("k"))
    if degree is None or not 0 <= degree <= MAX_DEGREE:
        raise refuse("a spline has no fitting degree")

    fits = (
        knots.ndim == 1
        and knots.dtype == np.float64
        and len(knots) >= 2 * degree + 2
        and coefficients.ndim >= 1
        and coefficients.dtype.kind in "fc"
        and coefficients.shape[0] >= len(knots) - degree - 1
    )
    demand(fits, "a spline does not have as many coefficients as its knots ask for")
    demand(
        bool(np.isfinite(knots).all()) and bool((np.diff(knots) >= 0).all()),
        "a spline has knots out of order",
    )


# --- clusters, support vectors --------------------------------------------------------------------


def _check_center(state: dict[str, Any], around: dict[str, Any], load: Load) -> None:
    features = number_of(around.get("n_features_in_"))
    demand(
        features is not None and array_of(state.get("center"), load).shape == (features,),
        "a cluster's centre does not have as many features as the model",
    )


def _check_centers(state: dict[str, Any], load: Load) -> None:
    centers = array_of(state["cluster_centers_"], load)
    features = number_of(state.get("n_features_in_"))
    demand(
        centers.ndim == 2 and centers.shape[1] == features,
        "the clusters' centres do not have as many features as the model",
    )
    threads = number_of(state.get("_n_threads"))
    demand(threads is None or 0 < threads <= MAX_THREADS, "its clusters ask for too many threads")


def _check_vectors(state: dict[str, Any], load: Load) -> None:
    """Compiled code reads coefficients and borders by the numbers of vectors of the classes."""
    if state["support_vectors_"].get("__loader__") == "SparseMatrixNode":
        raise refuse("its support vectors are sparse, whose indices cannot be checked")
    vectors = array_of(state["support_vectors_"], load)
    weights = array_of(state["_dual_coef_"], load)
    counts = array_of(state.get("_n_support"), load)
    borders = array_of(state.get("_intercept_"), load)
    classes = len(counts) if counts.ndim == 1 else 0
    pairs = classes * (classes - 1) // 2
    message = "its support vectors, coefficients and classes do not fit together"
    demand(classes >= 2 and vectors.ndim == 2 and bool((counts >= 0).all()), message)
    demand(weights.shape == (classes - 1, len(vectors)), message)
    demand(int(counts.max()) <= len(vectors) and borders.shape == (pairs,), message)
    regression = classes == 2 and bool((counts == len(vectors)).all())
    demand(regression or int(counts.sum()) == len(vectors), message)
    demand(array_of(state.get("support_"), load).shape == (len(vectors),), message)
    for name in ("_probA", "_probB"):
        demand(array_of(state.get(name), load).shape in ((0,), (pairs,)), message)
