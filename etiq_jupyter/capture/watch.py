"""One cell, from before it runs to the snapshot of what it did.

Which variables: those that the cell bound, and those that it can reach whose content is another
one afterwards (``df["z"] = ...``, ``model.fit(...)``, ``lst.append(...)``, also by an alias, an
attribute or a function of the notebook). Reaching is decided by the syntax tree and the code of the
functions used; change by content hash. Names that the source does not show (``exec``, ``%run``,
``globals()["x"] = ...``) are found by identity: a name that holds another object was bound.

Limits: a value changed by a thread, by native code or through a library's object that the cell does
not name is found when a later cell uses it. A value changed between two snapshots, by cells that
were
not kept, counts as changed by the first kept cell that uses it. Values without a safe form have no
content hash: they are listed when bound, not when changed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from etiq_jupyter.capture.memory import Memory
from etiq_jupyter.capture.outputs import pictures, tidy
from etiq_jupyter.capture.reach import aliases, through_functions
from etiq_jupyter.capture.redact import Redactor
from etiq_jupyter.capture.results import Captured, CellOutcome, Options
from etiq_jupyter.capture.surroundings import add_environment, refresh
from etiq_jupyter.capture.values import ItemMaker, Made, variables_of
from etiq_jupyter.codecs.fingerprints import fingerprint
from etiq_jupyter.codecs.images import Picture
from etiq_jupyter.compare.names import Names, analyse
from etiq_jupyter.errors import Invalid
from etiq_jupyter.ids import new_id
from etiq_jupyter.model import Failure, Read, Run, Snapshot

_UNCHANGING = (int, float, complex, bool, str, bytes, type(None))
MAX_FIGURES = 20
"""Pictures among the outputs that are listed as figures of their own."""


_NOTHING: Any = object()


@dataclass(slots=True)
class _Before:
    """A reachable value before the cell ran.

    Its content hash or fingerprint, or the value itself if it is one that cannot change.
    """

    hash: str = ""
    fingerprint: bytes = b""
    atom: Any = _NOTHING


@dataclass
class Watch:
    """A cell that is about to run. Made by `watch_cell`; `finish` gives the snapshot."""

    source: str
    namespace: MutableMapping[str, Any]
    memory: Memory
    names: Names
    created_at: datetime
    _ids: dict[str, int] = field(default_factory=dict)
    _before: dict[str, _Before] = field(default_factory=dict)
    _reads: list[str] = field(default_factory=list)
    _may_bind: set[str] = field(default_factory=set)

    def _look(self) -> None:
        """Find what the cell can reach, and the content of that."""
        space = self.namespace
        users = variables_of(space)
        self._ids = {name: id(space[name]) for name in users}
        reached, self._may_bind = through_functions([*self.names.reads, *self.names.used], space)
        known = set(users)
        self._reads = [
            name
            for name in reached
            if name in known and (name in self.names.reads or name not in self.names.used)
        ]
        touched = {name for name in reached if name in known}
        changing = [name for name in touched if type(space[name]) not in _UNCHANGING]
        touched |= aliases(changing, space, (name for name in users if name not in touched))
        maker = ItemMaker(Redactor(), self.memory)
        for name in touched:
            self._before[name] = self._state(name, space[name], maker)

    def _state(self, name: str, value: Any, maker: ItemMaker) -> _Before:
        if type(value) in _UNCHANGING:
            return _Before(atom=value)
        known = self.memory.recall(name, value)
        if known is not None:
            return _Before(known.hash, known.fingerprint)
        if name in self.names.certain and name not in self.names.reads:
            return _Before()  # the cell replaces it without looking at it
        witness = fingerprint(value)
        if witness:
            return _Before(fingerprint=witness)
        return _Before(maker.look(value).hash)

    def finish(self, outcome: CellOutcome, options: Options | None = None) -> Captured:
        """Return the snapshot of what the cell did.

        Parameters
        ----------
        outcome : CellOutcome
            Outputs, error, duration, execution count and cell id.
        options : Options, optional
            Name, tags, note, and which variables.

        Raises
        ------
        Invalid
            When a variable that was asked for by name does not exist.
        """
        options = options or Options()
        redactor = Redactor(self.memory.secrets)
        # The source first: what it assigns as a secret is then known in outputs and values.
        source = redactor.text(self.source, "source")
        maker = ItemMaker(redactor, self.memory)
        reads = self._collect(maker, options, failed=outcome.error is not None)
        error = _failure(outcome.error, redactor)
        outputs = redactor_outputs(tidy(outcome.outputs), redactor)
        if outputs:
            maker.special("@outputs", "outputs", "outputs", outputs)
            _figures(maker, outputs)
        add_environment(maker, redactor)
        snapshot = Snapshot(
            id=new_id(),
            name=redactor.text(options.name, "name"),
            run=Run(id=""),
            created_at=self.created_at,
            duration=outcome.duration,
            source=source,
            cell_id=outcome.cell_id,
            execution_count=outcome.execution_count,
            tags=[redactor.text(tag, "tags") for tag in options.tags],
            note=redactor.text(options.note, "note"),
            error=error,
            items=maker.items,
            reads=reads,
            metrics=maker.metrics,
            redactions=redactor.report(),
        )
        return Captured(snapshot, maker.contents, maker.problems)

    def _collect(self, maker: ItemMaker, options: Options, failed: bool) -> list[Read]:
        space = self.namespace
        users = variables_of(space)
        bound = {name for name in users if self._was_bound(name, failed)}
        chosen = self._chosen(users, bound, options)
        wanted = bound if options.variables is None else chosen
        hashes: dict[str, str] = {}
        for name in users:
            if name in chosen or name in self._before:
                made = self._look_again(maker, name, space[name], name in wanted, hashes)
                if made is not None and name in chosen:
                    maker.add(name, made)
        return self._read_hashes(maker, hashes)

    def _was_bound(self, name: str, failed: bool) -> bool:
        if self._ids.get(name) != id(self.namespace[name]):
            return True
        # The same object as before: ``x = 1`` again. A cell that failed may not have got there.
        return name in self.names.certain and not failed

    def _chosen(self, users: list[str], bound: set[str], options: Options) -> set[str]:
        """Return the names that may become items."""
        asked = options.variables
        if asked == "none":
            return set()
        if asked == "all":
            return set(users)
        if asked is None:
            return bound | (set(self._before) & set(users))
        missing = [name for name in asked if name not in self.namespace]
        if missing:
            raise Invalid(
                f"there is no variable {missing[0]!r} after the cell",
                hint="check --vars",
                path="variables",
            )
        return set(asked)

    def _look_again(
        self, maker: ItemMaker, name: str, value: Any, wanted: bool, hashes: dict[str, str]
    ) -> Made | None:
        """Return the value as it is now when it is wanted or another one than before.

        The hash that the name had before goes to ``hashes`` when it was not known.
        """
        before = self._before.get(name)
        same_object = before is not None and self._ids.get(name) == id(value)
        unchanging = type(value) in _UNCHANGING
        if unchanging and not wanted:
            return None
        witness = b"" if unchanging else fingerprint(value)
        unchanged = (
            same_object and bool(witness) and before is not None and witness == before.fingerprint
        )
        if unchanged and not wanted and before is not None:
            hashes[name] = before.hash
            return None
        made = maker.look(value)
        if not unchanging:
            self.memory.remember(name, value, made.hash, witness)
        if not same_object or before is None:
            return made if wanted else None
        if unchanged:
            hashes[name] = made.hash
        changed = not unchanged if witness and not before.hash else made.hash != before.hash
        return made if wanted or (changed and made.encoded is not None) else None

    def _read_hashes(self, maker: ItemMaker, hashes: dict[str, str]) -> list[Read]:
        reads = []
        for name in self._reads:
            before = self._before.get(name)
            if before is None:
                continue
            found = before.hash or hashes.get(name, "")
            if before.atom is not _NOTHING:
                found = maker.look(before.atom).hash
            if found:
                reads.append(Read(name=name, hash=found))
        return reads


def watch_cell(
    source: str,
    namespace: MutableMapping[str, Any],
    memory: Memory,
    *,
    transform: Callable[[str], str] | None = None,
) -> Watch:
    """Look at a cell before it runs.

    Parameters
    ----------
    source : str
        The cell as the user wrote it, without the ``%%snapshot`` line.
    namespace : mutable mapping
        What the cell's names refer to. Only read.
    memory : Memory
        The session's memory.
    transform : callable, optional
        Turns IPython's syntax into Python, for example ``shell.transform_cell``. Without it, or
        when
        it fails, lines that only IPython understands are read as far as they can be.

    Returns
    -------
    Watch
        Call its `finish` after the cell has run, also when it failed.
    """
    code = source
    if transform is not None:
        try:
            code = transform(source)
        except Exception:  # noqa: BLE001 - another extension's transformer may fail
            code = source
    names = analyse(code)
    watch = Watch(source, namespace, memory, names, datetime.now(timezone.utc))
    refresh()
    watch._look()
    return watch


def capture_values(
    values: dict[str, Any],
    *,
    name: str = "",
    tags: list[str] | None = None,
    note: str = "",
    memory: Memory | None = None,
) -> Captured:
    """Return a snapshot of some values, without a cell.

    Parameters
    ----------
    values : dict
        Name -> value. Numbers become metrics; values without a safe form are listed with the
        reason.
    """
    memory = memory if memory is not None else Memory()
    redactor = Redactor(memory.secrets)
    maker = ItemMaker(redactor, memory)
    begun = time.perf_counter()
    for key, value in values.items():
        maker.add(key, maker.look(value))
    add_environment(maker, redactor)
    snapshot = Snapshot(
        id=new_id(),
        name=redactor.text(name, "name"),
        run=Run(id=""),
        created_at=datetime.now(timezone.utc),
        duration=time.perf_counter() - begun,
        tags=[redactor.text(tag, "tags") for tag in tags or ()],
        note=redactor.text(note, "note"),
        items=maker.items,
        metrics=maker.metrics,
        redactions=redactor.report(),
    )
    return Captured(snapshot, maker.contents, maker.problems)


def _failure(error: Failure | None, redactor: Redactor) -> Failure | None:
    if error is None:
        return None
    lines = error_lines(
        [{"output_type": "error", "traceback": error.traceback, "evalue": error.message}]
    )
    return Failure(
        name=error.name,
        message=redactor.text(lines["evalue"], "error"),
        traceback=redactor.text("\0".join(lines["traceback"]), "error").split("\0"),
    )


def error_lines(outputs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return an error's traceback and message within the limits of outputs."""
    return tidy(outputs)[0]


def redactor_outputs(outputs: list[dict[str, Any]], redactor: Redactor) -> list[dict[str, Any]]:
    """Return the outputs without secrets in any of their texts; encoded pictures are left alone."""
    made = []
    for output in outputs:
        output = dict(output)
        for key in ("text", "evalue"):
            if isinstance(output.get(key), str):
                output[key] = redactor.text(output[key], "outputs")
        if isinstance(output.get("traceback"), list):
            output["traceback"] = redactor.text("\0".join(output["traceback"]), "outputs").split(
                "\0"
            )
        data = output.get("data")
        if isinstance(data, dict):
            output["data"] = {
                mime: part
                if mime.startswith("image/") and mime != "image/svg+xml"
                else redactor.json(part, "outputs")
                for mime, part in data.items()
            }
        made.append(output)
    return made


def _figures(maker: ItemMaker, outputs: list[dict[str, Any]]) -> None:
    for number, (mime, data) in enumerate(pictures(outputs)[:MAX_FIGURES], 1):
        maker.special(f"@figure-{number}", "figure", "picture", Picture(mime, data))
