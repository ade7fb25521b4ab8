"""What to say when a dashboard cannot be reached: the address, the cause, what to do."""

from __future__ import annotations

import errno
import re
import socket
import ssl
import warnings
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

from etiq_jupyter import errors

CHECK_ADDRESS = "check the address and whether the dashboard runs"
KEPT = "your snapshots are kept here and will be sent when it answers"
_PROXY = "check http_proxy, https_proxy and no_proxy, or pass proxies="
_CA = "pass verify='/path/to/ca.pem' with the certificate of the authority that signed it"

_BY_ERRNO = {
    errno.ECONNREFUSED: "connection refused",
    errno.ENETUNREACH: "there is no network here",
    errno.ENETDOWN: "there is no network here",
    errno.EHOSTUNREACH: "no way to that computer was found",
    errno.EHOSTDOWN: "that computer is switched off or not on the network",
    errno.ETIMEDOUT: "no answer",
}
# Numbers of OpenSSL for what is wrong with a certificate.
_BY_VERIFICATION = {
    9: ("it is not valid yet", "check the clock of this computer"),
    10: ("it has expired", "ask whoever runs the dashboard to renew it"),
    18: ("it is signed by itself", _CA.replace("the authority that signed it", "the dashboard")),
    19: ("it is signed by an authority that is not known here", _CA),
    20: ("it is signed by an authority that is not known here", _CA),
    21: ("it is signed by an authority that is not known here", _CA),
    62: ("it was made for another name", "use the name for which it was made"),
    64: ("it was made for another address", "use the name for which it was made"),
}
_warned: set[str] = set()


def shown(url: str) -> str:
    """Return an address as it may be shown: without user name and password."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=host)) if host else url.rpartition("@")[2]


def cannot_reach(url: str, error: BaseException) -> errors.Offline:
    """Say that nothing answers."""
    return errors.Offline(f"Cannot reach {url}", why=_cause(url, error), hint=CHECK_ADDRESS)


def no_answer(url: str, seconds: float) -> errors.Offline:
    """Say that it took too long."""
    return errors.Offline(
        f"Cannot reach {url}",
        why=f"no answer within {seconds:g} s",
        hint=f"{CHECK_ADDRESS}; on a slow line, pass a larger timeout=",
    )


def no_way_through(url: str, proxy: str, error: BaseException) -> errors.Offline:
    """Say that a proxy stands in the way."""
    if "407" in str(error):
        return proxy_wants_password(url, proxy)
    return errors.Offline(
        f"Cannot reach {url} through the proxy {proxy}".rstrip(),
        why=_cause(proxy, error),
        hint=_PROXY,
    )


def proxy_wants_password(url: str, proxy: str) -> errors.Offline:
    """Say that a proxy wants to know who asks."""
    return errors.Offline(
        f"Cannot reach {url} through the proxy {proxy}".rstrip(),
        why="the proxy wants a user name and password",
        hint="put them into https_proxy as http://user:password@host:port, or pass proxies=",
    )


def not_trusted(url: str, error: BaseException) -> errors.Offline:
    """Say what is wrong with a certificate, or with the encryption altogether."""
    for inner in _layers(error):
        if isinstance(inner, ssl.SSLCertVerificationError):
            why, hint = _BY_VERIFICATION.get(inner.verify_code, (inner.verify_message, _CA))
            return errors.Offline(f"The certificate of {url} is not accepted", why=why, hint=hint)
    if "WRONG_VERSION_NUMBER" in str(error) or "record layer failure" in str(error):
        return errors.Offline(
            f"Cannot reach {url}",
            why="what answers there does not encrypt",
            hint="the address may have to begin with http://",
        )
    return errors.Offline(
        f"Cannot reach {url}",
        why="no encryption was found that both sides know",
        hint="ask whoever runs the dashboard, or the proxy in front of it",
    )


def warn_unverified(url: str) -> None:
    """Warn, once for each address, that nobody checks who answers there."""
    address = shown(url)
    if address in _warned or not address.startswith("https:"):
        return
    _warned.add(address)
    # Said once here, so not again at every request to this host.
    host = re.escape(f"host '{urlsplit(address).hostname}'")
    warnings.filterwarnings("ignore", message=f"Unverified HTTPS request is being made to {host}")
    warnings.warn(
        f"The certificate of {address} is not checked (verify=False): anybody on the way there can "
        "read the access token and your data. Pass verify='/path/to/ca.pem' instead.",
        UserWarning,
        stacklevel=4,
    )


def _layers(error: BaseException) -> Iterator[BaseException]:
    """Go through the exceptions that requests and urllib3 wrap into each other."""
    seen: BaseException | None = error
    for _ in range(12):
        if seen is None:
            return
        yield seen
        inner = getattr(seen, "reason", None)
        if not isinstance(inner, BaseException):
            inner = next((each for each in seen.args if isinstance(each, BaseException)), None)
        seen = inner or seen.__cause__ or seen.__context__


def _cause(url: str, error: BaseException) -> str:
    for inner in _layers(error):
        if isinstance(inner, socket.gaierror):
            return f"the host name {urlsplit(url).hostname or url!r} is not known"
        if isinstance(inner, (ConnectionResetError, BrokenPipeError)):
            return "the connection was cut"
        if isinstance(inner, OSError) and inner.errno is not None:
            return _BY_ERRNO.get(inner.errno) or (inner.strerror or "").lower() or "no connection"
    return "the connection was cut"
