"""Logging in at a browser, as a notebook shows it: a link, a code, and how it ended."""

from __future__ import annotations

from html import escape
from typing import Any

from IPython.display import display, update_display

from etiq_jupyter import sessions
from etiq_jupyter.api.device import device_login
from etiq_jupyter.errors import AccessDenied, EtiqError, ExpiredCode
from etiq_jupyter.ids import new_id
from etiq_jupyter.model import DeviceCode


def log_in(session: sessions.Session, url: str, *, verify: bool | str = True) -> None:
    """Show a link and a code, wait until somebody has answered there, and log in.

    Raises
    ------
    KeyboardInterrupt
        When the kernel is interrupted meanwhile; the code is of no use to anybody then.
    EtiqError
        As `device_login` does.
    """
    shown = Shown()
    try:
        device_login(session, url, say=shown.ask, verify=verify)
    except KeyboardInterrupt:
        shown.end("Stopped waiting: not logged in.")
        # A new one: the frames of the wait hold the code by which the token could be fetched.
        stopped = KeyboardInterrupt("stopped waiting: not logged in")
        stopped._render_traceback_ = lambda: ["KeyboardInterrupt"]  # type: ignore[attr-defined]
        raise stopped from None
    except AccessDenied:
        shown.end("The log-in was denied.")
        raise
    except ExpiredCode:
        shown.end("The code has expired.")
        raise
    except EtiqError:
        shown.end("Not logged in.")
        raise
    user = session.user
    shown.end(f"Approved by {user.username}." if user else "Approved.")


class Shown:
    """The output of one log-in. What is saved with the notebook in the end holds no dead link."""

    def __init__(self) -> None:
        self._display_id = ""

    def ask(self, code: DeviceCode) -> None:
        """Show where to go and what to compare."""
        self._display_id = f"etiq-{new_id()}"
        display(bundle(code), raw=True, display_id=self._display_id)

    def end(self, text: str) -> None:
        """Say how it ended, in place of the link."""
        if self._display_id:
            ended = {"text/plain": text, "text/html": f"<p>{escape(text)}</p>"}
            update_display(ended, raw=True, display_id=self._display_id)


def bundle(code: DeviceCode) -> dict[str, Any]:
    """Return the question as text and as HTML; neither holds the device code."""
    minutes = max(1, code.expires_in // 60)
    wait = f"Waiting for up to {minutes} minutes; interrupt the kernel to stop."
    text = (
        f"Open {code.verification_url_complete}\n"
        f"and approve the log-in with the code {code.user_code}\n"
        f"{wait}"
    )
    link = escape(code.verification_url_complete)
    html = (
        f'<p>Open <a href="{link}" target="_blank" rel="noopener noreferrer">{link}</a><br>'
        "and approve the log-in with the code "
        f"<b><code>{escape(code.user_code)}</code></b><br>"
        f"{escape(wait)}</p>"
    )
    return {"text/plain": text, "text/html": html}
