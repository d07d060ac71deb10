"""Reading what clients send: sizes, media types, JSON and YAML. Everything that cannot be read is a StatusError."""

from __future__ import annotations

from typing import Any

import yaml
from aiohttp import web

from . import protobuf, status
from .patch import APPLY_PATCH
from .rest import PATCH_TYPES
from .values import decode, encode

MAX_BODY_BYTES = 3 * 1024 * 1024
_BODY_TYPES = ("application/json", "application/yaml")


async def read_body(request: web.Request, verb: str) -> tuple[Any, str]:
    """The decoded body (None if empty) and its media type; 400, 413, 415 for what cannot be read."""
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise status.too_large(MAX_BODY_BYTES)
    content_type = request.headers.get("Content-Type", "application/json").partition(";")[0].strip().lower()
    supported = PATCH_TYPES if verb == "patch" else (*_BODY_TYPES, protobuf.CONTENT_TYPE)
    body = await request.read()
    if verb in ("delete", "deletecollection") and not body.strip():
        return None, content_type
    if content_type not in supported:
        raise status.unsupported_media_type(content_type[:100], supported)
    if not body.strip():
        raise status.bad_request("the request has no body")
    if content_type == protobuf.CONTENT_TYPE:
        return _decode_protobuf(body), content_type
    try:
        return (_decode_yaml(body) if content_type in ("application/yaml", APPLY_PATCH) else decode(body)), content_type
    except ValueError as error:
        raise status.bad_request(f"the object provided is unrecognized: couldn't decode the body: {str(error)[:300]}") from None


def _decode_protobuf(body: bytes) -> Any:
    try:
        return protobuf.decode(body)
    except ValueError as error:
        raise status.StatusError(415, "UnsupportedMediaType", str(error)) from None


def _decode_yaml(body: bytes) -> Any:
    """YAML of plain values: JSON is tried first, aliases are refused (they can blow up), and so is what JSON cannot say."""
    try:
        return decode(body)
    except ValueError:
        pass
    try:
        if any(isinstance(event, yaml.events.AliasEvent) for event in yaml.parse(body, Loader=yaml.CSafeLoader)):
            raise ValueError("YAML aliases are not accepted")
        return decode(encode(yaml.load(body, Loader=_PlainLoader)))
    except (yaml.YAMLError, RecursionError, TypeError, OverflowError) as error:
        raise ValueError(str(error)) from None


class _PlainLoader(yaml.CSafeLoader):
    """A safe loader that leaves times as text, as Kubernetes' YAML does."""


_PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
