"""XGBoost and LightGBM models in their own text forms (JSON, LightGBM's model text)."""

from __future__ import annotations

import importlib
from typing import Any

from etiq_jupyter.codecs.base import Codec, Facts, Reading, Writing, need, type_name
from etiq_jupyter.codecs.describe import describe
from etiq_jupyter.codecs.plain import pack_plain, unpack_plain
from etiq_jupyter.errors import Corrupt, NotKept
from etiq_jupyter.objects.content import Buffer, Content, ContentReader

MAX_SHOWN = 40
_XGBOOST = (
    "XGBClassifier",
    "XGBRegressor",
    "XGBRanker",
    "XGBRFClassifier",
    "XGBRFRegressor",
    "XGBModel",
)
_LIGHTGBM = ("LGBMClassifier", "LGBMRegressor", "LGBMRanker", "LGBMModel")


def _params(value: Any) -> dict[str, Any]:
    """Parameters of a scikit-learn wrapper, without those that are not set."""
    found = value.get_params(deep=False)
    return {name: part for name, part in found.items() if part is not None}


def _shown(params: dict[str, Any]) -> dict[str, str]:
    return {name: describe(part, 60) for name, part in list(params.items())[:MAX_SHOWN]}


def _wrapper(package: str, name: Any, allowed: tuple[str, ...]) -> Any:
    if name not in allowed:
        raise Corrupt(f"{str(name)[:40]!r} is not a model of {package}")
    return getattr(importlib.import_module(package), name)


class XgboostCodec(Codec):
    """`xgboost.Booster` and the scikit-learn forms, as XGBoost's JSON."""

    name = "xgboost.model"
    packages = ("xgboost",)

    def accepts(self, value: Any) -> bool:
        return type(value).__module__.startswith("xgboost.") and type(value).__name__ in (
            "Booster",
            *_XGBOOST,
        )

    def encode(self, value: Any, how: Writing) -> Content:
        name = type(value).__name__
        meta: dict[str, Any] = {"class": name}
        buffers = []
        booster = value
        if name != "Booster":
            meta["params"] = pack_plain(_params(value))
            booster = value.get_booster() if value.__sklearn_is_fitted__() else None
            if booster is not None:
                meta["fitted"] = pack_plain({"n_classes_": getattr(value, "n_classes_", None)})
        if booster is not None:
            buffers.append(Buffer("model", memoryview(bytes(booster.save_raw("json")))))
        return Content(self.name, self.version, meta, buffers)

    def decode(self, reader: ContentReader, how: Reading) -> Any:
        import xgboost

        name = need(reader.meta, "class", str)
        held = "model" in list(reader.names())
        data = bytearray(reader.read("model")) if held else bytearray()
        if held and data[:1] != b"{":
            raise Corrupt("the model is not XGBoost's JSON")
        if name == "Booster":
            return xgboost.Booster(model_file=data)
        params = unpack_plain(need(reader.meta, "params", (bytes, memoryview)))
        made = _wrapper("xgboost", name, _XGBOOST)(**params)
        if held:
            made.load_model(data)
            made.set_params(**params)
        return made

    def summarise(self, value: Any, content: Content) -> Facts:
        name = type(value).__name__
        if name == "Booster":
            rounds = value.num_boosted_rounds()
            return Facts("model", "xgboost.Booster", f"{rounds:,} rounds", {"rounds": rounds})
        fitted = bool(content.buffers)
        rounds = value.get_booster().num_boosted_rounds() if fitted else 0
        summary = f"{name}, {rounds:,} rounds" if fitted else f"{name}, not fitted"
        return Facts(
            "model",
            type_name(type(value)),
            summary,
            {"params": _shown(_params(value)), "rounds": rounds},
        )


class LightgbmCodec(Codec):
    """`lightgbm.Booster` and the scikit-learn forms, as LightGBM's model text."""

    name = "lightgbm.model"
    packages = ("lightgbm",)

    def accepts(self, value: Any) -> bool:
        return type(value).__module__.startswith("lightgbm.") and type(value).__name__ in (
            "Booster",
            *_LIGHTGBM,
        )

    def encode(self, value: Any, how: Writing) -> Content:
        name = type(value).__name__
        meta: dict[str, Any] = {"class": name}
        buffers = []
        if name == "Booster":
            text: str | None = value.model_to_string(num_iteration=-1)
        else:
            meta["params"] = pack_plain(_params(value))
            fitted = value.__sklearn_is_fitted__()
            text = value.booster_.model_to_string(num_iteration=-1) if fitted else None
            if fitted:
                meta["fitted"] = self._fitted(value)
        if text is not None:
            buffers.append(Buffer("model", memoryview(text.encode())))
        return Content(self.name, self.version, meta, buffers)

    @staticmethod
    def _fitted(value: Any) -> bytes:
        state: dict[str, Any] = {
            "_n_features": value._n_features,
            "_n_features_in": value.n_features_in_,
            "_best_iteration": value._best_iteration,
            "_objective": value._objective if isinstance(value._objective, str) else None,
        }
        if hasattr(value, "classes_"):
            state["_n_classes"] = value._n_classes
            state["_classes"] = value.classes_.tolist()
            state["classes_dtype"] = value.classes_.dtype.str
        try:
            return pack_plain(state)
        except NotKept as error:
            raise NotKept(f"its classes have no portable form: {error.what}") from error

    def decode(self, reader: ContentReader, how: Reading) -> Any:
        import lightgbm

        name = need(reader.meta, "class", str)
        held = "model" in list(reader.names())
        booster = None
        if held:
            text = bytes(reader.read("model")).decode("utf-8")
            if not text.startswith("tree\n"):
                raise Corrupt("the model is not LightGBM's text")
            _check_lightgbm(text)
            booster = lightgbm.Booster(model_str=text)
        if name == "Booster":
            if booster is None:
                raise Corrupt("the model is missing")
            return booster
        made = _wrapper("lightgbm", name, _LIGHTGBM)(
            **unpack_plain(need(reader.meta, "params", (bytes, memoryview)))
        )
        if booster is not None:
            self._set_fitted(
                made, booster, unpack_plain(need(reader.meta, "fitted", (bytes, memoryview)))
            )
        return made

    @staticmethod
    def _set_fitted(made: Any, booster: Any, state: dict[str, Any]) -> None:
        import numpy as np

        from etiq_jupyter.codecs.dtypes import simple_dtype

        made._Booster = booster
        made.fitted_ = True
        for name in ("_n_features", "_n_features_in", "_best_iteration", "_objective"):
            setattr(made, name, state.get(name))
        if "_classes" in state:
            made._n_classes = state["_n_classes"]
            made._classes = np.array(state["_classes"], simple_dtype(state["classes_dtype"]))
            made._le = _label_encoder(made._classes)
            made._class_map = dict(zip(made._classes, range(len(made._classes)), strict=True))

    def summarise(self, value: Any, content: Content) -> Facts:
        name = type(value).__name__
        if name == "Booster":
            trees = value.num_trees()
            return Facts("model", "lightgbm.Booster", f"{trees:,} trees", {"trees": trees})
        trees = value.booster_.num_trees() if content.buffers else 0
        summary = f"{name}, {trees:,} trees" if content.buffers else f"{name}, not fitted"
        return Facts(
            "model",
            type_name(type(value)),
            summary,
            {"params": _shown(_params(value)), "trees": trees},
        )


def _label_encoder(classes: Any) -> Any:
    from sklearn.preprocessing import LabelEncoder

    made = LabelEncoder()
    made.classes_ = classes
    return made


def _check_lightgbm(text: str) -> None:
    """LightGBM's parser trusts numbers of leaves: refuse ones that the text cannot hold."""
    for line in text.splitlines():
        name, _, number = line.partition("=")
        if name in (
            "num_leaves",
            "num_cat",
            "max_feature_idx",
            "num_class",
            "num_tree_per_iteration",
        ):
            try:
                value = int(number)
            except ValueError:
                raise Corrupt("the model is damaged", why=line[:80]) from None
            if not -1 <= value <= len(text):
                raise Corrupt("the model is damaged", why=line[:80])


CODECS = (XgboostCodec, LightgbmCodec)
