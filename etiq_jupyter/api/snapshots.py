"""The snapshots of a project: make, list, find."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from etiq_jupyter import model
from etiq_jupyter.api.backend import backend_of
from etiq_jupyter.api.listing import Listing
from etiq_jupyter.api.projects import check_name
from etiq_jupyter.api.snapshot import Snapshot
from etiq_jupyter.errors import Invalid, NotFound
from etiq_jupyter.ids import parse_short_id, parse_uuid

if TYPE_CHECKING:
    from etiq_jupyter.api.projects import Project
    from etiq_jupyter.sessions import Session


class Snapshots:
    """The snapshots of one project."""

    def __init__(self, session: Session, project: Project) -> None:
        self._session = session
        self._project = project

    def create(
        self,
        name: str | None = None,
        /,
        *,
        tags: Sequence[str] = (),
        note: str | None = None,
        **values: Any,
    ) -> Snapshot:
        """Keep values under their keyword's name.

        Parameters
        ----------
        name : str, optional
            Name of the snapshot.
        tags : sequence of str
        note : str, optional
        **values
            Frames, arrays, models, figures, numbers, texts, containers, ... Numbers are the
            snapshot's metrics. A value without a safe form is listed with the reason.

        Returns
        -------
        Snapshot
            Safe on this disk; sent in the background when logged in.

        Raises
        ------
        Forbidden
            When my role in the project is viewer.
        Invalid
            When a name or tag cannot be one.
        """
        from etiq_jupyter.capture import capture_values

        self._session.check_may_write(self._project.facts)
        if isinstance(tags, str):
            raise Invalid("tags must be a list of texts", why=f"got {tags!r}", path="tags")
        captured = capture_values(
            values,
            name=check_name(name, "snapshot") if name else "",
            tags=[check_name(tag, "tag") for tag in tags],
            note=note or "",
            memory=self._session.memory,
        )
        ticket = self._session.record(captured, self._project.facts)
        return Snapshot(self._session, ticket.id, manifest=captured.snapshot, ticket=ticket)

    def list(
        self,
        q: str | None = None,
        tag: str | None = None,
        sort: str = "-created",
        page: int | None = None,
        page_size: int = 50,
    ) -> Any:
        """List snapshots, newest first.

        Parameters
        ----------
        q : str, optional
            Words, ``tag:x``, ``metric.acc>0.9``, ``failed:yes``, ``run:RUN-3``, ``author:ana``.
        tag : str, optional
        sort : str, default "-created"
            ``created``, ``name``, ``size``, ``metric:NAME``; a minus reverses.
        page : int, optional
            Only this page, counted from 0, as a list.
        page_size : int, default 50

        Returns
        -------
        Listing of Snapshot, or list of Snapshot
            Lazy without ``page``.
        """
        path = f"/projects/{self._project.id}/snapshots"
        query = {"q": q, "tag": tag, "sort": sort}

        def fetch(cursor: str | None, limit: int) -> model.Page[Snapshot]:
            backend = backend_of(self._session)
            found = backend.get(
                path, query | {"cursor": cursor, "limit": limit}, model.Page[model.SnapshotSummary]
            )
            return model.Page(
                items=[Snapshot(self._session, s.id, summary=s) for s in found.items],
                next_cursor=found.next_cursor,
                total=found.total,
            )

        listing = Listing(fetch, page_size)
        return listing if page is None else listing.page(page)

    def __iter__(self) -> Iterator[Snapshot]:
        return iter(self.list())

    def __len__(self) -> int:
        return len(self.list())

    def get(self, id_or_name: str) -> Snapshot:
        """Return one snapshot by short id, UUID, or name (the latest of that name).

        Raises
        ------
        NotFound
            When there is none, or you may not see it.
        """
        if parse_short_id(id_or_name) or parse_uuid(id_or_name):
            return Snapshot.load(self._session, id_or_name.strip())
        return self.latest(id_or_name)

    def latest(self, name: str | None = None) -> Snapshot:
        """Return the newest snapshot, or the newest of a name."""
        query = None if name is None else f'name:"{name}"'
        found = self.list(q=query, page=0, page_size=1)
        if not found:
            of = f" of the name {name!r}" if name else ""
            near = tuple(
                sorted({s.name for s in self.list(q=name, page=0, page_size=20) if s.name})[:3]
                if name
                else ()
            )
            raise NotFound(f"Project {self._project.name!r} has no snapshot{of}", nearest=near)
        first: Snapshot = found[0]
        return first

    def __repr__(self) -> str:
        return repr(self.list())
