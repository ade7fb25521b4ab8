"""``etiq status``, ``sync``, ``verify`` and ``gc``: looking after what is on this disk."""

from __future__ import annotations

import argparse
import json
import sys
import time

import msgspec

from etiq_jupyter import model
from etiq_jupyter.api import words
from etiq_jupyter.api.display import unsent_text
from etiq_jupyter.store import Store, default_path

WATCH_EVERY = 1.0  # seconds between two lines of `etiq sync --watch`


def add_status(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of ``etiq status``."""
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=status)


def status(arguments: argparse.Namespace) -> int:
    """Say what is kept here and what is unsent, for every dashboard."""
    from etiq_jupyter.store.spare import left_behind

    store = Store.open(default_path())
    found = store.outbox.status(None)
    size = store.size()
    if arguments.json:
        print(
            json.dumps(
                {"path": str(store.path), "bytes": size, "sync": msgspec.to_builtins(found)},
                indent=2,
            )
        )
        return 0
    print(f"{store.path}: {words.size(size)}")
    print(f"{words.count(found.local, 'snapshot')} of local mode, {found.sent:,} on a dashboard")
    print(unsent_text(found))
    if found.last_error:
        print(found.last_error)
    if (spare := left_behind(store.path)) is not None:
        many = words.count(spare.count(), "snapshot")
        print(f"{many} in {spare.path}; 'etiq verify --repair' moves them here")
    return 0


def add_sync(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of ``etiq sync``."""
    parser.add_argument("--local", action="store_true", help="also what local mode recorded")
    parser.add_argument("--watch", action="store_true", help="go on until Ctrl-C")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be sent")
    parser.add_argument("--config", help="a configuration file with URL and token")
    parser.add_argument("--timeout", type=float, help="seconds to wait at most")
    parser.set_defaults(run=sync)


def sync(arguments: argparse.Namespace) -> int:
    """Log in with what is found, send, and say what came of it."""
    from etiq_jupyter.sessions import Session

    session = Session()
    if arguments.dry_run:
        found = session.store.outbox.status(None)
        sending = found.pending + (found.local if arguments.local else 0)
        what = f"{words.count(sending, 'snapshot')}, {words.size(found.pending_bytes)}"
        print(f"Would send {what}.")
        return 0
    session.login(config=arguments.config)
    if arguments.local:
        print(f"{words.count(session.sync.push_local(), 'local snapshot')} to send")
    session.sync.now()
    deadline = None if arguments.timeout is None else time.monotonic() + arguments.timeout
    while True:
        done = session.sync.wait(WATCH_EVERY)
        found = session.sync.status()
        _progress(found, session.recorder.progress)
        late = deadline is not None and time.monotonic() > deadline
        if not arguments.watch and (done or found.paused or late):
            break
    print()
    print(unsent_text(found))
    if found.paused or found.last_error:
        print(found.paused or found.last_error, file=sys.stderr)
    return 0 if found.safe_to_close else 1


def _progress(found: model.SyncStatus, progress: tuple[int, int]) -> None:
    if not sys.stderr.isatty():
        return
    done, total = progress
    share = f", {words.size(done)} of {words.size(total)}" if total else ""
    print(f"\r\033[2K{found.pending:,} waiting{share}", end="", file=sys.stderr, flush=True)


def add_verify(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of ``etiq verify``."""
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--repair",
        action="store_true",
        help="bring back what can be read when something is damaged; what is damaged is kept aside",
    )
    parser.set_defaults(run=verify)


def verify(arguments: argparse.Namespace) -> int:
    """Read every stored byte and compare it with its hash; repair what can be repaired."""
    from etiq_jupyter.store.recovery import Recovered, examine, recover

    path = default_path()
    report, done = examine(path), None
    if arguments.repair:
        if not arguments.json:
            print(report)
        done = recover(path, report)
        if done != Recovered():
            report = examine(path)
    if arguments.json:
        said = msgspec.to_builtins(report)
        print(json.dumps(said | {"repaired": msgspec.to_builtins(done)}, indent=2))
    elif done is None:
        print(report)
    else:
        print(done)
        if done != Recovered():
            print(f"Checked again: {report}")
    return 0 if report.sound else 1


def add_gc(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of ``etiq gc``."""
    parser.add_argument(
        "--quota", help="also drop synced copies, oldest first, down to a size: 5GB"
    )
    parser.set_defaults(run=gc)


def gc(arguments: argparse.Namespace) -> int:
    """Free what nothing refers to. What is unsent or referenced is never touched."""
    from etiq_jupyter.store.maintenance import collect

    quota = words.parse_size(arguments.quota) if arguments.quota else None
    freed = collect(Store.open(default_path()), quota=quota)
    print(f"{words.size(freed)} freed.")
    return 0
