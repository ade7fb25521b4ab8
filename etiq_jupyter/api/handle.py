"""What the handles of things on a dashboard have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from etiq_jupyter import model

if TYPE_CHECKING:
    from etiq_jupyter.sessions import Session

Facts = TypeVar("Facts", model.Project, model.Workspace)


class Handle(Generic[Facts]):
    """A named thing in which one has a role, held by a session."""

    def __init__(self, session: Session, facts: Facts) -> None:
        self._session = session
        self._facts: Facts = facts

    @property
    def facts(self) -> Facts:
        """What is known of it, as the wire struct."""
        return self._facts

    @property
    def id(self) -> str:
        """UUID."""
        return self._facts.id

    @property
    def short_id(self) -> str:
        """The dashboard's short id, such as ``PRJ-3``; empty for what is on this disk only."""
        return self._facts.short_id

    @property
    def name(self) -> str:
        """Name."""
        return self._facts.name

    @property
    def role(self) -> model.Role:
        """My role in it: viewer, editor or owner."""
        return self._facts.role
