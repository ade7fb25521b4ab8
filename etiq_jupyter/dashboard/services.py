"""What a dashboard consists of, put together once at its start."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from etiq_jupyter.dashboard.config import Settings
from etiq_jupyter.dashboard.db.engine import Database
from etiq_jupyter.dashboard.db.epoch import epoch
from etiq_jupyter.dashboard.events.hub import Event, Hub
from etiq_jupyter.dashboard.identity.device import Devices
from etiq_jupyter.dashboard.identity.people import People
from etiq_jupyter.dashboard.identity.tokens import Tokens
from etiq_jupyter.dashboard.objects.holdings import Holdings
from etiq_jupyter.dashboard.objects.packs import Packs
from etiq_jupyter.dashboard.objects.storage import open_storage
from etiq_jupyter.dashboard.projects.members import Members
from etiq_jupyter.dashboard.projects.projects import Projects
from etiq_jupyter.dashboard.projects.workspaces import Workspaces
from etiq_jupyter.dashboard.snapshots.ingest import Ingest
from etiq_jupyter.dashboard.snapshots.lineage import Lineage
from etiq_jupyter.dashboard.snapshots.listing import Listing
from etiq_jupyter.dashboard.snapshots.pipelines import Pipelines
from etiq_jupyter.dashboard.snapshots.reading import Reading
from etiq_jupyter.model import Server
from etiq_jupyter.version import __version__

OLDEST_CLIENT = "0.1.0"


@dataclass(slots=True)
class Services:
    """The domains of one dashboard, sharing one database."""

    settings: Settings
    database: Database
    people: People
    tokens: Tokens
    devices: Devices
    workspaces: Workspaces
    projects: Projects
    members: Members
    holdings: Holdings
    packs: Packs
    ingest: Ingest
    lineage: Lineage
    listing: Listing
    reading: Reading
    pipelines: Pipelines
    hub: Hub
    server: Server
    setup_secret: str = ""
    """Of the one-time link for the first account; empty when there is one. In memory only."""

    def announce(self, kind: str, *, project_id: str = "", user_id: str = "", id: str = "") -> None:  # noqa: A002
        """Tell open pages that something has changed."""
        self.hub.publish(Event(kind=kind, id=id, project=project_id, user=user_id))

    def close(self) -> None:
        """Stop what runs beside the requests."""
        self.ingest.close()
        self.hub.close()
        self.database.close()


def build(settings: Settings, setup_secret: str = "") -> Services:
    """Put the services of a dashboard together on a database that is up to date."""
    database = Database(settings.sqlalchemy_url)
    people = People(database)
    tokens = Tokens(database)
    workspaces = Workspaces(database)
    holdings = Holdings(database, open_storage(settings.objects_url))
    hub = Hub(database)
    lineage = Lineage(database)
    return Services(
        settings=settings,
        database=database,
        people=people,
        tokens=tokens,
        devices=Devices(database, people.throttle, tokens),
        workspaces=workspaces,
        projects=Projects(database, workspaces),
        members=Members(database),
        holdings=holdings,
        packs=Packs(database, holdings),
        ingest=Ingest(database),
        lineage=lineage,
        listing=Listing(database),
        reading=Reading(database, lineage),
        pipelines=Pipelines(database, lineage),
        hub=hub,
        server=Server(version=__version__, oldest_client=OLDEST_CLIENT, epoch=epoch(database)),
        setup_secret=setup_secret,
    )


def new_setup_secret() -> str:
    """Make the secret of a set-up link."""
    return secrets.token_urlsafe(24)
