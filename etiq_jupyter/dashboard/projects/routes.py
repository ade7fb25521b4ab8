"""Workspaces, projects, members."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from etiq_jupyter.dashboard.projects.projects import Sort
from etiq_jupyter.dashboard.web.endpoint import Answer, Call, Routes
from etiq_jupyter.dashboard.web.paging import PageQuery
from etiq_jupyter.model import Member, Page, Project, Role, Workspace

routes = Routes("projects")

Text = Annotated[str, msgspec.Meta(max_length=2000)]


class ProjectQuery(PageQuery, kw_only=True):
    """Which projects."""

    q: Text = ""
    sort: Sort = "-activity"
    owned: Literal["", "mine", "shared"] = ""


class OpenProject(msgspec.Struct, kw_only=True):
    """A project by name. ``id`` is the UUID that the client made when it was offline."""

    name: Text
    create_if_missing: bool = True
    workspace: Text | None = None
    id: Text | None = None


class ProjectChange(msgspec.Struct, kw_only=True):
    """What to change; what is left out stays."""

    name: Text | None = None
    description: Annotated[str, msgspec.Meta(max_length=20_000)] | None = None
    pinned: list[Text] | None = None


class NewRole(msgspec.Struct, kw_only=True):
    """A member's role."""

    role: Role


@routes.add("GET", "/workspaces", scope="read")
def list_workspaces(call: Call, query: PageQuery) -> Page[Workspace]:
    """Return the workspaces that I am a member of, oldest first."""
    return call.services.workspaces.page(call.who.user.id, query.cursor, query.limit)


@routes.add("GET", "/projects", scope="read")
def list_projects(call: Call, query: ProjectQuery) -> Page[Project]:
    """Projects that I made or that are shared with me."""
    return call.services.projects.page(
        call.who,
        q=query.q,
        owned=query.owned,
        sort=query.sort,
        cursor=query.cursor,
        limit=query.limit,
    )


@routes.add("POST", "/projects/open", scope="read", also=(201,))
def open_project(call: Call, body: OpenProject) -> Answer[Project]:
    """Find a project by name, or make it (201)."""
    project, made = call.services.projects.open(
        call.who,
        body.name,
        create_if_missing=body.create_if_missing,
        workspace=body.workspace,
        project_id=body.id,
    )
    if made:
        call.services.announce("project", project_id=project.id, id=project.id)
    return Answer(project, 201 if made else 200)


@routes.add("GET", "/projects/{project}", scope="read")
def get_project(call: Call, project: str) -> Project:
    """One project, by UUID or short id, with its members."""
    return call.services.projects.get(call.who, project)


@routes.add("PATCH", "/projects/{project}", scope="write")
def change_project(call: Call, project: str, body: ProjectChange) -> Project:
    """Rename, describe, choose the metrics shown in lists."""
    changed = call.services.projects.change(
        call.who,
        project,
        name=body.name,
        description=body.description,
        pinned=body.pinned,
    )
    call.services.announce("project", project_id=changed.id, id=changed.id)
    return changed


@routes.add("DELETE", "/projects/{project}", scope="write", status=204)
def delete_project(call: Call, project: str) -> None:
    """Delete a project and all its snapshots."""
    seen_by = call.services.projects.get(call.who, project).members
    project_id = call.services.projects.delete(call.who, project, call.address)
    for member in seen_by:
        call.services.announce("project", user_id=member.user.id, id=project_id)


@routes.add("PUT", "/projects/{project}/members/{username}", scope="write")
def set_member(call: Call, project: str, username: str, body: NewRole) -> Member:
    """Share a project with somebody, or change their role."""
    member = call.services.members.set_role(call.who, project, username, body.role, call.address)
    project_id = call.services.projects.get(call.who, project).id
    call.services.announce("project", project_id=project_id, id=project_id)
    return member


@routes.add("DELETE", "/projects/{project}/members/{username}", scope="write", status=204)
def remove_member(call: Call, project: str, username: str) -> None:
    """Take somebody out of a project; anybody may take themselves out."""
    found = call.services.projects.get(call.who, project)
    call.services.members.remove(call.who, project, username, call.address)
    for member in found.members:
        call.services.announce("project", user_id=member.user.id, id=found.id)
