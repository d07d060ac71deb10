"""What every object of the API carries, and how one is decoded: the one definition that all projections stand on. Pure."""

from __future__ import annotations

from typing import Protocol, TypeVar

import msgspec

from oomsight_operator.kube.errors import MalformedObjectError


class ObjectMeta(msgspec.Struct, rename="camel"):
    """metav1.ObjectMeta of an object without a namespace, as far as every projection keeps it."""

    uid: str
    name: str
    resource_version: str = ""


class NamespacedMeta(ObjectMeta, kw_only=True, rename="camel"):
    """The same of an object in a namespace."""

    namespace: str


class HasMetadata(Protocol):
    """An object of the API."""

    @property
    def metadata(self) -> ObjectMeta: ...


T = TypeVar("T", bound=HasMetadata)


def decode_object(decoder: msgspec.json.Decoder[T], raw: bytes | msgspec.Raw, kind: str) -> T:
    """The object of a kind from its JSON. Raises MalformedObjectError when it is none, or nobody could tell it from another."""
    try:
        found = decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedObjectError(f"{kind} does not parse: {error}") from error
    needed = [("uid", found.metadata.uid), ("name", found.metadata.name)]
    if isinstance(found.metadata, NamespacedMeta):
        needed.append(("namespace", found.metadata.namespace))
    empty = " and ".join(f"metadata.{field}" for field, value in needed if not value)
    if empty:
        raise MalformedObjectError(f"{kind} has an empty {empty}")
    return found
