"""Calls to a dashboard: authenticated, bounded in time, retried, with typed errors.

The token lives in the `Transport` only: not in its repr, not in error messages, not in tracebacks
of this module, and never in a request to another host.
"""

from __future__ import annotations

import email.utils
import random
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter

from etiq_jupyter import errors
from etiq_jupyter.errors import EtiqError
from etiq_jupyter.sync import words

RETRIED_STATUS = frozenset((429, 502, 503, 504))
_MAX_REDIRECTS = 5
_SAFE = frozenset(("GET", "HEAD", "OPTIONS"))


class _Token(requests.auth.AuthBase):
    """Adds the token; never shows it."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._text:
            request.headers["Authorization"] = f"Bearer {self._text}"
        return request

    def __repr__(self) -> str:
        return "<token>"


class Transport:
    """A connection to one dashboard.

    Parameters
    ----------
    url : str
        The dashboard's address, for example ``https://etiq.example.org``.
    token : str
        The access token; empty for calls that need none.
    verify : bool or str
        Verify TLS; a string is the path of a CA bundle.
    proxies : mapping, optional
        ``{"https": "http://proxy:3128"}``; from the environment by default.
    timeout : float
        Seconds for connecting and for each wait on the other side.
    retries : int
        How often a call is repeated after a lost connection or 429, 502, 503, 504. The longest
        waits are for whoever calls again later.

    Notes
    -----
    Safe to use from several threads.
    """

    def __init__(
        self,
        url: str,
        token: str = "",
        *,
        verify: bool | str = True,
        proxies: Mapping[str, str] | None = None,
        timeout: float = 30.0,
        retries: int = 2,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.url = url.rstrip("/")
        self._shown = words.shown(self.url)
        self._auth = _Token(token)
        self._verify = verify
        self._proxies = dict(proxies) if proxies else None
        self._timeout = timeout
        self._retries = retries
        self._sleep = sleep
        self._local = threading.local()
        if verify is False:
            words.warn_unverified(self.url)

    def __repr__(self) -> str:
        return f"Transport({self._shown!r})"

    def _session(self) -> requests.Session:
        # One per thread: requests makes no promise for sharing a session between threads.
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            session.auth = self._auth
            if self._proxies is not None:
                session.proxies.update(self._proxies)
            adapter = HTTPAdapter(pool_connections=1, pool_maxsize=4, max_retries=0)
            session.mount("http://", adapter)
            session.mount("https://", adapter)
            self._local.session = session
        return session

    def close(self) -> None:
        """Close this thread's connections."""
        session = getattr(self._local, "session", None)
        if session is not None:
            session.close()
            self._local.session = None

    def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        data: Any = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        stream: bool = False,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> requests.Response:
        """Carry out one call.

        Parameters
        ----------
        method, path : str
            ``path`` begins with a slash, for example ``/api/v1/me``; other hosts are refused.
        json, data, params, headers, stream
            As in `requests`.
        timeout : float, optional
            Seconds, instead of the transport's.
        retries : int, optional
            Instead of the transport's. Every write of the sync protocol may be repeated.

        Returns
        -------
        requests.Response
            With a status below 400.

        Raises
        ------
        AuthError, Forbidden, NotFound, Conflict, Invalid, RateLimited, ServerError
            As the dashboard's problem document says.
        NotADashboard
            When what answers is not a dashboard.
        Offline
            When nothing answers, with host and cause in plain words.
        """
        if not path.startswith("/") or path.startswith("//"):
            raise errors.Invalid(
                f"{path!r} is not a path on the dashboard",
                hint="give it from the first slash, for example /api/v1/projects",
            )
        options = {
            "json": json,
            "data": data,
            "params": params,
            "headers": {"Accept": "application/json, */*;q=0.5", **(headers or {})},
            "stream": stream,
            # With each request: one of the session gives way to REQUESTS_CA_BUNDLE.
            "verify": self._verify,
            "timeout": timeout or self._timeout,
        }
        tries = self._retries if retries is None else retries
        for attempt in range(tries + 1):
            last = attempt == tries
            try:
                answer = self._send(method, self.url + path, options)
            except errors.Offline:
                # A lost connection: the call may have arrived. Repeating is safe for reads and for
                # the writes of this protocol, which are idempotent by id or by hash; not for POST
                # with side effects such as making a token.
                if last or not _repeatable(method, path):
                    raise
                self._sleep(_backoff(attempt))
                continue
            if answer.status_code in RETRIED_STATUS and not last:
                wait = retry_after(answer)
                if wait is None or wait <= 5:
                    answer.close()
                    self._sleep(_backoff(attempt) if wait is None else wait + random.random() / 10)  # noqa: S311
                    continue
            return self._checked(answer)
        raise AssertionError("unreachable")  # pragma: no cover

    def _send(self, method: str, url: str, options: dict[str, Any]) -> requests.Response:
        session = self._session()
        try:
            for _ in range(_MAX_REDIRECTS):
                answer = session.request(method, url, allow_redirects=False, **options)
                if not answer.is_redirect:
                    return answer
                url = self._redirected(answer, url, method)
                options = {**options, "params": None}
        except requests.RequestException as error:
            raise self._offline(error) from None
        except OSError as error:  # what requests says of a CA bundle that is not there
            raise errors.Invalid(
                f"The certificates for {self._shown} cannot be read",
                why=str(error),
                hint="give verify= the path of a file with the certificate of your authority",
            ) from None
        raise errors.NotADashboard(
            f"{self._shown} redirects in circles", hint="check the dashboard's address"
        )

    def _redirected(self, answer: requests.Response, url: str, method: str) -> str:
        target = urljoin(url, answer.headers.get("Location", ""))
        here, there = urlsplit(self.url), urlsplit(target)
        upgraded = (here.scheme, there.scheme) == ("http", "https") and not here.port
        same = here.hostname == there.hostname and (
            (here.scheme, here.port) == (there.scheme, there.port) or upgraded
        )
        answer.close()
        if not same or (method not in _SAFE and answer.status_code not in (307, 308)):
            raise errors.NotADashboard(
                f"{self._shown} sends us on to {there.scheme}://{there.netloc}",
                why="an access token is not given to another address",
                hint="log in with the address that the browser ends up at",
            )
        return target

    def _offline(self, error: requests.RequestException) -> EtiqError:
        refused = requests.exceptions
        if isinstance(error, refused.InvalidProxyURL):
            return errors.Invalid(
                f"The address of the proxy to {self._shown} cannot be used",
                hint="check http_proxy, https_proxy and no_proxy, or pass proxies=",
            )
        if isinstance(error, refused.InvalidURL | refused.InvalidSchema | refused.MissingSchema):
            return errors.Invalid(f"{self._shown!r} is not an address that can be called")
        if isinstance(error, refused.ProxyError):
            return words.no_way_through(self._shown, self._proxy(), error)
        if isinstance(error, refused.SSLError):
            return words.not_trusted(self._shown, error)
        if isinstance(error, refused.Timeout):
            return words.no_answer(self._shown, self._timeout)
        return words.cannot_reach(self._shown, error)

    def _proxy(self) -> str:
        """Return the address of the proxy in use, without a password."""
        known = self._proxies or requests.utils.get_environ_proxies(self.url)
        scheme = urlsplit(self.url).scheme
        return words.shown(str(known.get(scheme) or known.get("all") or ""))

    def _checked(self, answer: requests.Response) -> requests.Response:
        if answer.status_code < 400:
            # The pages that proxies and captive portals show instead of what was asked for.
            if answer.headers.get("Content-Type", "").startswith("text/html"):
                answer.close()
                raise self._stranger(answer)
            return answer
        problem = _problem(answer)
        if problem is None:
            raise self._stranger(answer)
        raise problem

    def _stranger(self, answer: requests.Response) -> EtiqError:
        """Make the error for an answer without a problem document: a proxy, or not a dashboard."""
        status = answer.status_code
        host = self._shown
        if status == 407:
            return words.proxy_wants_password(host, self._proxy())
        if status in RETRIED_STATUS:
            wait = retry_after(answer)
            if status == 429:
                return errors.RateLimited(
                    f"{host} asks us to slow down", retry_after=int(wait if wait is not None else 1)
                )
            return errors.Offline(
                f"{host} is not ready",
                why=f"what stands in front of it answers {status}",
                hint="it will be tried again",
            )
        return errors.NotADashboard(
            f"What answers at {host} is not a dashboard",
            why=f"it says {status} {answer.reason or ''}".strip(),
            hint="check the address; it is the one you open in the browser",
        )


def _repeatable(method: str, path: str) -> bool:
    return method in _SAFE or method in ("PUT", "DELETE") or "/chunks/" in path


def _backoff(attempt: int) -> float:
    return float(random.uniform(0.05, 0.2) * 2**attempt)  # noqa: S311


def retry_after(answer: requests.Response) -> float | None:
    """Return the seconds that an answer asks to wait; None when it names none."""
    text = answer.headers.get("Retry-After", "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            when = email.utils.parsedate_to_datetime(text)
        except (TypeError, ValueError):
            return None
        seconds = when.timestamp() - time.time()
    if seconds != seconds:  # not a number
        return None
    return min(max(seconds, 0.0), 3600.0)


def _problem(answer: requests.Response) -> EtiqError | None:
    """Rebuild the typed error of a problem document; None when the answer is not one."""
    kind = answer.headers.get("Content-Type", "")
    if "problem+json" not in kind:
        return None
    try:
        document = answer.json()
    except ValueError:
        return None
    if not isinstance(document, dict):
        return None
    code = str(document.get("code", ""))
    family = errors.BY_CODE.get(code) or _by_status(answer.status_code)
    what = str(document.get("what") or document.get("detail") or document.get("title") or "")
    why, hint = str(document.get("why") or ""), str(document.get("hint") or "")
    more: dict[str, Any] = {}
    if issubclass(family, errors.NotFound):
        more["nearest"] = _texts(document.get("nearest"))
    elif issubclass(family, errors.Lacking):
        more["lacking"] = _texts(document.get("lacking"))
    elif issubclass(family, errors.Invalid):
        more["path"] = str(document.get("path") or "")
    elif issubclass(family, errors.RateLimited):
        wait = retry_after(answer)
        more["retry_after"] = int(wait) if wait is not None else 1
    return family(
        what or f"The dashboard answered {answer.status_code}", why=why, hint=hint, **more
    )


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(str(each) for each in value) if isinstance(value, list) else ()


def _by_status(status: int) -> type[EtiqError]:
    table: dict[int, type[EtiqError]] = {
        401: errors.AuthError,
        403: errors.Forbidden,
        404: errors.NotFound,
        409: errors.Conflict,
        413: errors.TooLarge,
        429: errors.RateLimited,
    }
    if status in table:
        return table[status]
    return errors.ServerError if status >= 500 else errors.Invalid
