"""``etiq dashboard``: run one, or look after one."""

from __future__ import annotations

import argparse
import getpass
import importlib.util
import secrets
import sys
from pathlib import Path

from etiq_jupyter.errors import ConfigError, Invalid

NEEDED = ("starlette", "uvicorn", "sqlalchemy", "alembic", "argon2")


def add_dashboard(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of ``etiq dashboard``."""
    _add_place(parser)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8765, help="port; 0 takes a free one")
    parser.add_argument("--workers", type=int, default=1, help="processes; needs PostgreSQL")
    parser.add_argument("--public-url", default="", help="address that people open, behind a proxy")
    parser.add_argument(
        "--allow-registration", action="store_true", help="let people make their own accounts"
    )
    parser.add_argument("--check", action="store_true", help="check database and objects, then end")
    parser.set_defaults(run=run)
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    user = actions.add_parser("user", help="look after accounts")
    user.add_argument("what", choices=("add", "list", "reset"))
    user.add_argument("username", nargs="?")
    user.add_argument("--email", default="")
    user.add_argument("--admin", action="store_true")
    user.set_defaults(run=users)
    for name, text in (("backup", "write a backup"), ("restore", "bring a backup back")):
        action = actions.add_parser(name, help=text)
        action.add_argument("file", type=Path)
        action.set_defaults(run=backup if name == "backup" else restore)
    for action in actions.choices.values():
        _add_place(action, argparse.SUPPRESS)


def _add_place(parser: argparse.ArgumentParser, default: object = None) -> None:
    parser.add_argument("--data-dir", type=Path, default=default, help="folder of the dashboard")
    parser.add_argument("--database-url", default=default, help="postgresql+psycopg://...")
    parser.add_argument("--objects", default=default, help="folder or s3://bucket/prefix")


def _place(arguments: argparse.Namespace) -> dict[str, str | Path]:
    import platformdirs

    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigError(
            "The dashboard needs packages that are not installed",
            why=", ".join(missing),
            hint="pip install 'etiq_jupyter[dashboard]'",
        )
    folder = arguments.data_dir or Path(platformdirs.user_data_dir("etiq")) / "dashboard"
    return {
        "data_dir": folder,
        "database_url": arguments.database_url or "",
        "objects": arguments.objects or "",
    }


def run(arguments: argparse.Namespace) -> int:
    """Run a dashboard until Ctrl-C."""
    place = _place(arguments)
    if arguments.check:
        return _check(place)
    from etiq_jupyter.dashboard.serve import Ready
    from etiq_jupyter.dashboard.serve import run as serve

    def say(ready: Ready) -> None:
        print(f"Dashboard at {ready.url}, data in {place['data_dir']}. Ctrl-C stops it.")
        if ready.setup_url:
            print(f"It has no users yet. Make the first one, once, at\n  {ready.setup_url}")
        sys.stdout.flush()

    serve(
        arguments.host,
        arguments.port,
        workers=arguments.workers,
        allow_registration=arguments.allow_registration,
        public_url=arguments.public_url,
        on_ready=say,
        **place,  # type: ignore[arg-type]
    )
    return 0


def _check(place: dict[str, str | Path]) -> int:
    from etiq_jupyter.dashboard import administration

    report = administration.check(**place)  # type: ignore[arg-type]
    print(report)
    return 0 if report.sound else 1


def users(arguments: argparse.Namespace) -> int:
    """Add, list or reset accounts."""
    from etiq_jupyter.dashboard import administration

    place = _place(arguments)
    if arguments.what == "list":
        for user in administration.list_users(**place):  # type: ignore[arg-type]
            mark = "  administrator" if user.admin else ""
            print(f"{user.username:<24} {user.email}{mark}")
        return 0
    if not arguments.username:
        raise Invalid(f"etiq dashboard user {arguments.what} needs a user name")
    password = _ask_password()
    if arguments.what == "add":
        administration.add_user(
            arguments.username,
            arguments.email,
            password or (made := secrets.token_urlsafe(12)),
            admin=arguments.admin,
            **place,  # type: ignore[arg-type]
        )
        print(f"{arguments.username} can sign in.")
    else:
        administration.reset_password(
            arguments.username,
            password or (made := secrets.token_urlsafe(12)),
            **place,  # type: ignore[arg-type]
        )
        print(f"{arguments.username} has a new password; their browser sessions have ended.")
    if not password:
        print(f"The password is {made}")
    return 0


def _ask_password() -> str:
    """Ask for a password where someone can answer; empty means: make one."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    first = getpass.getpass("Password (empty makes one): ")
    if first and getpass.getpass("Again: ") != first:
        raise Invalid("The two passwords differ")
    return first


def backup(arguments: argparse.Namespace) -> int:
    """Write a consistent backup while the dashboard runs."""
    from etiq_jupyter.dashboard import administration

    administration.backup(arguments.file, **_place(arguments))  # type: ignore[arg-type]
    print(f"Backup written to {arguments.file}.")
    return 0


def restore(arguments: argparse.Namespace) -> int:
    """Bring a backup back into an empty folder."""
    from etiq_jupyter.dashboard import administration

    administration.restore(arguments.file, **_place(arguments))  # type: ignore[arg-type]
    print("Restored.")
    return 0
