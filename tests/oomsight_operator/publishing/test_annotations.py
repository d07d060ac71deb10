"""What `kubectl describe pod` will show: values that a person reads, whole and printable, whatever tenants call their things."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.build import (
    GI,
    MI,
    NOW,
    SECOND_RUN,
    end,
    judge,
    memory,
    pod,
    process,
    row,
    rules,
    running,
    spec,
)

from oomsight_api.names import Annotation
from oomsight_api.report import Container
from oomsight_operator.judgement.model import ContainerSpec, EffectivePolicy, Owner, Pod, PolicyRef
from oomsight_operator.publishing.annotations import join_within, render

MULTI_LINE = {Annotation.SUMMARY.value, Annotation.REPORT.value}
APP = spec(request=256 * MI, limit=512 * MI)
DEPLOYED = {"owner": Owner("apps/v1", "ReplicaSet", "web-5d8f", "o"), "labels": {"pod-template-hash": "5d8f"}}


def rendered(of: Pod, rows: dict[str, Container] | None, **more: Any) -> dict[str, str]:
    assessment, _ = judge(of, rows, **more)
    return {key.removeprefix("oomsight.dev/"): value for key, value in render(of, assessment).items()}


def killed(**more: Any) -> Pod:
    """`app` runs again after a kill a minute ago."""
    return pod(APP, statuses=(running(run=SECOND_RUN, restarts=1, last_terminated=end(at=NOW - 60)),), **more)


def used(unreclaimable: int, *, adj: int = 985, run: str = SECOND_RUN) -> Container:
    uses = memory(unreclaimable, 512 * MI, usage=512 * MI, working_set=355 * MI)
    return row(run, uses, oom_score_adj_min=adj, oom_score_adj_max=adj)


def test_a_killed_container_near_its_limit_reads_whole() -> None:
    found = rendered(killed(**DEPLOYED), {"app": used(470 * MI)})
    report = found.pop("report")
    summary = found.pop("summary")
    last_kill = found["last-oom-kill"]

    assert re.fullmatch(r"2026-03-01T09:59:00Z app, limit 512Mi, exit code 137(, [A-Z]\w+)? \(status\)", last_kill)
    assert found == {
        "policy": "MemoryPolicy team-a/default",
        "qos-class": "Burstable",
        "oom-score-adj": "985",
        "oom-risk": "high",
        "oom-risk-reasons": "OOMKilledRecently,NearLimit,OverRequest",
        "memory": "app: 470Mi unreclaimable of 512Mi (91 %), usage 512Mi, kubectl top 355Mi (at 2026-03-01T10:00:00Z)",
        "last-oom-kill": last_kill,
        "recommended-limit": "app=640Mi",
        "recommended-request": "app=368Mi",
    }
    assert report.startswith('{"version":1,')
    assert summary.startswith("OOM risk high. ")


def test_a_calm_pod_says_so_and_carries_no_empty_key() -> None:
    found = rendered(pod(spec(request=512 * MI, limit=512 * MI)), {"app": row(uses=memory(64 * MI, 512 * MI))})

    assert found["oom-risk"] == "none"
    assert found.keys().isdisjoint(
        {"oom-risk-reasons", "last-oom-kill", "recommended-limit", "recommended-request", "oom-score-adj"}
    )
    assert all(found.values())


def test_a_silent_agent_reads_unknown_and_shows_no_stale_number() -> None:
    found = rendered(pod(APP), None)

    assert (found["oom-risk"], found["memory"]) == ("unknown", "app: unknown")
    assert "Mi" not in found["summary"]


def test_a_pods_limit_is_told_where_the_container_has_none() -> None:
    statuses = (running(run=SECOND_RUN, restarts=1, last_terminated=end(at=NOW - 60)),)
    of = pod(spec(), statuses=statuses, pod_memory_limit_bytes=512 * MI)
    found = rendered(of, {"app": row(SECOND_RUN, memory(64 * MI, usage=80 * MI))})

    assert found["memory"] == "app: 64Mi unreclaimable, pod limit 512Mi, usage 80Mi (at 2026-03-01T10:00:00Z)"
    assert found["last-oom-kill"].startswith("2026-03-01T09:59:00Z app, no limit of its own, exit code 137")


def test_several_containers_are_named_in_each_value() -> None:
    proxy = spec("proxy", kind="sidecar", request=32 * MI, limit=64 * MI)
    statuses = (running("proxy", "c" * 64), running(run=SECOND_RUN, restarts=1, last_terminated=end(at=NOW - 60)))
    rows = {
        "app": used(100 * MI, adj=985),
        "proxy": row("c" * 64, memory(60 * MI, 64 * MI), oom_score_adj_min=3, oom_score_adj_max=985),
    }
    found = rendered(pod(proxy, APP, statuses=statuses), rows)

    assert found["oom-score-adj"] == "proxy=3..985 (expected 985) app=985"
    assert found["memory"].startswith("proxy: 60Mi unreclaimable of 64Mi (93 %)")
    assert found["recommended-limit"] == "app=640Mi"


def test_a_live_score_that_differs_from_the_kubelets_is_marked() -> None:
    guaranteed = pod(spec(request=512 * MI, limit=512 * MI, cpu=(100, 100)))

    assert rendered(guaranteed, {"app": used(MI, adj=0, run="a" * 64)})["oom-score-adj"] == "0 (expected -997)"


def test_many_containers_with_long_names_stay_on_one_line_of_describe() -> None:
    names = [f"{'x' * 58}-{index}" for index in range(10)]
    many = tuple(spec(name, request=MI, limit=512 * MI) for name in names)
    rows = {name: row(f"{index:064x}", memory(300 * MI, 512 * MI, usage=GI)) for index, name in enumerate(names)}
    statuses = tuple(running(name, f"{index:064x}") for index, name in enumerate(names))
    found = rendered(pod(*many, statuses=statuses), rows)

    assert_fits_describe({f"oomsight.dev/{key}": value for key, value in found.items()})
    assert found["memory"].endswith("+9 more")


def test_parts_that_do_not_fit_are_counted_not_cut() -> None:
    assert join_within(["a=512Mi", "b=512Mi", "c=512Mi"], " ", 23) == "a=512Mi b=512Mi c=512Mi"
    assert join_within(["a=512Mi", "b=512Mi", "c=512Mi"], " ", 22) == "a=512Mi +2 more"
    assert join_within([], " ", 10) == ""


NAMES = st.text(min_size=1, max_size=80)
AMOUNT = st.one_of(st.none(), st.integers(-(2**63), 2**63))


@given(
    container=NAMES,
    process_name=st.text(max_size=40),
    policy_name=NAMES,
    owner=st.builds(Owner, st.just("apps/v1"), st.sampled_from(["ReplicaSet", "StatefulSet", "Evil"]), NAMES, st.just("u")),
    amounts=st.tuples(AMOUNT, AMOUNT, AMOUNT, AMOUNT),
    limit=st.one_of(st.none(), st.integers(0, 2**63)),
    killed_at=st.one_of(st.none(), st.floats(allow_nan=False)),
)
def test_whatever_tenants_and_nodes_write_every_value_is_printable_and_fits(
    container: str,
    process_name: str,
    policy_name: str,
    owner: Owner,
    amounts: tuple[int | None, ...],
    limit: int | None,
    killed_at: float | None,
) -> None:
    usage, working_set, unreclaimable, shmem = amounts
    hostile = ContainerSpec(container, memory_limit_bytes=limit)
    uses = memory(unreclaimable, limit, usage=usage, working_set=working_set, shmem=shmem)
    told = running(container, SECOND_RUN, restarts=1, last_terminated=end(at=killed_at))
    of = pod(hostile, statuses=(told,), owner=owner, node_name=policy_name)
    rows = {container: row(SECOND_RUN, uses, processes=(process(rss=1),), oom_score_adj_min=3, oom_score_adj_max=3)}
    assessment, _ = judge(of, rows, under=EffectivePolicy(PolicyRef("MemoryPolicy", policy_name, process_name), rules()))

    assert_fits_describe(render(of, assessment))


def assert_fits_describe(annotations: dict[str, str]) -> None:
    """The rules of kubectl describe 1.37: lines of at most 138 bytes, short scalars beside their key, printable ASCII."""
    for key, value in annotations.items():
        assert value
        if key == Annotation.REPORT.value:
            assert value.isascii()
            assert value.isprintable()
            assert len(value) <= 16 * 1024
            continue
        assert "\n" not in value or key == Annotation.SUMMARY.value
        for line in value.split("\n"):
            assert line.isascii()
            assert line.isprintable()
            assert len(line.encode()) <= 138
        if key not in MULTI_LINE:
            assert len(key) + 2 + len(value) <= 140
