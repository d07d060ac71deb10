"""Tells what happens to pods, from one state of the object to the next: the lines of the demo. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oomsight_api.names import Annotation, RiskLevel
from oomsight_sandbox.checks import annotation

Line = tuple[str, str | None]
"""Text and colour."""
_RISK_COLOURS = {RiskLevel.CRITICAL: "red", RiskLevel.HIGH: "red", RiskLevel.MEDIUM: "yellow", RiskLevel.LOW: "yellow"}


def changes(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> list[Line]:
    """What a user would want to be told between two states of a pod."""
    name = f"pod {after['metadata']['namespace']}/{after['metadata']['name']}"
    old_statuses = _statuses(before) if before else {}
    lines: list[Line] = []
    for container, status in _statuses(after).items():
        lines.extend(
            (f"{name}: {text}", colour) for text, colour in _container_changes(container, old_statuses.get(container), status)
        )
    lines.extend((f"{name}: {text}", colour) for text, colour in _annotation_changes(before, after))
    return lines


def _statuses(pod: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    status = pod.get("status") or {}
    every = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    return {entry["name"]: entry for entry in every}


def _container_changes(container: str, before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> list[Line]:
    old_state, state = (before or {}).get("state") or {}, after.get("state") or {}
    old_last = ((before or {}).get("lastState") or {}).get("terminated") or old_state.get("terminated") or {}
    ended = state.get("terminated") or (after.get("lastState") or {}).get("terminated") or {}
    lines: list[Line] = []
    if ended and ended.get("containerID") != old_last.get("containerID") and ended.get("reason") != "Completed":
        reason, code = ended.get("reason"), ended.get("exitCode")
        lines.append((f"container {container} {reason} (exit {code})", "red"))
    if "running" in state and "running" not in old_state:
        restarts = after.get("restartCount", 0)
        lines.append((f"container {container} started" + (f", restart {restarts}" if restarts else ""), None))
    waiting = state.get("waiting") or {}
    if waiting.get("reason") not in (None, "ContainerCreating") and waiting != old_state.get("waiting"):
        lines.append((f"container {container} {waiting['reason']}: {waiting.get('message', '')}", "dim"))
    return lines


def _annotation_changes(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> list[Line]:
    def was(key: Annotation) -> str:
        return annotation(before, key) if before else ""

    lines: list[Line] = []
    risk = annotation(after, Annotation.OOM_RISK)
    if risk and risk != was(Annotation.OOM_RISK):
        colour = _RISK_COLOURS.get(RiskLevel(risk), "green") if risk in set(RiskLevel) else None
        reasons = annotation(after, Annotation.OOM_RISK_REASONS)
        lines.append((f"oom-risk {was(Annotation.OOM_RISK) or '<none>'} -> {risk}{f' ({reasons})' if reasons else ''}", colour))
    for key in (Annotation.LAST_OOM_KILL, Annotation.RECOMMENDED_LIMIT):
        value = annotation(after, key)
        if value and value != was(key):
            lines.append((f"{key.value.partition('/')[2]} {value}", "cyan"))
    return lines
