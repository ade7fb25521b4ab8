"""Kills the process it is loaded into at the N-th step: a write, a sync, a send, an SQL statement.

Loaded by Python at start because the harness puts this folder on PYTHONPATH. The variable
``CRASH_AT`` holds ``ROLE:N``; the role is ``kernel`` or ``courier``.
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

    for name in ("write", "writev", "fdatasync", "fsync", "unlink", "rename"):
        setattr(os, name, counted(getattr(os, name)))

    class Connection(sqlite3.Connection):
        def execute(self, *args):
            step()
            return super().execute(*args)

        def executemany(self, *args):
            step()
            return super().executemany(*args)

    connect = sqlite3.connect
    sqlite3.connect = lambda *args, **options: connect(*args, factory=Connection, **options)

    class Socket(socket.socket):
        def sendall(self, *args):
            step()
            return super().sendall(*args)

        def recv_into(self, *args):
            step()
            return super().recv_into(*args)

    socket.socket = Socket


_role, _, _at = os.environ.get("CRASH_AT", "").partition(":")
_arguments = getattr(sys, "orig_argv", [])
_mine = "courier" if any("sync.courier" in each for each in _arguments) else "kernel"
if _at and _role == _mine:
    _install(int(_at))
