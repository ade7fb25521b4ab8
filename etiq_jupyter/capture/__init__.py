"""A cell execution -> a snapshot; and a snapshot -> variables again. Knows nothing of IPython."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etiq_jupyter.capture.memory import Memory
from etiq_jupyter.capture.redact import forget_secret, register_secret
from etiq_jupyter.capture.results import Captured, CellOutcome, Options
from etiq_jupyter.capture.watch import Watch, capture_values, watch_cell

if TYPE_CHECKING:
    from etiq_jupyter.capture.restoring import RestoreReport, plan_restore, restore

__all__ = [
    "Captured",
    "CellOutcome",
    "Memory",
    "Options",
    "RestoreReport",
    "Watch",
    "capture_values",
    "forget_secret",
    "plan_restore",
    "register_secret",
    "restore",
    "watch_cell",
]


def __getattr__(name: str) -> Any:
    """Load restoring when it is first asked for: no snapshot needs it."""
    if name in ("RestoreReport", "plan_restore", "restore"):
        from etiq_jupyter.capture import restoring

        return getattr(restoring, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
