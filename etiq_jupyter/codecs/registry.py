"""Which codec keeps a value, and which one reads a content. Open to plug-ins."""

from __future__ import annotations

import contextlib
import importlib
import logging
import threading
from collections.abc import Iterator
from typing import Any

from etiq_jupyter.codecs.base import Codec, Encoded, Facts, Reading, Writing, type_name
from etiq_jupyter.errors import Corrupt, EtiqError, NotKept, UnsafeContent
from etiq_jupyter.objects.content import Content, ContentReader

GROUP = "etiq_jupyter.codecs"
"""Entry point group of plug-ins; each entry point is a subclass of `Codec`."""
_log = logging.getLogger(__name__)
_HERE = "etiq_jupyter.codecs."
# Top-level package of a type -> modules here whose codecs may accept it. Nothing is imported
# before a value of that package turns up, and such a value means that the package is imported.
_BY_PACKAGE: dict[str, tuple[str, ...]] = {
    "builtins": ("plain",),
    "numpy": ("plain", "arrays"),
    "pandas": ("plain", "pandas_frames"),
    "polars": ("polars_frames",),
    "pyarrow": ("arrow_tables",),
    "scipy": ("sparse",),
    "sklearn": ("estimators",),
    "xgboost": ("boosters",),
    "lightgbm": ("boosters",),
    "torch": ("tensors",),
    "matplotlib": ("figures",),
    "plotly": ("figures",),
    "altair": ("figures",),
    "PIL": ("images",),
    "etiq_jupyter": ("images", "sources"),
}
# First part of a codec's name -> module here.
_BY_NAME: dict[str, str] = {
    "plain": "plain",
    "numpy": "arrays",
    "pandas": "pandas_frames",
    "polars": "polars_frames",
    "pyarrow": "arrow_tables",
    "scipy": "sparse",
    "sklearn": "estimators",
    "xgboost": "boosters",
    "lightgbm": "boosters",
    "torch": "tensors",
    "matplotlib": "figures",
    "plotly": "figures",
    "altair": "figures",
    "picture": "images",
    "source": "sources",
    "outputs": "outputs",
    "environment": "environments",
}


class Registry:
    """Finds codecs. One instance, `registry`, serves the process."""

    def __init__(self) -> None:
        self._plugins: list[Codec] | None = None
        self._modules: dict[str, list[Codec]] = {}
        self._lock = threading.Lock()

    # --- finding -------------------------------------------------------------------------------

    def register(self, codec: Codec) -> None:
        """Add a codec for this process, before the built-in ones."""
        self.plugins().insert(0, codec)

    def plugins(self) -> list[Codec]:
        """Codecs of installed plug-ins. One that cannot be loaded is logged and left out."""
        if self._plugins is None:
            from importlib.metadata import entry_points

            found = []
            for point in entry_points(group=GROUP):
                try:
                    found.append(point.load()())
                except Exception:  # noqa: BLE001 - a broken plug-in must not stop the others
                    _log.warning("the codec plug-in %s cannot be loaded", point.name, exc_info=True)
            with self._lock:
                self._plugins = self._plugins or found
        return self._plugins

    def _of_module(self, name: str) -> list[Codec]:
        if name not in self._modules:
            module = importlib.import_module(_HERE + name)
            self._modules[name] = [kind() for kind in module.CODECS]
        return self._modules[name]

    def find(self, value: Any) -> Codec:
        """Return the codec that keeps the value. Raises `NotKept` when none does."""
        kind = type(value)
        packages = []
        for parent in kind.__mro__[:-1] or (kind,):
            module = parent.__module__ if isinstance(parent.__module__, str) else ""
            package = module.partition(".")[0]
            if package not in packages:
                packages.append(package)
        first = packages[0]
        if first not in _BY_PACKAGE or self._plugins:
            for codec in self.plugins():
                if set(codec.packages) & set(packages) and codec.accepts(value):
                    return codec
        for package in packages:
            for name in _BY_PACKAGE.get(package, ()):
                for codec in self._of_module(name):
                    if codec.accepts(value):
                        return codec
        for name in ("plain", "sources"):
            for codec in self._of_module(name):
                if codec.accepts(value):
                    return codec
        raise NotKept(f"{type_name(kind)} has no safe portable form")

    def by_name(self, name: str) -> Codec:
        """Return the codec of that name. Raises `NotKept` when it is not installed."""
        module = _BY_NAME.get(name.partition(".")[0])
        for codec in self._of_module(module) if module else ():
            if codec.name == name:
                return codec
        for codec in self.plugins():
            if codec.name == name:
                return codec
        raise NotKept(
            f"there is no codec {name[:60]!r} here",
            why="it was kept by a plug-in or a newer version",
            hint="install the plug-in or update etiq_jupyter",
        )

    # --- using ---------------------------------------------------------------------------------

    def encode_content(self, value: Any, how: Writing) -> Content:
        """Turn a value into bytes; every failure becomes `NotKept`."""
        return self._encode(value, how)[1]

    def _encode(self, value: Any, how: Writing) -> tuple[Codec, Content]:
        try:
            codec = self.find(value)
            return codec, codec.encode(value, how)
        except NotKept:
            raise
        except ImportError as error:
            raise NotKept(f"{error.name or 'a library'} is not installed") from error
        except RecursionError as error:
            raise NotKept(f"{type_name(type(value))} is nested too deep") from error
        except Exception as error:
            # A value may be half-built, or its library may have changed: the cell must not feel it.
            kind = type_name(type(value))
            raise NotKept(
                f"{kind} could not be written ({type(error).__name__}: {error})"
            ) from error

    def encode(self, value: Any, how: Writing | None = None) -> Encoded:
        """Turn a value into bytes and facts. Raises `NotKept`."""
        how = how or Writing()
        codec, content = self._encode(value, how)
        try:
            facts = codec.summarise(value, content)
        except Exception:  # noqa: BLE001 - a summary is a courtesy
            _log.debug("no summary", exc_info=True)
            facts = Facts("other", type_name(type(value)))
        how.shared.setdefault(id(value), -1)
        return Encoded(content, facts, how.shared)

    def decode_content(self, reader: ContentReader, how: Reading) -> Any:
        """Read a content with the codec that wrote it. Raises typed errors only."""
        codec = self.by_name(reader.codec)
        if not isinstance(reader.version, int) or reader.version > codec.version:
            raise NotKept(
                f"{reader.codec} was written by a newer version", hint="update etiq_jupyter"
            )
        with guarded():
            return codec.decode(reader, how)


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Turn whatever reading a damaged or hostile content raises into a typed error."""
    try:
        yield
    except EtiqError:
        raise
    except ImportError as error:
        raise NotKept(
            f"{error.name or 'a library'} is needed to read this value",
            hint=f"pip install {error.name}",
        ) from error
    except RecursionError as error:
        raise UnsafeContent("the content was not read", why="it is nested too deep") from error
    except MemoryError as error:
        raise UnsafeContent(
            "the content was not read", why="it needs more memory than there is"
        ) from error
    except Exception as error:
        raise Corrupt(
            "the content could not be read", why=f"{type(error).__name__}: {str(error)[:300]}"
        ) from error


registry = Registry()
