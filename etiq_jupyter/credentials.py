"""Where the dashboard's URL and the access token come from, in which order, and why.

The order, first match wins: keywords; an explicit configuration (file or dict); the environment
(``ETIQ_DASHBOARD_URL``, ``ETIQ_TOKEN``, ``ETIQ_WORKSPACE``, ``ETIQ_PROJECT``); ``.etiq`` in the
working folder; ``~/.etiq``; ``.env`` in the working folder; ``~/.env``; ``/etc/etiq/api.cfg``.

Two rules keep a token from reaching a host it was not made for. URL and token come from the same
source unless both are given as keywords. And an explicit configuration that is missing or
malformed is an error: it is never skipped in favour of somebody else's account.
"""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from etiq_jupyter.errors import AuthError, ConfigError, Invalid

DEFAULT_URL = "http://127.0.0.1:8765"
"""Address of the embedded dashboard, used when a token has no URL beside it."""
SYSTEM_FILE = Path("/etc/etiq/api.cfg")

_NAMES = {
    "url": ("url", "dashboard_url", "etiq_dashboard_url", "host", "domain"),
    "token": ("token", "etiq_token", "api_token", "api_key"),
    "workspace": ("workspace", "etiq_workspace"),
    "project": ("project", "etiq_project"),
    "verify": ("verify",),
}
_FIELD = {alias: name for name, aliases in _NAMES.items() for alias in aliases}
_ENVIRONMENT = {
    "ETIQ_DASHBOARD_URL": "url",
    "ETIQ_TOKEN": "token",
    "ETIQ_WORKSPACE": "workspace",
    "ETIQ_PROJECT": "project",
}


@dataclass(frozen=True)
class Credentials:
    """What a login needs. The token is not part of ``repr``."""

    url: str
    token: str = field(repr=False)
    source: str
    workspace: str = ""
    project: str = ""
    verify: bool | str = True


@dataclass(frozen=True)
class Address:
    """A dashboard to log in to without a token, and the source that named it."""

    url: str
    source: str
    verify: bool | str = True


@dataclass(frozen=True)
class Step:
    """One place that was looked at: what it held (never the values) and what came of it."""

    source: str
    found: str
    used: bool = False


@dataclass
class Walk:
    """The whole search. ``credentials`` is None when no place had what is needed."""

    steps: list[Step]
    credentials: Credentials | None = None
    problem: str = ""

    def require(self) -> Credentials:
        """Return the credentials.

        Raises
        ------
        AuthError
            When nothing was found, naming the places that were looked at.
        """
        if self.credentials is not None:
            return self.credentials
        raise AuthError(
            "No access token was found",
            why=self.problem or "looked at " + ", ".join(step.source for step in self.steps),
            hint=(
                "make one on the dashboard's Tokens page, then set ETIQ_DASHBOARD_URL and "
                "ETIQ_TOKEN, or call etiq.login(url, token); in a notebook, %etiq_login --device "
                "needs none"
            ),
        )

    def explain(self) -> str:
        """Return the walk as lines of text, without secrets."""
        width = max((len(step.source) for step in self.steps), default=0)
        lines = [
            f"{'->' if step.used else '  '} {step.source:<{width}}  {step.found}"
            for step in self.steps
        ]
        if self.problem:
            lines.append(self.problem)
        return "\n".join(lines)


def check_url(url: str) -> str:
    """Return the dashboard's URL in canonical form: scheme and host, no trailing slash.

    Raises
    ------
    Invalid
        When it is not an http or https URL, or carries a user name or password.
    """
    text = url.strip() if isinstance(url, str) else ""
    example = "give the address you open in the browser, for example https://dashboard.example.org"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise Invalid(f"{url!r} is not a URL", why=str(error), hint=example) from None
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or any(c.isspace() for c in text)
    ):
        why = "it needs http:// or https:// and a host name"
        raise Invalid(f"{url!r} is not a dashboard's URL", why=why, hint=example)
    if parts.username or parts.password:
        raise Invalid(
            "The dashboard's URL must not hold a user name or password",
            why="URLs are shown and logged",
            hint="use an access token instead",
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    netloc = host if port is None else f"{host}:{port}"
    return f"{parts.scheme}://{netloc}{parts.path.rstrip('/')}"


def check_token(token: str) -> str:
    """Return the token without surrounding white space.

    Raises
    ------
    Invalid
        When it is empty or cannot be sent in a header. The message never repeats the token.
    """
    text = token.strip() if isinstance(token, str) else ""
    if not text:
        raise Invalid(
            "The access token is empty",
            hint="copy it from the dashboard when it is made; it is shown only once",
        )
    if not text.isascii() or not text.isprintable() or " " in text or len(text) > 512:
        raise Invalid(
            "The access token has characters that a token cannot have",
            hint="copy it again, without quotes or line breaks",
        )
    return text


def find(
    url: str | None = None,
    token: str | None = None,
    *,
    config: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    workspace: str | None = None,
    project: str | None = None,
) -> Walk:
    """Walk the sources in order and say what was found where.

    Parameters
    ----------
    url, token, workspace, project : str, optional
        Keywords; they win.
    config : path or mapping, optional
        An explicit JSON or ``NAME=value`` file, or the same as a dict.

    Returns
    -------
    Walk
        With `Credentials` when both URL and token are known.

    Raises
    ------
    ConfigError
        When an explicit or ``.etiq`` configuration is missing or malformed.
    Invalid
        When a given URL or token cannot be one.
    """
    url = check_url(url) if url is not None else None
    token = check_token(token) if token is not None else None
    walk = Walk(steps=[])
    keywords = {"url": url, "token": token, "workspace": workspace, "project": project}
    chosen: tuple[str, dict[str, Any]] | None = None
    if url and token:
        chosen = ("keywords", {})
    walk.steps.append(Step("keywords", _describe(keywords), used=chosen is not None))
    near_misses: list[str] = []
    for source, values in _sources(config):
        explicit = source.startswith("config ")
        fits = chosen is None and (
            (explicit and bool(token) and bool(values.get("url")))  # both halves given by hand
            or _fits(source, values, url, token, near_misses)
        )
        if explicit and chosen is None and not fits and not (url or token):
            raise ConfigError(
                f"The configuration {source[7:]} has no token",
                why=f"it holds {_describe(values)}",
                hint="add ETIQ_TOKEN (and ETIQ_DASHBOARD_URL) to it, or log in without config=",
            )
        walk.steps.append(Step(source, _describe(values), used=fits))
        if fits:
            chosen = (source, values)
    if chosen is None and token:
        if near_misses:
            walk.problem = (
                "the token was given without a URL; "
                f"{near_misses[0]} names one, but a token is only sent where it was meant for: "
                "give url= as well"
            )
            return walk
        chosen = ("keywords", {})
    if chosen is None:
        walk.problem = near_misses[0] if near_misses else ""
        return walk
    source, values = chosen
    walk.credentials = Credentials(
        url=url or check_url(values.get("url") or DEFAULT_URL),
        token=token or check_token(values["token"]),
        source=source,
        workspace=workspace or values.get("workspace", ""),
        project=project or values.get("project", ""),
        verify=values.get("verify", True),
    )
    return walk


def find_address(
    url: str | None = None, *, config: str | os.PathLike[str] | Mapping[str, Any] | None = None
) -> Address:
    """Walk the same sources for the dashboard alone, for a log-in that needs no token yet.

    Parameters
    ----------
    url : str, optional
        A keyword; it wins.
    config : path or mapping, optional
        An explicit configuration.

    Raises
    ------
    ConfigError
        When an explicit or ``.etiq`` configuration is missing or malformed.
    Invalid
        When the URL cannot be one.
    """
    wanted = check_url(url) if url is not None else None
    for source, values in _sources(config):
        if values.get("url") and wanted in (None, check_url(values["url"])):
            return Address(check_url(values["url"]), source, values.get("verify", True))
    return Address(wanted or DEFAULT_URL, "keywords" if wanted else "the default")


def _fits(
    source: str, values: dict[str, Any], url: str | None, token: str | None, near: list[str]
) -> bool:
    """Whether the source completes what the keywords leave open, without mixing hosts."""
    if token:  # only the URL is missing, and it must not come from elsewhere
        if values.get("url"):
            near.append(source)
        return False
    if not values.get("token"):
        return False
    if url is None:
        return True
    if values.get("url") and check_url(values["url"]) == url:
        return True
    belongs = f"to {check_url(values['url'])}" if values.get("url") else "to no URL"
    near.append(f"{source} has a token, but it belongs {belongs}, not to {url}")
    return False


def _describe(values: Mapping[str, Any]) -> str:
    named = {"url": "URL", "token": "token"}
    held = [named.get(name, name) for name in _NAMES if values.get(name) not in (None, "")]
    return " and ".join(held) if held else "nothing"


def _sources(config: Any) -> list[tuple[str, dict[str, Any]]]:
    found: list[tuple[str, dict[str, Any]]] = []
    if isinstance(config, Mapping):
        found.append(("config (dict)", _fields(config, "the configuration")))
    elif config is not None:
        path = Path(config).expanduser()
        found.append((f"config {path}", read_config(path)))
    environment = {
        name: os.environ[key].strip() for key, name in _ENVIRONMENT.items() if os.environ.get(key)
    }
    found.append(("environment", environment))
    home = Path.home()
    for path, shown in ((Path(".etiq"), ".etiq"), (home / ".etiq", "~/.etiq")):
        found.append((shown, read_config(path) if path.is_file() else {}))
    for path, shown in (
        (Path(".env"), ".env"),
        (home / ".env", "~/.env"),
        (SYSTEM_FILE, str(SYSTEM_FILE)),
    ):
        found.append((shown, _shared_file(path)))
    return found


def read_config(path: Path) -> dict[str, Any]:
    """Read a configuration file of our own: JSON, or lines of ``NAME=value``.

    Raises
    ------
    ConfigError
        When it is missing, unreadable, malformed, or has a name that is not known.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(
            f"There is no configuration file {path}",
            hint="check the path; the dashboard offers the file for download when a token is made",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError(f"Cannot read the configuration file {path}", why=why) from None
    if not text.lstrip().startswith(("{", "[")):
        return _fields(_lines(text, path), str(path))
    try:
        data = json.loads(text)
    except ValueError as error:
        raise ConfigError(
            f"The configuration file {path} is not valid JSON",
            why=_without_content(error),
            hint='it should look like {"url": "https://...", "token": "..."}',
        ) from None
    if not isinstance(data, dict):
        raise ConfigError(
            f"The configuration file {path} is not a JSON object",
            hint='it should look like {"url": "https://...", "token": "..."}',
        )
    return _fields(data, str(path))


def _without_content(error: ValueError) -> str:
    # The decoder's message may quote the text around the fault, which can be the token.
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg}, line {error.lineno}, column {error.colno}"
    return "it cannot be decoded"


def _lines(text: str, path: Path) -> dict[str, str]:
    values = {}
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip().removeprefix("export ").strip()
        if not line or line.startswith(("#", ";")):
            continue
        name, equals, value = line.partition("=")
        if not equals or not name.strip():
            raise ConfigError(
                f"Line {number} of {path} is not NAME=value",
                hint="write ETIQ_DASHBOARD_URL=https://... on one line, ETIQ_TOKEN=... on another",
            )
        values[name.strip()] = _unquote(value)
    return values


def _unquote(value: str) -> str:
    value = value.strip()
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value


def _fields(data: Mapping[str, Any], where: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in data.items():
        name = _FIELD.get(str(key).lower())
        if name is None:
            near = difflib.get_close_matches(str(key).lower(), _FIELD, 1)
            hint = f"did you mean {near[0]!r}" if near else "known names: " + ", ".join(_NAMES)
            raise ConfigError(f"{where} has the unknown name {str(key)!r}", hint=hint)
        if value in (None, ""):
            continue
        if name != "verify" and not isinstance(value, str):
            raise ConfigError(
                f"{str(key)!r} in {where} must be text", why=f"it is a {type(value).__name__}"
            )
        values[name] = value.strip() if isinstance(value, str) else value
    if isinstance(values.get("verify"), str):
        flag = {"true": True, "1": True, "false": False, "0": False}
        values["verify"] = flag.get(values["verify"].lower(), values["verify"])
    if values.get("url") and "://" not in values["url"]:
        values["url"] = f"https://{values['url']}"
    return values


def _shared_file(path: Path) -> dict[str, Any]:
    """Read our names from a file that other programs use too; whatever else it holds is theirs."""
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return {}
    values = {}
    for line in text.splitlines():
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and name.strip() in _ENVIRONMENT and _unquote(value):
            values[_ENVIRONMENT[name.strip()]] = _unquote(value)
    return values
