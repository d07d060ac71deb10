"""One trial on this machine's kernel: build, read and predict, make the kernel choose, compare."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection
from contextlib import nullcontext, suppress
from dataclasses import asdict

from oomsight_agent.sampler import Sampler
from oomsight_kill_order.comparison import Truth, judge, truth_of
from oomsight_kill_order.kill_log import KillLog
from oomsight_kill_order.layout import ASKED, Built, build, own_tree
from oomsight_kill_order.node_room import at_the_edge
from oomsight_kill_order.prediction import Prediction, PredictionError, predict
from oomsight_kill_order.results import Judgement, Trial, Verdict
from oomsight_kill_order.scenario import MIB, Domain, Scenario, Trigger
from oomsight_proof.machine import Machine
from oomsight_proof.stage import ScenarioError, Stage
from oomsight_proof.tree import Limits, Tree, read, write
from oomsight_proof.witness import Seen, Witness

KILL_SECONDS = 180.0
"""An emulated node takes long to run out while other machines have the processors."""
END_SECONDS = 20.0
SETTLE_SECONDS = 2.0
SECONDS_BETWEEN_KILLS = 0.6
"""The kernel logs ten headers in five seconds: without its header, who dies of a second OOM looks like a member of the first one's
group. Groups are of cgroup v2."""
RESIZED_BY_BYTES = MIB


class Trials:
    """Takes scenarios one after the other."""

    def __init__(self, machine: Machine, tree: Tree, sampler: Sampler, log: KillLog, cell: str, folder: str) -> None:
        self._machine = machine
        self._tree = tree
        self._sampler = sampler
        self._log = log
        self._cell = cell
        self._folder = folder
        self._last_kill = 0.0

    def take(self, scenario: Scenario) -> Trial:
        """The result; a trial that did not happen as it should is void and says why."""
        started = time.monotonic()
        self._sampler.sample(time.time(), started)  # what the last trial had is gone
        try:
            result = self._take(scenario)
        except (ScenarioError, PredictionError, OSError) as error:
            result = Judgement(verdict=Verdict.VOID, note=f"{type(error).__name__}: {error}")
        return Trial(
            kernel=self._machine.kernel,
            cgroup=f"v{self._machine.cgroup_version}",
            seed=scenario.seed,
            number=scenario.number,
            domain=scenario.domain,
            trigger=scenario.trigger,
            shape=scenario.shape,
            seconds=round(time.monotonic() - started, 3),
            **asdict(result),
        )

    def _take(self, scenario: Scenario) -> Judgement:
        witness = Witness()
        stage = Stage(self._machine, self._tree, witness, self._cell, self._folder, ())
        try:
            built = build(stage, scenario)
            self._log.forget()
            limit = self._settle(scenario, built)
            with at_the_edge() if scenario.domain is Domain.NODE else nullcontext():
                prediction = self._predict(scenario, built, limit)
                if dead := stage.killed():
                    raise ScenarioError(f"{dead[0].name} was killed before more was asked for")
                truth = self._push(stage, scenario, built, limit)
            return judge(scenario, prediction, truth, {seen.pid: seen.name for seen in witness.all()})
        finally:
            stage.close()
            if scenario.domain is Domain.KUBEPODS:
                self._tree.remove(f"{self._tree.root}/{own_tree(scenario)}")
            witness.close()

    def _settle(self, scenario: Scenario, built: Built) -> int | None:
        """The domain without a byte to spare; gives the limit that it is about to get, where that is not set yet."""
        if built.domain is None:
            return None
        folder = self._tree.folder(built.domain)
        swap_bytes = 0
        if scenario.swapped_bytes:
            with suppress(OSError):  # EAGAIN: it has swapped less than that
                write(f"{folder}/memory.reclaim", str(scenario.swapped_bytes))
            swap_bytes = int(read(f"{folder}/memory.swap.current"))
        if self._machine.cgroup_version == 2:
            self._tree.limit(built.domain, Limits(swap_bytes=swap_bytes))
        self._drain(folder)
        usage = self._usage(folder)
        self._tree.limit(built.domain, Limits(usage, swap_bytes=swap_bytes))
        return usage - RESIZED_BY_BYTES if scenario.trigger is Trigger.RESIZE else None

    def _drain(self, folder: str) -> None:
        """What each processor has charged in advance (up to 63 pages for each of several cgroups) is given back, and cache freed.

        Else the one that asks would grow by that before the kernel kills. Both writes kill nobody: mm/memcontrol.c,
        memory_high_write() and mem_cgroup_force_empty().
        """
        if self._machine.cgroup_version == 2:
            write(f"{folder}/memory.high", "0")
            write(f"{folder}/memory.high", "max")
        else:
            write(f"{folder}/memory.force_empty", "0")

    def _usage(self, folder: str) -> int:
        """Once it no longer changes: swapped pages are charged until they are written."""
        name = "memory.current" if self._machine.cgroup_version == 2 else "memory.usage_in_bytes"
        deadline = time.monotonic() + SETTLE_SECONDS
        usage = int(read(f"{folder}/{name}"))
        while time.monotonic() < deadline:
            time.sleep(0.02)
            before, usage = usage, int(read(f"{folder}/{name}"))
            if usage == before:
                return usage
        raise ScenarioError(f"memory in use had not settled after {SETTLE_SECONDS:g} s")

    def _predict(self, scenario: Scenario, built: Built, limit: int | None) -> Prediction:
        report = self._sampler.sample(time.time(), time.monotonic())
        nested = self._sampler.sample_all_cgroups() if scenario.domain is Domain.NESTED else ()
        return predict(report, scenario.domain, built.domain, nested=nested, limit_bytes=limit)

    def _push(self, stage: Stage, scenario: Scenario, built: Built, limit: int | None) -> Truth:
        """Until the kernel has chosen. Raises ScenarioError when it does not."""
        if self._machine.cgroup_version == 2:
            time.sleep(max(0.0, self._last_kill + SECONDS_BETWEEN_KILLS - time.monotonic()))
        if scenario.trigger is Trigger.RESIZE:
            assert built.domain is not None
            write(f"{self._tree.folder(built.domain)}/memory.max", str(limit))
        else:
            asker = built.asker_process(stage)
            if asker is None:
                raise ScenarioError("the process that is to ask for memory did not start")
            stage.go(asker)
            self._wait(stage, lambda: asker.name == ASKED or asker.status is not None, "the memory that was asked for")
        self._last_kill = time.monotonic()
        logged = self._log.read()
        ours = {seen.pid for seen in stage.witness.all()}
        died = [pid for pid in logged.killed_pids if pid in ours or scenario.domain is Domain.NODE]
        if logged.lost_records or not died:
            raise ScenarioError("nobody was killed" if not died else "the kernel's log was overwritten before it was read")
        _wait_ends(stage.witness, died)
        return truth_of(died, logged, built.domain)

    def _wait(self, stage: Stage, condition: Callable[[], bool], what: str) -> None:
        if not stage.witness.wait(lambda: condition() or bool(stage.witness.failures()), KILL_SECONDS):
            raise ScenarioError(f"waited {KILL_SECONDS:g} s for {what}; the log names {self._log.read().killed_pids}")
        if stage.witness.failures():
            raise ScenarioError(f"a step failed: {stage.witness.failures()[0]}")


def _wait_ends(witness: Witness, pids: Collection[int]) -> None:
    """Until everyone of ours among them has been waited for. Raises ScenarioError for who lives on.

    A parent that is killed with its children may have waited for one and not told it any more: that one is gone all the same.
    """

    def not_told() -> list[Seen]:
        return [one for one in witness.all() if one.pid in pids and one.status is None]

    if witness.wait(lambda: not not_told(), END_SECONDS):
        return
    living = [f"{one.name}({one.pid})" for one in not_told() if os.path.exists(f"/proc/{one.pid}")]
    if living:
        raise ScenarioError(f"logged as killed and living on after {END_SECONDS:g} s: {', '.join(living)}")
