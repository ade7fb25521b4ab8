"""The server extension: no routes, one line.

JupyterLab sets a kernel's indicator by the busy and idle messages that surround every request,
except for the message types that the server lists as untracked. The bridge's requests are answered
while a cell runs; without this line each of them would show the kernel as idle.
"""

from __future__ import annotations

from typing import Any

REQUEST = "etiq_request"


def _load_jupyter_server_extension(server_app: Any) -> None:
    kernels = server_app.kernel_manager
    untracked = getattr(kernels, "untracked_message_types", None)
    if untracked is None:  # a kernel manager that tracks nothing has nothing to be told
        return
    new = [kind for kind in (REQUEST, "etiq_reply") if kind not in untracked]
    kernels.untracked_message_types = [*untracked, *new]
