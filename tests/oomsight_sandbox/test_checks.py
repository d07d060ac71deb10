"""The demo's verdict: it fails when a pod is not told what it must be told."""

from __future__ import annotations

from typing import Any

import pytest

from oomsight_sandbox.checks import check


def pod(app: str, *, killed: bool = False, restarts: int = 0, limit: str | None = "64Mi", **annotations: str) -> dict[str, Any]:
    last = {"terminated": {"reason": "OOMKilled", "exitCode": 137}} if killed else {}
    limits = {"limits": {"memory": limit}} if limit else {}
    told = {f"oomsight.dev/{key.replace('_', '-')}": value for key, value in annotations.items()}
    return {
        "metadata": {"name": f"{app}-1", "labels": {"app": app}, "annotations": told},
        "spec": {"containers": [{"name": "app", "resources": limits}]},
        "status": {"containerStatuses": [{"name": "app", "restartCount": restarts, "state": {}, "lastState": last}]},
    }


VERDICT = "OOM risk as it is."
SILENT = f"{VERDICT}\nAdvice: container app: 2 processes were OOM-killed [SilentKills]"
ASKS_NOTHING = f"{VERDICT}\nAdvice: container app: no memory request [NoRequest]"
KILL = "2026-03-01T10:00:00Z app, limit 64Mi, exit code 137"
CHILD_KILLED: dict[str, Any] = {"oom_risk": "medium", "oom_risk_reasons": "ChildProcessKilled", "last_oom_kill": KILL}


def good() -> dict[str, dict[str, Any]]:
    told = {"oom_risk": "high", "last_oom_kill": KILL, "recommended_limit": "app=96Mi"}
    return {
        "recommender": pod("recommender", killed=True, restarts=3, **told),
        "checkout": pod("checkout", killed=True, restarts=1, **told),
        "thumbnails": pod("thumbnails", summary=SILENT, **CHILD_KILLED),
        "search": pod("search", oom_risk="none"),
        "spool": pod("spool", oom_risk="medium", oom_risk_reasons="NearLimit"),
        "web": pod("web", oom_risk="none", summary=VERDICT),
        "toolbox": pod("toolbox", summary=ASKS_NOTHING, limit=None, oom_risk="low", oom_risk_reasons="NoLimit"),
    }


def failures(pods: dict[str, dict[str, Any]]) -> list[str]:
    return [outcome.sentence.partition(":")[0] for outcome in check(list(pods.values())) if not outcome.holds]


def test_all_holds_when_every_pod_is_told_what_it_must_be_told() -> None:
    assert failures(good()) == []


def test_being_the_nodes_first_to_die_is_no_risk_of_its_own() -> None:
    assert failures({**good(), "web": pod("web", oom_risk="medium", oom_risk_reasons="FirstToDie")}) == []
    assert failures({**good(), "web": pod("web", oom_risk="medium", oom_risk_reasons="FirstToDie,NearLimit")}) == ["web-1"]


@pytest.mark.parametrize(
    ("app", "instead"),
    [
        ("checkout", {"killed": False}),
        ("checkout", {"oom_risk": "none"}),
        ("checkout", {"last_oom_kill": ""}),
        ("checkout", {"recommended_limit": ""}),
        ("checkout", {"recommended_limit": "app=64Mi"}),
        ("checkout", {"recommended_limit": "app=lots"}),
        ("search", {"oom_risk": "low"}),
        ("search", {"oom_risk": "unknown"}),
        ("search", {}),
        ("thumbnails", {"oom_risk": "medium", "last_oom_kill": KILL, "summary": SILENT}),
        ("thumbnails", CHILD_KILLED),
        ("thumbnails", {**CHILD_KILLED, "restarts": 1, "summary": SILENT}),
        ("spool", {"oom_risk": "none"}),
        ("web", {"oom_risk": "none", "summary": ASKS_NOTHING}),
        ("toolbox", {"oom_risk": "low", "summary": ASKS_NOTHING}),
        ("toolbox", {"oom_risk": "low", "oom_risk_reasons": "NoLimit", "summary": VERDICT}),
    ],
)
def test_one_pod_that_is_told_wrongly_is_named(app: str, instead: dict[str, Any]) -> None:
    defaults: dict[str, Any] = {"killed": True, "oom_risk": "high", "last_oom_kill": KILL, "recommended_limit": "app=96Mi"}
    told = {**defaults, **instead} if app == "checkout" else instead
    assert failures({**good(), app: pod(app, **told)}) == [f"{app}-1"]


def test_a_missing_pod_is_named() -> None:
    pods = good()
    del pods["spool"]
    assert failures(pods) == ["spool"]
