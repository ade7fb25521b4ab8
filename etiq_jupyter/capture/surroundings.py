"""The environment as an item of snapshots: collected, redacted and encoded in a thread.

The environment is the same for many snapshots, and a large uncommitted diff takes some 75 ms to
redact. So all of that is done once per distinct environment, off the hot path: a cell gets the
latest that is ready, and waits only for the very first. What cannot be known in advance are secrets
that are registered, or found in a cell, later. A snapshot looks for those in the collected texts
(a plain search) and, only when one is there, makes the item anew before it uses it.
"""

from __future__ import annotations

import logging
import os
import platform
import re
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from etiq_jupyter import codecs
from etiq_jupyter.capture import environment
from etiq_jupyter.capture.redact import Redactor, generation, mask, texts_of
from etiq_jupyter.model import Item

if TYPE_CHECKING:
    from etiq_jupyter.capture.values import ItemMaker
    from etiq_jupyter.objects.content import Content

log = logging.getLogger(__name__)
NAME = "@environment"
FRESH_SECONDS = 5.0
"""Age below which the environment is not collected again."""
PAUSE = 0.0002
"""Seconds for which the collecting thread lets others run after each piece of a diff."""
_HUNK = re.compile(r"(?m)^(?=diff --git |@@ )")


@dataclass(frozen=True)
class Surroundings:
    """One environment, redacted and encoded: ready to be added to a snapshot.

    Attributes
    ----------
    facts : dict
        What it was made from, with its secrets: in memory only, to make it anew.
    texts : str
        All texts of the facts, in one.
    known : int
        The generation of registered secrets when it was redacted.
    """

    facts: dict[str, Any] = field(repr=False)
    texts: str = field(repr=False)
    known: int
    item: Item
    content: Content
    redacted: Counter[tuple[str, str]]

    def holds(self, exact: dict[str, str]) -> bool:
        """Say whether a secret that became known since is in it."""
        if self.known != generation() and mask(self.texts) != self.texts:
            return True
        return any(secret in self.texts for secret in exact)


@dataclass(frozen=True)
class Checked:
    """The environment of a session's last snapshot.

    Attributes
    ----------
    latest : Surroundings
        What the process had ready then.
    known : tuple
        The secrets that were known: generation of the registered ones, number of the found ones.
    used : Surroundings
        What was added: ``latest``, or that without the secrets that became known since.
    """

    latest: Surroundings
    known: tuple[int, int]
    used: Surroundings


def prepare(facts: dict[str, Any], exact: dict[str, str], *, pause: float = 0.0) -> Surroundings:
    """Redact and encode what was collected.

    Parameters
    ----------
    facts : dict
        As `environment.collect` makes it.
    exact : dict
        Secrets found in cells -> their kind. What is found here is not added.
    pause : float, default 0.0
        Seconds between the pieces of a diff, in which other threads run.
    """
    known = generation()
    redactor = Redactor(dict(exact))
    codec = codecs.registry.by_name("environment")
    cleaned = _redacted(facts, redactor, pause)
    content = codec.encode(cleaned, codecs.Writing())
    shown = codec.summarise(cleaned, content)
    item = Item(
        name=NAME,
        role="environment",
        kind=shown.kind,
        type=shown.type,
        summary=shown.summary,
        detail=shown.detail,
        size=content.size,
        hash=content.hash,
        codec=content.codec,
    )
    return Surroundings(facts, texts_of(facts), known, item, content, redactor.found)


def _redacted(facts: dict[str, Any], redactor: Redactor, pause: float) -> dict[str, Any]:
    """Return the facts without secrets; the diff hunk by hunk, so that a cell can run in between.

    A search keeps all other threads waiting; one over a large diff would do so for tens of ms.
    """
    git = facts.get("git") or {}
    cleaned: dict[str, Any] = redactor.json(
        facts | {"git": {key: part for key, part in git.items() if key != "diff"}}
        if "diff" in git
        else facts,
        "environment",
    )
    if "diff" in git:
        hunks = []
        for hunk in _HUNK.split(git["diff"]):
            hunks.append(redactor.text(hunk, "environment"))
            if pause:
                time.sleep(pause)
        cleaned["git"] = cleaned["git"] | {"diff": redactor.again("".join(hunks), "environment")}
    return cleaned


class Collector:
    """Keeps the latest surroundings of this process ready. One instance serves the process."""

    def __init__(self) -> None:
        self._latest: Surroundings | None = None
        self._at = 0.0
        self._thread: threading.Thread | None = None

    def refresh(self) -> None:
        """Begin to collect in a thread, unless what is ready is fresh. Returns at once."""
        if self._latest is not None and time.monotonic() - self._at < FRESH_SECONDS:
            return
        thread = self._thread
        if thread is not None and thread.is_alive():
            return
        self._thread = threading.Thread(target=self._collect, name="etiq-environment", daemon=True)
        self._thread.start()

    def _collect(self) -> None:
        try:
            facts = environment.collect()
            latest = self._latest
            if latest is None or latest.facts != facts:
                self._latest = prepare(facts, {}, pause=PAUSE)
            self._at = time.monotonic()
        except Exception:
            log.debug("the environment could not be collected", exc_info=True)

    def current(self, wait: float = 1.0) -> Surroundings:
        """Return what is ready, waiting only for the very first collection.

        At most ``wait`` seconds; without it, Python and platform are what is known.
        """
        if self._latest is None:
            self.refresh()
            if self._thread is not None:
                self._thread.join(wait)
        if self._latest is not None:
            return self._latest
        known = {"python": platform.python_version(), "platform": platform.platform()}
        return prepare(known | {"packages": {}}, {})


collector = Collector()


def _after_fork() -> None:
    global collector
    collector = Collector()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def refresh() -> None:
    """Begin to collect in a thread."""
    collector.refresh()


def add_environment(maker: ItemMaker, redactor: Redactor) -> None:
    """Add the environment to a snapshot, with what was taken out of it."""
    used = _checked(maker, redactor.exact)
    redactor.found.update(used.redacted)
    maker.items.append(msgspec.structs.replace(used.item))
    maker.contents[NAME] = used.content


def _checked(maker: ItemMaker, exact: dict[str, str]) -> Surroundings:
    """Return the latest surroundings without any secret known by now."""
    latest = collector.current()
    known = (generation(), len(exact))
    last = maker.memory.surroundings
    if last is None or last.latest is not latest or last.known != known:
        used = prepare(latest.facts, exact) if latest.holds(exact) else latest
        last = maker.memory.surroundings = Checked(latest, known, used)
    return last.used
