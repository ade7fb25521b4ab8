"""What is needed to reach a destination; lives in memory only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from etiq_jupyter.sync.transport import Transport


@dataclass(frozen=True)
class Connection:
    """A destination with the token for it.

    Attributes
    ----------
    number : int
        The destination's number in the outbox.
    """

    number: int
    url: str
    user: str
    token: str = field(repr=False)
    verify: bool | str = True
    proxies: Mapping[str, str] | None = None
    timeout: float = 30.0

    def message(self) -> dict[str, Any]:
        """Return what the courier is told."""
        return {
            "destination": self.number,
            "url": self.url,
            "user": self.user,
            "token": self.token,
            "verify": self.verify,
            "proxies": dict(self.proxies) if self.proxies is not None else None,
            "timeout": self.timeout,
        }

    def transport(self) -> Transport:
        """Return a transport to the destination."""
        # Only now: what sends nothing does not need an HTTP client in its memory.
        from etiq_jupyter.sync.transport import Transport

        return Transport(
            self.url, self.token, verify=self.verify, proxies=self.proxies, timeout=self.timeout
        )

    @classmethod
    def read(cls, message: Mapping[str, Any]) -> Connection:
        """Build a connection from what `message` returned."""
        return cls(
            message["destination"],
            message["url"],
            message["user"],
            message["token"],
            message["verify"],
            message["proxies"],
            message["timeout"],
        )
