"""Checks of scikit-learn's trees before they are made: native code follows their indices unchecked.

A tree is accepted when every child comes after its parent and lies inside the tree, every split
names a feature that the tree has, its depth is not more than it says, and the estimators around it
that hand it their data without checking promise as many features.
"""

from __future__ import annotations

from typing import Any

from etiq_jupyter.codecs.base import refuse
from etiq_jupyter.codecs.estimator_schema import (
    Load,
    array_of,
    class_of,
    number_of,
    state_of,
    walk,
)

TREE = "sklearn.tree._tree.Tree"
_CHECK_THEMSELVES = ("Bagging", "Stacking", "Voting", "AdaBoost")


def check_trees(schema: Any, load: Load) -> None:
    """Check all trees of a skops schema.

    Parameters
    ----------
    schema : dict
        skops' schema.
    load : callable
        Reads an array by the name of its file.

    Raises
    ------
    UnsafeContent
        When following a tree could leave its memory.
    """

    def visit(node: dict[str, Any], promised: tuple[int, ...]) -> tuple[int, ...] | None:
        if node.get("__loader__") == "TreeNode" or _is_tree(node):
            _check(node, promised, load)
            return None
        return _promise(node, promised) if node.get("__loader__") == "ObjectNode" else promised

    # Around a node: the numbers of features that the estimators there promise.
    around: tuple[int, ...] = ()
    walk(schema, around, visit)


def _is_tree(node: dict[str, Any]) -> bool:
    return class_of(node) == TREE and "__reduce__" in node


def _promise(node: dict[str, Any], promised: tuple[int, ...]) -> tuple[int, ...]:
    features = number_of(state_of(node).get("n_features_in_"))
    name = str(node.get("__class__"))
    module = str(node.get("__module__"))
    if features is None:
        return promised
    hands_down = module.startswith("sklearn.tree.") or (
        module.startswith("sklearn.ensemble.") and not name.startswith(_CHECK_THEMSELVES)
    )
    return (
        (*promised, features)
        if hands_down
        else (features,)
        if module.startswith("sklearn.")
        else ()
    )


def _check(node: dict[str, Any], promised: tuple[int, ...], load: Load) -> None:
    import numpy as np

    arguments = node.get("__reduce__", {}).get("args", {}).get("content", [])
    state = state_of(node)
    features = number_of(arguments[0]) if len(arguments) == 3 else None
    depth, count = number_of(state.get("max_depth")), number_of(state.get("node_count"))
    if features is None or depth is None or count is None:
        raise refuse("a tree of the model does not say how large it is")
    if any(number != features for number in promised[-2:]):
        raise refuse(f"a tree of {features} features stands in a model of {promised[-1]}")
    nodes, values = array_of(state.get("nodes"), load), array_of(state.get("values"), load)
    classes, outputs = array_of(arguments[1], load), number_of(arguments[2])
    if (
        nodes.dtype.names is None
        or nodes.ndim != 1
        or len(nodes) != count
        or values.shape[:1] != (count,)
    ):
        raise refuse("a tree of the model does not have as many nodes as it says")
    if (
        outputs is None
        or classes.shape != (outputs,)
        or values.ndim != 3
        or values.shape[1] != outputs
    ):
        raise refuse("a tree of the model does not have as many outputs as it says")
    if len(classes) and (int(classes.min()) < 1 or int(classes.max()) != values.shape[2]):
        raise refuse("a tree of the model does not have as many classes as it says")
    left, right = nodes["left_child"].astype(np.int64), nodes["right_child"].astype(np.int64)
    here = np.arange(count)
    leaf = left == -1
    if bool((right[leaf] != -1).any()):
        raise refuse("a tree of the model has a leaf with a child")
    for side in (left[~leaf], right[~leaf]):
        if len(side) and (bool((side <= here[~leaf]).any()) or int(side.max()) >= count):
            raise refuse("a tree of the model has a child outside it")
    split = nodes["feature"][~leaf]
    if len(split) and (int(split.min()) < 0 or int(split.max()) >= features):
        raise refuse("a tree of the model splits by a feature that it does not have")
    if _depth(left, right, leaf) > depth:
        raise refuse("a tree of the model is deeper than it says")


def _depth(left: Any, right: Any, leaf: Any) -> int:
    """Levels below the root, level by level; children come after parents, so this ends."""
    import numpy as np

    level, depth = np.zeros(min(1, len(left)), np.int64), 0
    while True:
        inner = level[~leaf[level]]
        if not len(inner):
            return depth
        level = np.unique(np.concatenate([left[inner], right[inner]]))
        depth += 1
