"""Lists and watch events as they come over the wire, decoded no further than the informer needs. Pure.

Items stay raw: a projection of each kind (pods.py, namespaces.py, workloads.py) decodes what it keeps of them.
"""

from __future__ import annotations

import msgspec

from oomsight_operator.kube.errors import ApiError, MalformedObjectError

INITIAL_EVENTS_END = "k8s.io/initial-events-end"
"""Annotation of the bookmark that ends the initial events of a streaming list (KEP-3157)."""


class ListMeta(msgspec.Struct, rename="camel"):
    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class RawList(msgspec.Struct):
    """A page of a LIST."""

    metadata: ListMeta
    items: list[msgspec.Raw] | None = None


class RawEvent(msgspec.Struct):
    """A line of a WATCH: `{"type":"ADDED","object":{…}}`."""

    type: str
    object: msgspec.Raw


class HeaderMeta(msgspec.Struct, rename="camel"):
    uid: str = ""
    namespace: str = ""
    name: str = ""
    resource_version: str = ""
    annotations: dict[str, str] | None = None


class Header(msgspec.Struct):
    """What every object has, for deletes, bookmarks and objects whose rest is malformed."""

    metadata: HeaderMeta


class RawStatus(msgspec.Struct):
    """The Status object of an ERROR event."""

    code: int = 0
    reason: str = ""
    message: str = ""


_list = msgspec.json.Decoder(RawList)
_event = msgspec.json.Decoder(RawEvent)
_header = msgspec.json.Decoder(Header)
_status = msgspec.json.Decoder(RawStatus)
_DECODE_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def decode_list(body: bytes) -> RawList:
    """A page of a LIST. Raises MalformedObjectError, also without the resourceVersion that a watch must start from."""
    try:
        page = _list.decode(body)
    except _DECODE_ERRORS as error:
        raise MalformedObjectError(f"list does not parse: {error}") from error
    if not page.metadata.resource_version:
        raise MalformedObjectError("list has no metadata.resourceVersion")
    return page


def decode_event(line: bytes) -> RawEvent:
    """A line of a WATCH. Raises MalformedObjectError."""
    try:
        return _event.decode(line)
    except _DECODE_ERRORS as error:
        raise MalformedObjectError(f"watch line does not parse: {error}") from error


def decode_header(raw: msgspec.Raw) -> HeaderMeta:
    """An object's metadata. Raises MalformedObjectError."""
    try:
        return _header.decode(raw).metadata
    except _DECODE_ERRORS as error:
        raise MalformedObjectError(f"object's metadata does not parse: {error}") from error


def error_from_event(raw: msgspec.Raw) -> ApiError:
    """The ApiError that an ERROR event carries, usually 410 Expired."""
    try:
        status = _status.decode(raw)
    except _DECODE_ERRORS:
        return ApiError(0, "BadAnswer", "the watch ended with an ERROR event that does not parse")
    return ApiError(status.code, status.reason or "Unknown", f"the watch ended: {status.message[:500]}")
