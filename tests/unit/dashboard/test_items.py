"""Items: previews, files in several forms, ranges, never a page of this origin; comparison."""

from __future__ import annotations

import io
import json
import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from etiq_jupyter.objects.content import Buffer, Content

FRAME = pd.DataFrame(
    {"city": ["Rome", "Oslo", None], "price": [1.5, math.nan, 3.0], "n": [1, 2, 3]}
)


@pytest.fixture
def project(ana):
    return ana.project()


@pytest.fixture
def keep(house, ana, project, stored_value):
    """Sends a snapshot that holds values; returns its manifest."""

    def put(name="fit", extra=(), **values):
        contents = {key: stored_value(value) for key, value in values.items()}
        for content in contents.values():
            ana.send(project, content)
        manifest = house.manifest(project, name, stored=contents)
        manifest["items"] += list(extra)
        ana.put(manifest)
        return manifest

    return put


def path(manifest, name, rest=""):
    return f"/snapshots/{manifest['id']}/items/{name}{rest}"


def test_a_frame_is_shown_page_by_page_sorted_and_filtered(ana, keep):
    manifest = keep(df=FRAME)
    shown = ana.get(path(manifest, "df", "/preview"))
    assert shown["form"] == "table"
    assert shown["total"] == 3
    names = [column["name"] for column in shown["columns"]]
    assert names[-3:] == ["city", "price", "n"]
    some = ana.get(path(manifest, "df", "/preview"), columns="n", sort="-n", limit=1)
    assert some["rows"][0][-1] == 3
    found = ana.get(path(manifest, "df", "/preview"), filter='city == "Oslo"')
    assert found["total"] == 1
    listed = ana.get(path(manifest, "df", "/preview"), columns='["city","n"]')
    assert [column["name"] for column in listed["columns"]][-2:] == ["city", "n"]
    for bad in ({"columns": "nope"}, {"sort": "nope"}, {"limit": 5000}, {"offset": -1}):
        assert ana.call("GET", path(manifest, "df", "/preview"), params=bad).status_code == 422


def test_a_frame_as_parquet_arrow_csv_and_json(ana, keep):
    manifest = keep(df=FRAME)
    parquet = ana.call("GET", path(manifest, "df"), params={"format": "parquet"})
    table = pq.read_table(io.BytesIO(parquet.content))
    assert table.column("n").to_pylist() == [1, 2, 3]
    arrow = ana.call(
        "GET", path(manifest, "df"), headers={"Accept": "application/vnd.apache.arrow.stream"}
    )
    assert pa.ipc.open_stream(arrow.content).read_all().column("n").to_pylist() == [1, 2, 3]
    csv = ana.call("GET", path(manifest, "df"), params={"format": "csv"})
    assert "Rome,1.5,1" in csv.text
    rows = json.loads(ana.call("GET", path(manifest, "df"), params={"format": "json"}).content)
    assert rows[0]["city"] == "Rome"
    for answer in (parquet, arrow, csv):
        assert answer.headers["content-disposition"].startswith('attachment; filename="SNP-1-df.')
    assert ana.call("GET", path(manifest, "df"), params={"format": "png"}).status_code == 422
    assert ana.call("GET", path(manifest, "df"), params={"format": "exe"}).status_code == 422


def test_ranges_and_tags_of_raw_bytes(ana, keep):
    values = np.arange(1000, dtype=np.float64)
    manifest = keep(a=values)
    whole = ana.call("GET", path(manifest, "a"), params={"format": "raw"})
    assert np.array_equal(np.load(io.BytesIO(whole.content)), values)
    size = len(whole.content)

    def ask(text):
        headers = {"Range": text}
        return ana.call("GET", path(manifest, "a"), params={"format": "raw"}, headers=headers)

    part = ask("bytes=10-19")
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{size}"
    assert ask("bytes=-5").content == whole.content[-5:]
    assert ask(f"bytes={size - 3}-").content == whole.content[-3:]
    assert ask(f"bytes={size}-").status_code == 416
    assert ask("bytes=5-2").status_code == 416
    assert ask("lines=1-2").content == whole.content
    tag = {"If-None-Match": whole.headers["etag"]}
    again = ana.call("GET", path(manifest, "a"), params={"format": "raw"}, headers=tag)
    assert again.status_code == 304


def test_captured_markup_is_never_a_page_of_this_origin(house, ana, project, stored):
    evil = b"<script>fetch('/api/v1/tokens')</script>"
    for mime in ("text/html", "image/svg+xml", "application/xhtml+xml", "text/javascript"):
        content = stored(evil, "picture", mime=mime)
        ana.send(project, content)
        manifest = house.manifest(project, stored={"@figure-1": content})
        ana.put(manifest)
        for name in ("raw", "png", "json"):
            answer = ana.browser.get(
                f"/api/v1/snapshots/{manifest['id']}/items/@figure-1", params={"format": name}
            )
            if answer.status_code != 200:
                assert answer.status_code in (422, 500)
                continue
            kind = answer.headers["content-type"].partition(";")[0]
            assert kind in ("application/octet-stream", "image/png", "application/json")
            assert answer.headers["content-disposition"].startswith("attachment")
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "sandbox" in answer.headers["content-security-policy"]


def test_what_was_not_kept_says_why(house, ana, project):
    item = {"name": "conn", "kind": "other", "type": "Connection", "reason": "a live connection"}
    manifest = house.manifest(project) | {"items": [item]}
    ana.put(manifest)
    shown = ana.get(path(manifest, "conn", "/preview"))
    assert (shown["form"], shown["reason"]) == ("none", "a live connection")
    answer = ana.call("GET", path(manifest, "conn"))
    assert answer.status_code == 404
    assert answer.json()["why"] == "a live connection"
    missing = ana.call("GET", path(manifest, "nope", "/preview"))
    assert missing.status_code == 404
    assert "conn" in missing.json()["why"]


def test_an_alias_is_read_as_what_it_stands_for(ana, keep):
    alias = {"name": "df2", "kind": "frame", "type": "DataFrame", "same_as": "df"}
    manifest = keep(df=FRAME, extra=[alias])
    assert ana.get(path(manifest, "df2", "/preview"))["total"] == 3


@pytest.mark.parametrize("name", ["a b", "a/b", "ä", "@outputs", "preview", "x?y", "a..b"])
def test_odd_names_of_items(ana, keep, name):
    from urllib.parse import quote

    manifest = keep(**{name: 5})
    shown = ana.get(path(manifest, quote(name, safe=""), "/preview"))
    assert shown["form"] in ("json", "text")


def hostile_contents():
    junk = Buffer("data", memoryview(b"\x80\x05cos\nsystem\n"))
    return [
        Content("pickle", 1, {}, [junk]),
        Content("no.such.codec", 1, {}, [junk]),
        Content("numpy.array", 1, {"dtype": "O", "shape": [1]}, [junk]),
        Content("numpy.array", 1, {"dtype": "<f8", "shape": [1 << 40]}, [junk]),
        Content("pandas.frame", 99, {}, [junk]),
        Content("pandas.frame", 1, {"columns": [[[[[]]]]]}, [junk]),
        Content("arrow.table", 1, {"schema": "x"}, [junk]),
        Content("picture", 1, {"mime": 5}, [junk]),
        Content("plain", 1, {}, [junk]),
        Content("outputs", 1, {}, [junk]),
        Content("sklearn.estimator", 1, {}, [junk]),
    ]


@pytest.mark.parametrize("content", hostile_contents(), ids=lambda c: f"{c.codec}-{c.version}")
def test_hostile_contents_are_named_and_harm_nothing(house, ana, project, stored_content, content):
    held = stored_content(content)
    ana.send(project, held)
    manifest = house.manifest(project, stored={"x": held})
    ana.put(manifest)
    shown = ana.call("GET", path(manifest, "x", "/preview"))
    assert shown.status_code in (200, 422), shown.text
    if shown.status_code == 200:
        assert shown.json()["form"] in ("none", "json", "text", "picture")
    for name in ("raw", "parquet", "json", "png"):
        answer = ana.call("GET", path(manifest, "x"), params={"format": name})
        assert answer.status_code in (200, 422, 500), answer.text
        if answer.status_code == 500:
            assert answer.json()["code"] == "corrupt"


def test_two_snapshots_are_compared(ana, keep):
    changed = FRAME.assign(n=[1, 2, 4])
    first = keep("fit", df=FRAME, k=1)
    keep("fit", df=changed, extra_name="x")
    found = ana.get("/diff", a=first["id"], b="SNP-2")
    status = {change["name"]: change["status"] for change in found["variables"]}
    assert status == {"df": "changed", "k": "removed", "extra_name": "added"}
    assert found["source_same"] is False
    assert (found["a"]["short_id"], found["b"]["short_id"]) == ("SNP-1", "SNP-2")
    assert ana.call("GET", "/diff", params={"a": "SNP-1", "b": "SNP-99"}).status_code == 404
