"""A cell execution -> a snapshot; and a snapshot -> variables again. Knows nothing of IPython."""

from __future__ import annotations

from etiq_jupyter.capture.memory import Memory
from etiq_jupyter.capture.redact import forget_secret, register_secret
from etiq_jupyter.capture.restoring import RestoreReport, plan_restore, restore
from etiq_jupyter.capture.results import Captured, CellOutcome, Options
from etiq_jupyter.capture.watch import Watch, capture_values, watch_cell

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
