"""What can go wrong between us and the API server, by what one can do about it."""

from jaxop.api.plan import Manifest


class KubeError(Exception):
    """Everything that this package raises on purpose."""


class FatalError(KubeError):
    """Cannot be handled here: ends the process with this message, and Kubernetes restarts it."""


class NotLeading(KubeError):  # noqa: N818 - a state, not a mistake
    """A write was held back because this process does not hold the Lease (any more)."""


class Unreachable(KubeError):  # noqa: N818
    """No answer: connection refused, reset, timed out. A write may or may not have happened."""


class Malformed(KubeError):  # noqa: N818
    """A watch sent something that is not a watch event."""


class Superseded(KubeError):  # noqa: N818
    """The object changed during the pass: what was decided is about a past version."""


class ApiError(KubeError):
    """The API server answered with a failure; `status` is the HTTP code."""

    def __init__(
        self, request: str, status: int, body: Manifest, retry_after: float | None = None
    ) -> None:
        self.request = request
        self.status = status
        self.body = body
        self.reason: str = body.get("reason", "")
        self.message: str = body.get("message", "") or f"HTTP {status}"
        self.details: Manifest = body.get("details") or {}
        self.retry_after = retry_after or self.details.get("retryAfterSeconds")
        """Seconds that the server asked us to wait, if it did."""
        super().__init__(f"{request}: {status} {self.reason}: {self.message}")

    def has_cause(self, reason: str) -> bool:
        return any(cause.get("reason") == reason for cause in self.details.get("causes") or ())


class BadRequest(ApiError):  # noqa: N818
    """400."""


class Unauthorized(ApiError):  # noqa: N818
    """401, and fresh credentials did not help."""


class Forbidden(ApiError):  # noqa: N818
    """403: RBAC, quota, admission, or a namespace that is going away."""


class NotFound(ApiError):  # noqa: N818
    """404: no such object, namespace or kind."""


class Conflict(ApiError):  # noqa: N818
    """409: the object changed since we read it, or a precondition (uid) does not hold."""


class AlreadyExists(Conflict):
    """409 on a create: the name is taken."""


class Gone(ApiError):  # noqa: N818
    """410: the resourceVersion or continue token is too old: list anew."""


class Invalid(ApiError):  # noqa: N818
    """422: the object does not validate (413: it is too large)."""


class TooManyRequests(ApiError):  # noqa: N818
    """429, and waiting as long as the server asked did not help."""


class ServerError(ApiError):
    """5xx."""


_BY_STATUS: dict[int, type[ApiError]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    413: Invalid,
    422: Invalid,
    429: TooManyRequests,
}


def api_error(
    request: str, status: int, body: Manifest, retry_after: float | None = None
) -> ApiError:
    """The error for a response, or for the Status object inside a watch's ERROR event."""
    kind = _BY_STATUS.get(status, ServerError if status >= 500 else ApiError)
    if status == 409 and body.get("reason") == "AlreadyExists":
        kind = AlreadyExists
    return kind(request, status, body, retry_after)
