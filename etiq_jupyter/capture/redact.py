"""Takes secrets out of what is captured, before anything touches the disk.

Two ways of knowing a secret: texts registered with `register_secret` (the session's access token,
and what the user names), found also when split over lines, escaped, quoted for a URL, in base64 or
hexadecimal; and the shapes of common secrets (`secret_shapes`).

What is taken out is replaced by ``[redacted: kind]``; how many of which kind were found where is
part of the snapshot. Text cells of frames are data and are left alone; only registered secrets are
looked for in them.
"""

from __future__ import annotations

import base64
import math
import re
import threading
import urllib.parse
from collections import Counter
from collections.abc import Iterable
from itertools import islice
from typing import Any

from etiq_jupyter.capture.secret_shapes import SHAPES, Shape
from etiq_jupyter.model import Redaction

REGISTERED = "registered secret"
MIN_SECRET = 8
"""Characters below which a registered text is not looked for: it would be found everywhere."""
MAX_LEARNT = 1_000
"""Secrets of one session that are remembered, in memory only."""
_HARMLESS = re.compile(
    r"(?i)^(?:\*+|x{3,}|\.{3,}|<[^>]*>|\$\{?[\w.]+\}?|\{\{?[\w. \[\]'\"]+\}?\}|%\(?\w+\)?s?"
    r"|\[redacted.*"
    r"|(?:your|my|the|some|test|dummy|fake|example|sample|placeholder|insert|enter|change)[\s_\-]?.*"
    r"|none|null|true|false|undefined|required|optional|string|str|password|passwd|secret|token|username|user)$"
)
_CODE = re.compile(
    r"[()\[\]{}]|^(?:os\.|self\.|config\.|settings\.|getpass|input|env\b)|^[\w.]+\.[a-z_]+$"
)


class _Registered:
    """Registered secrets and the forms in which they may appear."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._secrets: list[str] = []
        self.pattern: re.Pattern[str] | None = None
        self.needles: list[bytes] = []
        self.generation = 0

    def add(self, secret: str) -> None:
        if len(secret) < MIN_SECRET:
            return
        with self._lock:
            if secret in self._secrets:
                return
            self._secrets = [*self._secrets, secret]
            self._build()

    def forget(self, secret: str) -> None:
        with self._lock:
            self._secrets = [known for known in self._secrets if known != secret]
            self._build()

    def _build(self) -> None:
        forms = [form for secret in self._secrets for form in _forms(secret)]
        self.pattern = re.compile("|".join(forms)) if forms else None
        self.needles = [needle for secret in self._secrets for needle in _needles(secret)]
        self.generation += 1


def _forms(secret: str) -> list[str]:
    """Patterns of one secret: as it is, over lines, escaped, quoted, encoded."""
    # Between its characters may stand line ends, quotes, plus signs: a token broken to fit a line.
    gap = r"(?:\\?\r?\n|\\n|[\"'+\\\s]{0,12}?)"
    loose = gap.join(map(re.escape, secret))
    forms = [loose, re.escape(repr(secret)[1:-1]), re.escape(urllib.parse.quote(secret, safe=""))]
    forms.append(re.escape(secret.encode().hex()))
    forms.append(re.escape(secret[::-1]))
    forms += [re.escape(part) for part in _base64_cores(secret)]
    return list(dict.fromkeys(forms))


def _base64_cores(secret: str) -> list[str]:
    """Return the secret as base64 has it at its three alignments.

    Without the characters that its neighbours decide.
    """
    cores = []
    for shift in range(3):
        data = b"\0" * shift + secret.encode()
        whole = len(data) // 3 * 3
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(data[:whole]).decode()
            core = text[4 if shift else 0 :]
            if len(core) >= 12:
                cores.append(core)
    return cores


def _needles(secret: str) -> list[bytes]:
    """Byte forms that are looked for in buffers of frames, arrays and models."""
    return [secret.encode(), secret.encode("utf-16-le"), secret.encode("utf-32-le")]


_registered = _Registered()


def register_secret(text: str) -> None:
    """Take this text out of everything that is captured from now on, in this process.

    Parameters
    ----------
    text : str
        At least 8 characters; shorter ones are ignored. Kept in memory only.
    """
    _registered.add(text)


def forget_secret(text: str) -> None:
    """Stop looking for a registered text."""
    _registered.forget(text)


def mask(text: str) -> str:
    """Return the text without registered secrets; the same object when it holds none."""
    pattern = _registered.pattern
    return text if pattern is None else pattern.sub(f"[redacted: {REGISTERED}]", text)


class Redactor:
    """Takes secrets out of one snapshot and counts them.

    Parameters
    ----------
    exact : dict, optional
        Texts already known to be secret -> their kind. What is found is added, so that a password
        assigned in one cell is also taken out where another prints it bare.

    Attributes
    ----------
    found : Counter
        (kind, where) -> count.
    """

    def __init__(self, exact: dict[str, str] | None = None) -> None:
        self.found: Counter[tuple[str, str]] = Counter()
        self.exact = exact if exact is not None else {}

    def text(self, text: str, where: str) -> str:
        """Return the text without its secrets."""
        pattern = _registered.pattern
        if pattern is not None:
            text = self._replace(pattern, REGISTERED, text, where)
        text = self.again(text, where)
        known = len(self.exact)
        lower = text.lower() if len(text) >= 8 else ""
        if lower:
            for shape in SHAPES:
                if any(needle in lower for needle in shape.needles):
                    text = self._shape(shape, text, where)
        # What was assigned on one line may stand bare on another.
        return self.again(text, where, known)

    def again(self, text: str, where: str, since: int = 0) -> str:
        """Return the text without the secrets found so far, or those after the first ``since``."""
        for secret, kind in islice(list(self.exact.items()), since, None):
            if secret in text:
                self.found[kind, where] += text.count(secret)
                text = text.replace(secret, f"[redacted: {kind}]")
        return text

    def _replace(self, pattern: re.Pattern[str], kind: str, text: str, where: str) -> str:
        text, count = pattern.subn(f"[redacted: {kind}]", text)
        if count:
            self.found[kind, where] += count
        return text

    def _shape(self, shape: Shape, text: str, where: str) -> str:
        def take(match: re.Match[str]) -> str:
            inner = "secret" in shape.pattern.groupindex
            secret = match["secret"] if inner else match[0]
            if "[redacted:" in secret or not _likely(shape, secret):
                return match[0]
            self.found[shape.kind, where] += 1
            self._learn(shape.kind, secret)
            mark = f"[redacted: {shape.kind}]"
            if not inner:
                return mark
            start = match.start("secret") - match.start()
            return match[0][:start] + mark + match[0][start + len(secret) :]

        return shape.pattern.sub(take, text)

    def named_value(self, name: Any, value: str, where: str) -> str:
        """Return the value of a dictionary entry.

        Taken out when its key says that it is a secret.
        """
        if self.names_secret(name) and 6 <= len(value) <= 500:
            words = " " in value.strip() or "[redacted:" in value
            if not words and not _HARMLESS.match(value):
                self.found["assigned secret", where] += 1
                self._learn("assigned secret", value)
                return "[redacted: assigned secret]"
        return self.text(value, where)

    @staticmethod
    def names_secret(name: Any) -> bool:
        """Say whether a key or field of this name holds a secret."""
        return isinstance(name, str) and bool(_SECRET_KEY.search(name))

    def _learn(self, kind: str, secret: str) -> None:
        if 8 <= len(secret) <= 4096 and len(self.exact) < MAX_LEARNT and entropy(secret) >= 2.5:
            self.exact[secret] = kind

    def json(self, value: Any, where: str) -> Any:
        """Return a JSON-able value without secrets in any of its texts."""
        texts, keys = _strings(value)
        if not self.suspects(texts, keys):
            return value
        known = len(self.exact)
        made = self._json(value, where)
        return made if len(self.exact) == known else self._json(made, where)

    def suspects(self, texts: list[str], keys: Iterable[Any]) -> bool:
        """Say whether any of many texts may hold a secret, by one search over all of them."""
        if any(map(self.names_secret, keys)):
            return True
        trial = Redactor(dict(self.exact))
        trial.text("\n".join(texts), "")
        return bool(trial.found)

    def _json(self, value: Any, where: str) -> Any:
        if isinstance(value, str):
            return self.text(value, where)
        if isinstance(value, dict):
            return {
                self.text(key, where) if isinstance(key, str) else key: (
                    self.named_value(key, part, where)
                    if isinstance(part, str)
                    else self._json(part, where)
                )
                for key, part in value.items()
            }
        if isinstance(value, (list, tuple)):
            return [self._json(part, where) for part in value]
        return value

    def report(self) -> list[Redaction]:
        """Return what was taken out, most frequent first."""
        return [
            Redaction(kind=kind, count=count, where=where)
            for (kind, where), count in self.found.most_common()
        ]


_SECRET_KEY = re.compile(
    r"(?i)(?:^|[_\-.\s])(?:pass(?:word|wd|phrase)?|pwd|secret|api[_\-]?key|apikey|access[_\-]?key|auth[_\-]?token"
    r"|access[_\-]?token|refresh[_\-]?token|private[_\-]?key|client[_\-]?secret|secret[_\-]?key|credentials?)$"
)


def _strings(value: Any) -> tuple[list[str], set[str]]:
    """Return all texts of a JSON-able value, and its keys."""
    texts: list[str] = []
    keys: set[str] = set()
    todo: list[Any] = [value]
    while todo:
        part = todo.pop()
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, dict):
            found = [key for key in part if isinstance(key, str)]
            keys.update(found)
            texts += found
            todo += part.values()
        elif isinstance(part, (list, tuple)):
            todo += part
    return texts, keys


def texts_of(value: Any) -> str:
    """Return all texts of a JSON-able value, joined by line ends."""
    return "\n".join(_strings(value)[0])


def _likely(shape: Shape, secret: str) -> bool:
    if not shape.entropy:
        return not _HARMLESS.match(secret) if shape.kind == "password in an address" else True
    if _HARMLESS.match(secret) or _CODE.search(secret):
        return False
    if shape.kind == "assigned secret" and (" " in secret.strip() or not _mixed(secret)):
        return False
    return entropy(secret) >= shape.entropy


def _mixed(secret: str) -> bool:
    """Words are not secrets; letters with digits or signs, or long ones, may be."""
    letters = sum(c.isalpha() for c in secret)
    return letters < len(secret) or len(secret) >= 20


def entropy(text: str) -> float:
    """Return the bits per character of a text, by its own letter frequencies."""
    counts = Counter(text)
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts.values())


def holds_registered(buffers: Iterable[Any]) -> bool:
    """Say whether any buffer holds a registered secret as text."""
    needles = _registered.needles
    return bool(needles) and any(_search(data, needles) for data in buffers)


def generation() -> int:
    """Return a number that changes when a secret is registered or forgotten."""
    return _registered.generation


def _search(data: memoryview, needles: list[bytes]) -> bool:
    """Look through a buffer in pieces that overlap by the longest needle; memory stays small."""
    step, overlap = 1 << 20, max(map(len, needles))
    for start in range(0, data.nbytes, step):
        piece = bytes(data[start : start + step + overlap])
        if any(needle in piece for needle in needles):
            return True
    return False
