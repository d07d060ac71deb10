"""Who dies until enough is free, one decision after the other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.kill_order.build import CANDIDATES, DOMAINS, NODE, candidate

from oomsight_operator.judgement.kill_order.cascade import Cascade, End, cascade
from oomsight_operator.judgement.kill_order.model import Candidate, Domain


def chosen(found: Cascade) -> list[list[int]]:
    return [[each.pid for each in step.victims] for step in found.steps]


def own(pid: int, pages: int, **more: int | str) -> Candidate:
    """A process all of whose memory is its own."""
    return candidate(pid, size_pages=pages, private_pages=pages, **more)  # type: ignore[arg-type]


def test_one_after_the_other_until_enough_is_free() -> None:
    found = cascade([own(7, 20, adj=999), own(8, 500), own(9, 400), own(10, 300)], NODE, 521)

    assert chosen(found) == [[7], [8], [9]]
    assert (found.end, found.least_pages, found.most_pages) == (End.ENOUGH, 920, 920)


def test_what_others_may_hold_too_is_no_promise_and_the_next_may_die() -> None:
    shared = [candidate(7, size_pages=600, private_pages=100), own(8, 500)]
    found = cascade(shared, NODE, 550)

    assert chosen(found) == [[7], [8]]
    assert [step.needed_for_certain for step in found.steps] == [True, False]
    assert (found.steps[0].least_pages, found.steps[0].most_pages, found.end) == (100, 600, End.ENOUGH)


def test_a_group_dies_as_one_step() -> None:
    found = cascade([own(7, 300, container="a"), own(8, 50, container="a"), own(9, 200)], NODE, 320, groups={"/kubepods/a"})

    assert chosen(found) == [[7, 8]]
    assert found.steps[0].least_pages == 350


def test_it_ends_where_nobody_is_left() -> None:
    assert cascade([own(7, 10)], NODE, 11).end is End.NOBODY_LEFT
    assert cascade([], NODE, 1).end is End.NOBODY_LEFT


def test_where_it_is_not_known_how_much_others_hold_it_may_have_been_enough() -> None:
    found = cascade([candidate(7, size_pages=600), candidate(8, size_pages=500)], NODE, 550)
    assert (chosen(found), found.end, found.least_pages, found.most_pages) == ([[7], [8]], End.PERHAPS_ENOUGH, 0, 1100)
    assert cascade([candidate(7, size_pages=600)], NODE, 601).end is End.NOBODY_LEFT


def test_it_ends_where_nobody_can_say_who_is_next_and_names_all_who_may_be() -> None:
    found = cascade([own(7, 30), own(8, 20, container="a"), own(9, 20, container="b")], NODE, 100)

    assert chosen(found) == [[7]]
    assert (found.end, [each.pid for each in found.next_one_of]) == (End.AMBIGUOUS, [8, 9])


def test_equals_of_one_container_are_no_reason_to_end() -> None:
    found = cascade([own(7, 20, container="a"), own(8, 20, container="a"), own(9, 10)], NODE, 45)

    assert chosen(found) == [[7], [8], [9]]
    assert [each.pid for each in found.steps[0].one_of] == [7, 8]


def test_equals_that_die_together_anyway_are_one_step() -> None:
    found = cascade([own(7, 20, container="a"), own(8, 20, container="a")], NODE, 40, groups={"/kubepods/a"})

    assert chosen(found) == [[7, 8]]
    assert found.end is End.ENOUGH


def test_equals_of_which_one_would_take_others_along_are_ambiguous() -> None:
    nested = [own(7, 20, container="a", cgroup="/kubepods/a/x"), own(8, 20, container="a")]

    assert cascade(nested, NODE, 40, groups={"/kubepods/a/x"}).end is End.AMBIGUOUS


def test_a_long_one_is_cut() -> None:
    found = cascade([own(pid, pid) for pid in range(2, 50)], NODE, 10**6, most_steps=4)

    assert (len(found.steps), found.end) == (4, End.LONG)
    assert cascade([own(7, 1)], NODE, 0).steps == ()


@given(
    CANDIDATES,
    DOMAINS,
    st.integers(0, 2**40),
    st.sets(st.sampled_from(["/kubepods", "/kubepods/a", "/system.slice"])),
    st.sampled_from([True, False, None]),
)
def test_nobody_dies_twice_and_enough_is_enough(
    everybody: list[Candidate], domain: Domain, needed: int, groups: set[str], signed: bool | None
) -> None:
    found = cascade(everybody, domain, needed, groups=groups, signed=signed)
    dead = [each for step in found.steps for each in step.victims]

    assert len(set(dead)) == len(dead)
    assert all(domain.holds(each) for each in dead)
    assert sum(each.private_pages for each in dead) >= found.least_pages
    assert (found.least_pages >= needed) is (found.end is End.ENOUGH)
    if found.end in (End.NOBODY_LEFT, End.LONG):
        assert found.most_pages < needed
    assert (len(found.next_one_of) > 1) is (found.end is End.AMBIGUOUS)
