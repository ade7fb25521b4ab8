"""What goes into a capture and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from etiq_jupyter.model import Failure, Snapshot
    from etiq_jupyter.objects.content import Content


@dataclass
class CellOutcome:
    """How a cell ended.

    Attributes
    ----------
    outputs : list of dict
        nbformat outputs, in order; tracebacks among them.
    error : Failure, optional
        The exception that ended it.
    duration : float
        Seconds.
    """

    outputs: list[dict[str, Any]] = field(default_factory=list)
    error: Failure | None = None
    duration: float = 0.0
    execution_count: int = 0
    cell_id: str = ""


@dataclass
class Options:
    """What the user asks of one snapshot.

    Attributes
    ----------
    variables : list of str, "all", "none" or None
        None: those that the cell bound or changed.
    """

    name: str = ""
    tags: list[str] = field(default_factory=list)
    note: str = ""
    variables: list[str] | Literal["all", "none"] | None = None


@dataclass
class Captured:
    """A snapshot that is not stored yet.

    Attributes
    ----------
    snapshot : Snapshot
        The manifest; its items have hashes, ``object`` is still empty, ``run`` is to be set.
    contents : dict
        Item name -> Content; views on the user's memory, to be copied before the prompt returns.
    problems : list of str
        What was asked for and could not be done, for people.
    """

    snapshot: Snapshot
    contents: dict[str, Content]
    problems: list[str] = field(default_factory=list)
