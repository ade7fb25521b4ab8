"""A project as a folder of plain files, and back.

The folder reads without this package::

    project.json
    0001-load-01a1f8.../
        manifest.json        everything but the contents
        source.py
        variables/df.parquet, acc.json, figure.png, ...
        contents/df.msgpack  the exact content, from which `import_project` reads

A content is MessagePack: ``codec``, ``version``, ``meta`` and ``buffers``, each with ``name``,
``layout``, ``itemsize``, ``row_bytes`` and ``data``. Its hash is checked when it is read.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import msgspec

from etiq_jupyter import codecs, model
from etiq_jupyter.api.backend import backend_of
from etiq_jupyter.api.projects import Project
from etiq_jupyter.api.snapshot import Snapshot
from etiq_jupyter.capture import Captured
from etiq_jupyter.errors import Conflict, Corrupt, EtiqError, NotFound
from etiq_jupyter.objects.content import Buffer, Content, ContentReader

if TYPE_CHECKING:
    from etiq_jupyter.sessions import Session

FORMAT = 1
PLAIN = ("parquet", "png", "json", "csv", "safetensors", "raw")
"""Plain formats, best first; the first one that a codec offers is written."""


class _StoredBuffer(msgspec.Struct):
    name: str
    layout: Any
    itemsize: int
    row_bytes: int
    data: bytes


class _StoredContent(msgspec.Struct):
    codec: str
    version: int
    meta: dict[str, Any]
    rows: int
    buffers: list[_StoredBuffer]


def export_project(session: Session, project: Project | str, folder: Path) -> Path:
    """Write a project and all its snapshots.

    Parameters
    ----------
    session : Session
    project : Project or str
        A handle, a name or an id.
    folder : Path
        Made by this; must be missing or empty.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    Conflict
        When the folder holds something already.
    """
    if isinstance(project, str):
        project = session.projects.find(project, create_if_missing=False)
    if folder.exists() and any(folder.iterdir()):
        raise Conflict(f"{folder} is not empty", hint="export into a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    about = {"format": FORMAT, "project": msgspec.to_builtins(project.facts)}
    (folder / "project.json").write_bytes(_json(about))
    for number, snapshot in enumerate(project.snapshots.list(sort="created"), 1):
        label = re.sub(r"[^\w.-]+", "-", snapshot.name).strip("-.")[:60] or "snapshot"
        _export_snapshot(session, snapshot, folder / f"{number:04d}-{label}-{snapshot.id[:8]}")
    return folder


def _export_snapshot(session: Session, snapshot: Snapshot, folder: Path) -> None:
    path = f"/snapshots/{snapshot.id}/manifest"
    manifest = backend_of(session).get(path, None, model.Snapshot)
    (folder / "contents").mkdir(parents=True)
    (folder / "variables").mkdir()
    (folder / "manifest.json").write_bytes(_json(msgspec.to_builtins(manifest)))
    (folder / "source.py").write_text(manifest.source, encoding="utf-8")
    for item in manifest.items:
        if not item.object or item.same_as:
            continue
        reader = session.recorder.reader(item.object, snapshot=snapshot.id)
        name = quote(item.name, safe="@ ")
        (folder / "contents" / f"{name}.msgpack").write_bytes(_pack(reader))
        _write_plain(reader, folder / "variables", name)


def _write_plain(reader: ContentReader, folder: Path, name: str) -> None:
    offered = codecs.formats_of(reader)
    form = next((form for form in PLAIN if form in offered), None)
    if form is None:
        return
    try:
        _, data = codecs.export(reader, form)
    except EtiqError as error:  # the exact content is there; say why there is no plain twin
        (folder / f"{name}.txt").write_text(str(error), encoding="utf-8")
        return
    (folder / f"{name}.{'bin' if form == 'raw' else form}").write_bytes(data)


def _json(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2)


def _pack(reader: ContentReader) -> bytes:
    buffers = [
        _StoredBuffer(
            name=name,
            layout=layout,
            itemsize=itemsize,
            row_bytes=row_bytes,
            data=bytes(reader.read(name)),
        )
        for name, layout, itemsize, row_bytes in _shapes(reader)
    ]
    stored = _StoredContent(
        codec=reader.codec,
        version=reader.version,
        meta=reader.meta,
        rows=getattr(reader, "rows", -1),
        buffers=buffers,
    )
    return msgspec.msgpack.encode(stored)


def _shapes(reader: Any) -> list[tuple[str, Any, int, int]]:
    parts = reader.recipe.parts
    return [(part.name, part.layout, part.itemsize, part.row_bytes) for part in parts]


def import_project(session: Session, folder: Path) -> Project:
    """Read what `export_project` wrote, into the dashboard or, in local mode, this disk.

    Snapshots keep their identity: those that are here already are left as they are.

    Returns
    -------
    Project
        The project of the exported name.

    Raises
    ------
    NotFound
        When the folder is no export.
    Corrupt
        When a content does not match its hash.
    """
    about = folder / "project.json"
    if not about.is_file():
        raise NotFound(f"{folder} has no project.json", hint="give the folder that export wrote")
    name = msgspec.json.decode(about.read_bytes())["project"]["name"]
    project = session.projects.find(name, create_if_missing=True)
    for place in sorted(path.parent for path in folder.glob("*/manifest.json")):
        manifest = msgspec.json.decode((place / "manifest.json").read_bytes(), type=model.Snapshot)
        if session.store.has_snapshot(manifest.id):
            continue
        session.keep(Captured(manifest, _contents(place, manifest), []), project.facts)
    return project.refresh()


def _contents(place: Path, manifest: model.Snapshot) -> dict[str, Content]:
    hashes = {item.name: item.hash for item in manifest.items}
    found = {}
    for path in (place / "contents").glob("*.msgpack"):
        name = unquote(path.stem)
        stored = msgspec.msgpack.decode(path.read_bytes(), type=_StoredContent)
        buffers = [
            Buffer(b.name, memoryview(b.data), b.layout, b.itemsize, b.row_bytes)
            for b in stored.buffers
        ]
        content = Content(stored.codec, stored.version, stored.meta, buffers, stored.rows)
        if content.hash != hashes.get(name):
            raise Corrupt(f"{path} is not what was exported", why="its hash differs")
        found[name] = content
    return found
