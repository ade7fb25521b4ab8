"""Comparison of two snapshots, by `etiq_jupyter.compare` over manifests and stored contents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etiq_jupyter.dashboard.identity.people import Identity
from etiq_jupyter.model import Diff, Item

if TYPE_CHECKING:
    from etiq_jupyter.dashboard.services import Services


def diff(services: Services, who: Identity, a: str, b: str) -> Diff:
    """Compare two snapshots that the asker may see."""
    # Comparing frames needs Arrow, which costs memory: imported by whoever compares first.
    from etiq_jupyter import compare

    first, second = services.reading.detail(who, a), services.reading.detail(who, b)
    workspaces = {
        first.id: services.reading.open(who, a).row.workspace_id,
        second.id: services.reading.open(who, b).row.workspace_id,
    }

    def open_item(item: Item) -> Any:
        for detail in (first, second):
            if any(one.object == item.object for one in detail.items):
                return services.holdings.content(workspaces[detail.id], item.object)
        return None

    return compare.diff(first, second, open_item)
