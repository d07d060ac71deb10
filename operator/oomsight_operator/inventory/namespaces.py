"""Namespaces and their labels, for the namespace selectors of cluster policies. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from sys import intern

import msgspec

from oomsight_operator.kube.errors import MalformedObjectError


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace, projected."""

    uid: str
    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    resource_version: str = ""


class _Meta(msgspec.Struct, rename="camel"):
    uid: str
    name: str
    resource_version: str = ""
    labels: dict[str, str] | None = None


class _Namespace(msgspec.Struct):
    metadata: _Meta


_decoder = msgspec.json.Decoder(_Namespace)


def project_namespace(raw: bytes | msgspec.Raw) -> Namespace:
    """A namespace from its JSON (metadata is enough). Raises MalformedObjectError."""
    try:
        meta = _decoder.decode(raw).metadata
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedObjectError(f"namespace does not parse: {error}") from error
    if not meta.uid or not meta.name:
        raise MalformedObjectError("namespace has an empty metadata.uid or metadata.name")
    labels = {intern(key): intern(value) for key, value in (meta.labels or {}).items()}
    return Namespace(uid=meta.uid, name=intern(meta.name), labels=labels, resource_version=meta.resource_version)
