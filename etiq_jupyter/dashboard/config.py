"""What a dashboard process is told at its start."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from etiq_jupyter.errors import ConfigError

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True, slots=True)
class Settings:
    """Where a dashboard listens and keeps its things.

    Attributes
    ----------
    host, port : str, int
        Address to listen at; port 0 takes a free one.
    data_dir : Path
        Folder of the SQLite database and the objects. Made when missing, for its owner only.
    database_url : str
        SQLAlchemy URL; empty for SQLite in ``data_dir``.
    objects : str
        Folder, or ``s3://bucket/prefix`` and the like; empty for ``data_dir/objects``.
    workers : int
        Processes that answer requests. More than one needs PostgreSQL.
    allow_registration : bool
        Whether anybody who reaches the dashboard may make an account.
    public_url : str
        Address that users see, where a proxy stands in front; empty: as each request says.
    allowed_hosts : tuple of str
        Further values of the Host header to accept.
    """

    host: str = "127.0.0.1"
    port: int = 8765
    data_dir: Path = field(default_factory=Path)
    database_url: str = ""
    objects: str = ""
    workers: int = 1
    allow_registration: bool = False
    public_url: str = ""
    allowed_hosts: tuple[str, ...] = ()

    @property
    def sqlite_path(self) -> Path | None:
        """The SQLite file, or None with another database."""
        if not self.database_url:
            return self.data_dir / "dashboard.sqlite"
        if self.database_url.startswith("sqlite"):
            _, _, path = self.database_url.partition(":///")
            return Path(path)
        return None

    @property
    def sqlalchemy_url(self) -> str:
        """The database as SQLAlchemy wants it named."""
        if not self.database_url:
            return f"sqlite:///{self.sqlite_path}"
        for short in ("postgresql://", "postgres://"):
            if self.database_url.startswith(short):
                return "postgresql+psycopg://" + self.database_url[len(short) :]
        return self.database_url

    @property
    def objects_url(self) -> str:
        """Folder or URL of the objects."""
        return self.objects or str(self.data_dir / "objects")

    @property
    def hosts(self) -> frozenset[str] | None:
        """Names accepted in the Host header; None accepts all.

        A dashboard on loopback is reachable by any web page through a name that its owner points
        at 127.0.0.1 (DNS rebinding), so there only known names are accepted.
        """
        named = set(self.allowed_hosts)
        if self.public_url:
            named.add(urlsplit(self.public_url).hostname or "")
        if self.host in _LOOPBACK:
            return frozenset(named | _LOOPBACK)
        return frozenset(named | _LOOPBACK | {self.host}) if self.allowed_hosts else None

    def check(self) -> None:
        """Refuse settings that cannot work.

        Raises
        ------
        ConfigError
            Names the setting and what to use instead.
        """
        if self.workers < 1:
            raise ConfigError(f"--workers {self.workers} makes no sense", hint="use 1 or more")
        if self.workers > 1 and self.sqlite_path is not None:
            raise ConfigError(
                f"--workers {self.workers} needs PostgreSQL",
                why="SQLite has one writer, and changes are announced inside one process only",
                hint="pass --database-url postgresql://... or leave --workers away",
            )
        if self.public_url and urlsplit(self.public_url).scheme not in {"http", "https"}:
            raise ConfigError(
                f"--public-url {self.public_url!r} is not an http address",
                hint="write it with its scheme, for example https://etiq.example.org",
            )
