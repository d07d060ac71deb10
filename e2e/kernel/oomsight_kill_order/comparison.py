"""Whether the kernel chose whom the product named. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from oomsight_kill_order.kill_log import Logged, differences
from oomsight_kill_order.layout import ASKED, ASKER
from oomsight_kill_order.prediction import Prediction
from oomsight_kill_order.results import Judgement, Verdict
from oomsight_kill_order.scenario import Scenario
from oomsight_proof.stage import ScenarioError

SHOWN = 8


@dataclass(frozen=True, slots=True)
class Truth:
    """What the kernel did."""

    first_pid: int
    """Whom it chose."""
    died: frozenset[int]
    """All that it killed by that decision."""
    logged: Logged


def truth_of(died: Sequence[int], logged: Logged, domain: str | None) -> Truth:
    """From the pids that the log names, in order. Raises ScenarioError where it was another domain's OOM."""
    oom = logged.first_oom_of(died[0])
    if oom is None:
        return Truth(died[0], frozenset(died), logged)
    if (oom.is_global and domain is not None) or (oom.limit_cgroup is not None and oom.limit_cgroup != domain):
        where = "the node" if oom.is_global else oom.limit_cgroup
        raise ScenarioError(f"memory of {where} ran out, not of {domain or 'the node'}")
    return Truth(died[0], frozenset(kill.pid for kill in oom.kills), logged)


def judge(scenario: Scenario, prediction: Prediction, truth: Truth, names: Mapping[int, str]) -> Judgement:
    """`names`: of all processes that the scenario started, by pid."""
    hit = truth.first_pid in prediction.first
    verdict = Verdict.AMBIGUOUS if prediction.ambiguous else Verdict.CORRECT if hit else Verdict.WRONG
    group_right = None
    if hit:
        named, died = prediction.dies_with[truth.first_pid], truth.died & prediction.told_pids
        group_right = named == died if len(named) > 1 or len(truth.died) > 1 else None
    oom = truth.logged.first_oom_of(truth.first_pid)
    tasks = [task for task in (oom.tasks if oom is not None else ()) if names.get(task.pid) not in {None, ASKER, ASKED}]
    found = differences(tasks, prediction.processes, prediction.page_size_bytes)
    note = ""
    if not hit or group_right is False:
        differing = {names[pid]: (each.rss, each.swap, each.page_tables) for pid, each in found.items() if each.total}
        note = explain(scenario, prediction, truth, names, differing)
    return Judgement(
        verdict=verdict,
        note=note,
        hit=hit,
        group_right=group_right,
        margin_pages=prediction.margin_pages(),
        differences=tuple((each.rss, each.swap, each.page_tables) for each in found.values()),
    )


def explain(
    scenario: Scenario,
    prediction: Prediction,
    truth: Truth,
    names: Mapping[int, str],
    differing: Mapping[str, tuple[int, int, int]],
) -> str:
    """All that is needed to understand a wrong one."""

    def name(pid: int) -> str:
        return f"{names.get(pid, '?')}({pid})"

    named = sorted({name(pid) for first in prediction.first for pid in prediction.dies_with[first]})
    candidates = "  ".join(f"{process}({pid}) adj={adj} points={points}" for pid, process, adj, points in prediction.ranked[:SHOWN])
    logged = ", ".join(f"{name(pid)} {usec}" for pid, usec in zip(truth.logged.killed_pids, truth.logged.usecs, strict=False))
    died = sorted(name(pid) for pid in truth.died)
    return "\n".join(
        (
            f"named {' or '.join(name(pid) for pid in prediction.first)} (to die: {', '.join(named)})",
            f"killed {name(truth.first_pid)} (died: {', '.join(died)})",
            f"logged as killed, with microseconds: {logged}",
            f"scale {prediction.total_pages} pages: {candidates}",
            f"the killer's pages less ours (resident, swapped, page tables): {dict(differing) or 'equal'}",
            f"scenario {json.dumps(scenario.describe(), separators=(',', ':'))}",
        )
    )
