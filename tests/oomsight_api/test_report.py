from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_api.report import (
    MAX_REPORT_BYTES,
    REPORT_VERSION,
    Container,
    Memory,
    NodeMemory,
    NodeReport,
    ReportError,
    decode,
    encode,
)

REPORT = NodeReport(
    node="node-1",
    instance="a1",
    cursor="7",
    full=True,
    time_seconds=1772359200.25,
    interval_seconds=1.0,
    cgroup_version=2,
    node_memory=NodeMemory(total_bytes=2**34),
    containers=(Container(container_id="c" * 64, pod_uid="u", cgroup="/k", memory=Memory(usage_bytes=0, limit_bytes=2**28)),),
)


def test_a_report_survives_the_wire() -> None:
    assert decode(encode(REPORT)) == REPORT


def test_absent_is_left_out_and_zero_is_not() -> None:
    (container,) = json.loads(encode(REPORT))["containers"]
    assert container["memory"] == {"usage_bytes": 0, "limit_bytes": 2**28}
    assert decode(encode(REPORT)).containers[0].memory.swap_bytes is None


def test_a_node_without_processes_outside_containers_is_not_one_where_nobody_looked() -> None:
    assert "host_processes" not in json.loads(encode(REPORT))
    nobody = msgspec.structs.replace(REPORT, host_processes=())
    assert json.loads(encode(nobody))["host_processes"] == []
    assert decode(encode(nobody)).host_processes == ()


def test_the_version_is_always_written_and_another_one_is_refused() -> None:
    document = json.loads(encode(REPORT))
    assert document["version"] == REPORT_VERSION
    document["version"] = REPORT_VERSION + 1
    with pytest.raises(ReportError, match=f"report has version {REPORT_VERSION + 1}, expected {REPORT_VERSION}"):
        decode(json.dumps(document).encode())


def test_fields_of_a_newer_agent_are_passed_over() -> None:
    document = json.loads(encode(REPORT))
    document["invented_later"] = {"a": 1}
    document["containers"][0]["invented_later"] = [1]
    assert decode(json.dumps(document).encode()) == REPORT


ROW = {"pod_uid": "u", "container_id": "c", "cgroup": "/"}


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("node", 5, "$.node"),
        ("containers", [{"container_id": 1}], "$.containers[0]"),
        ("full", "yes", "$.full"),
        ("cursor", None, "$.cursor"),
        ("node_memory", {"total_bytes": -1}, "$.node_memory.total_bytes"),
        ("node_memory", {"oom_kills": 10**400}, "$.node_memory.oom_kills"),
        ("pods", [{"pod_uid": "u", "cgroup": "/", "memory": {"usage_bytes": 2**63}}], "$.pods[0].memory.usage_bytes"),
        ("containers", [{**ROW, "oom_score_adj_max": 1001}], "$.containers[0].oom_score_adj_max"),
        ("containers", [{**ROW, "cgroup": "/" * 4097}], "$.containers[0].cgroup"),
        ("containers", [{**ROW, "processes": [{"pid": 1, "name": "a"}] * 33}], "$.containers[0].processes"),
        ("host_processes", [{"pid": 1, "name": "a"}] * 33, "$.host_processes"),
        ("host_processes", [{"pid": 1, "name": "a", "cgroup": "/" * 4097}], "$.host_processes[0].cgroup"),
        ("cgroups", [{"cgroup": "/"}] * 65, "$.cgroups"),
        ("oom_groups", ["/a"] * 257, "$.oom_groups"),
        ("oom_groups", ["/" * 4097], "$.oom_groups[0]"),
        ("cursor", "c" * 1025, "$.cursor"),
        ("incidents", [{"id": "i" * 257, "time_seconds": 1.0, "evidence": "counter"}], "$.incidents[0].id"),
        ("time_seconds", 1e300, "$.time_seconds"),
        ("time_seconds", -1.0, "$.time_seconds"),
    ],
)
def test_a_refusal_names_the_field(field: str, value: Any, named: str) -> None:
    document = {**json.loads(encode(REPORT)), field: value}
    with pytest.raises(ReportError) as refused:
        decode(json.dumps(document).encode())
    assert named in str(refused.value)


def test_an_answer_that_is_too_big_is_refused_unread() -> None:
    with pytest.raises(ReportError, match=f"expected at most {MAX_REPORT_BYTES}"):
        decode(b" " * (MAX_REPORT_BYTES + 1))


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"null", b"[" * 100_000, b'{"a":' * 100_000, b'{"node": "\\ud800"}'])
def test_what_is_no_report_is_refused_without_a_crash(data: bytes) -> None:
    with pytest.raises(ReportError):
        decode(data)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)


@given(
    st.binary() | st.dictionaries(st.sampled_from(NodeReport.__struct_fields__), _json).map(lambda each: json.dumps(each).encode())
)
def test_any_bytes_are_a_report_or_a_refusal(data: bytes) -> None:
    try:
        assert isinstance(decode(data), NodeReport)
    except ReportError:
        pass


@given(st.sampled_from(NodeReport.__struct_fields__), _json)
def test_any_value_in_any_field_is_a_report_or_a_refusal(field: str, value: Any) -> None:
    document = {**msgspec.to_builtins(REPORT), "version": REPORT_VERSION, field: value}
    try:
        assert isinstance(decode(json.dumps(document).encode()), NodeReport)
    except ReportError as refused:
        assert str(refused)  # noqa: PT017 - either outcome is right


def test_the_agent_can_import_it_without_paying_for_pydantic() -> None:
    code = "import sys, oomsight_api.report, oomsight_api.names; sys.exit('pydantic' in sys.modules or 'kubernetes' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
