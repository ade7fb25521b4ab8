"""Variables of a snapshot back into a namespace: first a plan, then what the plan says."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from etiq_jupyter import codecs
from etiq_jupyter.codecs.base import Reading
from etiq_jupyter.codecs.images import Picture
from etiq_jupyter.errors import EtiqError, Invalid, NotFound, NotKept
from etiq_jupyter.model import Item, Snapshot, SnapshotDetail
from etiq_jupyter.objects.content import ContentReader

Open = Callable[[str], ContentReader]


@dataclass
class RestoreReport:
    """What a restore did, or with ``dry_run`` would do.

    Attributes
    ----------
    restored : dict
        Variable name -> one line about it. Values are in ``values``.
    recomputable : dict
        Item name -> why it has to be computed again; the cell is ``source``.
    skipped : dict
        Item name -> why nothing was done.
    source : str
        The cell that made the snapshot.
    values : dict
        The restored values by the names they were given.
    dry_run : bool
        Nothing was read or set.
    """

    restored: dict[str, str] = field(default_factory=dict)
    recomputable: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    source: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    dry_run: bool = False

    def __str__(self) -> str:
        verb = "would be restored" if self.dry_run else "restored"
        lines = []
        for title, entries in (
            (verb, self.restored),
            ("recomputable", self.recomputable),
            ("skipped", self.skipped),
        ):
            if entries:
                lines.append(f"{len(entries)} {title}:")
                lines += [f"  {name}: {text}" for name, text in entries.items()]
        if self.recomputable and self.source:
            lines += [
                "the cell that makes them:",
                *(f"  {line}" for line in self.source.splitlines()),
            ]
        return "\n".join(lines) or "nothing to restore"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


@dataclass
class Plan:
    """What a restore will do, decided before anything is read.

    Attributes
    ----------
    targets : dict
        Item name -> variable name.
    items : dict
        Item name -> item, in an order in which each shared part comes before what shares it.
    """

    targets: dict[str, str]
    items: dict[str, Item]
    recomputable: dict[str, str]
    skipped: dict[str, str]
    source: str


def plan_restore(
    snapshot: Snapshot | SnapshotDetail,
    into: Mapping[str, Any],
    *,
    only: Sequence[str] | None = None,
    overwrite: bool = False,
    prefix: str = "",
) -> Plan:
    """Decide what a restore will do. Reads nothing of the contents.

    Raises
    ------
    NotFound
        When ``only`` names something that the snapshot does not hold.
    Invalid
        When the prefix cannot begin a name.
    """
    if prefix and not (prefix + "x").isidentifier():
        raise Invalid(f"{prefix!r} cannot begin a variable's name", path="prefix")
    held = {item.name: item for item in snapshot.items if item.role == "variable"}
    if isinstance(only, str):
        only = [only]
    names = list(held) if only is None else list(dict.fromkeys(only))
    for name in names:
        if name not in held:
            close = tuple(other for other in held if other.lower().startswith(name[:2].lower()))[:3]
            raise NotFound(f"The snapshot holds no variable {name!r}", nearest=close)
    plan = Plan({}, {}, {}, {}, snapshot.source)
    for name in (name for name in held if name in names):
        item = held[name]
        target = prefix + name
        kept = held.get(item.same_as, item) if item.same_as else item
        if not target.isidentifier():
            plan.skipped[name] = "its name is not a Python name"
        elif kept.reason or not (kept.codec or kept.object):
            plan.recomputable[name] = kept.reason or "it was not kept"
        elif kept.kind == "text" and kept.detail.get("redacted"):
            plan.skipped[name] = "it held a secret, which was taken out before it was kept"
        elif kept.kind == "code":
            plan.skipped[name] = "a function or class is code: read it, and run its cell yourself"
        else:
            clash = None if overwrite else _clash(target, kept, into)
            if clash:
                plan.skipped[name] = clash
            else:
                plan.targets[name] = target
                plan.items[name] = kept
    return plan


def _clash(target: str, item: Item, into: Mapping[str, Any]) -> str:
    """Say why an existing variable must not be replaced, ``""`` when it may."""
    if target not in into:
        return ""
    try:
        same = codecs.encode(into[target]).content.hash == item.hash
    except NotKept:
        same = False
    return (
        ""
        if same
        else f"{target} exists with another content; overwrite it with --force (overwrite=True)"
    )


def apply(
    plan: Plan,
    reader: Open,
    into: MutableMapping[str, Any],
) -> RestoreReport:
    """Read the planned items and set the variables. What cannot be read is listed with the reason.

    Either all that is readable is set, or nothing: values are read first, then set together.
    """
    report = RestoreReport(
        recomputable=dict(plan.recomputable), skipped=dict(plan.skipped), source=plan.source
    )
    made: dict[str, Any] = {}
    parts: dict[str, dict[int, Any]] = {}
    for name, item in plan.items.items():
        if item.name in made:  # an alias of what was read before
            _set(report, name, plan.targets[name], made[item.name], item)
            continue
        how = Reading(stand_in=False, replace=_shared(item, made, parts))
        try:
            value = codecs.registry.decode_content(reader(item.name), how)
        except NotKept as error:
            report.recomputable[name] = str(codecs.named(error, name))
            continue
        except EtiqError as error:
            report.skipped[name] = str(codecs.named(error, name))
            continue
        made[item.name] = value
        parts[item.name] = how.made
        _set(report, name, plan.targets[name], value, item)
    into.update(report.values)
    return report


def _set(report: RestoreReport, name: str, target: str, value: Any, item: Item) -> None:
    report.values[target] = value
    note = f"{item.type} {item.summary}".strip()
    if isinstance(value, Picture) and item.codec == "matplotlib.figure":
        note += "; as a picture, Matplotlib figures have no portable form"
    elif item.detail.get("redacted"):
        note += "; without the secrets that it held"
    if target != name:
        note += f" (from {name})"
    report.restored[target] = note


def _shared(item: Item, made: dict[str, Any], parts: dict[str, dict[int, Any]]) -> dict[int, Any]:
    """Return the parts of this item that are parts of values read before: node -> object."""
    found: dict[int, Any] = {}
    noted = item.detail.get("shared")
    if not isinstance(noted, dict):
        return found
    for node, place in noted.items():
        if not (isinstance(place, list) and len(place) == 2 and node.isdigit()):
            continue
        other, number = place
        if other not in made:
            continue
        if number == -1:
            found[int(node)] = made[other]
        elif number in parts.get(other, {}):
            found[int(node)] = parts[other][number]
    return found


def restore(
    snapshot: Snapshot | SnapshotDetail,
    reader: Open,
    into: MutableMapping[str, Any],
    *,
    only: Sequence[str] | None = None,
    overwrite: bool = False,
    dry_run: bool = False,
    prefix: str = "",
) -> RestoreReport:
    """Bring variables of a snapshot back.

    Parameters
    ----------
    snapshot : Snapshot or SnapshotDetail
    reader : callable
        Opens the stored content of an item by its name.
    into : mutable mapping
        The namespace. Existing variables of another content are left alone unless ``overwrite``.
    only : sequence of str, optional
        Only these variables.
    dry_run : bool
        Only say what would happen.
    prefix : str
        Put before each name.

    Returns
    -------
    RestoreReport
    """
    plan = plan_restore(snapshot, into, only=only, overwrite=overwrite, prefix=prefix)
    if dry_run:
        would = {
            plan.targets[name]: f"{item.type} {item.summary}".strip()
            for name, item in plan.items.items()
        }
        return RestoreReport(would, plan.recomputable, plan.skipped, plan.source, {}, True)
    return apply(plan, reader, into)
