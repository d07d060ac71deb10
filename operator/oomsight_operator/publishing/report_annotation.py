"""The `report` annotation: the judgement as compact JSON for machines, with units in the names, times and windows.

Bounded: what does not fit is left out from the least important on, and `leftOut` says what. Pure rendering.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

from oomsight_api.incident import KillMemory, LastSample
from oomsight_api.report import Container as ContainerRow
from oomsight_operator.judgement.forecast.outlook import Forecast
from oomsight_operator.judgement.kills.model import Kill
from oomsight_operator.judgement.model import Assessment, ContainerAssessment, Pod, Recommendation, RecommendationStep
from oomsight_operator.judgement.words import printable, time_text
from oomsight_operator.publishing.events import one_line

_KINDS = (
    ("age_seconds", "ageSeconds"),
    ("usage_bytes", "usageBytes"),
    ("limit_bytes", "limitBytes"),
    ("anon_bytes", "anonBytes"),
    ("file_bytes", "fileBytes"),
    ("shmem_bytes", "shmemBytes"),
    ("kernel_bytes", "kernelBytes"),
)
KILL_MEMORY_FIELDS = (*_KINDS, ("swap_bytes", "swapBytes"), ("free_bytes", "freeBytes"))
"""What the cgroup (or node) whose memory ran out held; `ageSeconds` where it is from so long before the kill."""
BEFORE_FIELDS = (*_KINDS, ("working_set_bytes", "workingSetBytes"), ("unreclaimable_bytes", "unreclaimableBytes"))
"""The container's last sample before the kill."""
REPORT_ANNOTATION_VERSION = 1
MAX_BYTES = 16 * 1024
"""A pod's annotations together may have 256 KiB, and each is kept by every watcher of pods."""
MAX_KILLS = 5
MAX_ADVICE_SENTENCE = 600
MEMORY_FIELDS = (
    ("usage_bytes", "usageBytes"),
    ("working_set_bytes", "workingSetBytes"),
    ("unreclaimable_bytes", "unreclaimableBytes"),
    ("headroom_bytes", "headroomBytes"),
    ("peak_interval_bytes", "peakIntervalBytes"),
    ("anon_bytes", "anonBytes"),
    ("file_bytes", "fileBytes"),
    ("shmem_bytes", "shmemBytes"),
    ("kernel_bytes", "kernelBytes"),
    ("swap_bytes", "swapBytes"),
)


def report_json(pod: Pod, assessment: Assessment) -> str:
    """One line of JSON, at most 16 KiB of printable ASCII. Unknown values are left out, never zero."""
    document = _compact(
        {
            "version": REPORT_ANNOTATION_VERSION,
            "time": time_text(assessment.time_seconds),
            "sampleTime": time_text(assessment.report_time_seconds) if assessment.report_time_seconds is not None else None,
            "node": printable(pod.node_name) if pod.node_name else None,
            "policy": printable(str(assessment.policy.ref)),
            "qosClass": assessment.qos_class.value,
            "risk": assessment.level.value,
            "reasons": [reason.value for reason in assessment.reasons],
            "containers": [_container(container) for container in assessment.containers],
        }
    )
    text = _dump(document)
    left_out: list[str] = []
    for field in ("processes", "limitSteps", "requestSteps", "kills", "forecast", "memory", "advice", "findings"):
        if len(text) <= MAX_BYTES:
            return text
        left_out.append(field)
        for container in document["containers"]:
            container.pop(field, None)
            container.get("recommendation", {}).pop(field, None)
        text = _dump({**document, "leftOut": left_out})
    while len(text) > MAX_BYTES and document["containers"]:
        document["containers"] = document["containers"][: len(document["containers"]) // 2]
        text = _dump({**document, "leftOut": [*left_out, "containers"]})
    return text


def _container(container: ContainerAssessment) -> dict[str, Any]:
    return _compact(
        {
            "name": printable(container.name),
            "kind": container.kind.value,
            "risk": container.level.value,
            "findings": [
                {"reason": finding.reason.value, "risk": finding.level.value, "why": printable(finding.sentence, 400)}
                for finding in container.findings
            ],
            "advice": [
                {"advice": given.advice.value, "why": printable(given.sentence, MAX_ADVICE_SENTENCE)} for given in container.advice
            ],
            "unknownBecause": printable(container.unknown_because, 400) if container.unknown_because else None,
            "limitBytes": container.memory_limit_bytes,
            "requestBytes": container.memory_request_bytes,
            "memory": _memory(container.row) if container.row is not None else None,
            "peakBytes": container.peak_bytes,
            "windowSeconds": int(container.window_seconds) if container.window_seconds is not None else None,
            "forecast": _forecast(container.forecast) if container.forecast is not None else None,
            "oomScoreAdj": _compact(
                {
                    "min": container.live_oom_score_adj_min,
                    "max": container.live_oom_score_adj_max,
                    "expected": container.expected_oom_score_adj,
                }
            ),
            "processes": _processes(container.row) if container.row is not None else None,
            "kills": [_kill(kill) for kill in container.kills[-MAX_KILLS:]],
            "killsKnown": len(container.kills) or None,
            "recommendation": _recommendation(container.recommendation) if container.recommendation is not None else None,
        }
    )


def _forecast(found: Forecast) -> dict[str, Any]:
    """Whole numbers; as of `sampleTime`."""
    grows = found.seconds_to_limit is not None
    return _compact(
        {
            "shape": found.shape.value,
            "secondsToLimit": _whole(found.seconds_to_limit),
            "earliestSeconds": _whole(found.earliest_seconds),
            "latestSeconds": _whole(found.latest_seconds),
            "confidence": found.confidence.value if grows else None,
            "growthBytesPerHour": int(found.growth_bytes_per_second * 3600) if grows else None,
            "floorBytes": found.floor_bytes,
            "limitBytes": found.limit_bytes,
            "windowSeconds": int(found.window_seconds),
            "points": found.points,
            "byPeaks": True if found.by_peaks else None,
            "why": printable(found.why, 200) or None,
        }
    )


def _whole(number: float | None) -> int | None:
    return int(number) if number is not None else None


def _memory(row: ContainerRow) -> dict[str, Any]:
    return _compact({name: getattr(row.memory, field) for field, name in MEMORY_FIELDS})


def _processes(row: ContainerRow) -> list[dict[str, Any]]:
    return [
        _compact(
            {
                "pid": process.pid,
                "name": printable(process.name, 64),
                "rssBytes": process.rss_bytes,
                "oomScoreAdj": process.oom_score_adj,
                "badnessPages": process.badness_points,
            }
        )
        for process in row.processes[:5]
    ]


def _kill(kill: Kill) -> dict[str, Any]:
    victim = {"pid": kill.victim_pid, "name": one_line(kill.victim_name, 64) if kill.victim_name is not None else None}
    return _compact(
        {
            "time": time_text(kill.time_seconds),
            "notBefore": time_text(kill.not_before_seconds) if kill.not_before_seconds is not None else None,
            "containerID": printable(kill.container_id, 128),
            "incident": one_line(kill.incident_id, 256) if kill.incident_id is not None else None,
            "evidence": kill.source.value,
            "scope": kill.scope.value if kill.scope is not None else None,
            "endedContainer": kill.ended_container,
            "limitBytes": kill.limit_bytes,
            "peakBytes": kill.peak_bytes,
            "exitCode": kill.exit_code,
            "processes": kill.processes,
            "victims": [_compact(victim)] if _compact(victim) else None,
            "cause": kill.cause.cause.value if kill.cause is not None else None,
            "why": one_line(kill.cause.sentence, 512) if kill.cause is not None else None,
            "memory": _numbers(kill.memory, KILL_MEMORY_FIELDS) if kill.memory is not None else None,
            "before": _numbers(kill.before, BEFORE_FIELDS) if kill.before is not None else None,
        }
    )


def _numbers(row: KillMemory | LastSample, fields: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Finite ones; JSON has no others."""
    values = {name: getattr(row, field) for field, name in fields}
    return _compact({name: value for name, value in values.items() if not isinstance(value, float) or math.isfinite(value)})


def _recommendation(found: Recommendation) -> dict[str, Any]:
    return _compact(
        {
            "limitBytes": found.limit_bytes,
            "requestBytes": found.request_bytes,
            "confidence": found.confidence.value,
            "confidenceReason": printable(found.confidence_why, 300) or None,
            "limitSteps": [_step(step) for step in found.limit_steps],
            "requestSteps": [_step(step) for step in found.request_steps],
            "qosClass": found.shape.qos_class_after.value if found.shape is not None else None,
            "oomScoreAdj": found.shape.oom_score_adj_after if found.shape is not None else None,
        }
    )


def _step(step: RecommendationStep) -> dict[str, Any]:
    return _compact(
        {"rule": step.rule, "beforeBytes": step.before_bytes, "afterBytes": step.after_bytes, "why": printable(step.why, 300)}
    )


def _compact(fields: dict[str, Any]) -> dict[str, Any]:
    """Without what is unknown or empty; 0 and False stay."""
    return {key: value for key, value in fields.items() if value is not None and value not in ([], {})}


def _dump(document: dict[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=True)
