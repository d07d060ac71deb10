"""What every object of the API carries."""

from __future__ import annotations

import json

import msgspec
import pytest

from oomsight_operator.kube.errors import MalformedObjectError
from oomsight_operator.kube.objects import NamespacedMeta, ObjectMeta, decode_object


class Cluster(msgspec.Struct):
    metadata: ObjectMeta


class Namespaced(msgspec.Struct):
    metadata: NamespacedMeta


def raw(**metadata: str) -> bytes:
    return json.dumps({"kind": "Thing", "metadata": {"resourceVersion": "7", "labels": {}, **metadata}, "spec": {}}).encode()


def test_an_object_is_known_by_uid_name_and_namespace() -> None:
    found = decode_object(msgspec.json.Decoder(Namespaced), raw(uid="u", name="n", namespace="shop"), "thing").metadata

    assert (found.uid, found.namespace, found.name, found.resource_version) == ("u", "shop", "n", "7")
    assert decode_object(msgspec.json.Decoder(Cluster), raw(uid="u", name="n"), "thing").metadata.name == "n"


def test_one_that_nobody_could_tell_from_another_is_malformed_and_the_message_names_the_fields() -> None:
    with pytest.raises(MalformedObjectError, match=r"^thing has an empty metadata\.uid and metadata\.namespace$"):
        decode_object(msgspec.json.Decoder(Namespaced), raw(uid="", name="n", namespace=""), "thing")


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff", b'{"metadata":{"uid":"u"}}', b'{"metadata":{"uid":"u","name":"n"}}'])
def test_what_is_no_such_object_does_not_parse(data: bytes) -> None:
    with pytest.raises(MalformedObjectError, match="thing does not parse"):
        decode_object(msgspec.json.Decoder(Namespaced), data, "thing")
