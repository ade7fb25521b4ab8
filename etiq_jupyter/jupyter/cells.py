"""Keeps what cells do, without touching how they run.

A cell that begins with ``%%snapshot`` is not run by a magic. An input transformer turns that line
into a comment and IPython runs the body as any other cell: the last expression displays, top-level
``await`` works, tracebacks and line numbers are the usual ones, a failing cell fails once. What it
did is captured by the events around it, ``pre_run_cell`` and ``post_run_cell``, and automatic
snapshots use the same two events for every cell.

Nothing here raises into a cell. After three failures in a row the hooks switch automatic snapshots
off, with one line.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from etiq_jupyter import model
from etiq_jupyter.jupyter.arguments import SnapshotArguments, split_cell
from etiq_jupyter.jupyter.outputs import OutputListener, joined

if TYPE_CHECKING:
    from etiq_jupyter.capture import Captured, Watch
    from etiq_jupyter.sessions import Session
    from etiq_jupyter.sync.recorder import Ticket

log = logging.getLogger("etiq_jupyter")
FAILURES_ALLOWED = 3


@dataclass
class Kept:
    """What became of one captured cell, for those who display it."""

    captured: Captured
    project: model.Project
    ticket: Ticket | None
    took: float
    note: str = ""
    local: bool = False


@dataclass
class _Running:
    arguments: SnapshotArguments
    source: str
    watch: Watch
    outputs: OutputListener
    cell_id: str
    started: float
    before: float = 0.0
    nested: int = field(default=0)


class CellHooks:
    """The events of one shell, joined to one session.

    Parameters
    ----------
    shell : InteractiveShell
    session : Session
    show : callable
        Called with `Kept` after a snapshot, or with the exception that prevented it.
    """

    def __init__(
        self, shell: Any, session: Session, show: Callable[[Kept | Exception], None]
    ) -> None:
        self.automatic = False
        self._shell = shell
        self._session = session
        self._show = show
        self._memory = session.memory
        self._running: _Running | None = None
        self._failures = 0
        self._warmed = False

    def install(self) -> None:
        """Register the transformer and the events."""
        self._shell.input_transformers_cleanup.insert(0, self.transform)
        self._shell.events.register("pre_run_cell", self._before)
        self._shell.events.register("post_run_cell", self._after)

    def remove(self) -> None:
        """Take them away again."""
        self._shell.input_transformers_cleanup.remove(self.transform)
        self._shell.events.unregister("pre_run_cell", self._before)
        self._shell.events.unregister("post_run_cell", self._after)

    @staticmethod
    def transform(lines: list[str]) -> list[str]:
        """Turn a valid ``%%snapshot`` line into a comment.

        A line with faulty arguments stays, so that the magic of that name reports them and the
        cell does not run.
        """
        cell = split_cell("".join(lines))
        if cell is None or cell.arguments is None:
            return lines
        body = cell.body.splitlines(keepends=True)
        first = next((line for line in body if line.strip()), "")
        if first.startswith("%%"):
            return body[body.index(first) :]  # a cell magic counts only on the first line
        indent = first[: len(first) - len(first.lstrip())]
        return [f"{indent}# {cell.line}\n", *body]

    # --- events -------------------------------------------------------------------------------

    def _before(self, info: Any) -> None:
        if self._running is not None:
            self._running.nested += 1  # a cell that runs cells is one snapshot
            return
        cell = split_cell(info.raw_cell or "")
        if cell is not None:
            arguments, source = cell.arguments, cell.body
        elif self.automatic and info.store_history:
            arguments, source = SnapshotArguments(automatic=True), info.raw_cell
        else:
            return
        if arguments is None:
            return
        try:
            self._running = self._begin(arguments, source, info)
        except Exception as error:  # noqa: BLE001 - the cell must run
            self._failed(error)

    def _begin(self, arguments: SnapshotArguments, source: str, info: Any) -> _Running:
        from etiq_jupyter.capture import watch_cell

        if not self._warmed:  # while the cell runs, what keeps its results gets ready
            self._warmed = True
            self._session.recorder.warm()
        begun = time.perf_counter()
        watch = watch_cell(
            source, self._shell.user_ns, self._memory, transform=self._shell.transform_cell
        )
        outputs = OutputListener(self._shell)
        outputs.start()
        now = time.perf_counter()
        return _Running(
            arguments=arguments,
            source=source,
            watch=watch,
            outputs=outputs,
            cell_id=str(getattr(info, "cell_id", None) or ""),
            started=now,
            before=now - begun,
        )

    def _after(self, result: Any) -> None:
        running = self._running
        if running is None:
            return
        if running.nested:
            running.nested -= 1
            return
        self._running = None
        duration = time.perf_counter() - running.started
        try:
            outputs = joined(running.outputs.stop())
            kept = self._finish(running, outputs, result, duration)
        except Exception as error:  # noqa: BLE001 - the cell has run; only its snapshot failed
            self._failed(error)
            return
        self._failures = 0
        self._tell(kept)

    def _finish(
        self, running: _Running, outputs: list[dict[str, Any]], result: Any, duration: float
    ) -> Kept:
        from etiq_jupyter.capture import CellOutcome

        begun = time.perf_counter()
        arguments = running.arguments
        error = self._failure(result)
        if error is not None:
            outputs.append(
                {
                    "output_type": "error",
                    "ename": error.name,
                    "evalue": error.message,
                    "traceback": error.traceback,
                }
            )
        outcome = CellOutcome(
            outputs=outputs,
            error=error,
            duration=duration,
            execution_count=getattr(result, "execution_count", None) or self._shell.execution_count,
            cell_id=running.cell_id,
        )
        captured = running.watch.finish(outcome, arguments.options())
        project = self._session.target(arguments.project)
        ticket, note = None, ""
        if arguments.dry_run:
            note = "dry run: nothing was kept"
        else:
            ticket = self._session.record(captured, project)
            if project.role == "viewer":
                note = f"not sent: your role in {project.name} is viewer"
        took = time.perf_counter() - begun + running.before
        if ticket is not None and arguments.wait:
            ticket.wait(timeout=None)
        local = self._session.user is None
        return Kept(captured, project, ticket, took, note, local)

    def _failure(self, result: Any) -> model.Failure | None:
        error = None if result is None else result.error_before_exec or result.error_in_exec
        if error is None:
            return None
        tb = error.__traceback__
        try:
            lines = self._shell.InteractiveTB.structured_traceback(
                type(error), error, tb, tb_offset=1 if tb is not None and tb.tb_next else 0
            )
        except Exception:  # noqa: BLE001 - an exception whose own formatting fails
            lines = [type(error).__name__]
        return model.Failure(name=type(error).__name__, message=str(error), traceback=lines)

    def _tell(self, what: Kept | Exception) -> None:
        try:
            self._show(what)
        except Exception:
            log.exception("showing a snapshot's line failed")

    def _failed(self, error: Exception) -> None:
        log.debug("snapshot failed", exc_info=error)
        self._failures += 1
        self._tell(error)
        if self.automatic and self._failures >= FAILURES_ALLOWED:
            self.automatic = False
            self._tell(
                RuntimeError(
                    f"automatic snapshots are off after {self._failures} failures in a row; "
                    "%etiq_autosnapshot on switches them on again"
                )
            )
