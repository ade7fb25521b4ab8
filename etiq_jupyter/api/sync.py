"""What a session has not sent yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etiq_jupyter import model

if TYPE_CHECKING:
    from etiq_jupyter.sessions import Session


class Sync:
    """What is unsent, and ways to hurry it."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def status(self) -> model.SyncStatus:
        """Say what is on this disk and not yet acknowledged."""
        return self._session.recorder.status()

    def now(self) -> None:
        """Try to send now, without waiting for the next try."""
        self._session.recorder.wake()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until everything is on the dashboard.

        Parameters
        ----------
        timeout : float, optional
            Seconds; None waits for as long as it takes.

        Returns
        -------
        bool
            True when every record has its receipt.
        """
        return self._session.recorder.wait(timeout)

    def push_local(self, project: str | None = None) -> int:
        """Send what was recorded in local mode, of one project (id) or of all.

        Returns
        -------
        int
            The number of snapshots now waiting to be sent.
        """
        self._session.require_login()
        count = self._session.recorder.push_local(project)
        self._session.recorder.wake()
        return count
