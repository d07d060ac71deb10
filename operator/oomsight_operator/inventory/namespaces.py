"""Namespaces and their labels, for the namespace selectors of cluster policies. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from sys import intern

import msgspec

from oomsight_operator.kube.objects import ObjectMeta, decode_object


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace, projected."""

    uid: str
    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    resource_version: str = ""


class _Meta(ObjectMeta, rename="camel"):
    labels: dict[str, str] | None = None


class _Namespace(msgspec.Struct):
    metadata: _Meta


_decoder = msgspec.json.Decoder(_Namespace)


def project_namespace(raw: bytes | msgspec.Raw) -> Namespace:
    """A namespace from its JSON (metadata is enough). Raises MalformedObjectError."""
    meta = decode_object(_decoder, raw, "namespace").metadata
    labels = {intern(key): intern(value) for key, value in (meta.labels or {}).items()}
    return Namespace(uid=meta.uid, name=intern(meta.name), labels=labels, resource_version=meta.resource_version)
