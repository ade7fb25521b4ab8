"""What ``%load_ext etiq_jupyter`` joins: magics, cell hooks, bridge, and the default session."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from etiq_jupyter import sessions
from etiq_jupyter.capture.redact import mask
from etiq_jupyter.jupyter.bridge import Bridge, install
from etiq_jupyter.jupyter.front import SessionFront
from etiq_jupyter.jupyter.magics import EtiqMagics
from etiq_jupyter.jupyter.mask import OutputMask

log = logging.getLogger("etiq_jupyter")


@dataclass
class _Loaded:
    magics: EtiqMagics
    mask: OutputMask
    bridge: Bridge | None


_loaded: dict[int, _Loaded] = {}


def load(shell: Any) -> None:
    """Load into a shell; loading again loads anew."""
    unload(shell)
    session = sessions.default()
    magics = EtiqMagics(shell, session)
    shell.register_magics(magics)
    masked = OutputMask(getattr(shell, "kernel", None), mask)
    _loaded[id(shell)] = _Loaded(magics, masked, _bridge(shell, session))


def _bridge(shell: Any, session: sessions.Session) -> Bridge | None:
    try:
        return install(getattr(shell, "kernel", None), SessionFront(session))
    except Exception:  # the magics work without a sidebar
        log.exception("the JupyterLab sidebar will not see this kernel")
        return None


def unload(shell: Any) -> None:
    """Take away what `load` made; the session stays."""
    found = _loaded.pop(id(shell), None)
    if found is None:
        return
    _quietly(found.magics.close)
    _quietly(found.mask.close)
    if found.bridge is not None:
        _quietly(found.bridge.close)


def _quietly(close: Callable[[], None]) -> None:
    try:
        close()
    except Exception:
        log.exception("closing failed")
