"""What one session remembers between cells, so that nothing is hashed twice without need."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from etiq_jupyter.capture.surroundings import Checked

MAX_KNOWN = 20_000


@dataclass(slots=True)
class Known:
    """The content of one value when it was last looked at.

    Attributes
    ----------
    hash : str
        Content hash; empty when the value has no safe form.
    fingerprint : bytes
        A cheaper witness that the value has not changed; empty when its codec has none.
    alive : weakref or None
        Dead once the value is gone, so that another value at the same address is not taken for it.
    kind : type
        The value's type.
    """

    hash: str
    fingerprint: bytes
    alive: Any
    kind: type


@dataclass
class Memory:
    """Content hashes by name and identity. One per session; hold it as long as the namespace lives.

    Attributes
    ----------
    secrets : dict
        Secrets found in this session -> their kind: what one cell assigns, another may print.
        In memory only.
    clean : set
        Contents that were searched for registered secrets and hold none.
    surroundings : Checked, optional
        The environment of the last snapshot, redacted and encoded.
    """

    known: dict[tuple[str, int], Known] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    clean: set[tuple[str, int]] = field(default_factory=set)
    surroundings: Checked | None = None

    def __post_init__(self) -> None:
        from etiq_jupyter.capture import surroundings

        surroundings.refresh()

    def recall(self, name: str, value: Any) -> Known | None:
        """Return what is known of the value that this name holds, None when it is another value."""
        found = self.known.get((name, id(value)))
        if found is None or found.kind is not type(value):
            return None
        if found.alive is not None and found.alive() is not value:
            return None
        return found

    def remember(self, name: str, value: Any, hash: str, fingerprint: bytes = b"") -> None:  # noqa: A002
        """Remember the content of the value that this name holds now."""
        if len(self.known) >= MAX_KNOWN:
            self.known.clear()
        try:
            alive = weakref.ref(value)
        except TypeError:
            alive = None
        self.known[name, id(value)] = Known(hash, fingerprint, alive, type(value))
