"""The names under which a person finds a container in Prometheus."""

from __future__ import annotations

from msgspec.structs import replace

from oomsight_agent.series import Series, container_series, escape_label, is_sandbox, label_pairs, pod_names, pod_series
from oomsight_api.report import Container, NodeReport, Process

WEB = Container(
    pod_uid="u1", container_id="c1", cgroup="/a", namespace="shop", pod_name="web-0", container_name="web", oom_score_adj_min=2
)
PAUSE = Container(pod_uid="u1", container_id="c2", cgroup="/b", oom_score_adj_min=-998, oom_score_adj_max=-998)
UNKNOWN = Container(pod_uid="u1", container_id="c3", cgroup="/c", oom_score_adj_min=2, oom_score_adj_max=2)
REPORT = NodeReport(
    node="n", instance="", cursor="", full=True, time_seconds=0, interval_seconds=1, containers=(WEB, PAUSE, UNKNOWN)
)
NAMES = pod_names(REPORT)


def test_a_named_container_has_its_three_names_and_no_id() -> None:
    assert container_series(WEB, NAMES) == Series("shop", "web-0", "web")
    assert label_pairs("n", container_series(WEB, NAMES)) == 'node="n",namespace="shop",pod="web-0",container="web"'


def test_the_sandbox_is_called_as_cadvisor_calls_it() -> None:
    assert is_sandbox(PAUSE)
    assert not is_sandbox(UNKNOWN)
    assert not is_sandbox(replace(WEB, oom_score_adj_min=-998, oom_score_adj_max=-998))
    lonely_pause = replace(UNKNOWN, process_count=1, processes=(Process(pid=7, name="pause"),))
    assert is_sandbox(lonely_pause), "where the runtime may not lower its score, its one process tells"
    assert not is_sandbox(replace(lonely_pause, process_count=2))
    assert not is_sandbox(replace(lonely_pause, container_name="pause"))
    assert container_series(PAUSE, NAMES) == Series("shop", "web-0", "POD")


def test_an_unnamed_container_of_a_known_pod_has_the_pods_names_and_its_id() -> None:
    assert container_series(UNKNOWN, NAMES) == Series("shop", "web-0", container_id="c3")


def test_what_nobody_named_has_uid_and_id() -> None:
    assert container_series(PAUSE, {}) == Series(pod_uid="u1", container_id="c2")
    assert pod_series("u1", {}) == Series(pod_uid="u1")
    assert pod_series("u1", NAMES) == Series("shop", "web-0")


def test_hostile_labels_stay_on_their_line() -> None:
    assert escape_label('a"b\\c') == 'a\\"b\\\\c'
    assert escape_label("a\nb") == "a\\\\x0ab"
    assert escape_label("\udcff") == "\\\\xff"
