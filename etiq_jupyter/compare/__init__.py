"""What differs between two snapshots, and where their values came from. Pure: no store.

No network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from etiq_jupyter.compare.display import DiffView as DiffView
    from etiq_jupyter.model import Diff, Item, Snapshot, SnapshotDetail
    from etiq_jupyter.objects.content import ContentReader

__all__ = ["DiffView", "diff"]


def diff(
    a: Snapshot | SnapshotDetail,
    b: Snapshot | SnapshotDetail,
    open_a: Callable[[Item], ContentReader],
    open_b: Callable[[Item], ContentReader] | None = None,
) -> Diff:
    """Compare two snapshots; see `etiq_jupyter.compare.snapshots.diff`."""
    from etiq_jupyter.compare import snapshots

    return snapshots.diff(a, b, open_a, open_b)


def __getattr__(name: str) -> Any:
    if name == "DiffView":
        from etiq_jupyter.compare.display import DiffView

        return DiffView
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
