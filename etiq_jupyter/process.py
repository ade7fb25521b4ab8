"""Facts about this process: who watches it, what it runs, how long its exit may take."""

from __future__ import annotations

import os
import platform
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from etiq_jupyter import model
from etiq_jupyter.ids import new_id


def exit_wait() -> float:
    """Seconds that a script's exit waits for unsent snapshots: ``ETIQ_EXIT_WAIT``, else 30."""
    try:
        return max(0.0, float(os.environ["ETIQ_EXIT_WAIT"]))
    except (KeyError, ValueError):
        return 30.0


def is_interactive() -> bool:
    """Whether a person sees what is printed: a notebook, IPython, or the Python prompt."""
    ipython = sys.modules.get("IPython")
    if ipython is not None and ipython.get_ipython() is not None:
        return True
    return hasattr(sys, "ps1")


def describe_run() -> model.Run:
    """Describe this process as a run: a notebook's kernel, an IPython console, or a script.

    The notebook's name is what the server that started the kernel put into its environment
    (``JPY_SESSION_NAME``) or what VS Code puts into the namespace; it is never asked for over HTTP.
    """
    kind: Any = "script"
    name = Path(sys.argv[0]).name if sys.argv and sys.argv[0] not in ("", "-c", "-m") else "python"
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is not None:
        in_kernel = getattr(shell, "kernel", None) is not None
        kind = "notebook" if in_kernel else "console"
        path = os.environ.get("JPY_SESSION_NAME") or shell.user_ns.get("__vsc_ipynb_file__", "")
        name = (
            Path(str(path)).name if in_kernel and path else ("Notebook" if in_kernel else "IPython")
        )
    return model.Run(
        id=new_id(),
        kind=kind,
        name=name,
        host=platform.node(),
        started_at=datetime.now(timezone.utc),
    )


SCRATCH = "Scratch"


def default_project() -> str:
    """Name of the project of snapshots made before one is opened: the notebook's, or Scratch."""
    run = describe_run()
    return (Path(run.name).stem if run.kind == "notebook" else "") or SCRATCH
