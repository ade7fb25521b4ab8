"""JupyterLab's line to the session in this kernel.

Requests come over the kernel's control channel, which is read while a cell runs and answered
without touching the main thread. The handler hands them to worker threads and returns at once:
control messages are handled one at a time, so waiting here would delay an interrupt. State goes
the other way on a comm that is only ever written to. No secret passes in either direction.
"""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from collections.abc import Callable
from typing import Any

from etiq_jupyter import model
from etiq_jupyter.errors import EtiqError, Invalid
from etiq_jupyter.jupyter.bridge_calls import (
    VERSION,
    BridgeFront,
    Request,
    answer,
    clean,
    read_request,
    refusal,
)

__all__ = ["REQUEST", "STATE_TARGET", "Bridge", "BridgeFront", "install"]

REQUEST = "etiq_request"
"""Message type of a request; its reply is ``etiq_reply``."""
REPLY = "etiq_reply"
STATE_TARGET = "etiq.state"
"""Target of the comm on which the state is pushed."""

_PUSH_INTERVAL = 0.2  # seconds between two pushes; the last state of a burst is always sent
_READERS = 3  # requests that may wait for a network at the same time
_WAITING = 64  # requests that may wait for a reader


def install(kernel: Any, front: BridgeFront) -> Bridge | None:
    """Answer the requests of JupyterLab in this kernel.

    Parameters
    ----------
    kernel : ipykernel.kernelbase.Kernel or None
        What ``get_ipython().kernel`` gives; plain IPython has none.
    front : BridgeFront
        The session.

    Returns
    -------
    Bridge or None
        None where there is no control channel with a thread of its own: plain IPython, an
        in-process kernel, a kernel that is not ipykernel. Everything but the sidebar works there.
    """
    handlers = getattr(kernel, "control_handlers", None)
    loop = getattr(getattr(kernel, "control_thread", None), "io_loop", None)
    if not isinstance(handlers, dict) or loop is None or getattr(kernel, "session", None) is None:
        return None
    earlier = getattr(handlers.get(REQUEST), "__self__", None)
    if isinstance(earlier, Bridge):
        earlier.close()
    return Bridge(kernel, front)


class Bridge:
    """The open line. Made by `install`, ended by `close`.

    Parameters
    ----------
    kernel : ipykernel.kernelbase.Kernel
        A kernel with a control thread.
    front : BridgeFront
        The session.
    """

    def __init__(self, kernel: Any, front: BridgeFront) -> None:
        self._kernel = kernel
        self._front = front
        self._pid = os.getpid()
        # The state is in memory and must show while every reader waits for a dashboard that hangs.
        self._at_once = _Readers("etiq-bridge-state", 1)
        self._readers = _Readers("etiq-bridge", _READERS)
        self._state = _StatePush(front.status())
        kernel.control_handlers[REQUEST] = self._receive
        self._unsubscribe = front.subscribe(self._push)

    def close(self) -> None:
        """Stop answering, and tell the page so."""
        handlers = self._kernel.control_handlers
        if handlers.get(REQUEST) == self._receive:
            del handlers[REQUEST]
        self._unsubscribe()
        self._state.close()
        self._at_once.close()
        self._readers.close()

    def _push(self, status: model.Status) -> None:
        # A forked child (multiprocessing, joblib) has this object but not its threads and sockets.
        if os.getpid() == self._pid:
            self._state.put(status)

    def _receive(self, stream: Any, idents: Any, message: dict[str, Any]) -> None:
        """Handle a request on the control thread: sort it and return."""

        def reply(content: dict[str, Any]) -> None:
            with contextlib.suppress(RuntimeError):  # the kernel is shutting down: loop closed
                self._kernel.control_thread.io_loop.add_callback(
                    self._kernel.session.send, stream, REPLY, content, parent=message, ident=idents
                )

        try:
            request = read_request(message.get("content"))
            readers = self._at_once if request.method == "status" else self._readers
            readers.submit(lambda: reply(self._answer(request)))
        except EtiqError as error:
            reply(refusal(error))

    def _answer(self, request: Request) -> dict[str, Any]:
        if request.method == "status":
            self._state.ensure_open()
        return answer(self._front, request)


class _Readers:
    """A few daemon threads, started when first needed, that never hold up the end of the process.

    (`concurrent.futures` joins its threads at exit, so a hanging dashboard would hang a shutdown.)
    """

    def __init__(self, name: str, size: int) -> None:
        self._name = name
        self._size = size
        self._tasks: queue.Queue[Callable[[], None] | None] = queue.Queue(_WAITING)
        self._lock = threading.Lock()
        self._started = 0
        self._busy = 0

    def submit(self, task: Callable[[], None]) -> None:
        try:
            self._tasks.put_nowait(task)
        except queue.Full:
            raise Invalid(
                "The kernel has too many requests waiting",
                why=f"{_WAITING} are unanswered, probably because the dashboard does not answer",
                hint="try again in a moment",
            ) from None
        with self._lock:
            if self._started < self._size and self._busy + self._tasks.qsize() > self._started:
                self._started += 1
                threading.Thread(
                    target=self._run, name=f"{self._name}-{self._started}", daemon=True
                ).start()

    def close(self) -> None:
        with self._lock:
            for _ in range(self._started):
                with contextlib.suppress(queue.Full):
                    self._tasks.put_nowait(None)

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            with self._lock:
                self._busy += 1
            try:
                task()
            finally:
                with self._lock:
                    self._busy -= 1


class _StatePush:
    """Writes the latest state to the comm, at most every `_PUSH_INTERVAL` seconds."""

    def __init__(self, status: model.Status) -> None:
        import comm

        self._comm_module = comm
        self._sequence = 0
        self._latest: model.Status | None = None
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._comm = comm.create_comm(target_name=STATE_TARGET, data=self._message(status))
        self._comm.on_close(self._on_close)

    def put(self, status: model.Status) -> None:
        with self._lock:
            self._latest = status
            if self._thread is None and not self._closed.is_set():
                self._thread = threading.Thread(
                    target=self._run, name="etiq-bridge-push", daemon=True
                )
                self._thread.start()
        self._news.set()

    def ensure_open(self) -> None:
        """Put the comm back on the kernel's list if something took it off."""
        manager = self._comm_module.get_comm_manager()
        if not self._closed.is_set() and self._comm.comm_id not in manager.comms:
            self._on_close({})

    def close(self) -> None:
        self._closed.set()
        self._news.set()
        with contextlib.suppress(Exception):  # the comm may be gone with its kernel
            self._comm.close()

    def _on_close(self, _message: dict[str, Any]) -> None:
        # A front end that does not know the target closes the comm for all of them. The others
        # find it by the kernel's list of comms, so it goes back on the list under the same id.
        if self._closed.is_set():
            return
        self._comm = self._comm_module.create_comm(
            target_name=STATE_TARGET, comm_id=self._comm.comm_id, primary=False
        )
        self._comm.on_close(self._on_close)
        self._comm_module.get_comm_manager().register_comm(self._comm)

    def _message(self, status: model.Status) -> dict[str, Any]:
        self._sequence += 1
        message: dict[str, Any] = clean(
            {"v": VERSION, "sequence": self._sequence, "status": status}
        )
        return message

    def _run(self) -> None:
        while True:
            self._news.wait()
            if self._closed.is_set():
                return
            self._news.clear()
            with self._lock:
                latest, self._latest = self._latest, None
            if latest is not None:
                with contextlib.suppress(Exception):  # a lost push is only a lost hint
                    self._comm.send(self._message(latest))
            self._closed.wait(_PUSH_INTERVAL)
