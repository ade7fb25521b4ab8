"""Every error a user can meet. Each says what happened, why, and what to do next."""

from __future__ import annotations


class EtiqError(Exception):
    """Base of all errors of this package.

    Parameters
    ----------
    what : str
        What happened, in one sentence without a full stop.
    why : str, optional
        The cause, as far as it is known.
    hint : str, optional
        What the reader can do next.
    """

    code = "error"
    """Machine-readable name, also the ``code`` of the dashboard's problem documents."""
    status = 500
    """The HTTP status that carries this error."""

    def __init__(self, what: str, *, why: str = "", hint: str = "") -> None:
        self.what = what
        self.why = why
        self.hint = hint
        super().__init__(what)

    def __str__(self) -> str:
        text = self.what
        if self.why:
            text += f" ({self.why})"
        text += "."
        if self.hint:
            text += f" {self.hint[:1].upper()}{self.hint[1:]}."
        return text

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.what, self.why, self.hint, self.__dict__))


def _rebuild(
    kind: type[EtiqError], what: str, why: str, hint: str, state: dict[str, object]
) -> EtiqError:
    error = kind.__new__(kind)
    EtiqError.__init__(error, what, why=why, hint=hint)
    error.__dict__.update(state)
    return error


class AuthError(EtiqError):
    """The dashboard does not accept the token, or a token is missing."""

    code = "unauthorized"
    status = 401


class Forbidden(EtiqError):
    """Known who asks, but the role does not allow it."""

    code = "forbidden"
    status = 403


class NotFound(EtiqError):
    """There is no such thing, or the asker may not see it.

    Parameters
    ----------
    nearest : tuple of str
        Names that are close to the one asked for.
    """

    code = "not_found"
    status = 404

    def __init__(
        self, what: str, *, why: str = "", hint: str = "", nearest: tuple[str, ...] = ()
    ) -> None:
        self.nearest = nearest
        if nearest and not hint:
            hint = "did you mean " + " or ".join(repr(name) for name in nearest) + "?"
        super().__init__(what, why=why, hint=hint)

    def __str__(self) -> str:
        return super().__str__().replace("?.", "?")


class Conflict(EtiqError):
    """What is asked contradicts what is there."""

    code = "conflict"
    status = 409


class Invalid(EtiqError, ValueError):
    """The input is not acceptable.

    Parameters
    ----------
    path : str
        Where in the input the fault is, for example ``$.filters[0].op``; empty for the whole.
    """

    code = "invalid"
    status = 422

    def __init__(self, what: str, *, why: str = "", hint: str = "", path: str = "") -> None:
        self.path = path
        super().__init__(what, why=why, hint=hint)


class Lacking(Conflict):
    """The dashboard lacks chunks that a manifest refers to; send them and then the manifest again.

    Parameters
    ----------
    lacking : tuple of str
        BLAKE3 hashes of the chunks.
    """

    code = "lacking"

    def __init__(
        self, what: str, *, why: str = "", hint: str = "", lacking: tuple[str, ...] = ()
    ) -> None:
        self.lacking = lacking
        super().__init__(what, why=why, hint=hint)


class TooLarge(Invalid):
    """The input is bigger than what is accepted; ``GET /me`` names the limits."""

    code = "too_large"
    status = 413


class RateLimited(EtiqError):
    """Too many attempts in a short time.

    Parameters
    ----------
    retry_after : int
        Seconds to wait before the next attempt.
    """

    code = "rate_limited"
    status = 429

    def __init__(self, what: str, *, why: str = "", hint: str = "", retry_after: int = 1) -> None:
        self.retry_after = retry_after
        super().__init__(what, why=why, hint=hint)


class AuthorizationPending(EtiqError):
    """Nobody has answered yet whether a device may be logged in; ask again."""

    code = "authorization_pending"
    status = 400


class SlowDown(AuthorizationPending):
    """Nobody has answered yet, and the device asks too often; wait five seconds longer."""

    code = "slow_down"


class AccessDenied(AuthError):
    """Somebody has refused to log the device in."""

    code = "access_denied"
    status = 400


class ExpiredCode(AuthError):
    """A device code is not valid: its time is over, it was used, or it never was one."""

    code = "expired_token"
    status = 400


class ConfigError(EtiqError):
    """A configuration file is missing, unreadable or malformed."""

    code = "config"
    status = 422


class NotADashboard(EtiqError):
    """Something answers at the address, but it is not a dashboard."""

    code = "not_a_dashboard"
    status = 502


class Offline(EtiqError, ConnectionError):
    """The dashboard cannot be reached."""

    code = "offline"
    status = 503


class ServerError(EtiqError):
    """The dashboard failed while answering."""

    code = "server_error"
    status = 500


class StorageFull(EtiqError, OSError):
    """This disk, or the quota for local copies, has no room."""

    code = "storage_full"
    status = 507


class Corrupt(EtiqError):
    """Stored bytes do not match their hash, or are cut short."""

    code = "corrupt"
    status = 500


class UnsafeContent(EtiqError):
    """The content could execute code or exhaust memory when read, so it was not read."""

    code = "unsafe_content"
    status = 422


class NotKept(EtiqError):
    """A value has no safe form; a snapshot records it as recomputable, with this reason."""

    code = "not_kept"
    status = 422


BY_CODE: dict[str, type[EtiqError]] = {
    kind.code: kind
    for kind in (
        AuthError,
        Forbidden,
        NotFound,
        Conflict,
        Lacking,
        Invalid,
        TooLarge,
        RateLimited,
        AuthorizationPending,
        SlowDown,
        AccessDenied,
        ExpiredCode,
        ConfigError,
        NotADashboard,
        Offline,
        ServerError,
        StorageFull,
        Corrupt,
        UnsafeContent,
        NotKept,
    )
}
"""The error class for each ``code`` of a problem document."""
