"""The audit log: who did what to tokens, members, users and deletions, and from where."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection

from etiq_jupyter.dashboard.db import tables
from etiq_jupyter.dashboard.db.engine import now
from etiq_jupyter.ids import new_id


def record(
    tx: Connection,
    action: str,
    target: str,
    *,
    user_id: str = "",
    username: str = "",
    address: str = "",
    detail: dict[str, Any] | None = None,
) -> None:
    """Write one line, in the transaction of what it tells of.

    Parameters
    ----------
    tx : Connection
        The transaction.
    action : str
        For example ``"token.delete"``.
    target : str
        Id or name of what was acted upon.
    user_id, username, address : str
        Who, and from which network address; empty for the command line.
    detail : dict, optional
        More, without secrets.
    """
    tx.execute(
        tables.audit_log.insert().values(
            id=new_id(),
            at=now(),
            user_id=user_id,
            username=username or "(command line)",
            action=action,
            target=target,
            detail=msgspec.json.encode(detail or {}).decode(),
            address=address,
        )
    )
