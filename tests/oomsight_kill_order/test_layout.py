"""What a container's first process is told to do."""

from __future__ import annotations

from oomsight_kill_order.generator import Allowed, generate
from oomsight_kill_order.layout import asker_steps, container_steps, own_tree
from oomsight_kill_order.scenario import Asker, Container, Domain, Process


def test_the_others_are_forked_before_the_first_has_memory_that_they_would_inherit() -> None:
    first = Process("a0", 100, 8192)
    other = Process("a1", -500, 4096, shared_bytes=12288, mapped_bytes=16384, page_tables=3, nested=True)
    steps = " ".join(container_steps(Container((first, other)), "/cg", None, in_nested=False, mapped="/tmp/f"))
    assert steps == (
        "adj 100 share 12288 "
        "fork { adj -500 enter /cg/nested/cgroup.procs name 6131 anon 4096 touch 12288 map /tmp/f 16384 tables 3 ready stay } "
        "name 6130 anon 8192 ready stay"
    )


def test_the_asker_waits_at_its_size_and_says_when_it_has_what_it_asked_for() -> None:
    steps = " ".join(asker_steps(Asker(-1000, 4096), None, ["anon", "1048576"]))
    assert steps == "adj -1000 name 61736b6572 anon 4096 ready await anon 1048576 name 61736b6564 stay"


def test_in_a_nested_domain_the_asker_is_in_it() -> None:
    container = Container((Process("a0", 0, 4096), Process("a1", 0, 4096, nested=True)))
    steps = container_steps(container, "/cg", Asker(5), in_nested=True, mapped="")
    forked = " ".join(steps).split("fork")[2]
    assert "adj 5 enter /cg/nested/cgroup.procs" in forked


def test_a_limit_above_the_pods_is_set_on_a_cgroup_of_this_trial_alone() -> None:
    allowed = Allowed(cgroup_version=2, negative_adj=True, swap=True)
    for number in range(40):
        scenario = generate(1, number, allowed)
        assert own_tree(scenario) == (f"trial-{number}" if scenario.domain is Domain.KUBEPODS else "")
