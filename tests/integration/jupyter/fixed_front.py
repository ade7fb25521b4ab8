"""A session over fixed data, imported by the kernels under test (never by the product)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any

from etiq_jupyter import model
from etiq_jupyter.errors import AuthError, NotFound

SECRET = "etq_" + "k3y7" * 9
"""The token that the front holds and that no message may show."""


class FixedFront:
    """Answers at once, slowly or with an error, as the path says."""

    def __init__(self) -> None:
        self.token = SECRET
        self.project = ""
        self.state: Any = "connected"
        self.pending = 0
        self.callbacks: list[Callable[[model.Status], None]] = []

    def status(self) -> model.Status:
        return model.Status(
            state=self.state,
            dashboard="http://127.0.0.1:8765",
            user="ana",
            project=self.project,
            project_name=self.project,
            sync=model.SyncStatus(pending=self.pending, safe_to_close=self.pending == 0),
        )

    def get(self, path: str, query: Mapping[str, Any]) -> Any:
        if path == "/search":
            time.sleep(float(query["q"]))
        if path == "/me":
            raise AuthError("The dashboard refused the token", why=f"sent {self.token}")
        if path == "/diff":
            raise ZeroDivisionError(self.token)
        if path == "/users":
            return "x" * (33 << 20)
        if path == "/projects/PRJ-404":
            raise NotFound("There is no project 'chrun'", nearest=("churn",))
        return {
            "path": path,
            "query": dict(query),
            "when": datetime(2026, 11, 20, tzinfo=timezone.utc),
            "number": float("nan"),
            "said": f"Bearer {self.token}",
        }

    def send(self, method: str, path: str, body: Any) -> Any:
        return {"method": method, "path": path, "body": body}

    def select_project(self, project: str, create: bool) -> model.Status:
        if not create and project == "new":
            raise NotFound("There is no project 'new'")
        self.project = project
        return self.tell()

    def sync_now(self) -> model.Status:
        return self.tell()

    def logout(self) -> model.Status:
        self.state, self.token = "local", ""
        return self.tell()

    def subscribe(self, callback: Callable[[model.Status], None]) -> Callable[[], None]:
        self.callbacks.append(callback)
        return lambda: self.callbacks.remove(callback)

    def tell(self) -> model.Status:
        status = self.status()
        for callback in self.callbacks:
            callback(status)
        return status
