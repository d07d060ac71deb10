"""One domain's kill order as a JSON document: the first ten, who dies with them, what follows, and what would change it.

Of the node, a pod or another cgroup each container stands once, for its worst process: its owner loses one whichever it is. In a
container's own domain it is about its processes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from oomsight_api.incident import OomScope
from oomsight_operator.judgement.kill_order.cascade import Cascade, Step, cascade_of
from oomsight_operator.judgement.kill_order.change import what_would_change_it, why_equal
from oomsight_operator.judgement.kill_order.group import dies_with, oom_group_of
from oomsight_operator.judgement.kill_order.model import Candidate, Domain, KillOrder, Ranked
from oomsight_operator.judgement.kill_order.order import rank
from oomsight_operator.judgement.words import printable
from oomsight_operator.views.owners import Owners

MAX_LISTED = 10
NEEDED_PERCENT = 5
"""How much of the domain is to come free in the cascade: what lifts a node to where it no longer counts as badly short."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a node's processes."""

    candidates: Sequence[Candidate]
    groups: frozenset[str]
    owners: Owners
    page_size_bytes: int
    node_total_bytes: int | None
    signed: bool | None


def order_document(domain: Domain, known: Known, listed: int = MAX_LISTED) -> dict[str, Any]:
    """The document of a domain in which the kernel goes by points."""
    order = rank(known.candidates, domain, signed=known.signed)
    rows = _worst_of_each(order)
    inside = [each.candidate for each in order.ranked]
    needed_pages = -(-domain.total_pages * NEEDED_PERCENT // 100)
    follows = cascade_of(order, needed_pages, groups=known.groups)
    label = known.owners.process_label if domain.scope is OomScope.CONTAINER else known.owners.label
    document: dict[str, Any] = {
        "totalBytes": domain.total_pages * known.page_size_bytes,
        "oomScoreAdjPointBytes": domain.pages_per_adj * known.page_size_bytes,
        "processes": order.candidates,
        "ambiguous": order.ambiguous,
        "first": [known.owners.document(each) for each in order.first[:MAX_LISTED]],
        "firstCount": len(order.first),
        "order": [
            _row(number, rows[number - 1 : number + 1], order, inside, known) for number in range(1, min(listed, len(rows)) + 1)
        ],
        "cascade": _cascade(follows, known),
        "whatWouldChangeIt": list(
            what_would_change_it(order, label, page_size_bytes=known.page_size_bytes, node_total_bytes=known.node_total_bytes)
        ),
    }
    if order.ambiguous:
        document["ambiguousBecause"] = why_equal(order, known.page_size_bytes)
    return document


def _worst_of_each(order: KillOrder) -> list[Ranked]:
    if order.domain.scope is OomScope.CONTAINER:
        return list(order.ranked)
    seen: set[str] = set()
    rows = []
    for each in order.ranked:
        container_id = each.candidate.container_id
        if container_id is None or container_id not in seen:
            rows.append(each)
        if container_id is not None:
            seen.add(container_id)
    return rows


def _row(
    number: int, here_and_next: Sequence[Ranked], order: KillOrder, inside: Sequence[Candidate], known: Known
) -> dict[str, Any]:
    ranked, domain = here_and_next[0], order.domain
    candidate = ranked.candidate
    document: dict[str, Any] = {
        "rank": number,
        **known.owners.document(candidate),
        "oomScoreAdj": candidate.oom_score_adj,
        "points": ranked.points,
        "sizeBytes": candidate.size_pages * known.page_size_bytes,
        "rssBytes": candidate.rss_bytes,
    }
    if len(here_and_next) > 1:
        margin = ranked.points - here_and_next[1].points
        document["marginToNextBytes"] = margin * known.page_size_bytes
        if domain.pages_per_adj:
            document["marginToNextOomScoreAdj"] = margin // domain.pages_per_adj
    group = oom_group_of(candidate.cgroup, known.groups, domain)
    if group is not None:
        others = dies_with(inside, candidate, known.groups, domain)[1:]
        document["oomGroup"] = printable(group, 512)
        document["diesWith"] = [known.owners.document(each) for each in others[:MAX_LISTED]]
        document["diesWithCount"] = len(others)
    return document


def _cascade(follows: Cascade, known: Known) -> dict[str, Any]:
    document: dict[str, Any] = {
        "neededBytes": follows.needed_pages * known.page_size_bytes,
        "steps": [_step(step, known) for step in follows.steps],
        "freesAtLeastBytes": follows.least_pages * known.page_size_bytes,
        "freesAtMostBytes": follows.most_pages * known.page_size_bytes,
        "end": follows.end.value,
    }
    if follows.next_one_of:
        document["nextIsOneOf"] = _listed(follows.next_one_of, known)
        document["nextIsOneOfCount"] = len(follows.next_one_of)
    return document


def _step(step: Step, known: Known) -> dict[str, Any]:
    document: dict[str, Any] = {
        "victims": _listed(step.victims, known),
        "victimsCount": len(step.victims),
        "freesAtLeastBytes": step.least_pages * known.page_size_bytes,
        "freesAtMostBytes": step.most_pages * known.page_size_bytes,
        "onlyIfLessWasFreed": not step.needed_for_certain,
    }
    if len(step.one_of) > 1:
        document["ambiguousAmong"] = _listed(step.one_of, known)
    return document


def _listed(candidates: Iterable[Candidate], known: Known) -> list[dict[str, Any]]:
    return [known.owners.document(each) for each in list(candidates)[:MAX_LISTED]]
