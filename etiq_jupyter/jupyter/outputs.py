"""Listens to what a cell shows, while it is shown exactly as without us.

The write methods of the streams and the shell's display methods are wrapped on the instances for
the time of one cell. Replacing ``sys.stdout`` instead would be seen by user code, and would miss
logging handlers that hold the original stream.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

Output = dict[str, Any]
"""One output in nbformat's form: ``output_type`` is stream, display_data, execute_result, error."""


class OutputListener:
    """Records the outputs of one cell.

    Parameters
    ----------
    shell : InteractiveShell
        The shell that runs the cell.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._outputs: list[Output] = []
        self._by_display_id: dict[str, list[Output]] = {}
        self._clear_next = False
        self._undo: list[Callable[[], None]] = []
        self._quiet = threading.local()

    def start(self) -> None:
        """Begin to listen."""
        for name in ("stdout", "stderr"):
            self._wrap(getattr(sys, name), "write", self._write(name))
        self._wrap(self._shell.display_pub, "publish", self._publish)
        self._wrap(self._shell.display_pub, "clear_output", self._cleared)
        self._wrap(self._shell.displayhook, "write_format_data", self._result)

    def stop(self) -> list[Output]:
        """Stop listening and return what was shown, in order."""
        while self._undo:
            self._undo.pop()()
        return self._outputs

    def _wrap(self, owner: Any, name: str, listen: Callable[..., None]) -> None:
        original = getattr(owner, name, None)
        if original is None:
            return
        had_own = name in getattr(owner, "__dict__", {})

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            if getattr(self._quiet, "on", False):
                return original(*args, **kwargs)
            # A terminal shows displays by printing them: that print is not a second output.
            self._quiet.on = True
            try:
                result = original(*args, **kwargs)
            finally:
                self._quiet.on = False
            try:
                listen(*args, **kwargs)
            except Exception:  # noqa: BLE001 - listening must never break the user's print
                return result
            return result

        def undo() -> None:
            if getattr(owner, name, None) is not wrapped:
                return  # somebody wrapped it after us and is still there; leave theirs alone
            if had_own:
                setattr(owner, name, original)
            else:
                delattr(owner, name)

        try:
            setattr(owner, name, wrapped)
        except (AttributeError, TypeError):
            return
        self._undo.append(undo)

    def _add(self, output: Output) -> None:
        if self._clear_next:
            self._outputs.clear()
            self._clear_next = False
        self._outputs.append(output)

    def _write(self, name: str) -> Callable[..., None]:
        def listen(text: Any, *_: Any) -> None:
            if not isinstance(text, str) or not text:
                return
            last = self._outputs[-1] if self._outputs and not self._clear_next else None
            if last is not None and last["output_type"] == "stream" and last["name"] == name:
                last["parts"].append(text)
            else:
                self._add({"output_type": "stream", "name": name, "parts": [text]})

        return listen

    def _publish(
        self,
        data: dict[str, Any],
        metadata: dict[str, Any] | None = None,
        *_: Any,
        transient: dict[str, Any] | None = None,
        update: bool = False,
        **__: Any,
    ) -> None:
        display_id = (transient or {}).get("display_id")
        shown = {"data": dict(data), "metadata": dict(metadata or {})}
        if update:
            for earlier in self._by_display_id.get(display_id or "", []):
                earlier.update(shown)
            return
        output: Output = {"output_type": "display_data", **shown}
        if display_id:
            self._by_display_id.setdefault(display_id, []).append(output)
        self._add(output)

    def _cleared(self, wait: bool = False, *_: Any, **__: Any) -> None:
        if wait:
            self._clear_next = True
        else:
            self._outputs.clear()

    def _result(self, data: dict[str, Any], metadata: Any = None, *_: Any, **__: Any) -> None:
        self._add(
            {
                "output_type": "execute_result",
                "data": dict(data),
                "metadata": dict(metadata or {}),
                "execution_count": self._shell.execution_count,
            }
        )


def joined(outputs: list[Output]) -> list[Output]:
    """Return the outputs in nbformat's form, with the parts of each stream as one text."""
    return [
        {"output_type": "stream", "name": output["name"], "text": "".join(output["parts"])}
        if "parts" in output
        else output
        for output in outputs
    ]
