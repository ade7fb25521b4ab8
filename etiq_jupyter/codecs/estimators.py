"""scikit-learn estimators and pipelines through skops, which names every type it would make.

skops writes a schema (JSON) and arrays (``.npy``) into a zip. Here they are kept apart: the schema
in
a canonical form, so that equal models have equal hashes, and each array as a buffer of its own, so
that a forest refitted in part is stored in part. Reading puts them back together in memory, checks
the names of all types against skops' list and the few below, and checks the indices and shapes that
scikit-learn's native code follows without looking (`estimator_trees`, `estimator_natives`).
"""

from __future__ import annotations

import functools
import io
import json
import sys
import zipfile
from typing import Any

from etiq_jupyter.codecs.base import Codec, Facts, Reading, Writing, refuse, type_name
from etiq_jupyter.codecs.describe import describe
from etiq_jupyter.codecs.estimator_natives import NATIVE, check_natives, forget_counters
from etiq_jupyter.codecs.estimator_schema import Load, nodes_of
from etiq_jupyter.codecs.estimator_trees import TREE, check_trees
from etiq_jupyter.errors import Corrupt, NotKept, UnsafeContent
from etiq_jupyter.objects.content import Buffer, Content, ContentReader

MAX_FILES = 200_000
MAX_SHOWN = 40
_KERNELS = "sklearn.gaussian_process.kernels."
# Types beyond skops' own list that hold numbers or are pure functions: reviewed, they run nothing
# of
# the content and index nothing unchecked.
_REVIEWED = frozenset(
    [
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
        "sklearn.feature_selection._univariate_selection.f_classif",
        "sklearn.feature_selection._univariate_selection.f_regression",
        "sklearn.feature_selection._univariate_selection.chi2",
        "sklearn.feature_selection._mutual_info.mutual_info_classif",
        "sklearn.feature_selection._mutual_info.mutual_info_regression",
        "sklearn._loss.loss.HalfTweedieLossIdentity",
        "numpy.mean",
        "numpy.median",
        "numpy.dtype",
        *(
            _KERNELS + name
            for name in (
                "ConstantKernel",
                "WhiteKernel",
                "RBF",
                "Matern",
                "RationalQuadratic",
                "ExpSineSquared",
                "DotProduct",
                "Sum",
                "Product",
                "Exponentiation",
                "CompoundKernel",
                "Hyperparameter",
            )
        ),
    ]
)


class EstimatorCodec(Codec):
    """Everything that derives from `sklearn.base.BaseEstimator`."""

    name = "sklearn.estimator"
    packages = ("sklearn",)

    def accepts(self, value: Any) -> bool:
        module = sys.modules.get("sklearn.base")
        return module is not None and isinstance(value, module.BaseEstimator)

    def encode(self, value: Any, how: Writing) -> Content:
        try:
            import skops.io
        except ImportError as error:
            raise NotKept(
                "skops is not installed; pip install skops keeps scikit-learn models"
            ) from error
        try:
            data = skops.io.dumps(value)
        except Exception as error:
            raise NotKept(f"skops cannot write it ({type(error).__name__}: {error})") from error
        _, unknown = _sorted_out(data)
        if unknown:
            raise NotKept(f"it holds types that could run code when read: {', '.join(unknown[:5])}")
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            schema = json.loads(archive.read("schema.json"))
            forget_counters(schema)
            _unite(schema)
            files = _canonical(schema)
            buffers = [_npy(new, archive.read(old)) for old, new in files.items()]
        text = json.dumps(schema, separators=(",", ":"), sort_keys=True).encode()
        data_of = {buffer.name: buffer.data for buffer in buffers}
        try:
            _check(schema, lambda name: _load(data_of[name]))
        except UnsafeContent as error:
            raise NotKept("reading it back could not be made safe", why=error.why) from error
        return Content(
            self.name,
            self.version,
            {"files": len(files)},
            [Buffer("schema", memoryview(text)), *buffers],
        )

    def decode(self, reader: ContentReader, how: Reading) -> Any:
        import skops.io

        try:
            schema = json.loads(bytes(reader.read("schema")))
        except ValueError as error:
            raise Corrupt("the model's schema is not JSON") from error
        except RecursionError as error:
            raise refuse("its schema is nested too deep") from error
        names = [name for name in reader.names() if name != "schema"]
        if not isinstance(schema, dict) or len(names) > MAX_FILES:
            raise Corrupt("the model's schema is damaged")
        _only_our_files(schema, set(names))
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
            for name in names:
                archive.writestr(name, reader.read(name))
            archive.writestr("schema.json", json.dumps(schema))
        data = out.getvalue()
        reviewed, unknown = _sorted_out(data)
        if unknown:
            raise refuse(f"it names types that could run code: {', '.join(unknown[:10])}")
        _check(schema, lambda name: _load(reader.read(name)))
        return skops.io.loads(data, trusted=reviewed)

    def summarise(self, value: Any, content: Content) -> Facts:
        params = {
            name: describe(part, 60)
            for name, part in list(value.get_params(deep=False).items())[:MAX_SHOWN]
        }
        state = getattr(value, "__dict__", {})
        fitted = [name for name in state if name.endswith("_") and not name.startswith("_")]
        detail: dict[str, Any] = {"params": params, "fitted": fitted[:MAX_SHOWN]}
        steps = getattr(value, "steps", None)
        name = type(value).__name__
        if isinstance(steps, list):
            detail["steps"] = [f"{label}: {type(step).__name__}" for label, step in steps]
            name = " -> ".join(type(step).__name__ for _, step in steps)
        features = state.get("n_features_in_")
        told = f", {features:,} features" if isinstance(features, int) else ""
        is_fitted = bool(fitted) or isinstance(steps, list)
        return Facts(
            "model", type_name(type(value)), name + (told if is_fitted else ", not fitted"), detail
        )


def _check(schema: dict[str, Any], load: Load) -> None:
    """Check what native code would follow unchecked; each array is loaded once."""
    load = functools.lru_cache(maxsize=64)(load)
    _check_identities(schema)
    check_trees(schema, load)
    check_natives(schema, load)


def _check_identities(schema: dict[str, Any]) -> None:
    """Refuse a node that is not what it shows.

    skops makes a node whose identity it has met before as that earlier one, whatever stands in it:
    what was checked would not be what is used.
    """
    met: dict[Any, dict[str, Any]] = {}
    for node in nodes_of(schema):
        if "__loader__" not in node:
            continue
        identity = node.get("__id__")
        if _is_constant(node) != (identity is None) or type(identity) not in (int, type(None)):
            raise refuse("its schema has a part without an identity of its own")
        if identity is not None and met.setdefault(identity, node) != node:
            raise refuse("its schema shows one part in two forms")


def _sorted_out(data: bytes) -> tuple[list[str], list[str]]:
    """Return the types in a skops file that are beyond skops' own list: reviewed, and unknown."""
    import skops.io

    named = set(skops.io.get_untrusted_types(data=data))
    reviewed = named & (_REVIEWED | NATIVE | {TREE})
    return sorted(reviewed), sorted(named - reviewed)


def _unite(schema: dict[str, Any]) -> None:
    """Let every appearance of one object be written alike, in place.

    skops asks a random generator for its state each time it meets it and gets new arrays.
    """
    first: dict[Any, dict[str, Any]] = {}
    todo: list[Any] = [schema]
    while todo:
        parent = todo.pop()
        entries = sorted(parent.items()) if isinstance(parent, dict) else enumerate(parent)
        for key, node in list(entries):
            if not isinstance(node, (dict, list)):
                continue
            if isinstance(node, dict) and "__id__" in node and not _is_constant(node):
                known = first.setdefault(node["__id__"], node)
                if known is not node:
                    parent[key] = known
                    continue
            todo.append(node)


def _is_constant(node: dict[str, Any]) -> bool:
    return node.get("__loader__") in ("JsonNode", "TypeNode")


def _canonical(schema: dict[str, Any]) -> dict[str, str]:
    """Renumber identities and files by appearance, in place; return old file name -> new one.

    skops numbers them by address. Constants need no identity.
    """
    numbers: dict[Any, int] = {}
    files: dict[str, str] = {}
    done: set[int] = set()
    todo: list[Any] = [schema]
    while todo:
        node = todo.pop()
        if isinstance(node, list):
            todo += reversed(node)
        elif isinstance(node, dict) and id(node) not in done:
            done.add(id(node))
            if "__loader__" in node:
                if _is_constant(node):
                    node.pop("__id__", None)
                elif "__id__" in node:
                    node["__id__"] = numbers.setdefault(node["__id__"], len(numbers) + 1)
                if isinstance(node.get("file"), str):
                    old = node["file"]
                    suffix = old.rpartition(".")[2]
                    node["file"] = files.setdefault(old, f"a{len(files)}.{suffix}")
            todo += reversed([node[key] for key in sorted(node)])
    return files


def _only_our_files(schema: dict[str, Any], names: set[str]) -> None:
    """Refuse a schema that names files which are not buffers of this content."""
    for node in nodes_of(schema):
        file = node.get("file")
        if "__loader__" in node and file is not None and file not in names:
            raise Corrupt("the model's schema names a file that is not there", why=str(file)[:100])


def _npy(name: str, data: bytes) -> Buffer:
    if name.endswith(".npy") and b"'descr': [" in data[:256]:
        import numpy as np

        from etiq_jupyter.codecs.arrays import without_padding_noise

        out = io.BytesIO()
        np.save(out, without_padding_noise(_load(memoryview(data))), allow_pickle=False)
        data = out.getvalue()
    return Buffer(name, memoryview(data), itemsize=8 if name.endswith(".npy") else 1)


def _load(data: memoryview) -> Any:
    import numpy as np

    return np.load(io.BytesIO(bytes(data)), allow_pickle=False)


CODECS = (EstimatorCodec,)
