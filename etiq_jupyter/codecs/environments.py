"""The environment of a snapshot: Python, platform, packages, git.

Equal environments have equal hashes.
"""

from __future__ import annotations

from typing import Any

import msgspec

from etiq_jupyter.codecs.base import Codec, Facts, Reading, Writing
from etiq_jupyter.errors import Corrupt
from etiq_jupyter.objects.content import Buffer, Content, ContentReader


class EnvironmentCodec(Codec):
    """A JSON object as `capture.environment.collect` makes it; asked for by name."""

    name = "environment"
    packages = ()

    def accepts(self, value: Any) -> bool:
        return False

    def encode(self, value: Any, how: Writing) -> Content:
        data = msgspec.json.encode(value, order="deterministic")
        return Content(self.name, self.version, {}, [Buffer("environment", memoryview(data))])

    def decode(self, reader: ContentReader, how: Reading) -> dict[str, Any]:
        try:
            found = msgspec.json.decode(reader.read("environment"))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Corrupt("the environment is damaged", why=str(error)) from error
        if not isinstance(found, dict):
            raise Corrupt("the environment is not a JSON object")
        return found

    def summarise(self, value: Any, content: Content) -> Facts:
        git = value.get("git") or {}
        parts = [
            f"Python {value.get('python', '')}",
            f"{len(value.get('packages', ())):,} packages",
        ]
        if git.get("commit"):
            parts.append(f"git {git['commit'][:7]}{' dirty' if git.get('dirty') else ''}")
        detail = {
            "python": value.get("python", ""),
            "platform": value.get("platform", ""),
            "packages": len(value.get("packages", ())),
            "git": {key: git[key] for key in ("commit", "branch", "dirty") if key in git},
        }
        return Facts("environment", "environment", ", ".join(parts), detail)


CODECS = (EnvironmentCodec,)
