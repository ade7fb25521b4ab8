"""The ``%%snapshot`` line: its arguments, and telling it apart from the cell's body."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from IPython.core.error import UsageError
from IPython.core.magic_arguments import MagicArgumentParser
from IPython.utils.process import arg_split

if TYPE_CHECKING:
    from etiq_jupyter.capture import Options

_LINE = re.compile(r"\s*%%snapshot(?=\s|$)[ \t]*([^\r\n]*)(?:\r?\n|$)")


@dataclass(frozen=True)
class SnapshotArguments:
    """What the line asks for."""

    name: str = ""
    project: str | None = None
    tags: tuple[str, ...] = ()
    note: str = ""
    variables: tuple[str, ...] | str | None = None
    dry_run: bool = False
    wait: bool = False
    automatic: bool = False

    def options(self) -> Options:
        """Return the part that capture needs."""
        from etiq_jupyter.capture import Options

        chosen = self.variables
        return Options(
            name=self.name,
            tags=list(self.tags),
            note=self.note,
            variables=list(chosen) if isinstance(chosen, tuple) else chosen,  # type: ignore[arg-type]
        )


@dataclass(frozen=True)
class SnapshotCell:
    """A cell that begins with ``%%snapshot``. ``arguments`` is None when they are faulty."""

    line: str
    body: str
    arguments: SnapshotArguments | None


@functools.cache
def parser() -> MagicArgumentParser:
    """Return the parser of the line."""
    made = MagicArgumentParser("%%snapshot", add_help=False)
    made.description = "Run the cell and keep what it did."
    made.add_argument("name", nargs="*", help="name of the snapshot")
    made.add_argument("--project", "-p", help="another project than the current one")
    made.add_argument("--tag", "-t", action="append", default=[], help="a tag; may be repeated")
    made.add_argument("--note", "-n", default="", help="a note")
    which = made.add_mutually_exclusive_group()
    which.add_argument("--vars", help="only these variables, separated by commas")
    which.add_argument("--all", action="store_true", help="every variable of the namespace")
    which.add_argument("--no-vars", action="store_true", help="no variables")
    made.add_argument("--dry-run", action="store_true", help="only list what would be kept")
    made.add_argument("--wait", action="store_true", help="wait until it is on the dashboard")
    return made


def parse(line: str) -> SnapshotArguments:
    """Parse the line.

    Raises
    ------
    UsageError
        Naming the argument that is wrong.
    """
    try:
        words = arg_split(line, posix=True)
    except ValueError as error:
        raise UsageError(f"%%snapshot: {str(error).lower()}") from None
    found = parser().parse_args(words)
    variables: tuple[str, ...] | str | None = None
    if found.all or found.no_vars:
        variables = "all" if found.all else "none"
    elif found.vars is not None:
        variables = tuple(name.strip() for name in found.vars.split(",") if name.strip())
        wrong = next((name for name in variables if not name.isidentifier()), None)
        if wrong is not None or not variables:
            raise UsageError(f"%%snapshot: --vars takes variable names, got {wrong or ''!r}")
    return SnapshotArguments(
        name=" ".join(found.name),
        project=found.project,
        tags=tuple(found.tag),
        note=found.note,
        variables=variables,
        dry_run=found.dry_run,
        wait=found.wait,
    )


def split_cell(text: str) -> SnapshotCell | None:
    """Split a cell into its ``%%snapshot`` line and body; None for every other cell."""
    match = _LINE.match(text)
    if match is None:
        return None
    body = text[match.end() :]
    line = f"%%snapshot {match[1]}".strip()
    try:
        arguments = parse(match[1]) if body.strip() else None
    except UsageError:
        arguments = None
    return SnapshotCell(line, body, arguments)
