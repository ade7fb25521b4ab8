"""Taking in many small snapshots with one request, in the order in which they were made."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import msgspec
from anyio import to_thread

from etiq_jupyter.dashboard.events.hub import Event
from etiq_jupyter.dashboard.projects.access import project_row
from etiq_jupyter.dashboard.snapshots.batch import Claim, Entry, NeedObjects, Taken
from etiq_jupyter.dashboard.snapshots.manifest import Manifest, check
from etiq_jupyter.dashboard.web.dispatch import decode
from etiq_jupyter.dashboard.web.endpoint import Call, Routes
from etiq_jupyter.errors import ServerError
from etiq_jupyter.ids import parse_uuid
from etiq_jupyter.model import Limits, Receipt, Snapshot

if TYPE_CHECKING:
    from etiq_jupyter.dashboard.services import Services

MOST = 256
"""Snapshots in one request."""

routes = Routes("snapshots")
_list = msgspec.msgpack.Decoder(Annotated[list[bytes], msgspec.Meta(max_length=MOST)])
_msgpack = msgspec.msgpack.Decoder(Snapshot)


class Receipts(msgspec.Struct, kw_only=True):
    """The receipts of snapshots that were sent together, in the same order.

    ``made`` are the ids of those that were not there before.
    """

    receipts: list[Receipt]
    made: list[str]


@routes.add(
    "POST",
    "/snapshots/batch",
    scope="write",
    limit=Limits().manifest_bytes,
    takes="application/msgpack",
)
async def put_snapshots(call: Call) -> Receipts:
    """Take in manifests: a MessagePack list of the bodies that would be sent one by one.

    Short ids follow the order of the list. An error is that of one of them; which others were
    taken in is found out by sending each under its id, which answers the same receipt again.
    """
    services = call.services
    call._who = await to_thread.run_sync(services.people.identify, call.request, "write")
    manifests = await to_thread.run_sync(_checked, services, call.who.user.id, call.raw)
    claim = Claim(user_id=call.who.user.id)
    # All are queued before the first is waited for: they are written in this order.
    queued = [
        services.ingest.submit(Entry(manifest, claim, call.base_url)) for manifest in manifests
    ]
    outcomes = await asyncio.gather(*queued, return_exceptions=True)
    taken: list[Taken] = []
    failed: list[BaseException] = []
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            failed.append(outcome)
        else:
            taken.append(outcome)
    made = [one.receipt for one in taken if one.made]
    for receipt in made:
        services.hub.publish_soon(Event(kind="snapshot", id=receipt.id, project=receipt.project))
    if failed:
        raise _plain(failed[0])
    return Receipts(receipts=[one.receipt for one in taken], made=[one.id for one in made])


def _checked(services: Services, user_id: str, raw: bytes) -> list[Manifest]:
    """Check manifests and what they refer to, as far as that needs nobody else to wait."""
    manifests = []
    for body in decode(_list, raw):
        sent = decode(_msgpack, body)
        manifests.append(check(sent, parse_uuid(sent.id) or "", body))
    wanted: dict[str, dict[str, None]] = {}
    for manifest in manifests:
        objects = wanted.setdefault(manifest.snapshot.project, {})
        objects.update(dict.fromkeys(manifest.objects))
    for project, objects in wanted.items():
        with services.database.read() as connection:
            row = project_row(connection, user_id, project, "editor")
        services.holdings.look_through(row.workspace_id, list(objects))
    return manifests


def _plain(error: BaseException) -> BaseException:
    if isinstance(error, NeedObjects):
        return ServerError("the snapshots' objects are being collected", hint="send them again")
    return error
