"""JSON from strangers, times, names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_sandbox.apiserver.values import (
    copy_json,
    decode,
    encode,
    label_value_problem,
    name_problem,
    parse_time,
    qualified_name_problem,
    timestamp,
)


@given(st.binary(max_size=50))
def test_any_bytes_are_a_value_or_a_value_error(body: bytes) -> None:
    try:
        value = decode(body)
    except ValueError:
        return
    assert decode(encode(value)) == value


@pytest.mark.parametrize("depth", [150, 199])
def test_deep_values_are_read(depth: int) -> None:
    assert decode(b"[" * depth + b"]" * depth)


@pytest.mark.parametrize("body", [b"[" * 201 + b"]" * 201, b'{"a":' * 300 + b"1" + b"}" * 300, b"[" * 200_000])
def test_deeper_ones_are_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"nested|recursion|truncated"):
        decode(body)


def test_a_copy_shares_nothing() -> None:
    value = {"a": [{"b": 1}]}
    copied = copy_json(value)
    copied["a"][0]["b"] = 2
    assert value == {"a": [{"b": 1}]}


@given(st.integers(min_value=0, max_value=4_000_000_000))
def test_times_survive_being_written_and_read(seconds: int) -> None:
    assert parse_time(timestamp(seconds)) == seconds


@pytest.mark.parametrize("text", [None, 5, "", "2026-01-01", "2026-01-01T00:00:00", "now", "2026-13-01T00:00:00Z"])
def test_what_is_no_time_with_a_zone_is_none(text: object) -> None:
    assert parse_time(text) is None


@pytest.mark.parametrize(
    ("name", "good"), [("web-1.example", True), ("Web", False), ("-a", False), ("a" * 254, False), ("a..b", False), ("a\n", False)]
)
def test_names_are_subdomains(name: str, good: bool) -> None:
    assert (name_problem(name) is None) is good


def test_names_of_namespaces_are_labels() -> None:
    assert name_problem("a.b", label=True)
    assert name_problem("a" * 64, label=True)
    assert name_problem("a-b", label=True) is None


@pytest.mark.parametrize(
    ("key", "good"),
    [("app", True), ("a.b/c_d", True), ("/a", False), ("a/", False), ("a/b/c", False), ("A.b/c", False), ("", False)],
)
def test_keys_of_labels_are_qualified_names(key: str, good: bool) -> None:
    assert (qualified_name_problem(key) is None) is good


@pytest.mark.parametrize(("value", "good"), [("", True), ("a.b_c-1", True), ("-a", False), ("a b", False), ("a" * 64, False)])
def test_label_values_are_short_and_plain(value: str, good: bool) -> None:
    assert (label_value_problem(value) is None) is good
