"""memory.oom.group: the highest such cgroup above the victim, inside the domain, dies whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.build import process, row
from tests.oomsight_operator.judgement.kill_order.build import CANDIDATES, DOMAINS, NODE, candidate

from oomsight_api.incident import OomScope
from oomsight_api.report import Cgroup
from oomsight_api.report import Pod as PodRow
from oomsight_operator.judgement.kill_order.candidates import candidates_of
from oomsight_operator.judgement.kill_order.group import dies_with, oom_groups
from oomsight_operator.judgement.kill_order.model import Candidate, Domain

WORKER = candidate(7, cgroup="/kubepods/pod/app/worker")
MAIN = candidate(8, cgroup="/kubepods/pod/app")
PROXY = candidate(9, cgroup="/kubepods/pod/proxy")
OTHER = candidate(10, cgroup="/kubepods/podx/app")
ALL = (WORKER, MAIN, PROXY, OTHER)


@pytest.mark.parametrize(
    ("groups", "cgroup", "dying"),
    [
        pytest.param(set(), None, [7], id="alone"),
        pytest.param({"/kubepods/pod/app"}, None, [7, 8], id="its-container"),
        pytest.param({"/kubepods/pod/app", "/kubepods/pod"}, None, [7, 8, 9], id="the-highest-counts"),
        pytest.param({"/kubepods/pod/app", "/kubepods/pod"}, "/kubepods/pod/app", [7, 8], id="not-above-the-domain"),
        pytest.param({"/kubepods/pod"}, "/kubepods/pod", [7, 8, 9], id="the-domain-itself"),
        pytest.param({"/"}, None, [7], id="never-the-root"),
        pytest.param({"/kubepods/pod/app/worker"}, None, [7], id="a-group-of-one"),
        pytest.param({"/kubepods/podx", "/kubepods/po"}, None, [7], id="a-neighbours-group"),
    ],
)
def test_who_dies_with_the_worker(groups: set[str], cgroup: str | None, dying: list[int]) -> None:
    domain = Domain(OomScope.NODE if cgroup is None else OomScope.CGROUP, cgroup, 1000)

    assert [each.pid for each in dies_with(ALL, WORKER, groups, domain)] == dying


def test_a_process_whose_cgroup_is_unknown_is_known_to_die_alone() -> None:
    lost = candidate(7, cgroup=None)
    assert dies_with((lost, MAIN), lost, {"/kubepods"}, NODE) == (lost,)


def test_groups_are_gathered_from_every_row_that_says_so() -> None:
    found = oom_groups(
        [row(oom_group=True), row("b" * 64, oom_group=False), row("c" * 64)],
        [PodRow(pod_uid="u", cgroup="/kubepods/podu", oom_group=True)],
        [Cgroup(cgroup="/kubepods", oom_group=None)],
        ("/system.slice/x",),
    )
    assert found == {row().cgroup, "/kubepods/podu", "/system.slice/x"}


@given(st.lists(st.integers(-1000, 1000), max_size=12))
def test_a_protected_process_dies_with_no_group(adjs: list[int]) -> None:
    rows = [row(processes=tuple(process(pid, adj=adj) for pid, adj in enumerate(adjs, 1)))]
    everybody = candidates_of(rows, (), 4096)
    for victim in everybody:
        dying = dies_with(everybody, victim, {"/kubepods"}, NODE)
        assert {each.pid for each in dying} == {pid for pid, adj in enumerate(adjs, 1) if adj > -1000 and pid != 1}


@given(CANDIDATES, DOMAINS, st.sets(st.sampled_from(["/", "/kubepods", "/kubepods/a", "/system.slice", "", "//"])))
def test_the_victim_dies_and_nobody_outside_the_domain_with_it(
    everybody: list[Candidate], domain: Domain, groups: set[str]
) -> None:
    for victim in filter(domain.holds, everybody):
        dying = dies_with(everybody, victim, groups, domain)
        assert dying[0] == victim
        assert len(set(dying)) == len(dying)
        assert all(domain.holds(each) for each in dying)
