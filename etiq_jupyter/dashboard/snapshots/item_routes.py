"""Items of snapshots: contents in several forms, and previews."""

from __future__ import annotations

from etiq_jupyter.dashboard.web.endpoint import Routes

routes = Routes("items")
