"""GET /v1/nodes/<node>/kill-order: of which node and when, what is near its limit, and what is not known."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from tests.oomsight_operator.judgement.build import FIRST_RUN, GI, MI, NOW, memory
from tests.oomsight_operator.views.build import NODE_MEMORY, PAGE, PODS, SAMPLE, container, context, document, process, telemetry

from oomsight_api.bounds import MOST
from oomsight_api.report import Cgroup, Memory, NodeMemory, Process
from oomsight_operator.views.kill_order import MAX_NEAR, first_killed, kill_order_document
from oomsight_operator.views.sample import Sample

AMOUNT = st.one_of(st.none(), st.integers(0, MOST), st.sampled_from([0, MOST]))


def test_it_says_of_which_node_and_when() -> None:
    told = document(telemetry())

    assert (told["node"], told["sampleTime"], told["sampleAgeSeconds"]) == ("node-1", "2026-03-01T10:00:00Z", 2.0)
    assert told["memory"] == {"totalBytes": 16 * GI, "availableBytes": 8 * GI, "swapTotalBytes": 0}
    assert (told["signedPoints"], told["pageSizeBytes"]) == (True, PAGE)


def test_what_is_near_its_limit_has_an_order_of_its_own() -> None:
    (near,) = document(telemetry())["nearLimits"]

    assert (near["scope"], near["container"], near["unreclaimablePercent"], near["limitBytes"]) == ("container", "app", 93, 64 * MI)
    assert [each["pid"] for each in near["order"]] == [11, 12]
    assert near["totalBytes"] == 64 * MI
    assert near["whatWouldChangeIt"][0] == (
        "process nginx (pid 11) (oom_score_adj 999, 40Mi) dies before process nginx (pid 12) (oom_score_adj 999, 30Mi)"
        " by a margin of 10Mi (160 points of oom_score_adj)"
    )


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


def test_of_a_node_that_tells_more_processes_than_any_real_one_a_part_is_looked_at_and_that_is_said() -> None:
    rows = []
    for number in range(300):
        processes = tuple(process(2 + 32 * number + each, "x", rss=MI, adj=0) for each in range(32))
        rows.append(container(f"{number:064x}", "u", *processes))
    told = document(telemetry(*rows, host_processes=()))

    assert "the agent tells 300 containers, of which 256 were looked at" in told["notKnown"]
    assert told["nodeOutOfMemory"]["processes"] == 256 * 32


def test_a_silent_agent_is_said_and_nothing_else() -> None:
    silent = Sample("node-1", NOW, unknown_because="the agent of node node-1 is silent")
    told = kill_order_document(None, PODS, sample=silent)

    assert told["unknownBecause"] == "the agent of node node-1 is silent"
    assert "nodeOutOfMemory" not in told


def test_in_a_few_words_for_the_list_of_nodes() -> None:
    node = telemetry()
    assert first_killed(node, context(node).kill_order, PODS) == "team-a/web-1 container app"
    assert first_killed(node, None, PODS) is None

    equals = telemetry(*(container(run * 64, f"uid-{run}", process(7, "app", rss=MI, adj=1000)) for run in "def"))
    assert (
        first_killed(equals, context(equals).kill_order, ())
        == "process app (pid 7) of an unknown pod, or one of 2 others (ambiguous)"
    )
    two = telemetry(*(container(run * 64, f"uid-{run}", process(7, "app", rss=MI, adj=1000)) for run in "de"))
    assert str(first_killed(two, context(two).kill_order, ())).endswith("of an unknown pod, or another (ambiguous)")


def test_equal_processes_of_one_container_are_one_in_the_list_of_nodes() -> None:
    node = telemetry(container(FIRST_RUN, "uid-web", *(process(pid, "nginx", rss=MI, adj=999) for pid in (11, 12))))
    assert first_killed(node, context(node).kill_order, PODS) == "team-a/web-1 container app"


def test_settings_that_nobody_read_are_not_taken_for_0_without_a_word() -> None:
    said = "vm.panic_on_oom or vm.oom_kill_allocating_task is unknown"
    assert any(each.startswith(said) for each in document(telemetry())["notKnown"])
    read = structs.replace(NODE_MEMORY, panic_on_oom=0, oom_kill_allocating_task=0)
    assert not any(each.startswith(said) for each in document(telemetry(memory=read))["notKnown"])


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
