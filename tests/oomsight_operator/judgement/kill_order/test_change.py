"""What would change who dies first, in sentences with their numbers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.build import GI, MI
from tests.oomsight_operator.judgement.kill_order.build import CANDIDATES, DOMAINS, NODE, PAGE, candidate

from oomsight_api.incident import OomScope
from oomsight_operator.judgement.kill_order.change import margin, what_would_change_it
from oomsight_operator.judgement.kill_order.model import Candidate, Domain
from oomsight_operator.judgement.kill_order.order import rank


def label(each: Candidate) -> str:
    return each.container_id or f"process {each.name}"


def said(*everybody: Candidate, domain: Domain = NODE, **more: bool | None) -> tuple[str, ...]:
    order = rank(everybody, domain, **more)
    return what_would_change_it(order, label, page_size_bytes=PAGE, node_total_bytes=16 * GI)


def test_what_depends_on_files_in_memory_says_so() -> None:
    (text,) = said(candidate(7, size_pages=1000), candidate(8, size_pages=1100, file_pages=256))
    assert text.endswith("; it depends on how much of the files that they map (up to 1Mi) is still in memory when the kernel looks")


def test_the_margin_and_every_lever() -> None:
    app = candidate(7, adj=999, rss=400 * MI, container="web")
    db = candidate(8, adj=985, rss=512 * MI, container="db")

    # One point weighs 4194 pages: 14 points are 229.4 MiB, less the 112 MiB that db is bigger.
    assert said(app, db) == (
        "web (oom_score_adj 999, 400Mi) dies before db (oom_score_adj 985, 512Mi) by a margin of 117Mi (7 points of oom_score_adj)",
        "it would change if db grew by more than 117Mi",
        "it would change if web shrank by more than 117Mi",
        "it would change if web asked for at least 148Mi of memory (its oom_score_adj would be 991 when it is started anew)",
    )


def test_the_request_that_is_named_is_the_least_that_turns_the_order() -> None:
    web, db = candidate(7, adj=999, rss=400 * MI, container="web"), candidate(8, adj=985, rss=512 * MI, container="db")
    asked = 1000 - 1000 * (148 * MI) // (16 * GI)

    assert asked == 991
    assert rank([candidate(7, adj=asked, rss=400 * MI), db], NODE).first == (db,)
    assert rank([candidate(7, adj=asked + 1, rss=400 * MI, container="web"), db], NODE).first[0].container_id == web.container_id


def test_where_no_request_and_no_growth_can_help_that_is_said() -> None:
    sentences = said(candidate(7, adj=1000, rss=MI, container="job"), candidate(8, adj=-997, rss=GI, container="db"))

    assert "no growth of db can change it: there are 16Gi of memory and swap in all" in sentences
    assert "no request of a Burstable pod would put job behind it; a Guaranteed pod is at -997" in sentences
    assert not any("shrank" in sentence for sentence in sentences)


def test_to_a_kernel_before_5_9_who_is_far_below_0_has_to_grow_by_more_than_the_margin() -> None:
    far = candidate(8, adj=-500, rss=GI, container="db")
    sentences = said(candidate(7, adj=0, rss=100 * MI, container="web"), far, signed=False)

    assert sentences[0].endswith("by a margin of 100Mi (6 points of oom_score_adj)")
    assert "it would change if db grew by more than 7.1Gi" in sentences
    grown = candidate(8, adj=-500, rss=2 * GI, container="db")
    assert rank([candidate(7, rss=100 * MI, container="web"), grown], NODE, signed=False).first[0].container_id == "web"


def test_a_process_outside_pods_has_no_request_to_raise() -> None:
    sentences = said(candidate(7, rss=90 * MI, name="sshd"), candidate(8, rss=MI, container="web"))

    assert sentences[0].startswith(
        "process sshd (oom_score_adj 0, 90Mi) dies before web (oom_score_adj 0, 1Mi) by a margin of 89Mi"
    )
    assert not any("asked for" in sentence for sentence in sentences)


def test_the_next_is_of_another_container_since_its_own_changes_nothing_for_it() -> None:
    workers = [candidate(7, rss=90 * MI, container="web"), candidate(8, rss=90 * MI, container="web")]
    gap = margin(rank([*workers, candidate(9, rss=MI, container="db")], NODE))

    assert gap is not None
    assert (gap.first.pid, gap.next.pid, gap.pages) == (7, 9, 89 * MI // PAGE)


def test_inside_a_container_it_is_about_its_processes() -> None:
    inside = Domain(OomScope.CONTAINER, "/kubepods/web", 64 * MI // PAGE)
    main, worker = candidate(7, rss=9 * MI, container="web"), candidate(8, rss=30 * MI, container="web")
    gap = margin(rank([main, worker], inside))

    assert gap is not None
    assert (gap.first, gap.next) == (worker, main)
    assert not any("asked for" in sentence for sentence in said(main, worker, domain=inside))


def test_ambiguity_is_said_with_all_names_and_why() -> None:
    equals = [candidate(pid, container=f"c{pid}") for pid in range(2, 9)]
    (equal,) = said(*equals)
    assert equal.startswith("ambiguous, any of these 7 may die first: c2 (oom_score_adj 0, 1Mi), ")
    assert equal.endswith(" and 2 more; they have equal points, and the kernel takes whichever stands first or last in its list")

    protected = [candidate(7, adj=-997), candidate(8, adj=-998)]
    assert "(before 5.9) all that is not above 0 is alike" in said(*protected, signed=False)[0]
    assert "whether this kernel's points are signed is not known" in said(*protected, signed=None)[0]


def test_who_is_alone_dies_whatever_happens() -> None:
    assert said(candidate(7, container="web")) == (
        "web (oom_score_adj 0, 1Mi) dies first whatever happens: nothing else can be chosen",
    )
    assert said() == ("no process of which all is known can be chosen here",)


@given(CANDIDATES, DOMAINS, st.sampled_from([True, False, None]), st.one_of(st.none(), st.integers(-1, 2**63)))
def test_no_number_crashes_it_and_each_sentence_is_one_printable_line(
    everybody: list[Candidate], domain: Domain, signed: bool | None, total: int | None
) -> None:
    order = rank(everybody, domain, signed=signed)
    sentences = what_would_change_it(order, label, page_size_bytes=PAGE, node_total_bytes=total)

    assert sentences
    assert all(sentence.isascii() and sentence.isprintable() for sentence in sentences)
