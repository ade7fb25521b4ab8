"""Runs a dashboard as a process: prepares the data, listens, says when it is ready."""

from __future__ import annotations

import logging
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from etiq_jupyter.dashboard.config import Settings
from etiq_jupyter.errors import ConfigError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from etiq_jupyter.dashboard.db.engine import Database

log = logging.getLogger("etiq_jupyter.dashboard")


@dataclass(frozen=True, slots=True)
class Ready:
    """What a dashboard says when it answers.

    Attributes
    ----------
    url : str
        Its address on this machine.
    setup_url : str
        The one-time link for the first account; empty when there is one.
    """

    url: str
    setup_url: str = ""


@dataclass(frozen=True, slots=True)
class AppFactory:
    """Makes the application in each worker process."""

    settings: Settings
    setup_secret: str = ""

    def __call__(self) -> ASGIApp:
        """Make it."""
        from etiq_jupyter.dashboard.app import create_app
        from etiq_jupyter.dashboard.services import build

        return create_app(build(self.settings, self.setup_secret))


def run(
    host: str = "127.0.0.1",
    port: int = 8765,
    data_dir: Path | str = "etiq-dashboard",
    database_url: str = "",
    objects: str = "",
    workers: int = 1,
    allow_registration: bool = False,
    *,
    public_url: str = "",
    allowed_hosts: tuple[str, ...] = (),
    on_ready: Callable[[Ready], None] | None = None,
) -> None:
    """Run a dashboard until it is told to stop (Ctrl-C, SIGTERM).

    Parameters
    ----------
    host, port : str, int
        Where to listen; port 0 takes a free one.
    data_dir : path
        Folder of the SQLite database and of the objects, made when missing.
    database_url : str
        ``postgresql://user:password@host/name``; empty for SQLite in ``data_dir``.
    objects : str
        Folder or ``s3://bucket/prefix``; empty for a folder in ``data_dir``.
    workers : int
        Processes; more than one needs PostgreSQL.
    allow_registration : bool
        Whether people may make accounts themselves.
    public_url : str
        The address that users see, where a proxy stands in front.
    allowed_hosts : tuple of str
        Further names accepted in the Host header.
    on_ready : callable, optional
        Called with a `Ready` once requests are answered; prints by default.

    Raises
    ------
    ConfigError
        When the settings cannot work: says which and what to use instead.
    """
    settings = Settings(
        host=host,
        port=port,
        data_dir=Path(data_dir).expanduser().resolve(),
        database_url=database_url,
        objects=objects,
        workers=workers,
        allow_registration=allow_registration,
        public_url=public_url,
        allowed_hosts=allowed_hosts,
    )
    settings.check()
    needs_setup = prepare(settings)
    listening = listen(settings)
    settings = replace(settings, port=listening.getsockname()[1])
    secret = ""
    if needs_setup:
        from etiq_jupyter.dashboard.services import new_setup_secret

        secret = new_setup_secret()
    url = settings.public_url.rstrip("/") or local_url(settings)
    ready = Ready(url, f"{url}/setup?secret={secret}" if secret else "")
    _serve(settings, secret, listening, lambda: (on_ready or announce)(ready))


def prepare(settings: Settings) -> bool:
    """Make the data folder and bring the database up to date; whether there is no user yet."""
    from etiq_jupyter.dashboard.db.upgrade import upgrade
    from etiq_jupyter.dashboard.identity.people import People

    make_private_folder(settings.data_dir)
    database = open_database(settings)
    try:
        upgrade(database, settings.sqlite_path)
        return not People(database).anybody()
    finally:
        database.close()


def open_database(settings: Settings) -> Database:
    """Open the database; failures to connect are said in words, without the password."""
    from sqlalchemy.exc import ArgumentError, OperationalError

    from etiq_jupyter.dashboard.db.engine import Database

    try:
        database = Database(settings.sqlalchemy_url)
        with database.read():
            return database
    except (ArgumentError, OperationalError, ImportError) as error:
        cause = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
        raise ConfigError(
            "the database cannot be opened", why=cause, hint="check --database-url and --data-dir"
        ) from None


def make_private_folder(folder: Path) -> None:
    """Make a folder that only its owner can look into; one that is there stays as it is."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigError(
            f"the data folder {folder} cannot be made", why=error.strerror or str(error)
        ) from None


def listen(settings: Settings) -> socket.socket:
    """Bind the address, before anything is announced."""
    try:
        found = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, kind, protocol, _, address = found[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as error:
        raise ConfigError(
            f"cannot listen at {settings.host}:{settings.port}",
            why=error.strerror or str(error),
            hint="is a dashboard running already? --port 0 takes a free port",
        ) from None
    listening.listen(2048)
    listening.set_inheritable(True)
    return listening


def local_url(settings: Settings) -> str:
    """Return the address of a dashboard for somebody on its machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def announce(ready: Ready) -> None:
    """Say on the terminal that the dashboard answers."""
    if ready.setup_url:
        print(f"Make the first account at {ready.setup_url}", file=sys.stderr)
        print("(The link works once, and until the dashboard stops.)", file=sys.stderr)
    print(f"The dashboard answers at {ready.url}", file=sys.stderr, flush=True)


def _serve(
    settings: Settings, secret: str, listening: socket.socket, on_ready: Callable[[], None]
) -> None:
    import uvicorn

    from etiq_jupyter.dashboard.web.protocol import Protocol

    config = uvicorn.Config(
        AppFactory(settings, secret),
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        loop="uvloop",
        http=Protocol,
        ws="none",
        lifespan="on",
        access_log=False,
        log_level="warning",
        server_header=False,
        date_header=True,
        backlog=2048,
        timeout_graceful_shutdown=5,
        h11_max_incomplete_event_size=64 << 10,
    )
    if settings.workers > 1:
        _serve_many(config, listening, on_ready)
        return
    server = uvicorn.Server(config)
    _when_started(server, on_ready)
    server.run(sockets=[listening])


def _when_started(server: Any, on_ready: Callable[[], None]) -> None:
    """Call back once the server answers, and not before."""
    start = server.startup

    async def startup(sockets: list[socket.socket] | None = None) -> None:
        await start(sockets)
        if server.started:
            on_ready()

    server.startup = startup


def _serve_many(config: Any, listening: socket.socket, on_ready: Callable[[], None]) -> None:
    """Run several worker processes on one socket, and start again those that die."""
    import threading

    from uvicorn.supervisors import Multiprocess

    supervisor = Multiprocess(config, sockets=[listening])
    stopped = threading.Event()

    def announce_when_answered() -> None:
        while not stopped.wait(0.05):
            if _answers(listening.getsockname()[1], config.host):
                on_ready()
                return

    threading.Thread(target=announce_when_answered, daemon=True).start()
    try:
        supervisor.run()
    finally:
        stopped.set()


def _answers(port: int, host: str) -> bool:
    """Whether a worker answers a request at this port."""
    import http.client

    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    connection = http.client.HTTPConnection(local, port, timeout=5)
    try:
        connection.request("GET", "/api/v1/openapi.json")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
