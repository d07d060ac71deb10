"""Cells as kubectl prints them."""

from __future__ import annotations

from typing import Any

import pytest

from oomsight_sandbox.apiserver import table_cells
from oomsight_sandbox.apiserver.resources import BUILT_IN
from oomsight_sandbox.apiserver.table import cells_of, columns_of

NOW = 1_767_225_600.0  # 2026-01-01T00:00:00Z


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "<invalid>"), (-0.5, "0s"), (0, "0s"), (119, "119s"), (120, "2m"), (150, "2m30s"), (600, "10m"), (10_799, "179m"),
        (10_800, "3h"), (12_000, "3h20m"), (28_800, "8h"), (172_799, "47h"), (172_800, "2d"), (180_000, "2d2h"), (691_200, "8d"),
        (63_072_000, "2y"), (70_000_000, "2y80d"), (300_000_000, "9y"),
    ],
)  # fmt: skip
def test_durations_are_those_of_human_duration(seconds: float, shown: str) -> None:
    assert table_cells.human_duration(seconds) == shown


def pod(*statuses: dict[str, Any], phase: str = "Running", **metadata: Any) -> dict[str, Any]:
    containers = [{"name": f"c{index}"} for index in range(max(len(statuses), 1))]
    return {
        "metadata": {"name": "web", **metadata},
        "spec": {"containers": containers},
        "status": {"phase": phase, "containerStatuses": list(statuses)},
    }


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (pod(phase="Pending"), "Pending"),
        (pod({"ready": True, "state": {"running": {}}}), "Running"),
        (pod({"state": {"waiting": {"reason": "CrashLoopBackOff"}}}), "CrashLoopBackOff"),
        (pod({"state": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}}), "OOMKilled"),
        (pod({"state": {"terminated": {"exitCode": 3}}}), "ExitCode:3"),
        (pod({"state": {"terminated": {"signal": 9}}}), "Signal:9"),
        (pod({"state": {"running": {}}}, deletionTimestamp="2026-01-01T00:00:00Z"), "Terminating"),
        ({**pod(), "status": {"phase": "Failed", "reason": "Evicted"}}, "Evicted"),
        ({"metadata": {"name": "x"}, "spec": {}}, "Unknown"),
        (
            {
                **pod(),
                "status": {
                    "phase": "Pending",
                    "initContainerStatuses": [{"state": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}}],
                },
            },
            "Init:OOMKilled",
        ),
        (
            {**pod(), "status": {"phase": "Pending", "initContainerStatuses": [{"state": {"running": {}}}]}},
            "Init:0/0",
        ),
    ],
)
def test_the_status_of_a_pod_is_kubectls(data: dict[str, Any], shown: str) -> None:
    assert table_cells.pod_status(data, NOW) == shown


def test_restarts_tell_when_the_last_was() -> None:
    ended = {"terminated": {"finishedAt": "2025-12-31T23:57:00Z"}}
    data = pod({"ready": True, "restartCount": 3, "lastState": ended}, {"ready": False, "restartCount": 1})
    assert table_cells.pod_restarts(data, NOW) == "4 (3m ago)"
    assert table_cells.pod_ready(data, NOW) == "1/2"
    assert table_cells.pod_restarts(pod(), NOW) == "0"


def test_nodes_and_events_are_summed_up() -> None:
    node = {"metadata": {"labels": {"node-role.kubernetes.io/worker": ""}}, "spec": {"unschedulable": True}, "status": {}}
    assert table_cells.node_status(node, NOW) == "Unknown,SchedulingDisabled"
    assert table_cells.node_roles(node, NOW) == "worker"
    event = {
        "involvedObject": {"kind": "Pod", "name": "web"},
        "eventTime": "2025-12-31T23:00:00Z",
        "reportingComponent": "x",
        "series": {"count": 4},
    }
    assert table_cells.event_object(event, NOW) == "pod/web"
    assert table_cells.event_last_seen(event, NOW) == "60m"
    assert table_cells.event_count(event, NOW) == 4


@pytest.mark.parametrize("resource", BUILT_IN, ids=lambda resource: f"{resource.group}/{resource.kind}")
def test_every_kind_has_a_row_for_its_emptiest_object(resource: Any) -> None:
    columns = columns_of(resource)
    row = cells_of(resource, columns, {"metadata": {"name": "x"}, "spec": {}}, NOW)
    assert len(row) == len(columns)
    assert "x" in row
