"""What must be true at the demo's end, as sentences with the fields that prove them. Pure, over pods as kubectl gives them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oomsight_api.names import Advice, Annotation, RiskLevel, RiskReason
from oomsight_api.quantity import QuantityError, parse_bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """One thing that must be true; `found` says what was there instead (or the proof)."""

    sentence: str
    holds: bool
    found: str


def annotation(pod: Mapping[str, Any], key: Annotation) -> str:
    return str((pod["metadata"].get("annotations") or {}).get(key.value, ""))


def _statuses(pod: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list((pod.get("status") or {}).get("containerStatuses") or ())


def was_oom_killed(pod: Mapping[str, Any]) -> bool:
    """The stand-in for the kubelet (and so the kernel) says that a container of the pod was killed."""
    for status in _statuses(pod):
        for state in (status.get("state") or {}, status.get("lastState") or {}):
            if (state.get("terminated") or {}).get("reason") == "OOMKilled":
                return True
    return False


def _risk(pod: Mapping[str, Any]) -> RiskLevel | None:
    try:
        return RiskLevel(annotation(pod, Annotation.OOM_RISK))
    except ValueError:
        return None


def _reasons(pod: Mapping[str, Any]) -> list[str]:
    return annotation(pod, Annotation.OOM_RISK_REASONS).split(",")


def _at_risk(pod: Mapping[str, Any]) -> bool:
    risk = _risk(pod)
    return risk is not None and risk.severity > RiskLevel.NONE.severity


def _recommends_more(pod: Mapping[str, Any]) -> bool:
    """Every recommended limit (`app=96Mi`) is above the container's limit of today."""
    limits = {one["name"]: ((one.get("resources") or {}).get("limits") or {}).get("memory", 0) for one in pod["spec"]["containers"]}
    pairs = [part.partition("=") for part in annotation(pod, Annotation.RECOMMENDED_LIMIT).split()]
    try:
        return bool(pairs) and all(parse_bytes(value) > parse_bytes(limits.get(name, 0)) for name, _, value in pairs)
    except QuantityError:
        return False


def _killed_and_told(pod: Mapping[str, Any]) -> bool:
    return was_oom_killed(pod) and _at_risk(pod) and bool(annotation(pod, Annotation.LAST_OOM_KILL)) and _recommends_more(pod)


def _child_told(pod: Mapping[str, Any]) -> bool:
    restarts = sum(int(status.get("restartCount", 0)) for status in _statuses(pod))
    return restarts == 0 and RiskReason.CHILD_PROCESS_KILLED in _reasons(pod) and bool(annotation(pod, Annotation.LAST_OOM_KILL))


def _no_risk_of_its_own(pod: Mapping[str, Any]) -> bool:
    """None, or only that it is the first to die of a machine that is short of memory: somebody is."""
    return _risk(pod) is RiskLevel.NONE or (_at_risk(pod) and _reasons(pod) == [RiskReason.FIRST_TO_DIE])


def _advised(pod: Mapping[str, Any], advice: Advice | None = None) -> bool:
    """Given this advice, or any."""
    return (f"[{advice.value}]" if advice is not None else "\nAdvice: ") in annotation(pod, Annotation.SUMMARY)


def _well_sized(pod: Mapping[str, Any]) -> bool:
    return _no_risk_of_its_own(pod) and not _advised(pod)


Rule = Callable[[Mapping[str, Any]], bool]
RULES: tuple[tuple[str, str, Rule], ...] = (
    ("recommender", "killed at its start: at risk, with its last kill and a higher recommended limit", _killed_and_told),
    ("checkout", "killed by its leak: at risk, with its last kill and a higher recommended limit", _killed_and_told),
    (
        "thumbnails",
        "its child was killed, it never restarted, and it is told nevertheless, with advice",
        lambda pod: _child_told(pod) and _advised(pod, Advice.SILENT_KILLS),
    ),
    ("search", "usage at the limit, but it is page cache: no risk", _no_risk_of_its_own),
    ("spool", "tmpfs fills the limit: at risk", _at_risk),
    ("web", "well sized: no risk of its own and no advice", _well_sized),
    (
        "toolbox",
        "no limit and no request: named as such",
        lambda pod: RiskReason.NO_LIMIT in _reasons(pod) and _advised(pod, Advice.NO_REQUEST),
    ),
)


def check(pods: Sequence[Mapping[str, Any]]) -> list[Outcome]:
    """Every rule for the pods with its `app` label; a rule without a pod does not hold."""
    outcomes = []
    for app, sentence, holds in RULES:
        mine = [pod for pod in pods if (pod["metadata"].get("labels") or {}).get("app") == app]
        if not mine:
            outcomes.append(Outcome(f"{app}: {sentence}", False, "there is no such pod"))
        outcomes.extend(Outcome(f"{pod['metadata']['name']}: {sentence}", holds(pod), _found(pod)) for pod in mine)
    return outcomes


def _found(pod: Mapping[str, Any]) -> str:
    keys = (Annotation.OOM_RISK, Annotation.OOM_RISK_REASONS, Annotation.LAST_OOM_KILL, Annotation.RECOMMENDED_LIMIT)
    told = [f"{key.value.partition('/')[2]}={annotation(pod, key) or '<none>'}" for key in keys]
    return f"{'OOMKilled by the kernel; ' if was_oom_killed(pod) else ''}{', '.join(told)}"
