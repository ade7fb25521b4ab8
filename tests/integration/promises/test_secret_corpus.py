"""A session plants every secret of the corpus; none is in the store, on the wire or the dashboard.

Files and the bytes that passed are searched as they are and with every zstd and zlib stream in them
decompressed; in addition each object is read back through the store's own reader, which undoes
byte shuffles, deltas and pieces. A text that is no secret stands beside each of them and must be
found, so that the search is known to see.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import re
import sys
import traceback
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
import zstandard

from etiq_jupyter import capture
from etiq_jupyter.capture import environment, surroundings
from etiq_jupyter.model import Failure, Snapshot
from etiq_jupyter.objects.content import canonical
from etiq_jupyter.sessions import Session

HERE = Path(__file__).parent
MAX_STREAM = 64 << 20
PLACES = ("source", "stdout", "variable", "error", "name", "environment")


def _load(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"etiq_test_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


corpus = _load(HERE.parents[1] / "unit" / "capture" / "corpus.py")
SECRETS: list[tuple[str, str, str]] = corpus.secrets(seed=11)


@pytest.fixture
def proxy(dashboard: Any) -> Iterator[Any]:
    made = _load(HERE / "recording_proxy.py").RecordingProxy(urlsplit(dashboard.url).port)
    yield made
    made.close()


@pytest.fixture
def planted_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dirty work tree and a package whose version is an address, full of secrets."""
    lines = [f"+{text}" for _, _, text in SECRETS] + [f" {text}" for text in corpus.HARMLESS]
    git = {"commit": "c" * 40, "branch": "work", "dirty": True, "diff": "\n".join(lines)}
    packages = {f"package-{n}": f"1.0+{text}" for n, (_, _, text) in enumerate(SECRETS)}
    here = environment.Environment()
    monkeypatch.setattr(here, "_work_tree", lambda: git | {"canary": canary("environment", 0)})
    monkeypatch.setattr(here, "_installed", lambda: packages)
    monkeypatch.setattr(environment, "environment", here)
    monkeypatch.setattr(surroundings, "collector", surroundings.Collector())


def canary(place: str, number: int) -> str:
    """Return an ordinary text that must come through."""
    return f"ordinary-{place}-{number}"


class Notebook:
    """Runs cells as the hooks of the notebook do and records them."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.project = session.projects.open("Secret corpus").facts
        self.space: dict[str, Any] = {"__name__": "__main__"}
        self.taken = 0

    def run(self, source: str, **options: Any) -> Snapshot:
        watch = capture.watch_cell(source, self.space, self.session.memory)
        out, error = io.StringIO(), None
        try:
            with contextlib.redirect_stdout(out):
                exec(compile(source, "<cell>", "exec"), self.space)
        except RuntimeError as caught:
            lines = traceback.format_exception(caught)
            error = Failure(name="RuntimeError", message=str(caught), traceback=lines)
        outputs: list[dict[str, Any]] = [
            {"output_type": "stream", "name": "stdout", "text": out.getvalue()}
        ]
        if error is not None:
            outputs.append(
                {
                    "output_type": "error",
                    "ename": error.name,
                    "evalue": error.message,
                    "traceback": error.traceback,
                }
            )
        outcome = capture.CellOutcome(
            outputs=outputs, error=error, duration=0.1, execution_count=1, cell_id="c"
        )
        captured = watch.finish(outcome, capture.Options(**options))
        self.session.record(captured, self.project)
        self.taken += sum(found.count for found in captured.snapshot.redactions)
        return captured.snapshot

    def plant(self, number: int, text: str) -> None:
        """Plant a text in source, output, variable, error, name and note."""
        known = [canary(place, number) for place in ("source", "stdout", "variable", "error")]
        self.run(
            f"# {known[0]} {text!r}\n"
            f"one_{number} = {text!r}\n"
            f"box_{number} = {{'a': [one_{number}], 'b': (one_{number}, {{one_{number}: 1}}),"
            f" 'bytes': one_{number}.encode(), 'known': {known[2]!r}}}\n"
            f"print({known[1]!r}, one_{number})\n"
            f"raise RuntimeError({known[3]!r} + ' ' + one_{number})",
            name=f"{canary('name', number)} {text.splitlines()[0][:150]}",
            note=text,
        )


def opened(data: bytes) -> Iterator[bytes]:
    """Yield the bytes and whatever zstd and zlib streams in them hold."""
    yield data
    for match in re.finditer(rb"\x28\xb5\x2f\xfd|\x1f\x8b\x08|\x78[\x01\x9c\xda]", data):
        piece = data[match.start() : match.start() + MAX_STREAM]
        with contextlib.suppress(zstandard.ZstdError, zlib.error, MemoryError):
            if match[0][0] == 0x28:
                yield zstandard.ZstdDecompressor().decompressobj().decompress(piece)
            else:
                yield zlib.decompressobj(47).decompress(piece, MAX_STREAM)


def in_folder(folder: Path) -> bytes:
    files = [file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()]
    return b"\0".join(piece for data in files for piece in opened(data))


def in_store(session: Session) -> bytes:
    """Return every manifest and every object of the store, as its readers give them."""
    parts = []
    for summary in session.store.snapshots(limit=10_000):
        manifest = session.store.manifest(summary.id)
        parts.append(msgspec.json.encode(manifest))
        for item in manifest.items:
            if item.object:
                reader = session.store.reader(item.object)
                parts.append(canonical(reader.meta))
                parts += [bytes(reader.read(name)) for name in reader.names()]
    return b"\0".join(parts)


def held(data: bytes, secret: str) -> bool:
    """Say whether bytes hold a secret: also escaped, without regard to case, or its key lines."""
    whole = {secret, secret.replace("\n", "\\n"), secret.replace("/", "\\/")}
    lines = [line for line in secret.splitlines() if "-----" not in line and len(line) >= 30]
    return any(form.lower().encode() in data for form in {*whole, *lines})


def test_no_planted_secret_is_in_the_store_on_the_wire_or_the_dashboard(
    dashboard: Any,
    proxy: Any,
    planted_surroundings: None,
    sessions: Callable[..., Session],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert len(SECRETS) >= 60
    assert len({kind for kind, _, _ in SECRETS}) >= 20
    session = sessions(tmp_path / "store")
    session.login(f"http://127.0.0.1:{proxy.port}", dashboard.admin.token())
    notebook = Notebook(session)
    for number, (_, _, text) in enumerate(SECRETS):
        notebook.plant(number, text)
    kept = [
        notebook.run(f"print({text!r})\nordinary = {text!r}", note=text) for text in corpus.HARMLESS
    ]
    assert session.sync.wait(60), session.state

    places = {
        "store, files": in_folder(tmp_path / "store"),
        "store, read": in_store(session),
        "dashboard": in_folder(dashboard.data),
        "sent": b"\0".join(opened(bytes(proxy.sent))),
        "received": b"\0".join(opened(bytes(proxy.received))),
    }
    small = {place: data.lower() for place, data in places.items()}
    leaked = [
        (place, kind, text)
        for place, data in small.items()
        for kind, secret, text in SECRETS
        if held(data, secret)
    ]
    # Of a cell's own findings only: the environment, full of secrets, is part of every snapshot.
    wrong = [
        made.note
        for made in kept
        if [found for found in made.redactions if found.where != "environment"]
    ]
    planted = len(SECRETS) * len(PLACES)
    with capsys.disabled():
        print(
            f"\nsecrets: {len(SECRETS)} of {len(corpus.KINDS)} kinds planted {planted} times; "
            f"recall {1 - len({text for _, _, text in leaked}) / len(SECRETS):.3f}, "
            f"false positives {len(wrong)} of {len(corpus.HARMLESS)} ordinary cells; searched "
            + ", ".join(f"{place} {len(data) >> 10:,} KiB" for place, data in places.items())
        )
    assert leaked == []
    assert wrong == []
    assert notebook.taken >= planted
    assert set(small) - {"received"} == seeing(small)


def seeing(places: dict[str, bytes]) -> set[str]:
    """Return the places in which the ordinary text beside every planted secret was found."""
    wanted = [canary("environment", 0).encode()] + [
        canary(place, number).encode()
        for place in ("source", "stdout", "variable", "error", "name")
        for number in range(len(SECRETS))
    ]
    return {place for place, data in places.items() if all(text in data for text in wanted)}
