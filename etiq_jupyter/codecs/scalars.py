"""Plain values without parts (dates, decimals, paths, members of enums) as a tag and a list.

Each form is ``[tag, ...]`` of MessagePack atoms. Reading one calls only the constructor of the type
that the tag stands for; classes of the user are looked up among what is already imported.
"""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import fractions
import pathlib
import re
import sys
import uuid
from collections.abc import Callable
from typing import Any

from etiq_jupyter.codecs.base import refuse
from etiq_jupyter.errors import Corrupt, NotKept

_PATHS = {
    kind.__name__: kind
    for kind in (
        pathlib.PurePosixPath,
        pathlib.PureWindowsPath,
        pathlib.PosixPath,
        pathlib.WindowsPath,
    )
}
_TYPES: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        int,
        float,
        complex,
        bool,
        str,
        bytes,
        bytearray,
        list,
        tuple,
        set,
        frozenset,
        dict,
        object,
        type,
        range,
        slice,
        type(None),
    )
}
MAX_PATTERN = 10_000
"""Characters of a regular expression that is compiled on reading."""


class Missing(Exception):
    """A class that a value needs is not in this process."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(name)


def find_class(module: str, qualname: str) -> type:
    """Return a class that this process already has; never imports, never runs a module's code.

    Raises
    ------
    Missing
        When it is not there.
    """
    name = qualname if module in ("__main__", "builtins") else f"{module}.{qualname}"
    holder = sys.modules.get(module)
    if holder is None:
        raise Missing(name)
    space: Any = vars(holder)
    found: Any = None
    for part in qualname.split("."):
        # Straight from the namespace: getattr could run a module's or a metaclass's __getattr__.
        found = space.get(part)
        if not isinstance(found, type):
            raise Missing(name)
        space = found.__dict__
    if not isinstance(found, type):
        raise Missing(name)
    return found


# --- time zones -------------------------------------------------------------------------------


def write_zone(zone: dt.tzinfo | None) -> Any:
    """Return the written form of a time zone."""
    if zone is None:
        return None
    if zone is dt.timezone.utc:
        return "utc"
    if type(zone) is dt.timezone:
        span = zone.utcoffset(None)
        name = zone.tzname(None)
        given = name if name != dt.timezone(span).tzname(None) else None
        return ["fixed", span.days, span.seconds, span.microseconds, given]
    root = type(zone).__module__.partition(".")[0]
    key = getattr(zone, "key", None)
    if root == "zoneinfo" and isinstance(key, str):
        return ["zone", key]
    if root == "pytz" and isinstance(getattr(zone, "zone", None), str):
        return ["pytz", zone.zone]  # type: ignore[attr-defined]
    if root == "dateutil" and type(zone).__name__ == "tzutc":
        return ["dateutil"]
    raise NotKept(f"a {type(zone).__module__}.{type(zone).__name__} time zone has no portable form")


def read_zone(form: Any) -> dt.tzinfo | None:
    """Return the time zone of a written form."""
    if form is None:
        return None
    if form == "utc":
        return dt.timezone.utc
    if form[0] == "fixed":
        span = dt.timedelta(days=form[1], seconds=form[2], microseconds=form[3])
        return dt.timezone(span) if form[4] is None else dt.timezone(span, form[4])
    if form[0] == "dateutil":
        from dateutil.tz import tzutc  # type: ignore[import-untyped,unused-ignore]

        return tzutc()  # type: ignore[no-any-return,unused-ignore]
    key = form[1]
    if not isinstance(key, str) or len(key) > 100 or not re.fullmatch(r"[A-Za-z0-9_+\-/]+", key):
        raise refuse(f"{key!r} is not the name of a time zone")
    if form[0] == "pytz":
        try:
            import pytz  # type: ignore[import-untyped,unused-ignore]
        except ImportError:
            pass
        else:
            return pytz.timezone(key)  # type: ignore[no-any-return,unused-ignore]
    import zoneinfo

    try:
        return zoneinfo.ZoneInfo(key)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Corrupt(
            f"this machine does not know the time zone {key!r}", hint="pip install tzdata"
        ) from error


# --- writers ----------------------------------------------------------------------------------


def _write_datetime(v: dt.datetime) -> list[Any]:
    zone = v.tzinfo
    form = write_zone(zone)
    if isinstance(form, list) and form[0] == "pytz":
        # A pytz zone attached to a time is fixed to one offset: keep the wall clock and its offset.
        v = v.replace(fold=1 if (v.dst() or dt.timedelta()) == dt.timedelta() else 0)
    return [v.year, v.month, v.day, v.hour, v.minute, v.second, v.microsecond, v.fold, form]


def _write_slice(v: slice) -> list[Any]:
    for part in (v.start, v.stop, v.step):
        if type(part) not in (int, str, float, type(None), bool):
            raise NotKept("a slice with bounds that are not numbers or text")
    return [*map(_small, (v.start, v.stop, v.step))]


def _small(v: Any) -> Any:
    """Integers beyond 64 bits as text, so that any integer fits."""
    return ["int", str(v)] if type(v) is int and not -(2**63) <= v < 2**63 else v


def _unsmall(form: Any) -> Any:
    return int(form[1]) if isinstance(form, list) else form


_WRITE: dict[type, tuple[str, Callable[[Any], list[Any]]]] = {
    dt.datetime: ("datetime", _write_datetime),
    dt.date: ("date", lambda v: [v.year, v.month, v.day]),
    dt.time: (
        "time",
        lambda v: [v.hour, v.minute, v.second, v.microsecond, v.fold, write_zone(v.tzinfo)],
    ),
    dt.timedelta: ("timedelta", lambda v: [v.days, v.seconds, v.microseconds]),
    dt.timezone: ("zone", lambda v: [write_zone(v)]),
    decimal.Decimal: ("decimal", lambda v: [str(v)]),
    fractions.Fraction: ("fraction", lambda v: [_small(v.numerator), _small(v.denominator)]),
    uuid.UUID: ("uuid", lambda v: [v.bytes]),
    range: ("range", lambda v: [_small(v.start), _small(v.stop), _small(v.step)]),
    slice: ("slice", _write_slice),
    type(...): ("ellipsis", lambda _: []),
    type(NotImplemented): ("notimplemented", lambda _: []),
    **{kind: ("path", lambda v: [type(v).__name__, str(v)]) for kind in _PATHS.values()},
}


def write(value: Any) -> list[Any] | None:
    """Return the written form of a scalar, None when the value is not one of these types."""
    kind = type(value)
    entry = _WRITE.get(kind)
    if entry is not None:
        return [entry[0], *entry[1](value)]
    if kind is type:
        name = value.__name__
        return ["type", name] if _TYPES.get(name) is value else None
    if kind is re.Pattern:
        return (
            ["pattern", value.pattern, value.flags] if len(value.pattern) <= MAX_PATTERN else None
        )
    root = kind.__module__.partition(".")[0] if isinstance(kind.__module__, str) else ""
    if root == "zoneinfo":
        return ["zone", write_zone(value)]
    if root == "numpy":
        return _write_numpy(value)
    if root == "pandas":
        return _write_pandas(value)
    if isinstance(value, enum.Enum):
        return _write_enum(value)
    return None


def _write_enum(value: enum.Enum) -> list[Any]:
    kind = type(value)
    name = value._name_
    if name is not None and kind._member_map_.get(name) is value:
        return ["enum", kind.__module__, kind.__qualname__, name]
    if isinstance(value, enum.Flag) and type(value._value_) is int:
        return ["flag", kind.__module__, kind.__qualname__, _small(value._value_)]
    raise NotKept(f"{kind.__qualname__} has no member {value!r}")


def _write_numpy(value: Any) -> list[Any] | None:
    import numpy as np

    if (
        isinstance(value, np.generic)
        and not value.dtype.hasobject
        and value.dtype.kind in "biufcmMSU"
    ):
        return ["numpy", value.dtype.str, value.tobytes()]
    if (
        isinstance(value, np.dtype)
        and value.names is None
        and value.kind in "biufcmMSUV"
        and not value.subdtype
    ):
        return ["dtype", value.str]
    return None


def _write_pandas(value: Any) -> list[Any] | None:
    import pandas as pd

    if value is pd.NaT:
        return ["pd.NaT"]
    if value is pd.NA:
        return ["pd.NA"]
    if type(value) is pd.Timestamp:
        return [
            "pd.Timestamp",
            int(value.asm8.view("i8")),
            value.unit,
            write_zone(value.tzinfo),
            value.fold,
        ]
    if type(value) is pd.Timedelta:
        return ["pd.Timedelta", int(value.asm8.view("i8")), value.unit]
    if type(value) is pd.Period:
        return ["pd.Period", value.ordinal, value.freqstr]
    if type(value) is pd.Interval:
        left, right = write(value.left), write(value.right)
        atoms = (int, float)
        return [
            "pd.Interval",
            _small(value.left) if type(value.left) in atoms else left,
            _small(value.right) if type(value.right) in atoms else right,
            value.closed,
        ]
    return None


# --- readers ----------------------------------------------------------------------------------


def _read_datetime(*form: Any) -> dt.datetime:
    zone: Any = read_zone(form[8])
    plain = dt.datetime(*form[:7])
    if hasattr(zone, "localize"):  # pytz: attaching the zone directly would give its oldest offset
        return zone.localize(plain, is_dst=not form[7])  # type: ignore[no-any-return]
    return plain.replace(fold=form[7], tzinfo=zone)


def _read_path(name: str, text: str) -> pathlib.PurePath:
    kind = _PATHS[name]
    try:
        return kind(text)
    except (NotImplementedError, TypeError):  # a path of the other kind of system
        return _PATHS["PureWindowsPath" if name == "WindowsPath" else "PurePosixPath"](text)


def _read_pattern(pattern: Any, flags: int) -> re.Pattern[Any]:
    if not isinstance(pattern, (str, bytes)) or len(pattern) > MAX_PATTERN:
        raise refuse("a regular expression is too long")
    return re.compile(pattern, flags & ~re.DEBUG)


def _read_enum(module: str, qualname: str, name: str) -> Any:
    kind = find_class(module, qualname)
    if not issubclass(kind, enum.Enum) or name not in kind._member_map_:
        raise Missing(f"{qualname}.{name}")
    return kind._member_map_[name]


def _read_flag(module: str, qualname: str, number: Any) -> Any:
    kind = find_class(module, qualname)
    if not issubclass(kind, enum.Flag):
        raise Missing(qualname)
    return kind(_unsmall(number))


def _read_numpy(code: str, data: bytes) -> Any:
    import numpy as np

    from etiq_jupyter.codecs.dtypes import simple_dtype

    dtype = simple_dtype(code)
    if dtype.itemsize != len(data):
        raise Corrupt("a number's bytes do not fit its type")
    return np.frombuffer(data, dtype)[0] if dtype.itemsize else dtype.type()


def _read_dtype(code: str) -> Any:
    from etiq_jupyter.codecs.dtypes import simple_dtype

    return simple_dtype(code)


def _read_timestamp(number: int, unit: Any, zone: Any, fold: int) -> Any:
    import numpy as np
    import pandas as pd

    _check_unit(unit)
    value = pd.Timestamp(np.datetime64(number, unit))
    if zone is not None:
        value = value.tz_localize("UTC").tz_convert(read_zone(zone))
    return value.replace(fold=fold) if fold and value.fold != fold else value


def _read_timedelta(number: int, unit: Any) -> Any:
    import numpy as np
    import pandas as pd

    _check_unit(unit)
    return pd.Timedelta(np.timedelta64(number, unit))


def _check_unit(unit: Any) -> None:
    if unit not in ("s", "ms", "us", "ns"):
        raise Corrupt(f"{unit!r} is not a unit of time")


def _pandas(name: str) -> Any:
    import pandas as pd

    return getattr(pd, name)


def _read_interval(left: Any, right: Any, closed: str) -> Any:
    ends = [
        read(end) if isinstance(end, list) and end[0] != "int" else _unsmall(end)
        for end in (left, right)
    ]
    return _pandas("Interval")(*ends, closed=closed)


_READ: dict[str, Callable[..., Any]] = {
    "datetime": _read_datetime,
    "date": dt.date,
    "time": lambda h, m, s, us, fold, zone: dt.time(h, m, s, us, tzinfo=read_zone(zone), fold=fold),
    "timedelta": lambda d, s, us: dt.timedelta(days=d, seconds=s, microseconds=us),
    "zone": read_zone,
    "decimal": decimal.Decimal,
    "fraction": lambda n, d: fractions.Fraction(_unsmall(n), _unsmall(d)),
    "uuid": lambda data: uuid.UUID(bytes=data),
    "range": lambda *a: range(*map(_unsmall, a)),
    "slice": lambda *a: slice(*map(_unsmall, a)),
    "ellipsis": lambda: ...,
    "notimplemented": lambda: NotImplemented,
    "path": _read_path,
    "type": _TYPES.__getitem__,
    "pattern": _read_pattern,
    "enum": _read_enum,
    "flag": _read_flag,
    "numpy": _read_numpy,
    "dtype": _read_dtype,
    "pd.NaT": lambda: _pandas("NaT"),
    "pd.NA": lambda: _pandas("NA"),
    "pd.Timestamp": _read_timestamp,
    "pd.Timedelta": _read_timedelta,
    "pd.Period": lambda ordinal, freq: _pandas("Period")(ordinal=ordinal, freq=freq),
    "pd.Interval": _read_interval,
}


def read(form: Any) -> Any:
    """Return the value of a written form.

    Raises
    ------
    Missing
        When it is a member of a class that this process does not have.
    Corrupt
        When the form is damaged.
    """
    try:
        return _READ[form[0]](*form[1:])
    except (Missing, Corrupt):
        raise
    except ImportError as error:
        raise NotKept(f"{error.name or 'a library'} is needed to read this value") from error
    except (
        TypeError,
        ValueError,
        KeyError,
        IndexError,
        AttributeError,
        ArithmeticError,
        re.error,
    ) as error:
        raise Corrupt("a value is damaged", why=f"{str(form)[:80]}: {error}") from error
