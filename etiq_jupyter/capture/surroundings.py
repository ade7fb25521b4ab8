"""The environment as an item: the same for many snapshots, so redacted and encoded once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from etiq_jupyter import codecs
from etiq_jupyter.capture import environment
from etiq_jupyter.capture.redact import Redactor, generation
from etiq_jupyter.model import Item

if TYPE_CHECKING:
    from etiq_jupyter.capture.values import ItemMaker
    from etiq_jupyter.objects.content import Content

NAME = "@environment"


@dataclass(frozen=True)
class Surroundings:
    """One environment, ready to be added to a snapshot.

    Attributes
    ----------
    facts : dict
        What it was made from; held, so that its identity says whether it is still the same.
    known : tuple
        The secrets that were known when it was redacted.
    """

    facts: dict[str, Any]
    known: tuple[int, int]
    item: Item
    content: Content
    redacted: Counter[tuple[str, str]]


def add_environment(maker: ItemMaker, redactor: Redactor) -> None:
    """Add the environment to a snapshot, with what was taken out of it."""
    facts = environment.current()
    known = (generation(), len(redactor.exact))
    memory = maker.memory
    last = memory.surroundings
    if last is None or last.facts is not facts or last.known != known:
        last = memory.surroundings = _make(facts, known, redactor.exact)
    redactor.found.update(last.redacted)
    maker.items.append(msgspec.structs.replace(last.item))
    maker.contents[NAME] = last.content


def _make(facts: dict[str, Any], known: tuple[int, int], exact: dict[str, str]) -> Surroundings:
    apart = Redactor(dict(exact))
    codec = codecs.registry.by_name("environment")
    cleaned = apart.json(facts, "environment")
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
    return Surroundings(facts, known, item, content, apart.found)
