"""Outputs of a cell as they are kept: in order, with all forms, without progress bars' history.

Limits: a text of more than `MAX_TEXT` characters keeps its start and its end; one MIME form of more
than `MAX_FORM` bytes, and outputs beyond `MAX_OUTPUTS`, are left out. Each cut has a visible mark.
"""

from __future__ import annotations

import re
from typing import Any

MAX_TEXT = 1_000_000
"""Characters of one text output."""
MAX_FORM = 32 << 20
"""Bytes of one MIME form, such as a picture."""
MAX_OUTPUTS = 1_000
MAX_TRACEBACK = 200
"""Lines of a traceback."""
_ERASE_LINE = re.compile(r"\x1b\[[0-2]?K")
_CURSOR_UP = re.compile(r"\x1b\[(\d*)A")


def tidy(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return nbformat outputs with streams merged, rewritten lines collapsed and big parts cut."""
    made: list[dict[str, Any]] = []
    streams: list[list[str]] = []
    for output in outputs:
        kind = output.get("output_type")
        if kind == "stream":
            name, text = str(output.get("name", "stdout")), _joined(output.get("text", ""))
            if made and made[-1].get("output_type") == "stream" and made[-1]["name"] == name:
                streams[-1].append(text)
            else:
                made.append({"output_type": "stream", "name": name, "text": ""})
                streams.append([text])
        else:
            made.append(_form(output) if kind != "error" else _error(output))
            streams.append([])
    for output, parts in zip(made, streams, strict=True):
        if parts:
            output["text"] = shorten(collapse("".join(parts)))
    if len(made) > MAX_OUTPUTS:
        left = len(made) - MAX_OUTPUTS
        mark = f"[{left:,} more outputs were not kept]\n"
        made = [*made[:MAX_OUTPUTS], {"output_type": "stream", "name": "stdout", "text": mark}]
    return made


def _joined(text: Any) -> str:
    return "".join(map(str, text)) if isinstance(text, list) else str(text)


def collapse(text: str) -> str:
    """Return a terminal's text as it looks in the end: a carriage return rewrites its line.

    Cursor-up and erase sequences, as progress bars of several lines use them, are followed too.
    """
    if "\r" not in text and "\x1b[" not in text and "\b" not in text:
        return text
    if "\x1b[" not in text and "\b" not in text:
        lines = text.replace("\r\n", "\n").split("\n")
        return "\n".join(_rewritten(line) if "\r" in line else line for line in lines)
    return _screen(text.replace("\r\n", "\n"))


def _rewritten(line: str) -> str:
    """Return what a line shows in the end; a shorter rewrite leaves the longer one's tail."""
    shown = ""
    for part in line.split("\r"):
        if part:
            shown = part + shown[len(part) :]
    return shown


def _screen(text: str) -> str:
    lines = [""]
    row = column = 0
    place = 0
    while place < len(text):
        char = text[place]
        if char == "\n":
            row += 1
            column = 0
            if row == len(lines):
                lines.append("")
        elif char == "\r":
            column = 0
        elif char == "\b":
            column = max(0, column - 1)
        elif (up := _CURSOR_UP.match(text, place)) is not None:
            row = max(0, row - int(up[1] or 1))
            place = up.end()
            continue
        elif (erase := _ERASE_LINE.match(text, place)) is not None:
            lines[row] = "" if erase[0][2] == "2" else lines[row][:column]
            place = erase.end()
            continue
        else:
            end = place + 1
            while end < len(text) and text[end] not in "\n\r\b\x1b":
                end += 1
            part = text[place:end]
            line = lines[row]
            lines[row] = line[:column].ljust(column) + part + line[column + len(part) :]
            column += len(part)
            place = end
            continue
        place += 1
    return "\n".join(lines)


def shorten(text: str, limit: int = MAX_TEXT) -> str:
    """Return a text of at most ``limit`` characters and a mark that says how many were left out."""
    if len(text) <= limit:
        return text
    head, tail = limit * 3 // 4, limit // 4
    left = len(text) - head - tail
    return f"{text[:head]}\n[... {left:,} characters were not kept ...]\n{text[-tail:]}"


def _form(output: dict[str, Any]) -> dict[str, Any]:
    data = output.get("data")
    if not isinstance(data, dict):
        return dict(output)
    kept: dict[str, Any] = {}
    for mime, part in data.items():
        if isinstance(part, bytes):
            import base64

            part = base64.b64encode(part).decode()
        if isinstance(part, list) and all(isinstance(line, str) for line in part):
            part = "".join(part)
        if isinstance(part, str) and mime.startswith("text/") and len(part) > MAX_TEXT:
            kept[mime] = shorten(part)
        elif isinstance(part, str) and len(part) > MAX_FORM:
            kept.setdefault("text/plain", f"[{mime} of {len(part):,} bytes was not kept]")
        else:
            kept[mime] = part
    return output | {"data": kept}


def _error(output: dict[str, Any]) -> dict[str, Any]:
    lines = [shorten(str(line), 20_000) for line in output.get("traceback", [])]
    if len(lines) > MAX_TRACEBACK:
        left = len(lines) - MAX_TRACEBACK
        lines = [
            *lines[: MAX_TRACEBACK // 2],
            f"[... {left} lines were not kept ...]",
            *lines[-MAX_TRACEBACK // 2 :],
        ]
    message = shorten(str(output.get("evalue", "")), 20_000)
    return output | {"traceback": lines, "evalue": message}


def pictures(outputs: list[dict[str, Any]]) -> list[tuple[str, bytes]]:
    """Return the pictures that the outputs show, the best form of each, as (MIME type, bytes)."""
    import base64
    import binascii

    found = []
    for output in outputs:
        data = output.get("data")
        if not isinstance(data, dict):
            continue
        for mime in ("image/png", "image/jpeg", "image/svg+xml"):
            part = data.get(mime)
            if isinstance(part, str):
                try:
                    made = (
                        part.encode()
                        if mime == "image/svg+xml"
                        else base64.b64decode(part, validate=False)
                    )
                except (binascii.Error, ValueError):
                    continue
                found.append((mime, made))
                break
    return found
