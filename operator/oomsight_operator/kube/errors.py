"""What the API server refuses, as one exception that says what to do about it. Pure parsing, no I/O."""

from __future__ import annotations

import email.utils
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

MAX_MESSAGE_CHARACTERS = 1000


class ApiError(Exception):
    """The API server refused, or could not be reached.

    `status` is the HTTP status, 0 when there was no answer at all (refused, reset, timeout). `reason` is the Status object's
    reason (`NotFound`, `Conflict`, `Forbidden`, `Expired` …), `ConnectionError` or `Timeout` without an answer.
    """

    def __init__(self, status: int, reason: str, message: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(f"{message} ({status} {reason})" if status else f"{message} ({reason})")
        self.status = status
        self.reason = reason
        self.message = message
        self.retry_after_seconds = retry_after_seconds

    @property
    def transient(self) -> bool:
        """Whether the same request may succeed later: no answer, too many requests, or the server's own failure."""
        return self.status in (0, 429) or self.status >= 500


class MalformedObjectError(ValueError):
    """An object or line that is not what the API promises; the message says which field and why."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a request path is about, in the words of RBAC."""

    verb: str
    group: str
    resource: str
    namespace: str | None
    name: str | None

    @property
    def rule(self) -> str:
        """The RBAC rule that would allow it."""
        return f'apiGroups: ["{self.group}"], resources: ["{self.resource}"], verbs: ["{self.verb}"]'

    def __str__(self) -> str:
        resource = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{self.verb} {resource}" + (f" in namespace {self.namespace}" if self.namespace else "")


_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


def target_of(method: str, path: str, params: Mapping[str, str] | None = None) -> Target:
    """Verb, group, resource, namespace and name of a request, from `/api/v1/…` or `/apis/GROUP/VERSION/…`."""
    parts = path.strip("/").split("/")
    group, rest = ("", parts[2:]) if parts[0] == "api" else (parts[1] if len(parts) > 1 else "", parts[3:])
    namespace = None
    if len(rest) > 2 and rest[0] == "namespaces":
        namespace, rest = rest[1], rest[2:]
    resource = rest[0] if rest else path
    name = rest[1] if len(rest) > 1 else None
    if len(rest) > 2:
        resource = f"{resource}/{rest[2]}"
    if method == "GET":
        watching = params is not None and params.get("watch") in ("1", "true")
        verb = "get" if name else "watch" if watching else "list"
    elif method == "DELETE" and not name:
        verb = "deletecollection"
    else:
        verb = _VERBS.get(method, method.lower())
    return Target(verb=verb, group=group, resource=resource, namespace=namespace, name=name)


MOST_RETRY_AFTER_SECONDS = 300.0
"""A proxy's mistake must not silence the operator for a day."""


def parse_retry_after(value: str | None, now_seconds: float) -> float | None:
    """Seconds to wait from a Retry-After header: seconds or an HTTP date (RFC 9110 §10.2.3), at most MOST_RETRY_AFTER_SECONDS. None
    for anything else."""
    if value is None:
        return None
    if value.strip().isascii() and value.strip().isdigit():
        return float(min(int(value.strip()[:9]), MOST_RETRY_AFTER_SECONDS))
    try:
        date = email.utils.parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    return min(max(date.timestamp() - now_seconds, 0.0), MOST_RETRY_AFTER_SECONDS)


def error_from_response(  # the whole answer is what it takes
    http_status: int, body: bytes, target: Target, retry_after: str | None = None, now_seconds: float = 0.0
) -> ApiError:
    """ApiError from an answer that is no success. The body should be a Status object, but proxies send anything."""
    status = parse_status(body)
    details = status.get("details")
    retry_seconds = parse_retry_after(retry_after, now_seconds)
    if retry_seconds is None and isinstance(details, dict):
        found = details.get("retryAfterSeconds")
        retry_seconds = float(min(found, MOST_RETRY_AFTER_SECONDS)) if isinstance(found, int) and found > 0 else None
    said = status.get("message")
    message = str(said)[:MAX_MESSAGE_CHARACTERS] if said else f"the API server answered {http_status}"
    reason = str(status.get("reason") or "")[:100] or _REASONS.get(http_status, "Unknown")
    if http_status == 403:
        message = f"forbidden to {target}: {message}; the role of this service account needs the rule {target.rule}"
    elif http_status == 401:
        message = f"not logged in for {target}: {message}; check the service account's token or the kubeconfig"
    else:
        message = f"{target}{f' {target.name}' if target.name else ''}: {message}"
    return ApiError(http_status, reason, message, retry_seconds)


_REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    410: "Gone",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}


def parse_status(body: bytes) -> dict[str, Any]:
    """The Status object in a body, or nothing."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return {}
    return document if isinstance(document, dict) else {}
