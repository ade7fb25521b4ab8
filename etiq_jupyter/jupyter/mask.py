"""Keeps access tokens out of what the kernel shows, and so out of saved notebooks.

A cell that prints its environment would otherwise put the token into the notebook's file. All
messages with output leave the kernel through one method, which is wrapped while the extension is
loaded. Only the tokens of this process's logins are masked; nothing else is touched.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

SHOWN = frozenset(
    ("stream", "display_data", "update_display_data", "execute_result", "error", "execute_reply")
)


class OutputMask:
    """Masks registered tokens in a kernel's outgoing messages.

    Parameters
    ----------
    kernel : ipykernel.kernelbase.Kernel or None
        Without a kernel nothing is saved, and nothing is done.
    mask : callable
        Takes a text and returns it without tokens; the same object when there is none.
    """

    def __init__(self, kernel: Any, mask: Callable[[str], str]) -> None:
        self._session = getattr(kernel, "session", None)
        self._mask = mask
        if self._session is not None:
            self._send = self._session.send
            self._session.send = self._masked_send

    def close(self) -> None:
        """Send as before."""
        if self._session is not None and self._session.__dict__.get("send") == self._masked_send:
            del self._session.send

    def _masked_send(self, stream: Any, msg_or_type: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            if isinstance(msg_or_type, dict):
                if msg_or_type.get("msg_type") in SHOWN:
                    msg_or_type = {**msg_or_type, "content": self._clean(msg_or_type["content"])}
            elif msg_or_type in SHOWN:
                if args:
                    args = (self._clean(args[0]), *args[1:])
                elif "content" in kwargs:
                    kwargs["content"] = self._clean(kwargs["content"])
        except Exception:  # noqa: BLE001 - a message that cannot be looked through is sent as it is
            return self._send(stream, msg_or_type, *args, **kwargs)
        return self._send(stream, msg_or_type, *args, **kwargs)

    def _clean(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._mask(value)
        if isinstance(value, dict):
            return {key: self._clean(part) for key, part in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._clean(part) for part in value]
        return value
