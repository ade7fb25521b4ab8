"""``etiq export`` and ``etiq import``: a project as a folder of plain files, and back."""

from __future__ import annotations

import argparse
from pathlib import Path

from etiq_jupyter.api import words
from etiq_jupyter.sessions import Session


def _add_place(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", help="a configuration file with URL and token")
    parser.add_argument("--local", action="store_true", help="local mode, whatever is configured")


def add_export(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of ``etiq export``."""
    parser.add_argument("project", help="name or id")
    parser.add_argument("folder", type=Path, help="made by this; must be empty or missing")
    _add_place(parser)
    parser.set_defaults(run=export)


def add_import(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of ``etiq import``."""
    parser.add_argument("folder", type=Path, help="what `etiq export` wrote")
    _add_place(parser)
    parser.set_defaults(run=load)


def _session(arguments: argparse.Namespace) -> Session:
    from etiq_jupyter import credentials

    session = Session()
    if not arguments.local and credentials.find(config=arguments.config).credentials is not None:
        session.login(config=arguments.config)
    return session


def export(arguments: argparse.Namespace) -> int:
    """Write a project."""
    from etiq_jupyter.api.transfer import export_project

    session = _session(arguments)
    folder = export_project(session, arguments.project, arguments.folder)
    print(f"{arguments.project} is in {folder}.")
    return 0


def load(arguments: argparse.Namespace) -> int:
    """Read a project; on a dashboard, wait until it is there."""
    from etiq_jupyter.api.transfer import import_project

    session = _session(arguments)
    project = import_project(session, arguments.folder)
    done = not session.is_logged_in() or session.sync.wait(600)
    where = session.url or "this disk"
    print(f"{words.count(len(project.snapshots), 'snapshot')} of {project.name} on {where}.")
    return 0 if done else 1
