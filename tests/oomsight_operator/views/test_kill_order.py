"""GET /v1/nodes/<node>/kill-order: what somebody on call reads."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from tests.oomsight_operator.judgement.build import FIRST_RUN, GI, MI, NOW, memory
from tests.oomsight_operator.views.build import DB, NODE_MEMORY, PODS, WEB, container, context, process, telemetry

from oomsight_api.bounds import MOST
from oomsight_api.report import Cgroup, Memory, NodeMemory, Process
from oomsight_operator.judgement.model import NodeContext, Pod
from oomsight_operator.polling.telemetry import NodeTelemetry
from oomsight_operator.views.kill_order import MAX_NEAR, first_killed, kill_order_document
from oomsight_operator.views.sample import Sample

PAGE = 4096
SAMPLE = Sample("node-1", NOW + 2, NOW, 2.04)
AMOUNT = st.one_of(st.none(), st.integers(0, MOST), st.sampled_from([0, MOST]))


def document(node: NodeTelemetry, pods: tuple[Pod, ...] = PODS) -> dict[str, Any]:
    told = kill_order_document(node, pods, sample=SAMPLE)
    parsed: dict[str, Any] = json.loads(json.dumps(told, allow_nan=False))
    return parsed


def test_it_says_of_which_node_and_when() -> None:
    told = document(telemetry())

    assert (told["node"], told["sampleTime"], told["sampleAgeSeconds"]) == ("node-1", "2026-03-01T10:00:00Z", 2.0)
    assert told["memory"] == {"totalBytes": 16 * GI, "availableBytes": 8 * GI, "swapTotalBytes": 0}
    assert (told["signedPoints"], told["pageSizeBytes"]) == (True, PAGE)


def test_who_dies_first_whose_it_is_by_how_much_and_who_dies_with_it() -> None:
    told = document(telemetry())["nodeOutOfMemory"]

    assert told["order"][0] == {
        "rank": 1,
        "namespace": "team-a",
        "pod": "web-1",
        "container": "app",
        "containerID": FIRST_RUN,
        "podUID": "uid-web",
        "process": "nginx",
        "pid": 11,
        "oomScoreAdj": 999,
        "points": 40 * 256 + 999 * 4194,
        "sizeBytes": 40 * MI,
        "rssBytes": 40 * MI,
        "marginToNextBytes": (40 * 256 + 199 * 4194 - 2048 * 256) * PAGE,
        "marginToNextOomScoreAdj": 76,
        "oomGroup": f"/kubepods/poduid-web/{FIRST_RUN}",
        "diesWith": [
            {
                "namespace": "team-a",
                "pod": "web-1",
                "container": "app",
                "containerID": FIRST_RUN,
                "podUID": "uid-web",
                "process": "nginx",
                "pid": 12,
            }
        ],
        "diesWithCount": 1,
    }
    assert (told["ambiguous"], told["processes"], told["firstCount"]) == (False, 5, 1)
    assert told["oomScoreAdjPointBytes"] == 4194 * PAGE


def test_a_container_stands_once_and_processes_outside_pods_by_their_name() -> None:
    _, second, third, last = document(telemetry())["nodeOutOfMemory"]["order"]

    assert second["container"] == "postgres"
    assert (third["process"], "pod" in third) == ("sshd", False)
    assert (last["pod"], "container" in last, last["process"]) == ("web-1", False, "pause")
    assert "marginToNextBytes" not in last


def test_what_would_change_it_and_what_follows() -> None:
    told = document(telemetry())["nodeOutOfMemory"]

    assert told["whatWouldChangeIt"][0] == (
        "team-a/web-1 container app (oom_score_adj 999, 40Mi) dies before team-b/db-0 container postgres (oom_score_adj 800, 2Gi)"
        " by a margin of 1.22Gi (76 points of oom_score_adj)"
    )
    cascade = told["cascade"]
    assert [[each["pid"] for each in step["victims"]] for step in cascade["steps"]] == [[11, 12], [21], [9], [10]]
    assert (cascade["neededBytes"], cascade["end"]) == (-(-16 * GI * 5 // 100 // PAGE) * PAGE, "nobody-left")
    assert (cascade["steps"][0]["freesAtLeastBytes"], cascade["steps"][0]["freesAtMostBytes"]) == (62 * MI, 70 * MI)
    assert [step["onlyIfLessWasFreed"] for step in cascade["steps"]] == [False, False, True, True]


def test_the_document_for_people_shows_the_same_sentences() -> None:
    written = (Path(__file__).parents[3] / "docs" / "kill-order.md").read_text()

    for sentence in document(telemetry())["nodeOutOfMemory"]["whatWouldChangeIt"]:
        assert f'"{sentence}"' in written


def test_equals_are_said_to_be_ambiguous_with_all_names_and_why() -> None:
    rows = [container(run * 64, f"uid-{run}", process(pid, "app", rss=MI, adj=1000)) for pid, run in ((7, "d"), (8, "e"))]
    told = document(telemetry(*rows))["nodeOutOfMemory"]

    assert told["ambiguous"] is True
    assert [each["pid"] for each in told["first"]] == [7, 8]
    assert told["ambiguousBecause"].startswith("they have equal points")
    assert (told["cascade"]["end"], told["cascade"]["nextIsOneOfCount"], told["cascade"]["steps"]) == ("ambiguous", 2, [])


def test_what_is_near_its_limit_has_an_order_of_its_own() -> None:
    (near,) = document(telemetry())["nearLimits"]

    assert (near["scope"], near["container"], near["unreclaimablePercent"], near["limitBytes"]) == ("container", "app", 93, 64 * MI)
    assert [each["pid"] for each in near["order"]] == [11, 12]
    assert near["totalBytes"] == 64 * MI
    assert near["whatWouldChangeIt"][0].endswith("by a margin of 10Mi (160 points of oom_score_adj)")


def test_pods_and_cgroups_above_them_come_near_too_the_nearest_first_and_no_more_than_ten() -> None:
    rows = [container(f"{n:064x}", f"uid-{n}", uses=memory(60 + n, 100, swap_limit=0)) for n in range(20)]
    node = telemetry(*rows)
    node.pods = {"uid-web": structs.replace(node.pods["uid-web"], memory=memory(99, 100, swap_limit=0))}
    node.cgroups = (Cgroup(cgroup="/", memory=Memory(unlimited=True)), Cgroup(cgroup="/kubepods", memory=memory(98, 100)))
    near = document(node)["nearLimits"]

    assert len(near) == MAX_NEAR
    assert [(each["scope"], each["unreclaimablePercent"]) for each in near[:3]] == [("pod", 99), ("cgroup", 98), ("container", 79)]
    assert near[0]["pod"] == "web-1"


@pytest.mark.parametrize(
    ("settings", "because"),
    [
        ({"panic_on_oom": 1}, "vm.panic_on_oom is 1: the kernel kills nobody, the node panics"),
        ({"oom_kill_allocating_task": 1}, "the kernel kills whoever asks for memory then"),
        ({"swap_total_bytes": None}, "the agent has told no SwapTotal"),
    ],
)
def test_where_there_is_no_order_it_says_why(settings: dict[str, Any], because: str) -> None:
    told = document(telemetry(memory=structs.replace(NODE_MEMORY, **settings)))

    assert because in told["nodeOutOfMemory"]["unknownBecause"]
    assert "order" not in told["nodeOutOfMemory"]


def test_a_panic_at_any_oom_and_an_unknown_scale_are_said_of_what_is_near_too() -> None:
    panics = document(telemetry(memory=structs.replace(NODE_MEMORY, panic_on_oom=2)))["nearLimits"]
    assert panics[0]["unknownBecause"] == "vm.panic_on_oom is 2: the kernel kills nobody, the node panics"

    unlimited_swap = container(FIRST_RUN, "uid-web", uses=memory(60, 64))
    unknown = structs.replace(NODE_MEMORY, swap_total_bytes=GI, swappiness=None)
    assert document(telemetry(unlimited_swap, memory=unknown))["nearLimits"][0]["unknownBecause"].startswith("how much it may swap")


def test_what_is_not_known_is_listed() -> None:
    partly = container(FIRST_RUN, "uid-web", Process(pid=7, name="x", oom_score_adj=0))
    told = document(telemetry(partly, host_processes=None, memory=structs.replace(NODE_MEMORY, signed_badness=None)))["notKnown"]

    assert told[0].startswith("1 of the processes that the agent told cannot be scored")
    assert told[1].startswith("processes outside pods are unknown")
    assert told[2].startswith("whether this kernel's points are signed")
    old = document(telemetry(memory=structs.replace(NODE_MEMORY, signed_badness=False)))["notKnown"]
    assert old[0].startswith("this kernel's points are not signed (before 5.9)")


def test_of_a_node_that_tells_more_than_a_kubelet_runs_a_part_is_looked_at_and_that_is_said() -> None:
    told = document(telemetry(*(container(f"{n:064x}", "u", process(n + 2, "x", rss=MI, adj=n % 9)) for n in range(1200))))

    assert "the agent tells 1200 containers, of which 1000 were looked at" in told["notKnown"]
    assert told["nodeOutOfMemory"]["processes"] == 1001


def test_names_are_the_apis_and_what_it_does_not_know_is_marked_as_the_agents_word() -> None:
    claimed = container(FIRST_RUN, "uid-db", process(7, "x\x1b", rss=MI, adj=5), pod_name="we\nb", namespace="team-a")
    (row,) = document(telemetry(claimed, host_processes=()), (WEB,))["nodeOutOfMemory"]["order"]
    assert (row["namespace"], row["pod"], row["namesBy"], row["process"]) == ("team-a", "we\\nb", "agent", "x\\x1b")

    # The API knows the pod by its uid, and no such container in it.
    (row,) = document(telemetry(claimed, host_processes=()), (WEB, DB))["nodeOutOfMemory"]["order"]
    assert (row["namespace"], row["pod"], "container" in row, "namesBy" in row) == ("team-b", "db-0", False, False)


def test_a_config_hash_in_an_annotation_is_not_believed_without_a_container_that_the_status_names() -> None:
    posing = replace(WEB, config_hash="uid-db", uid="uid-evil", name="evil", statuses={})
    (row,) = document(telemetry(container("d" * 64, "uid-db", process(7, "x", rss=MI, adj=5)), host_processes=()), (posing,))[
        "nodeOutOfMemory"
    ]["order"]

    assert "pod" not in row


def test_a_silent_agent_is_said_and_nothing_else() -> None:
    silent = Sample("node-1", NOW, unknown_because="the agent of node node-1 is silent")
    told = kill_order_document(None, PODS, sample=silent)

    assert told["unknownBecause"] == "the agent of node node-1 is silent"
    assert "nodeOutOfMemory" not in told


def test_in_a_few_words_for_the_list_of_nodes() -> None:
    node = telemetry()
    assert first_killed(node, context(node), PODS) == "team-a/web-1 container app"
    assert first_killed(node, NodeContext("node-1"), PODS) is None

    equals = telemetry(*(container(run * 64, f"uid-{run}", process(7, "app", rss=MI, adj=1000)) for run in "def"))
    assert first_killed(equals, context(equals), ()) == "process app (pid 7) of an unknown pod, or one of 2 others (ambiguous)"


@given(
    st.lists(st.tuples(st.integers(0, MOST), st.one_of(st.none(), st.integers(-1000, 1000)), AMOUNT, AMOUNT, AMOUNT), max_size=4),
    st.builds(
        NodeMemory,
        total_bytes=AMOUNT,
        swap_total_bytes=AMOUNT,
        page_size_bytes=AMOUNT,
        swappiness=AMOUNT,
        panic_on_oom=st.sampled_from([None, 0, 1, 2]),
        signed_badness=st.sampled_from([None, True, False]),
    ),
    st.builds(Memory, limit_bytes=AMOUNT, unreclaimable_bytes=AMOUNT, anon_bytes=AMOUNT, swap_limit_bytes=AMOUNT),
    st.text(max_size=20),
)
def test_whatever_an_agent_tells_it_is_a_document_of_printable_ascii(
    processes: list[tuple[int, int | None, int | None, int | None, int | None]], of_node: NodeMemory, uses: Memory, text: str
) -> None:
    told = tuple(
        Process(pid=pid, name=text, cgroup=text, oom_score_adj=adj, rss_bytes=rss, swap_bytes=swap, page_tables_bytes=tables)
        for pid, adj, rss, swap, tables in processes
    )
    row = structs.replace(container(text, text, *told, uses=uses, pod_name=text), cgroup=text, oom_group=True)
    node = telemetry(row, memory=of_node, host_processes=told, oom_groups=(text,), node_name=text)
    written = json.dumps(kill_order_document(node, PODS, sample=SAMPLE), ensure_ascii=False, allow_nan=False)

    assert written.isascii()
    assert written.isprintable()
