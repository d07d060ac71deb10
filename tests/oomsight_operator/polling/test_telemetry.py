from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oomsight_api.incident import Evidence, Incident, KernelLog, Victim
from oomsight_api.report import Cgroup, Container, Memory, NodeReport, Process
from oomsight_api.report import Pod as PodRow
from oomsight_operator.polling import telemetry
from oomsight_operator.polling.telemetry import RejectedReportError, TelemetryStore


def row(container_id: str, pod_uid: str = "u1", usage: int = 1) -> Container:
    return Container(pod_uid=pod_uid, container_id=container_id, cgroup="/c", memory=Memory(usage_bytes=usage))


def report(
    *rows: Container, full: bool = True, instance: str = "i1", time: float = 1.0, node: str = "node-a", **more: Any
) -> NodeReport:
    return NodeReport(
        node=node, instance=instance, cursor="c", full=full, time_seconds=time, interval_seconds=1.0, containers=rows, **more
    )


def known(store: TelemetryStore) -> dict[str, int | None]:
    node = store.get("node-a")
    return {} if node is None else {key: each.memory.usage_bytes for key, each in node.containers.items()}


def test_a_full_report_replaces_everything() -> None:
    store = TelemetryStore()
    store.apply("node-a", report(row("c1"), row("c2", "u2")), 0.0)
    applied = store.apply("node-a", report(row("c2", "u2"), row("c3", "u3"), time=2.0), 1.0)
    assert known(store) == {"c2": 1, "c3": 1}
    assert applied.pod_uids == {"u1", "u3"}


def test_a_delta_changes_only_what_it_names() -> None:
    store = TelemetryStore()
    store.apply("node-a", report(row("c1"), row("c2", "u2"), pods=(PodRow(pod_uid="u2", cgroup="/p"),)), 0.0)
    delta = report(row("c1", usage=9), full=False, time=2.0, removed_container_ids=("c2", "never"), removed_pod_uids=("u2",))
    applied = store.apply("node-a", delta, 1.0)
    assert known(store) == {"c1": 9}
    assert applied.pod_uids == {"u1", "u2"}


def test_rows_that_say_the_same_concern_no_pod() -> None:
    store = TelemetryStore()
    store.apply("node-a", report(row("c1")), 0.0)
    assert store.apply("node-a", report(row("c1"), time=2.0), 1.0).pod_uids == frozenset()


def test_a_report_of_another_node_is_refused() -> None:
    store = TelemetryStore()
    with pytest.raises(RejectedReportError, match="report is of node 'node-b', expected node-a"):
        store.apply("node-a", report(row("c1"), node="node-b"), 0.0)
    assert len(store) == 0


def test_a_delta_of_another_instance_is_refused_and_a_full_report_heals_it() -> None:
    store = TelemetryStore()
    store.apply("node-a", report(row("c1")), 0.0)
    with pytest.raises(RejectedReportError, match="delta"):
        store.apply("node-a", report(row("c2"), full=False, instance="i2"), 1.0)
    assert store.apply("node-a", report(row("c2"), instance="i2"), 2.0).new_instance
    assert known(store) == {"c2": 1}


def test_a_first_report_that_is_a_delta_is_refused() -> None:
    with pytest.raises(RejectedReportError):
        TelemetryStore().apply("node-a", report(row("c1"), full=False), 0.0)


def test_what_is_outside_pods_is_as_the_last_answer_tells_it() -> None:
    store = TelemetryStore()
    kubelet, kubepods = Process(pid=7, name="kubelet"), Cgroup(cgroup="/kubepods", holds_pods=True)
    store.apply("node-a", report(row("c1"), cgroups=(kubepods,), host_processes=(kubelet,), oom_groups=("/x",)), 0.0)
    node = store.get("node-a")
    assert node is not None
    assert (node.cgroups, node.host_processes, node.oom_groups) == ((kubepods,), (kubelet,), ("/x",))

    version = node.version
    store.apply("node-a", report(full=False, time=2.0, cgroups=(kubepods,), host_processes=(kubelet,), oom_groups=("/x",)), 1.0)
    assert node.version == version
    store.apply("node-a", report(full=False, time=3.0, cgroups=(kubepods,), host_processes=(), oom_groups=("/x",)), 2.0)
    assert (node.host_processes, node.version) == ((), version + 1)
    store.apply("node-a", report(full=False, time=4.0), 3.0)
    assert (node.cgroups, node.host_processes, node.oom_groups) == ((), None, ())


def test_a_container_told_twice_counts_once_and_first() -> None:
    store = TelemetryStore()
    store.apply("node-a", report(row("c1", usage=1), row("c1", usage=2)), 0.0)
    assert known(store) == {"c1": 1}


def test_a_hostile_agent_cannot_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry, "MAX_CONTAINERS", 3)
    store = TelemetryStore()
    store.apply("node-a", report(), 0.0)
    for number in range(10):
        store.apply("node-a", report(row(f"c{number}"), full=False), 0.0)
    assert len(known(store)) == 3


def test_that_an_agent_spoke_is_remembered_when_it_falls_silent() -> None:
    store = TelemetryStore()
    assert not store.has_spoken("node-a")
    store.apply("node-a", report(row("c1")), 0.0)
    assert store.expire(100.0, 60.0) == ["node-a"]
    assert store.has_spoken("node-a")
    assert not store.has_spoken("node-b")
    assert not store.has_spoken(None)


def test_a_silent_agent_expires_and_an_agent_whose_sampler_hangs_too() -> None:
    store = TelemetryStore()
    store.apply("node-a", report(row("c1"), time=1.0), 0.0)
    store.apply("node-a", report(row("c1"), time=1.0), 50.0)
    assert store.expire(60.0, 60.0) == []
    assert store.expire(61.0, 60.0) == ["node-a"]
    assert store.get("node-a") is None


def test_a_sample_that_was_too_old_is_not_taken_for_fresh_when_a_hung_agent_tells_it_anew() -> None:
    store = TelemetryStore()
    store.apply("node-a", report(row("c1"), time=1.0), 0.0)
    assert store.expire(61.0, 60.0) == ["node-a"]
    with pytest.raises(RejectedReportError, match="its sampler hangs"):
        store.apply("node-a", report(row("c1"), time=1.0), 62.0)
    assert store.get("node-a") is None
    store.apply("node-a", report(row("c1"), time=2.0), 63.0)
    assert known(store) == {"c1": 1}


steps = st.lists(
    st.tuples(
        st.booleans(), st.dictionaries(st.sampled_from("abcde"), st.integers(0, 3), max_size=4), st.sets(st.sampled_from("abcde"))
    ),
    max_size=8,
)


@settings(deadline=None)
@given(steps)
def test_deltas_and_full_reports_give_what_a_plain_dict_would(reports: list[tuple[bool, dict[str, int], set[str]]]) -> None:
    store, model = TelemetryStore(), dict[str, int]()
    store.apply("node-a", report(), 0.0)
    for full, rows, removed in reports:
        gone = tuple(removed - rows.keys()) if not full else ()
        store.apply(
            "node-a", report(*(row(key, usage=value) for key, value in rows.items()), full=full, removed_container_ids=gone), 0.0
        )
        model = {key: value for key, value in ({} if full else model).items() if key not in gone} | rows
        assert known(store) == model


def oom(incident_id: str, pod_uid: str = "u1", **more: Any) -> Incident:
    return Incident(id=incident_id, time_seconds=1.0, evidence=Evidence.COUNTER, victims=(Victim(pod_uid=pod_uid),), **more)


def test_an_incident_concerns_its_victims_pod_though_no_row_changed_and_only_when_it_is_new() -> None:
    store = TelemetryStore()
    store.apply("node-a", report(row("c1")), 0.0)
    first = store.apply("node-a", report(full=False, time=2.0, incidents=(oom("a"),)), 1.0)
    again = store.apply("node-a", report(row("c1"), time=3.0, incidents=(oom("a"),)), 2.0)
    clearer = store.apply("node-a", report(full=False, time=4.0, incidents=(oom("a", container_survived=True),)), 3.0)
    assert [(sorted(each.pod_uids), len(each.incidents)) for each in (first, again, clearer)] == [(["u1"], 1), ([], 0), (["u1"], 1)]


def test_incidents_outlive_the_agents_instance_and_what_it_may_have_missed_is_known() -> None:
    store = TelemetryStore()
    store.apply("node-a", report(time=1.0, incidents=(oom("a"),)), 0.0)
    store.apply("node-a", report(time=5.0), 1.0)
    node = store.get("node-a")
    assert node is not None
    assert node.since_seconds == 1.0
    applied = store.apply("node-a", report(time=9.0, instance="i2", kernel_log=KernelLog(following=True)), 2.0)
    assert applied.new_instance
    assert (node.since_seconds, node.kernel_log) == (9.0, KernelLog(following=True))
    assert [incident.id for incident in node.incidents.of_pod("u1")] == ["a"]


def test_the_last_row_of_a_container_that_is_gone_is_kept_until_the_kubelet_had_time_to_tell_whose_it_was() -> None:
    store = TelemetryStore()
    store.apply("node-a", report(row("c1", usage=5), row("c2")), 0.0)
    store.apply("node-a", report(full=False, time=3.0, removed_container_ids=("c1",)), 1.0)
    node = store.get("node-a")
    assert node is not None
    assert {key: (last.time_seconds, last.row.memory.usage_bytes) for key, last in node.ended.items()} == {"c1": (1.0, 5)}

    store.apply("node-a", report(row("c1", usage=6), full=False, time=4.0), 2.0)
    assert not node.ended, "it could not be read for a while"
    store.apply("node-a", report(row("c2"), time=5.0), 3.0)
    assert node.ended.keys() == {"c1"}
    store.apply("node-a", report(row("c2"), time=5.0 + telemetry.ENDED_SECONDS), 4.0)
    assert not node.ended


def test_containers_that_come_and_go_at_once_cannot_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry, "MAX_ENDED", 2)
    store = TelemetryStore()
    store.apply("node-a", report(*(row(f"c{number}") for number in range(5))), 0.0)
    store.apply("node-a", report(time=1.0), 1.0)
    node = store.get("node-a")

    assert node is not None
    assert len(node.ended) == 2
