from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from oomsight_api.recommendation import (
    ContainerRecommendation,
    KillEvidence,
    KillRecord,
    MemoryRecommendationStatus,
    Resource,
    Step,
    Summary,
)

ETCD_LIMIT_BYTES = 1_572_864

KILL = KillRecord(
    time="2026-03-01T10:00:00Z",
    pod="web-1",
    pod_uid="11111111-2222-3333-4444-555555555555",
    container_id="a" * 64,
    source=KillEvidence.STATUS,
    limit="256Mi",
    exit_code=137,
)
STATUS = MemoryRecommendationStatus(
    policy="MemoryPolicy team-a/default",
    summary=Summary(workload="Deployment/web", container="app", current_limit="256Mi", recommended_limit="512Mi", oom_kills=1),
    containers=(
        ContainerRecommendation(
            name="app",
            current_limit="256Mi",
            recommended_limit="512Mi",
            reason="killed at 256Mi",
            steps=(Step(resource=Resource.LIMIT, rule="StartFromKillingLimit", why="it was killed there", after="256Mi"),),
            oom_kills=1,
            kills=(KILL,),
            digest="v1:abc",
        ),
    ),
)


def admitted(schemas: Any, status: dict[str, Any]) -> list[str]:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    _, errors = schemas["MemoryRecommendation"].admit_object(
        {"apiVersion": "x", "kind": "x", "metadata": {}, "spec": {"targetRef": target}, "status": status}
    )
    return list(errors)


def test_a_status_as_written_is_admitted_by_the_schema_and_read_back_the_same(schemas: Any) -> None:
    assert admitted(schemas, STATUS.to_wire()) == []
    assert MemoryRecommendationStatus.model_validate(STATUS.to_wire()) == STATUS


def test_a_kill_is_written_with_the_names_of_the_api_and_without_what_is_unknown() -> None:
    assert KILL.to_wire() == {
        "time": "2026-03-01T10:00:00Z",
        "pod": "web-1",
        "podUID": "11111111-2222-3333-4444-555555555555",
        "containerID": "a" * 64,
        "source": "Status",
        "limit": "256Mi",
        "exitCode": 137,
        "processes": 1,
        "sequence": 0,
    }


@pytest.mark.parametrize(
    ("field", "value"), [("digest", "x" * 4097), ("kills", [KILL.to_wire()] * 11), ("oomKills", -1), ("reason", "x" * 513)]
)
def test_history_is_bounded_by_model_and_schema_alike(field: str, value: Any, schemas: Any) -> None:
    container = {"name": "app", field: value}
    assert admitted(schemas, {"containers": [container]}) != []
    with pytest.raises(ValidationError):
        ContainerRecommendation.model_validate(container)


def greatest(schema: dict[str, Any]) -> Any:
    """The longest value that a schema admits."""
    if "enum" in schema:
        return max(schema["enum"], key=len)
    match schema["type"]:
        case "object":
            return {name: greatest(child) for name, child in schema["properties"].items()}
        case "array":
            return [greatest(schema["items"])] * schema["maxItems"]
        case "string":
            return "x" * schema.get("maxLength", 40)
        case _:
            return 2**63 - 1


@pytest.mark.parametrize("kind", ["MemoryPolicy", "ClusterMemoryPolicy", "MemoryRecommendation"])
def test_the_greatest_status_that_the_schema_admits_fits_into_etcd(kind: str, schemas: Any) -> None:
    status = greatest(schemas[kind].schema["properties"]["status"])
    assert len(json.dumps(status)) < ETCD_LIMIT_BYTES * 0.75
