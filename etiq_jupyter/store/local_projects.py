"""The projects of local mode. They live on this disk only, until they are pushed."""

from __future__ import annotations

import difflib
import time
from datetime import datetime, timezone

from etiq_jupyter import model
from etiq_jupyter.errors import NotFound
from etiq_jupyter.ids import new_id, parse_uuid
from etiq_jupyter.store.store import Store


class LocalProjects:
    """Find, make and list the projects of this disk.

    Parameters
    ----------
    store : Store
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def list(self) -> list[model.Project]:
        """Return all, the latest used first; those of which only snapshots are here included."""
        found = {project.id: project for project in self._store.projects()}
        rows = self._store.database.rows("SELECT id, name, created_at FROM local_projects")
        for key, name, created in rows:
            made = datetime.fromtimestamp(created, timezone.utc)
            project = found.setdefault(key, model.Project(id=key, name=name, created_at=made))
            project.name, project.created_at = name, made
        return sorted(
            found.values(), key=lambda p: (p.last_activity or p.created_at, p.id), reverse=True
        )

    def get(self, id: str) -> model.Project:  # noqa: A002
        """Return a project by UUID.

        Raises
        ------
        NotFound
            When it is not on this disk.
        """
        for project in self.list():
            if project.id == id:
                return project
        raise NotFound(f"There is no project {id} on this disk")

    def open(self, name: str, *, create: bool) -> model.Project:
        """Return the project of a name (or UUID), made when allowed.

        Raises
        ------
        NotFound
            Naming the nearest.
        """
        return self._store.database.mending(lambda: self._open(name, create=create))

    def _open(self, name: str, *, create: bool) -> model.Project:
        known = self.list()
        for project in known:
            if name == project.name or parse_uuid(name) == project.id:
                return project
        if not create or parse_uuid(name):  # a mistyped id is not the name of a new project
            near = tuple(difflib.get_close_matches(name, [p.name for p in known], 3))
            raise NotFound(f"There is no project {name!r} on this disk", nearest=near)
        with self._store.database.write() as connection:
            # Two kernels may open the same new name at once: the first one's id counts.
            connection.execute(
                "INSERT INTO local_projects VALUES (?, ?, ?) ON CONFLICT (name) DO NOTHING",
                (new_id(), name, time.time()),
            )
        return self._open(name, create=False)
