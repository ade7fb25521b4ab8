"""Kills the process it is loaded into at the N-th step: a write, a sync, a send, an SQL statement.

Loaded by Python at start because the harness puts this folder on PYTHONPATH. The variable
``CRASH_AT`` holds ``ROLE:N``; the role is ``kernel``, ``courier`` or ``dashboard``.
"""

import os
import signal
import sys


def _install(limit):
    import socket
    import sqlite3

    steps = [0]

    def step():
        steps[0] += 1
        if steps[0] >= limit:
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(function):
        def call(*args, **options):
            step()
            return function(*args, **options)

        return call

    for name in ("write", "writev", "fdatasync", "fsync", "unlink", "rename", "replace"):
        setattr(os, name, counted(getattr(os, name)))

    def counting(kind, *methods):
        """A class like another one, of which every call of these methods is a step."""
        return type(
            kind.__name__, (kind,), {each: counted(getattr(kind, each)) for each in methods}
        )

    counting_cursor = counting(sqlite3.Cursor, "execute", "executemany")

    class Connection(counting(sqlite3.Connection, "execute", "executemany", "commit")):
        def cursor(self, factory=counting_cursor):
            return super().cursor(factory)

    connect = sqlite3.connect
    sqlite3.connect = lambda *args, **options: connect(*args, factory=Connection, **options)
    sqlite3.dbapi2.connect = sqlite3.connect

    socket.socket = counting(socket.socket, "sendall", "recv_into")


_role, _, _at = os.environ.get("CRASH_AT", "").partition(":")
_started = " ".join(getattr(sys, "orig_argv", []))
_mine = "kernel"
for _name in ("sync.courier", "dashboard"):
    if f"etiq_jupyter.{_name}" in _started:
        _mine = _name.rpartition(".")[2]
if _at and _role == _mine:
    _install(int(_at))
