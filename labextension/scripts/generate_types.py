"""Write the wire types of the front end from ``etiq_jupyter.model``: one schema for both sides.

``python scripts/generate_types.py`` rewrites ``src/api/types.ts``; ``--check`` only says whether
it is up to date.
"""

from __future__ import annotations

import inspect
import sys
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec

from etiq_jupyter import model

TARGET = Path(__file__).parent.parent / "src" / "api" / "types.ts"
HEADER = "// Generated from etiq_jupyter/model.py by `jlpm generate`. Do not edit.\n"

_SCALARS: dict[Any, str] = {
    str: "string",
    int: "number",
    float: "number",
    bool: "boolean",
    datetime: "string",
    type(None): "null",
    Any: "unknown",
}


def typescript(hint: Any) -> str:
    """Return the TypeScript form of a Python type annotation."""
    if hint in _SCALARS:
        return _SCALARS[hint]
    for name, alias in vars(model).items():
        if alias is hint and getattr(alias, "__origin__", None) is not None:
            return name
    if isinstance(hint, TypeVar) or (isinstance(hint, type) and issubclass(hint, msgspec.Struct)):
        return hint.__name__
    arguments = get_args(hint)
    origin = getattr(hint, "__origin__", None)
    if origin is list:
        inner = _member(arguments[0])
        return f"({inner})[]" if " | " in inner else f"{inner}[]"
    if origin is dict:
        return f"Record<string, {_member(arguments[1])}>"
    if all(isinstance(argument, (str, int)) for argument in arguments):
        return " | ".join(f"'{argument}'" for argument in arguments)
    return " | ".join(typescript(argument) for argument in arguments)


def _member(hint: Any) -> str:
    """Return the form of a hint inside a container: JSON carries nan and infinities as null."""
    return "number | null" if hint is float else typescript(hint)


def comment(text: str | None, indent: str = "") -> str:
    """Return a docstring as a TypeScript comment."""
    lines = inspect.cleandoc(text or "").replace("``", "`").splitlines()
    if not lines:
        return ""
    if len(lines) == 1:
        return f"{indent}/** {lines[0]} */\n"
    return (
        f"{indent}/**\n"
        + "".join(f"{indent} * {line}".rstrip() + "\n" for line in lines)
        + f"{indent} */\n"
    )


def interface(struct: type[msgspec.Struct]) -> str:
    """Return the TypeScript interface of a struct; inherited fields are left to its base."""
    base = struct.__mro__[1]
    inherits = base not in (model.Struct, msgspec.Struct) and issubclass(base, model.Struct)
    inherited = {field.name for field in msgspec.structs.fields(base)} if inherits else set()
    generic = "<T>" if getattr(struct, "__parameters__", ()) else ""
    head = f"export interface {struct.__name__}{generic}"
    if inherits:
        head += f" extends {base.__name__}"
    hints = get_type_hints(struct, vars(model))
    body = "".join(
        f"  {name}: {typescript(hints[name])};\n"
        for name in struct.__struct_fields__
        if name not in inherited
    )
    return f"{comment(struct.__doc__)}{head} {{\n{body}}}\n"


def generate() -> str:
    """Return the whole text of ``src/api/types.ts``."""
    parts = [HEADER]
    for name, value in vars(model).items():
        members = get_args(value) if name[0].isupper() else ()
        if members and all(isinstance(member, str) for member in members):
            lines = "".join(f"\n  | '{member}'" for member in members)
            parts.append(f"export type {name} ={lines};\n")
    parts.extend(
        interface(value)
        for value in vars(model).values()
        if isinstance(value, type)
        and issubclass(value, msgspec.Struct)
        and value not in (model.Struct, msgspec.Struct)
    )
    return "\n".join(parts)


def main(arguments: list[str]) -> int:
    """Write the file, or only check it; the answer is the exit status."""
    text = generate()
    if "--check" in arguments:
        current = TARGET.exists() and TARGET.read_text("utf-8") == text
        print("up to date" if current else "src/api/types.ts is out of date: run `jlpm generate`")
        return 0 if current else 1
    TARGET.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
