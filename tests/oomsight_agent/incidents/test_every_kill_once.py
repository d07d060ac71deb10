"""The heart of the agent's promise: whatever the order in which log and counters come, each kill is told once."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oomsight_agent.incidents.nodes import UID_A, UID_B, A, Agent, B, C, Node, kills_counted

EXAMPLES = 250
CONTAINERS = {A: UID_A, B: UID_A, C: UID_B}

_kill = st.tuples(st.just("kill"), st.sampled_from(sorted(CONTAINERS)), st.booleans(), st.booleans())
_sample = st.tuples(st.just("sample"), st.sampled_from((0.05, 1.0)), st.booleans())
_rare = st.sampled_from((("restart",), ("overwrite",)))
_steps = st.lists(st.one_of(_kill, _kill, _kill, _sample, _sample, _sample, _rare), min_size=12, max_size=60)


def play(steps: list[tuple[object, ...]], *, follows_log: bool, headers: bool, lossless: bool) -> tuple[Node, list[Agent]]:
    """A kill's line may be lost, or lack its header; the agent may end at any time, and the ring lose what it held."""
    node = Node()
    for id_, uid in CONTAINERS.items():
        node.start(id_, uid)
    agents = [Agent(node, follows_log=follows_log)]
    agents[0].observe()
    for number, step in enumerate(steps):
        match step:
            case ("kill", str(id_), bool(logged), bool(header)):
                node.count(id_)
                if logged or lossless:
                    node.log_kill(id_, 1000 + number, header=header or not headers)
            case ("sample", float(after), bool(reads_log)):
                agents[-1].observe(after, reads_log=reads_log or headers)
            case ("restart",):
                agents.append(Agent(node, follows_log=follows_log))
                agents[-1].observe(0.05)
            case ("overwrite",):
                node.overwrite_ring()
    agents[-1].settle()
    return node, agents


def check(node: Node, agents: list[Agent]) -> None:
    counted = kills_counted(*agents)
    assert all(ordinal is not None for _, ordinal, _ in counted), counted
    found = Counter(owner for owner, _, _ in counted)
    assert found == Counter({id_: one.kills for id_, one in node.containers.items() if one.kills})
    assert agents[-1].tracker.unattributed_oom_kills == 0


@given(_steps, st.sampled_from((True, True, False)))
@settings(max_examples=EXAMPLES)
def test_kills_with_lost_lines_and_restarts(steps: list[tuple[object, ...]], follows_log: bool) -> None:
    check(*play(steps, follows_log=follows_log, headers=False, lossless=False))


@given(_steps)
@settings(max_examples=EXAMPLES)
def test_kills_of_which_the_rate_limit_swallowed_headers(steps: list[tuple[object, ...]]) -> None:
    steps = [step for step in steps if step[0] in ("kill", "sample")]
    check(*play(steps, follows_log=True, headers=True, lossless=True))


@given(_steps)
@settings(max_examples=EXAMPLES)
def test_kills_of_one_container_without_headers_over_restarts(steps: list[tuple[object, ...]]) -> None:
    steps = [("kill", A, step[2], step[3]) if step[0] == "kill" else step for step in steps]
    check(*play(steps, follows_log=True, headers=True, lossless=True))
