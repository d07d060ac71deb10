"""The protobuf of `kubectl create`: simple kinds are read, all else is refused whole. test_kubectl.py sends the real thing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_sandbox.apiserver.protobuf import MAGIC, decode


def field(number: int, value: bytes | int) -> bytes:
    """One field of a message, for values below 128."""
    return bytes([number << 3, value]) if isinstance(value, int) else bytes([number << 3 | 2, len(value)]) + value


def body(kind: str, raw: bytes, api_version: str = "v1") -> bytes:
    type_meta = field(1, api_version.encode()) + field(2, kind.encode())
    return MAGIC + field(1, type_meta) + field(2, raw) + field(3, b"") + field(4, b"")


METADATA = field(1, field(1, b"c") + field(2, b"") + field(11, field(1, b"app") + field(2, b"web")))


def test_a_config_map_is_read() -> None:
    raw = METADATA + field(2, field(1, b"key") + field(2, "wert ä".encode())) + field(4, 1)
    assert decode(body("ConfigMap", raw)) == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c", "labels": {"app": "web"}},
        "data": {"key": "wert ä"},
        "immutable": True,
    }


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"{}", "does not begin"),
        (MAGIC, "no kind"),
        (body("Pod", METADATA), "use `kubectl apply -f`"),
        (body("ConfigMap", METADATA + field(9, b"new")), "found the protobuf field 9"),
        (body("ConfigMap", field(1, 5)), "expected bytes"),
        (body("ConfigMap", field(4, b"x")), "expected a number"),
        (body("ConfigMap", METADATA)[:-3] + b"\x22\x7f", "ends in the middle"),
        (MAGIC + b"\xff" * 20, "ends in the middle of a number"),
        (MAGIC + b"\x0f", "wire type 7"),
    ],
)
def test_what_cannot_be_read_whole_is_refused(data: bytes, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        decode(data)


def test_unknown_fields_that_say_nothing_are_no_reason_to_refuse() -> None:
    assert decode(body("ConfigMap", METADATA + field(9, b"") + field(10, 0)))["metadata"]["name"] == "c"


@given(st.binary(max_size=60), st.sampled_from(["ConfigMap", "Secret", "Namespace", "ServiceAccount"]))
def test_any_bytes_are_an_object_or_a_value_error(raw: bytes, kind: str) -> None:
    for data in (MAGIC + raw, body(kind, raw)):
        try:
            assert decode(data)["kind"] == kind
        except ValueError:
            pass
