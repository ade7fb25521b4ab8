"""The ``etiq`` command. Each subcommand is a module of this package, imported when it is used."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from etiq_jupyter.errors import EtiqError

COMMANDS = {
    "demo": ("demo", "start a dashboard and JupyterLab with the quickstart"),
    "dashboard": ("server", "run the dashboard, or look after one"),
    "status": ("local", "say what is kept here and what is unsent"),
    "sync": ("local", "send what is unsent"),
    "verify": ("local", "check every stored byte against its hash"),
    "gc": ("local", "free space that nothing refers to"),
    "export": ("transfer", "write a project as plain files"),
    "import": ("transfer", "read what export wrote"),
    "doctor": ("doctor", "check this installation"),
}


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    from etiq_jupyter.version import __version__

    parser = argparse.ArgumentParser(
        prog="etiq", description="Keep what notebooks do, and bring it to the team."
    )
    parser.add_argument("--version", action="version", version=f"etiq_jupyter {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (module, summary) in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=f"{summary.capitalize()}.")
        command.set_defaults(module=module)
        getattr(importlib.import_module(f"etiq_jupyter.cli.{module}"), f"add_{name}")(command)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns
    -------
    int
        0 only on success; 2 for wrong arguments; 130 after Ctrl-C.
    """
    arguments = build_parser().parse_args(argv)
    try:
        return int(arguments.run(arguments) or 0)
    except EtiqError as error:
        print(f"etiq: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 0
