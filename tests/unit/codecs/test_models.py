"""Estimators, boosters, tensors: predictions of what comes back are the same."""

# ruff: noqa: E501 - tables read better unbroken

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from etiq_jupyter import codecs
from etiq_jupyter.errors import NotKept

RNG = np.random.default_rng(0)
X = np.abs(RNG.normal(size=(80, 4)))
Y = (X[:, 0] > 0.6).astype(int)


def _estimators() -> list[Any]:
    pytest.importorskip("skops")
    return [
        "linear_model.LinearRegression", "linear_model.LogisticRegression", "linear_model.Ridge", "linear_model.Lasso", "linear_model.SGDClassifier", "tree.DecisionTreeClassifier",
        "tree.DecisionTreeRegressor", "ensemble.RandomForestClassifier", "ensemble.RandomForestRegressor", "ensemble.GradientBoostingClassifier", "ensemble.ExtraTreesClassifier",
        "ensemble.AdaBoostClassifier", "ensemble.BaggingClassifier", "svm.SVC", "svm.LinearSVC", "naive_bayes.GaussianNB", "cluster.KMeans", "decomposition.PCA", "preprocessing.StandardScaler",
        "preprocessing.OneHotEncoder", "impute.SimpleImputer", "neural_network.MLPClassifier", "gaussian_process.GaussianProcessRegressor", "calibration.CalibratedClassifierCV", "feature_selection.SelectKBest",
        "neighbors.KNeighborsClassifier", "neighbors.KNeighborsRegressor", "neighbors.RadiusNeighborsRegressor", "ensemble.HistGradientBoostingClassifier", "ensemble.HistGradientBoostingRegressor",
        "preprocessing.SplineTransformer", "cluster.BisectingKMeans", "cluster.MiniBatchKMeans", "svm.SVR", "svm.NuSVC", "svm.OneClassSVM",
    ]  # fmt: skip


@pytest.mark.parametrize("name", _estimators())
def test_estimators_come_back(name: str) -> None:
    import importlib

    module, _, kind = name.rpartition(".")
    make = getattr(importlib.import_module(f"sklearn.{module}"), kind)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        options = (
            {"n_estimators": 5}
            if "n_estimators" in make().get_params()
            else {"k": 2}
            if kind == "SelectKBest"
            else {}
        )
        model = make(**options).fit(X, Y)
        encoded = codecs.encode(model)
        made = codecs.decode(encoded.content)
    assert type(made) is type(model)
    assert (encoded.facts.kind, encoded.facts.type) == ("model", f"sklearn.{kind}")
    use = "predict" if hasattr(model, "predict") else "transform"
    old, new = getattr(model, use)(X), getattr(made, use)(X)
    np.testing.assert_array_equal(
        old.toarray() if hasattr(old, "toarray") else old,
        new.toarray() if hasattr(new, "toarray") else new,
    )
    assert codecs.encode(made).content.hash == encoded.content.hash


@pytest.mark.parametrize("tree", ["kd_tree", "ball_tree"])
@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "chebyshev", "minkowski"])
def test_trees_of_neighbours_come_back(tree: str, metric: str) -> None:
    neighbors = pytest.importorskip("sklearn.neighbors")
    model = neighbors.NearestNeighbors(algorithm=tree, metric=metric, p=3, leaf_size=7).fit(X)
    before = codecs.encode(model).content
    made = codecs.decode(before)
    for old, new in zip(model.kneighbors(X), made.kneighbors(X), strict=True):
        np.testing.assert_array_equal(old, new)
    assert codecs.encode(made).content.hash == before.hash
    assert codecs.encode(model).content.hash == before.hash, "predicting is no change"


def test_models_that_cannot_be_read_safely_are_recomputable() -> None:
    cluster = pytest.importorskip("sklearn.cluster")
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.neighbors import KNeighborsClassifier

    with pytest.raises(NotKept, match="skops cannot write"):
        codecs.encode(cluster.Birch().fit(X))
    with pytest.raises(NotKept, match="Haversine"):
        codecs.encode(KNeighborsClassifier(metric="haversine").fit(X[:, :2], Y))
    categorical = HistGradientBoostingClassifier(max_iter=1, categorical_features=[0])
    with pytest.raises(NotKept):
        codecs.encode(categorical.fit(X.astype(int), Y))


def test_looking_at_a_model_does_not_make_it(monkeypatch: Any) -> None:
    from sklearn.linear_model import Ridge

    from etiq_jupyter.codecs.estimators import EstimatorCodec
    from etiq_jupyter.model import Item

    encoded = codecs.encode(Ridge().fit(X, Y))
    monkeypatch.setattr(EstimatorCodec, "decode", lambda *_: pytest.fail("the model was made"))
    item = Item(name="m", kind="model", type="sklearn.Ridge", detail=encoded.facts.detail)
    assert codecs.preview(encoded.content, item).data["params"]["alpha"] == "1.0"
    assert codecs.preview(encoded.content).form == "none"
    assert codecs.formats_of(encoded.content) == ("raw",)
    assert codecs.export(encoded.content, "raw")[1]


def test_a_pipeline_says_its_steps() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    facts = codecs.encode(make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)).facts
    assert facts.summary.startswith("StandardScaler -> LogisticRegression")


def test_an_equal_fit_has_an_equal_hash() -> None:
    from sklearn.ensemble import RandomForestClassifier

    one, other = (
        codecs.encode(RandomForestClassifier(5, random_state=0).fit(X, Y)).content.hash
        for _ in range(2)
    )
    assert one == other


def test_an_estimator_with_own_code_is_recomputable() -> None:
    from sklearn.preprocessing import FunctionTransformer

    with pytest.raises(NotKept, match="types"):
        codecs.encode(FunctionTransformer(_own))


def _own(x: Any) -> Any:
    return x


@pytest.mark.parametrize("kind", ["XGBClassifier", "XGBRegressor", "Booster"])
def test_xgboost(kind: str) -> None:
    xgboost = pytest.importorskip("xgboost")
    if kind == "Booster":
        model = xgboost.train({"max_depth": 2}, xgboost.DMatrix(X, Y), 3)
        made = codecs.decode(codecs.encode(model).content)
        np.testing.assert_array_equal(
            model.predict(xgboost.DMatrix(X)), made.predict(xgboost.DMatrix(X))
        )
        return
    model = getattr(xgboost, kind)(n_estimators=3).fit(X, Y)
    encoded = codecs.encode(model)
    made = codecs.decode(encoded.content)
    np.testing.assert_array_equal(model.predict(X), made.predict(X))
    assert type(made) is type(model)
    assert made.get_params()["n_estimators"] == 3
    assert "3 rounds" in encoded.facts.summary
    assert not codecs.encode(getattr(xgboost, kind)()).content.buffers


@pytest.mark.parametrize("kind", ["LGBMClassifier", "LGBMRegressor", "Booster"])
def test_lightgbm(kind: str) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    if kind == "Booster":
        model = lightgbm.train({"verbose": -1}, lightgbm.Dataset(X, Y), 3)
        made = codecs.decode(codecs.encode(model).content)
    else:
        labels = np.array(["no", "yes"])[Y] if kind == "LGBMClassifier" else Y
        model = getattr(lightgbm, kind)(n_estimators=3, verbose=-1).fit(X, labels)
        made = codecs.decode(codecs.encode(model).content)
        assert type(made) is type(model)
    np.testing.assert_array_equal(model.predict(X), made.predict(X))


def test_torch_tensors_and_modules() -> None:
    torch = pytest.importorskip("torch")
    for tensor in (
        torch.arange(6).reshape(2, 3),
        torch.randn(3, requires_grad=True),
        torch.tensor(2.5),
        torch.zeros(0, 3),
        torch.ones(2, dtype=torch.bfloat16),
        torch.tensor([True]),
        torch.arange(6).reshape(2, 3).T,
    ):
        made = codecs.decode(codecs.encode(tensor).content)
        assert made.dtype == tensor.dtype
        assert made.shape == tensor.shape
        assert made.requires_grad == tensor.requires_grad
        assert torch.equal(made, tensor)
    module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    state = codecs.decode(codecs.encode(module).content)
    assert list(state) == list(module.state_dict())
    assert all(torch.equal(state[name], part) for name, part in module.state_dict().items())
    saved = codecs.decode(codecs.encode({"model": module.state_dict()}).content)
    assert torch.equal(saved["model"]["0.weight"], module.state_dict()["0.weight"])


def test_tensors_are_exported_as_safetensors_that_the_library_reads() -> None:
    torch = pytest.importorskip("torch")
    safetensors = pytest.importorskip("safetensors.torch")
    module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    content = codecs.encode(module).content
    assert codecs.formats_of(content) == ("safetensors", "raw")
    loaded = safetensors.load(codecs.export(content, "safetensors")[1])
    assert set(loaded) == set(module.state_dict())
    assert all(torch.equal(loaded[name], part) for name, part in module.state_dict().items())
    for tensor in (
        torch.arange(6).reshape(2, 3).T,
        torch.tensor(2.5),
        torch.zeros(0, 3),
        torch.ones(2, dtype=torch.bfloat16),
        torch.tensor([True, False]),
        torch.tensor([1 + 2j]),
    ):
        file = codecs.export(codecs.encode(tensor).content, "safetensors")[1]
        made = safetensors.load(file)["tensor"]
        assert made.dtype == tensor.dtype
        assert torch.equal(made, tensor)
    wide = codecs.encode(torch.tensor([1j], dtype=torch.complex128)).content
    assert codecs.formats_of(wide) == ("raw",)


def test_matplotlib_figures_come_back_as_pictures() -> None:
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("agg")
    figure, axes = pyplot.subplots()
    axes.plot([1, 2])
    axes.set_title("Losses")
    encoded = codecs.encode(figure)
    picture = codecs.decode(encoded.content)
    assert picture.data.startswith(b"\x89PNG")
    assert encoded.facts.summary == "1 axis: Losses"
    assert codecs.preview(encoded.content).form == "picture"
    assert codecs.encode(figure).content.hash == encoded.content.hash
    with pytest.raises(NotKept):
        codecs.encode(axes)
    pyplot.close(figure)
