"""Projects: opened by name, listed, shared, kept from others' eyes."""

from __future__ import annotations

import pytest

from etiq_jupyter import ids


def test_E10_a_missing_project_is_made_unless_told_otherwise(ana):
    ana.project("My Existing Project")
    missing = ana.call(
        "POST",
        "/projects/open",
        404,
        json={"name": "My Exsting Project", "create_if_missing": False},
    )
    assert missing["code"] == "not_found"
    assert missing["nearest"] == ["My Existing Project"]
    assert ana.get("/projects")["total"] == 1
    made = ana.call("POST", "/projects/open", 201, json={"name": "Another"})
    again = ana.call("POST", "/projects/open", 200, json={"name": " Another "})
    assert made["id"] == again["id"]
    assert (made["short_id"], made["role"]) == ("PRJ-2", "owner")


def test_E11_mine_and_shared_projects_are_listed(ana, bea):
    mine = ana.project("Mine")
    theirs = bea.project("Theirs")
    bea.project("Secret")
    bea.call("PUT", f"/projects/{theirs['id']}/members/ana", 200, json={"role": "editor"})
    assert {p["name"] for p in ana.get("/projects")["items"]} == {"Mine", "Theirs"}
    assert [p["id"] for p in ana.get("/projects", owned="mine")["items"]] == [mine["id"]]
    (shared,) = ana.get("/projects", owned="shared")["items"]
    assert (shared["role"], shared["owner"]["username"]) == ("editor", "bea")


def test_E12_an_editor_adds_snapshots_and_a_viewer_is_told_at_once(house, ana, bea):
    project = ana.project()
    ana.call("PUT", f"/projects/{project['id']}/members/bea", 200, json={"role": "editor"})
    bea.put(house.manifest(project))
    (snapshot,) = ana.get(f"/projects/{project['id']}/snapshots")["items"]
    assert snapshot["author"] == "bea"
    ana.call("PUT", f"/projects/{project['id']}/members/bea", 200, json={"role": "viewer"})
    refused = bea.put(house.manifest(project), 403)
    assert refused["code"] == "forbidden"
    assert "you are a viewer, it takes an editor" in refused["why"]
    for method, path, body in (
        ("PATCH", f"/projects/{project['id']}", {"description": "x"}),
        ("PATCH", f"/snapshots/{snapshot['id']}", {"name": "x"}),
        ("DELETE", f"/snapshots/{snapshot['id']}", None),
        ("DELETE", f"/projects/{project['id']}", None),
        ("PUT", f"/projects/{project['id']}/members/carl", {"role": "viewer"}),
        ("POST", "/chunks/lacking", {"project": project["id"], "hashes": []}),
    ):
        assert bea.call(method, path, json=body).status_code == 403, (method, path)


def test_what_one_may_not_see_is_not_there(house, ana, bea):
    """Every address that names a project or snapshot of somebody else answers 404."""
    project = ana.project()
    manifest = house.manifest(project, wrote={"x": "1"})
    receipt = ana.put(manifest)
    other = house.manifest(project)
    for name in (project["id"], project["short_id"]):
        for method, path, body in (
            ("GET", f"/projects/{name}", None),
            ("PATCH", f"/projects/{name}", {"name": "x"}),
            ("DELETE", f"/projects/{name}", None),
            ("GET", f"/projects/{name}/snapshots", None),
            ("GET", f"/projects/{name}/runs", None),
            ("GET", f"/projects/{name}/pipelines", None),
            ("PUT", f"/projects/{name}/members/bea", {"role": "owner"}),
            ("DELETE", f"/projects/{name}/members/ana", None),
            ("POST", "/chunks/lacking", {"project": name, "hashes": []}),
            ("GET", f"/browse/{name}", None),
            ("PUT", f"/snapshots/{other['id']}", other | {"project": name}),
        ):
            answer = bea.call(method, path, json=body)
            assert answer.status_code == 404, (method, path, answer.text)
            assert "Churn" not in answer.text
    for name in (receipt["id"], receipt["short_id"]):
        for method, path, body in (
            ("GET", f"/snapshots/{name}", None),
            ("PATCH", f"/snapshots/{name}", {"name": "x"}),
            ("DELETE", f"/snapshots/{name}", None),
            ("GET", f"/snapshots/{name}/manifest", None),
            ("GET", f"/snapshots/{name}/items/x", None),
            ("GET", f"/snapshots/{name}/items/x/preview", None),
            ("GET", f"/diff?a={name}&b={name}", None),
            ("POST", "/chunks/read", {"snapshot": name, "hashes": []}),
            ("GET", f"/chunks/{'0' * 64}?snapshot={name}", None),
            ("GET", f"/browse/{name}", None),
        ):
            answer = bea.call(method, path, json=body)
            assert answer.status_code == 404, (method, path, answer.text)
    for run in (manifest["run"]["id"], "RUN-1", "PIP-1", "WSP-1"):
        assert bea.call("GET", f"/browse/{run}").status_code == 404
    assert bea.get("/search", q="fit")["snapshots"] == []
    assert bea.get("/projects")["total"] == 0


def test_without_a_token_nothing_can_be_had(house, ana):
    project = ana.project()
    stranger = house.new_client()
    document = stranger.get("/api/v1/openapi.json").json()
    open_paths = {"/setup", "/register", "/sign-in", "/sign-out", "/tokens/issue"}
    open_paths |= {"/device/codes", "/device/token"}
    for path, operations in document["paths"].items():
        for method in operations:
            if path in open_paths:
                continue
            filled = path.replace("{project}", project["id"])
            for name in ("snapshot", "token_id", "username", "item", "pack", "chunk", "any_id"):
                filled = filled.replace("{" + name + "}", "0" * 64)
            answer = stranger.request(method, f"/api/v1{filled}", json={"nonsense": 1})
            assert answer.status_code == 401, (method, path, answer.text)


def test_the_id_made_offline_is_kept_and_finds_the_project_after_a_rename(ana, bea):
    offline = ids.new_id()
    body = {"name": "Offline", "id": offline}
    made = ana.call("POST", "/projects/open", 201, json=body)
    assert made["id"] == offline
    ana.call("PATCH", f"/projects/{offline}", 200, json={"name": "Renamed"})
    found = ana.call("POST", "/projects/open", 200, json=body)
    assert (found["id"], found["name"]) == (offline, "Renamed")
    # Somebody else's id is neither told nor taken.
    hers = bea.call("POST", "/projects/open", 201, json=body)
    assert hers["id"] != offline


def test_open_finds_my_own_project_before_a_shared_one(ana, bea, make_person):
    theirs = bea.project("Churn")
    bea.call("PUT", f"/projects/{theirs['id']}/members/ana", 200, json={"role": "editor"})
    assert ana.project("Churn")["id"] == theirs["id"]
    mine = ana.call(
        "POST",
        "/projects/open",
        201,
        json={"name": "Churn", "workspace": ana.get("/me")["workspace"]["id"]},
    )
    assert mine["id"] != theirs["id"]
    assert ana.project("Churn")["id"] == mine["id"]


def test_several_shared_projects_of_one_name_are_a_conflict_that_names_them(ana, bea, make_person):
    for person in (bea, make_person("carl")):
        theirs = person.project("Churn")
        person.call("PUT", f"/projects/{theirs['id']}/members/ana", 200, json={"role": "viewer"})
    answer = ana.call("POST", "/projects/open", 409, json={"name": "Churn"})
    assert answer["code"] == "conflict"
    assert "PRJ-1 of bea" in answer["why"]
    assert "PRJ-2 of carl" in answer["why"]


@pytest.mark.parametrize(
    "name", ["", "  ", "x" * 201, "a\x00b", "a\nb", "a\x1b[31m", "zero\u200bwidth", "\ud800"]
)
def test_bad_names_are_refused(ana, name):
    import json

    answer = ana.client.post(
        "/api/v1/projects/open",
        content=json.dumps({"name": name}),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid"
    assert ana.get("/projects")["total"] == 0


@pytest.mark.parametrize(
    "name", ["x" * 200, "日本語", "👩‍🔬 lab", "a/b", "%", "' OR 1=1 --", "PRJ-1"]
)
def test_odd_but_good_names_are_taken(ana, name):
    made = ana.project(name)
    assert made["name"] == name
    assert ana.project(name)["id"] == made["id"]
    assert ana.get("/projects", q=name[:3])["total"] == 1


def test_names_are_unique_in_a_workspace_with_letter_case(ana):
    lower, upper = ana.project("churn"), ana.project("Churn")
    assert lower["id"] != upper["id"]
    answer = ana.call("PATCH", f"/projects/{lower['id']}", json={"name": "Churn"})
    assert answer.status_code == 409


def test_sharing_changes_roles_and_keeps_the_owner(ana, bea):
    project = ana.project()
    path = f"/projects/{project['id']}/members"
    ana.call("PUT", f"{path}/BEA", 200, json={"role": "owner"})
    members = ana.get(f"/projects/{project['id']}")["members"]
    assert [(m["user"]["username"], m["role"]) for m in members] == [
        ("ana", "owner"),
        ("bea", "owner"),
    ]
    assert bea.call("PUT", f"{path}/ana", json={"role": "viewer"}).status_code == 409
    assert bea.call("DELETE", f"{path}/ana").status_code == 409
    assert ana.call("PUT", f"{path}/nobody", json={"role": "viewer"}).status_code == 404
    assert ana.call("PUT", f"{path}/bea", json={"role": "king"}).status_code == 422
    bea.call("DELETE", f"{path}/bea", 204)  # anybody may leave
    assert bea.call("GET", f"/projects/{project['id']}").status_code == 404


def test_lists_are_paged_without_gaps_or_doubles(ana):
    names = [f"p{number:02}" for number in range(23)]
    for name in names:
        ana.project(name)
    for sort in ("name", "-name", "-activity", "created", "-created"):
        seen, cursor = [], None
        while True:
            page = ana.get(
                "/projects", limit=5, sort=sort, **({"cursor": cursor} if cursor else {})
            )
            seen += [project["name"] for project in page["items"]]
            assert page["total"] == 23
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert sorted(seen) == names
        assert seen in (names, names[::-1])


def test_a_cursor_of_another_list_is_refused(ana):
    for number in range(3):
        ana.project(f"p{number}")
    cursor = ana.get("/projects", limit=1)["next_cursor"]
    for params in (
        {"sort": "name", "cursor": cursor},
        {"cursor": "nonsense"},
        {"cursor": "gA"},
        {"cursor": cursor[:-2]},
    ):
        assert ana.call("GET", "/projects", params=params).status_code == 422


def test_pinned_metrics_make_the_sparkline(house, ana):
    project = ana.project()
    for value in (0.5, 0.7, 0.6):
        ana.put(house.manifest(project, metrics={"acc": value, "loss": 1.0}))
    body = {"pinned": ["acc", "loss"], "description": "who leaves"}
    ana.call("PATCH", f"/projects/{project['id']}", 200, json=body)
    (listed,) = ana.get("/projects")["items"]
    assert listed["spark"] == [0.5, 0.7, 0.6]
    assert (listed["snapshots"], listed["description"]) == (3, "who leaves")
    too_many = ana.call("PATCH", f"/projects/{project['id']}", json={"pinned": ["a", "b", "c"]})
    assert too_many.status_code == 422


def test_deleting_a_project_takes_its_snapshots(house, ana):
    project = ana.project()
    receipt = ana.put(house.manifest(project, wrote={"x": "1"}, metrics={"acc": 1.0}))
    ana.call("DELETE", f"/projects/{project['short_id']}", 204)
    assert ana.call("GET", f"/snapshots/{receipt['id']}").status_code == 404
    assert ana.project()["id"] != project["id"]
