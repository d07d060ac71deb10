"""Errors as the API tells them: a `Status` object with code, reason and details.

Source: k8s.io/apimachinery/pkg/api/errors. Clients branch on `reason` and `code`, people read `message`; both are spelled as
upstream does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Cause:
    """One field that is wrong: `reason` as FieldValueInvalid, `field` as a path such as `spec.risk.hysteresisPercent`."""

    reason: str
    message: str
    field: str

    def as_json(self) -> dict[str, str]:
        return {"reason": self.reason, "message": self.message, "field": self.field}


class StatusError(Exception):
    """A request that fails, with all that its `Status` answer says.

    `kind` and `name` are what the request was about; `retry_after_seconds` also becomes the Retry-After header.
    """

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        group: str = "",
        kind: str = "",
        name: str = "",
        uid: str = "",
        causes: Sequence[Cause] = (),
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.group = group
        self.kind = kind
        self.name = name
        self.uid = uid
        self.causes = tuple(causes)
        self.retry_after_seconds = retry_after_seconds

    def as_json(self) -> dict[str, Any]:
        details: dict[str, Any] = {
            key: value
            for key, value in (("name", self.name), ("group", self.group), ("kind", self.kind), ("uid", self.uid))
            if value
        }
        if self.causes:
            details["causes"] = [cause.as_json() for cause in self.causes]
        if self.retry_after_seconds is not None:
            details["retryAfterSeconds"] = self.retry_after_seconds
        status: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }
        if details:
            status["details"] = details
        return status


def success(*, group: str, kind: str, name: str, uid: str = "") -> dict[str, Any]:
    """The answer to a DELETE that removed something at once."""
    details = {key: value for key, value in (("name", name), ("group", group), ("kind", kind), ("uid", uid)) if value}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


def _qualified(group: str, plural: str) -> str:
    return f"{plural}.{group}" if group else plural


def not_found(group: str, plural: str, name: str) -> StatusError:
    return StatusError(404, "NotFound", f'{_qualified(group, plural)} "{name}" not found', group=group, kind=plural, name=name)


def no_such_path() -> StatusError:
    return StatusError(404, "NotFound", "the server could not find the requested resource")


def already_exists(group: str, plural: str, name: str) -> StatusError:
    message = f'{_qualified(group, plural)} "{name}" already exists'
    return StatusError(409, "AlreadyExists", message, group=group, kind=plural, name=name)


def conflict(group: str, plural: str, name: str, why: str) -> StatusError:
    message = f'Operation cannot be fulfilled on {_qualified(group, plural)} "{name}": {why}'
    return StatusError(409, "Conflict", message, group=group, kind=plural, name=name)


def invalid(group: str, kind: str, name: str, causes: Sequence[Cause]) -> StatusError:
    """422, with a cause for each field that is wrong; the message strings them together as kubectl prints them."""
    told = [f"{cause.field}: {cause.message}" for cause in causes]
    body = told[0] if len(told) == 1 else "[" + ", ".join(told) + "]"
    qualified = f"{kind}.{group}" if group else kind
    return StatusError(422, "Invalid", f'{qualified} "{name}" is invalid: {body}', group=group, kind=kind, name=name, causes=causes)


def forbidden(group: str, plural: str, name: str, why: str, causes: Sequence[Cause] = ()) -> StatusError:
    message = f'{_qualified(group, plural)} "{name}" is forbidden: {why}'
    return StatusError(403, "Forbidden", message, group=group, kind=plural, name=name, causes=causes)


def bad_request(message: str) -> StatusError:
    return StatusError(400, "BadRequest", message)


def unauthorized() -> StatusError:
    return StatusError(401, "Unauthorized", "Unauthorized")


def method_not_allowed(method: str) -> StatusError:
    message = f"the server does not allow this method on the requested resource ({method})"
    return StatusError(405, "MethodNotAllowed", message)


def not_acceptable(accept: str) -> StatusError:
    message = f"only the following media types are accepted: application/json (asked for {accept!r})"
    return StatusError(406, "NotAcceptable", message)


def too_large(limit_bytes: int) -> StatusError:
    return StatusError(413, "RequestEntityTooLarge", f"Request entity too large: limit is {limit_bytes}")


def unsupported_media_type(found: str, supported: Sequence[str]) -> StatusError:
    message = (
        f"the body of the request was in an unknown format - accepted media types include: {', '.join(supported)} (found {found!r})"
    )
    return StatusError(415, "UnsupportedMediaType", message)


def expired(message: str) -> StatusError:
    """410: the resource version or the continue token is older than what is still known; the client lists anew."""
    return StatusError(410, "Expired", message)


def not_implemented(message: str) -> StatusError:
    return StatusError(501, "NotImplemented", message)
