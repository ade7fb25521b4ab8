"""The outputs of a cell in nbformat's form: text in one buffer, each picture in its own."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec

from etiq_jupyter.codecs.base import Codec, Facts, Reading, Writing, refuse
from etiq_jupyter.errors import Corrupt
from etiq_jupyter.objects.content import Buffer, Content, ContentReader

_BINARY = ("image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf")
MAX_OUTPUTS = 100_000


class OutputsCodec(Codec):
    """A list of nbformat outputs. Capture asks for this codec by name; no value is found by it."""

    name = "outputs"
    packages = ()

    def accepts(self, value: Any) -> bool:
        return False

    def encode(self, value: Any, how: Writing) -> Content:
        pictures: list[Buffer] = []
        outputs = []
        for output in value:
            data = output.get("data")
            if isinstance(data, dict):
                output = output | {
                    "data": {mime: _take(mime, part, pictures) for mime, part in data.items()}
                }
            outputs.append(output)
        text = msgspec.json.encode(outputs)
        meta = {"count": len(outputs)}
        return Content(
            self.name, self.version, meta, [Buffer("outputs", memoryview(text)), *pictures]
        )

    def decode(self, reader: ContentReader, how: Reading) -> list[dict[str, Any]]:
        try:
            outputs = msgspec.json.decode(reader.read("outputs"))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Corrupt("the outputs are damaged", why=str(error)) from error
        if not isinstance(outputs, list) or not all(isinstance(output, dict) for output in outputs):
            raise Corrupt("the outputs are not a list of outputs")
        if len(outputs) > MAX_OUTPUTS:
            raise refuse(f"a cell claims {len(outputs):,} outputs")
        for output in outputs:
            data = output.get("data")
            if isinstance(data, dict):
                output["data"] = {mime: _give(part, reader) for mime, part in data.items()}
        return outputs

    def summarise(self, value: Any, content: Content) -> Facts:
        kinds: dict[str, int] = {}
        for output in value:
            kind = str(output.get("output_type", ""))
            name = str(output.get("name", "")) if kind == "stream" else kind.replace("_", " ")
            kinds[name] = kinds.get(name, 0) + 1
        summary = ", ".join(
            f"{count} {name}" if count > 1 else name for name, count in kinds.items()
        )
        mimes = sorted({mime for output in value for mime in output.get("data", {})})
        return Facts("outputs", "outputs", summary, {"count": len(value), "mimes": mimes})


def _take(mime: str, part: Any, pictures: list[Buffer]) -> Any:
    """Move a base64 picture to a buffer of its own, where equal pictures are stored once."""
    if mime not in _BINARY or not isinstance(part, str):
        return part
    try:
        data = base64.b64decode(part.replace("\n", ""), validate=True)
    except (binascii.Error, ValueError):
        return part
    name = f"p{len(pictures)}"
    pictures.append(Buffer(name, memoryview(data)))
    return {"$buffer": name, "newline": part.endswith("\n")}


def _give(part: Any, reader: ContentReader) -> Any:
    if (
        isinstance(part, dict)
        and set(part) == {"$buffer", "newline"}
        and isinstance(part["$buffer"], str)
    ):
        try:
            data = reader.read(part["$buffer"])
        except KeyError:
            raise Corrupt("a picture of the outputs is missing") from None
        return base64.b64encode(data).decode() + ("\n" if part["newline"] else "")
    return part


CODECS = (OutputsCodec,)
