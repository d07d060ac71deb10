"""The few protobuf bodies that kubectl sends: `kubectl create namespace|configmap|secret|serviceaccount|deployment` know no JSON.

Field numbers of k8s.io/api's generated.proto files, which never change. A body with a field that is not in these tables is
refused, not half read; everything else that kubectl sends is JSON.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from .values import JsonObject

CONTENT_TYPE = "application/vnd.kubernetes.protobuf"
MAGIC = b"k8s\x00"
HINT = "of protobuf bodies only simple ones of `kubectl create` are understood: write it as YAML and use `kubectl apply -f`"

Scalar = Literal["string", "bytes", "int", "bool", "ignored"]


@dataclass(frozen=True, slots=True)
class _Field:
    """`kind`: a scalar, or the fields of a message. `shape`: one value, a list of them, or a map from strings."""

    name: str
    kind: Scalar | dict[int, _Field] = "string"
    shape: Literal["one", "list", "map"] = "one"


_METADATA = {
    1: _Field("name"),
    2: _Field("generateName"),
    3: _Field("namespace"),
    8: _Field("creationTimestamp", "ignored"),
    11: _Field("labels", shape="map"),
    12: _Field("annotations", shape="map"),
    14: _Field("finalizers", shape="list"),
}
_PORT = {1: _Field("name"), 3: _Field("containerPort", "int"), 4: _Field("protocol"), 5: _Field("hostIP")}
_CONTAINER = {
    1: _Field("name"),
    2: _Field("image"),
    3: _Field("command", shape="list"),
    4: _Field("args", shape="list"),
    6: _Field("ports", _PORT, "list"),
    8: _Field("resources", {}),
}
_TEMPLATE = {1: _Field("metadata", _METADATA), 2: _Field("spec", {2: _Field("containers", _CONTAINER, "list")})}
_DEPLOYMENT = {
    1: _Field("replicas", "int"),
    2: _Field("selector", {1: _Field("matchLabels", shape="map")}),
    3: _Field("template", _TEMPLATE),
    4: _Field("strategy", {1: _Field("type")}),
}
_NAME_ONLY = {1: _Field("name")}
_KINDS: dict[tuple[str, str], dict[int, _Field]] = {
    ("v1", "Namespace"): {2: _Field("spec", {1: _Field("finalizers", shape="list")}), 3: _Field("status", {})},
    ("v1", "ConfigMap"): {2: _Field("data", shape="map"), 3: _Field("binaryData", "bytes", "map"), 4: _Field("immutable", "bool")},
    ("v1", "Secret"): {
        2: _Field("data", "bytes", "map"),
        3: _Field("type"),
        4: _Field("stringData", shape="map"),
        5: _Field("immutable", "bool"),
    },
    ("v1", "ServiceAccount"): {2: _Field("secrets", _NAME_ONLY, "list"), 3: _Field("imagePullSecrets", _NAME_ONLY, "list")},
    ("apps/v1", "Deployment"): {2: _Field("spec", _DEPLOYMENT), 3: _Field("status", "ignored")},
}
_ENVELOPE = {1: _Field("type", {1: _Field("apiVersion"), 2: _Field("kind")}), 2: _Field("raw", "bytes"), 4: _Field("contentType")}
_ENTRY = {1: _Field("key"), 2: _Field("value")}


def decode(body: bytes) -> JsonObject:
    """The object in a body as JSON values; ValueError for what is no protobuf of Kubernetes or not in the tables."""
    if not body.startswith(MAGIC):
        raise ValueError("the body does not begin as protobuf of Kubernetes does")
    envelope = _read(body[len(MAGIC) :], _ENVELOPE)
    kind = envelope.get("type") or {}
    api_version, name = str(kind.get("apiVersion", "")), str(kind.get("kind", ""))
    fields = _KINDS.get((api_version, name))
    if fields is None:
        raise ValueError(f"found a protobuf body of {api_version} {name or 'no kind'}: {HINT}")
    raw = base64.b64decode(envelope.get("raw", ""))
    return {"apiVersion": api_version, "kind": name, **_read(raw, {1: _Field("metadata", _METADATA), **fields})}


def _read(data: bytes, fields: dict[int, _Field]) -> JsonObject:
    result: JsonObject = {}
    for number, value in _values(data):
        field = fields.get(number)
        if field is None:
            if value not in (0, b""):
                raise ValueError(f"found the protobuf field {number}: {HINT}")
        elif field.shape == "map":
            entry = _read(_message(value), {1: _ENTRY[1], 2: _Field("value", field.kind)})
            result.setdefault(field.name, {})[entry.get("key", "")] = entry.get("value", "")
        elif field.shape == "list":
            result.setdefault(field.name, []).append(_convert(value, field.kind))
        elif field.kind != "ignored" and value != b"":
            result[field.name] = _convert(value, field.kind)
    return result


def _convert(value: int | bytes, kind: Scalar | dict[int, _Field]) -> Any:
    if isinstance(kind, dict):
        return _read(_message(value), kind)
    if kind in ("int", "bool"):
        if not isinstance(value, int):
            raise ValueError("found bytes in protobuf, expected a number")
        return bool(value) if kind == "bool" else value
    data = _message(value)
    return base64.b64encode(data).decode() if kind == "bytes" else data.decode("utf-8")


def _message(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ValueError("found a number in protobuf, expected bytes")
    return value


def _values(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Field numbers and values of a message: numbers for varints, bytes for the rest."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == 0:
            value, position = _varint(data, position)
            yield number, value
            continue
        if wire_type == 2:
            length, position = _varint(data, position)
        elif wire_type in (1, 5):
            length = 8 if wire_type == 1 else 4
        else:
            raise ValueError(f"found the protobuf wire type {wire_type}")
        if position + length > len(data):
            raise ValueError("the protobuf body ends in the middle of a field")
        yield number, data[position : position + length]
        position += length


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            break
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise ValueError("the protobuf body ends in the middle of a number")
