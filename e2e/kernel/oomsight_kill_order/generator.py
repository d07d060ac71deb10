"""Random scenarios from a seed: the same seed, number and machine give the same scenario, so that each can be taken again.

Most are as random as they come; some are made hard on purpose (`_SHAPES`). To make a second process come close to the first,
what the kernel counts is estimated here, roughly and for that alone: nothing is judged by it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from oomsight_kill_order.scenario import KIB, MIB, Asker, Container, Domain, Process, Scenario, Shape, Trigger

PAGE_BYTES = 4 * KIB
MIN_BYTES = 2 * MIB
"""Whoever is killed frees more than is asked for, so that one death is enough and nobody has to say who was the first."""
MAX_BYTES = 16 * MIB
MAPPED_BYTES = 6 * MIB
"""The size of the file that processes map."""
OVERHEAD_BYTES = 200 * KIB
"""Of the kernel for one small process, charged to its cgroup."""
NODE_SHARE = 0.12
"""Of trials where the node may be exhausted; they take the longest."""

_SHAPES = ((Shape.RANDOM, 0.865), (Shape.CLOSE, 0.12), (Shape.TIE, 0.015))
_CLOSE = (0.01, 0.05)
"""By which part of its own size a second process comes behind the first."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the machine lets a scenario have."""

    cgroup_version: int
    negative_adj: bool
    swap: bool
    node_pages: int | None = None
    """RAM and swap where the node may be exhausted; None where it may not."""

    @property
    def lowest_adj(self) -> int:
        return -1000 if self.negative_adj else 0


def generate(seed: int, number: int, allowed: Allowed) -> Scenario:
    """Scenario `number` of a run."""
    dice = random.Random(f"{seed}:{number}")
    domain = _domain(dice, allowed)
    shape = dice.choices([shape for shape, _ in _SHAPES], [weight for _, weight in _SHAPES])[0]
    draw_adj = _adj_style(dice, allowed)
    pods, services = _placed(dice, domain, allowed, draw_adj)
    asks = allowed.cgroup_version == 1 or domain is Domain.NODE or dice.random() < 0.6
    scenario = Scenario(
        seed=seed,
        number=number,
        domain=domain,
        trigger=Trigger.CHARGE if asks else Trigger.RESIZE,
        shape=shape,
        pods=pods,
        services=services,
        pod_oom_group=allowed.cgroup_version == 2 and dice.random() < 0.08,
        asker=_asker(dice, domain, allowed, draw_adj),
    )
    if allowed.swap and domain is not Domain.NODE and dice.random() < 0.2:
        total = sum(process.anon_bytes for process in scenario.members())
        scenario = replace(scenario, swapped_bytes=_pages(int(total * dice.uniform(0.1, 0.5))))
    scenario = _with_one_eligible(dice, scenario)
    return scenario if shape is Shape.RANDOM else _hardened(dice, scenario, allowed)


def _domain(dice: random.Random, allowed: Allowed) -> Domain:
    if allowed.node_pages is not None and dice.random() < NODE_SHARE:
        return Domain.NODE
    return dice.choice((Domain.CONTAINER, Domain.POD, Domain.NESTED, Domain.KUBEPODS))


def _adj_style(dice: random.Random, allowed: Allowed) -> Callable[[], int]:
    """How this scenario's oom_score_adj are drawn."""
    lowest = allowed.lowest_adj
    kubelet = [adj for adj in (-999, -997, 0, 2, 3, 100, 500, 850, 936, 986, 999, 1000) if adj >= lowest]
    base = dice.randint(lowest + 30, 970)
    equal = dice.randint(max(lowest, -999), 1000)
    return dice.choice(
        (
            lambda: dice.randint(lowest, 1000),
            lambda: dice.choice(kubelet),
            lambda: base + dice.randint(-30, 30),
            lambda: equal,
        )
    )


def _placed(
    dice: random.Random, domain: Domain, allowed: Allowed, draw_adj: Callable[[], int]
) -> tuple[tuple[tuple[Container, ...], ...], tuple[Container, ...]]:
    """Pods with their containers, and services."""
    count = dice.randint(2, 8)
    if domain in {Domain.CONTAINER, Domain.NESTED}:
        return ((_container(dice, "a", count, domain, allowed, draw_adj),),), ()
    parts = _parts(dice, count, dice.randint(2, 3))
    containers = [_container(dice, letter, part, domain, allowed, draw_adj) for letter, part in zip("abc", parts, strict=False)]
    if domain is Domain.POD:
        return (tuple(containers),), ()
    if domain is Domain.NODE and dice.random() < 0.5:
        return tuple((container,) for container in containers[:-1]), (replace(containers[-1], oom_group=False),)
    return tuple((container,) for container in containers), ()


def _parts(dice: random.Random, count: int, most: int) -> list[int]:
    """`count` in at most so many parts of at least one."""
    cuts = sorted(dice.sample(range(1, count), min(most, count) - 1))
    return [end - start for start, end in zip([0, *cuts], [*cuts, count], strict=True)]


def _container(
    dice: random.Random, letter: str, count: int, domain: Domain, allowed: Allowed, draw_adj: Callable[[], int]
) -> Container:
    shares = _pages(dice.randint(MIB, 6 * MIB)) if count > 1 and dice.random() < 0.25 else 0
    nests = domain is Domain.NESTED or (domain is not Domain.NODE and count > 1 and dice.random() < 0.15)
    groups = allowed.cgroup_version == 2
    processes = tuple(
        Process(
            name=f"{letter}{index}",
            oom_score_adj=draw_adj(),
            anon_bytes=_pages(int(MIN_BYTES * (MAX_BYTES / MIN_BYTES) ** dice.random())),
            shared_bytes=shares if shares and dice.random() < 0.7 else 0,
            mapped_bytes=_mapped(dice) if domain is Domain.NODE and dice.random() < 0.3 else 0,
            page_tables=dice.randint(64, 768) if dice.random() < 0.15 else 0,
            nested=nests and index > 0 and (domain is Domain.NESTED or dice.random() < 0.6),
        )
        for index in range(count + (domain is Domain.NESTED))
    )
    container = Container(processes, oom_group=groups and dice.random() < 0.25)
    return replace(container, nested_oom_group=groups and container.nests and dice.random() < 0.3)


def _mapped(dice: random.Random) -> int:
    """Where a cgroup runs out they stay, since they are charged to nobody in it."""
    return _pages(dice.randint(MIB // 2, MAPPED_BYTES))


def _asker(dice: random.Random, domain: Domain, allowed: Allowed, draw_adj: Callable[[], int]) -> Asker:
    """Where the node is exhausted it must not be killed: it alone grows by more than a little."""
    if allowed.negative_adj and (domain is Domain.NODE or dice.random() < 0.5):
        return Asker(-1000)
    return Asker(draw_adj(), _pages(dice.randint(3 * MIB // 2, 3 * MIB)))


def _with_one_eligible(dice: random.Random, scenario: Scenario) -> Scenario:
    """Where nobody may be killed the kernel panics, or asks for ever."""
    if any(process.oom_score_adj > -1000 for process in scenario.members()):
        return scenario
    chosen = dice.choice(scenario.members())
    return _with(scenario, replace(chosen, oom_score_adj=dice.randint(-999, 1000)))


def _hardened(dice: random.Random, scenario: Scenario, allowed: Allowed) -> Scenario:
    """Another process beside the first one, equal to it or a little behind."""
    members = [process for process in scenario.members() if process.oom_score_adj > -1000]
    unit = _unit(scenario, allowed)
    first = max(members, key=lambda process: _estimate(process, unit))
    others = [process for process in scenario.members() if process is not first]
    if not others:
        return scenario
    other = dice.choice(others)
    if scenario.shape is Shape.TIE:
        return _with(scenario, replace(first, name=other.name, nested=other.nested))
    behind = int(first.anon_bytes // PAGE_BYTES * dice.uniform(*_CLOSE))
    wanted = _estimate(first, unit) - behind
    pages = wanted - _estimate(replace(other, anon_bytes=0), unit)
    if not MIN_BYTES <= pages * PAGE_BYTES <= MAX_BYTES or other.oom_score_adj == -1000:
        other = replace(other, oom_score_adj=first.oom_score_adj)
        pages = wanted - _estimate(replace(other, anon_bytes=0), unit)
    if not MIN_BYTES <= pages * PAGE_BYTES <= 2 * MAX_BYTES:
        other = replace(other, shared_bytes=first.shared_bytes, page_tables=first.page_tables)
        pages = max(MIN_BYTES // PAGE_BYTES, first.anon_bytes // PAGE_BYTES - behind)
    return _with(scenario, replace(other, anon_bytes=pages * PAGE_BYTES))


def _unit(scenario: Scenario, allowed: Allowed) -> int:
    """About how many pages one oom_score_adj is worth."""
    if scenario.domain is Domain.NODE:
        return (allowed.node_pages or 0) // 1000
    members = scenario.members()
    shared = sum(container.shared_bytes for container in scenario.containers())
    anon = sum(process.anon_bytes + process.page_tables * PAGE_BYTES for process in members) + scenario.asker.anon_bytes
    return (anon + shared + OVERHEAD_BYTES * (len(members) + 1)) // PAGE_BYTES // 1000


def _estimate(process: Process, unit: int) -> int:
    return (process.anon_bytes + process.shared_bytes) // PAGE_BYTES + process.page_tables + process.oom_score_adj * unit


def _with(scenario: Scenario, changed: Process) -> Scenario:
    """The scenario with the process of this name replaced."""

    def inside(containers: Sequence[Container]) -> tuple[Container, ...]:
        return tuple(
            replace(one, processes=tuple(changed if process.name == changed.name else process for process in one.processes))
            for one in containers
        )

    return replace(scenario, pods=tuple(inside(pod) for pod in scenario.pods), services=inside(scenario.services))


def _pages(size: int) -> int:
    """In whole pages."""
    return size // PAGE_BYTES * PAGE_BYTES
