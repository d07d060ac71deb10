"""Runs scenarios one after the other before all observers, and judges what they were told."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from types import TracebackType

import msgspec

from oomsight_api.incident import Evidence, Incident
from oomsight_proof.comparison import Kill, Verdict, compare, incomplete
from oomsight_proof.consumer import kills_told
from oomsight_proof.kernel_words import KernelWords, difference, disagreement
from oomsight_proof.machine import Machine, compile_cell
from oomsight_proof.observer import AgentError, EvidenceMode, Observer, Told
from oomsight_proof.pod import Pod
from oomsight_proof.results import Row
from oomsight_proof.scenarios.model import Scenario
from oomsight_proof.stage import ScenarioError, Stage
from oomsight_proof.tree import Driver, Tree, pod_path
from oomsight_proof.witness import Witness

_FOUND_SECONDS = 30.0
_EVIDENCE = {
    EvidenceMode.LOG: {Evidence.KERNEL_LOG, Evidence.BOTH},
    EvidenceMode.COUNTERS: {Evidence.COUNTER},
}


class Runner:
    """Holds what all scenarios share: our cgroups, the witness, the agents. A context manager: everything is gone at its end."""

    def __init__(self, machine: Machine, modes: Sequence[EvidenceMode], cgroup_root: str, keep_logs: str | None = None) -> None:
        self._machine = machine
        self._keep_logs = keep_logs
        self._resources = ExitStack()
        with ExitStack() as made:
            self._folder = tempfile.mkdtemp(prefix="oomsight-proof-")
            made.callback(shutil.rmtree, self._folder, ignore_errors=True)
            made.callback(self._save_logs)
            self._cell = os.path.join(self._folder, "cell")
            compile_cell(os.path.join(os.path.dirname(__file__), "cell.c"), self._cell)
            self._tree = Tree(machine)
            made.callback(self._tree.close)
            for driver in Driver:  # the kubelet makes them when it starts, before any agent
                self._tree.make(os.path.dirname(pod_path(driver, "")))
            self._witness = Witness()
            made.callback(self._witness.close)
            self._words = KernelWords()
            made.callback(self._words.close)
            os.chmod(self._folder, 0o711)  # the agents' user comes through, to its own
            self._observers = [self._observer(mode, cgroup_root) for mode in modes]
            for observer in self._observers:
                made.callback(observer.stop)
            self._resources = made.pop_all()

    def __enter__(self) -> Runner:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._resources.close()

    def _observer(self, mode: EvidenceMode, cgroup_root: str) -> Observer:
        folder = os.path.join(self._folder, mode.name.lower())
        pod = Pod(self._tree, self._machine.cgroup_version, folder, cgroup_root, privileged=mode is EvidenceMode.LOG)
        return Observer(mode, self._folder, pod)

    def run(self, scenario: Scenario) -> list[Row]:
        """One row for each observer."""
        missing = [need for need in scenario.needs if self._machine.missing(need)]
        if missing:
            return [self._row(scenario, observer, skipped=f"needs {' and '.join(missing)}") for observer in self._observers]
        try:
            for observer in self._observers:
                observer.ensure_running()
        except AgentError as error:
            return [self._row(scenario, observer, faults=(str(error),)) for observer in self._observers]
        self._words.wait_for_headers()
        for observer in self._observers:
            observer.listen()
        stage = Stage(self._machine, self._tree, self._witness, self._cell, self._folder, self._observers)
        before = self._words.now()
        problem = None
        try:
            try:
                scenario.run(stage)
            except (ScenarioError, AgentError, OSError) as error:
                problem = f"{type(error).__name__}: {error}"
            rows = self._judge(scenario, stage)
            said = difference(before, self._words.now())
            pids = {kill.pid for kill in stage.kills()}
            dispute = disagreement(said, pids, stage.ours().pids) if self._words.readable else None
        finally:
            stage.close()
        if not self._observers:
            version, notes = f"v{self._machine.cgroup_version}", "; ".join(stage.notes)
            rows = [Row(scenario.name, self._machine.kernel, version, "no agent", len(pids), len(pids), note=notes)]
        ground = [text for text in (problem, f"ground truth: {dispute}" if dispute else None) if text]
        return [_with_faults(row, ground) for row in rows]

    def _judge(self, scenario: Scenario, stage: Stage) -> list[Row]:
        rows = []
        for observer in self._observers:
            _until(lambda observer=observer: not self._verdict(scenario, stage, observer)[1], _FOUND_SECONDS)  # type: ignore[misc]
        time.sleep(scenario.quiet_seconds)
        for observer in self._observers:
            verdict, faults = self._verdict(scenario, stage, observer)
            row = self._row(
                scenario,
                observer,
                verdict=verdict,
                note="; ".join([*stage.notes, *_remarks(scenario, verdict, observer)]),
                faults=tuple(faults),
            )
            rows.append(row)
            if not row.good and self._keep_logs is not None:
                self._save_told(scenario, stage, observer)
        return rows

    def _save_told(self, scenario: Scenario, stage: Stage, observer: Observer) -> None:
        """All incidents of ours as they were told, and what happened, for whoever looks for the cause."""
        assert self._keep_logs is not None
        os.makedirs(self._keep_logs, exist_ok=True)
        ours = stage.ours()
        incidents = [one for one in observer.told().incidents.values() if any(ours.owns(one, victim) for victim in one.victims)]
        document = {"incidents": incidents, "kills": [asdict(kill) for kill in stage.kills()]}
        name = re.sub(r"[^a-z0-9]+", "-", f"{scenario.name} {observer.mode}".lower())
        with open(os.path.join(self._keep_logs, f"{name}.json"), "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(document)))

    def _verdict(self, scenario: Scenario, stage: Stage, observer: Observer) -> tuple[Verdict, list[str]]:
        """With what is not (yet) right."""
        told, kills, ours = observer.told(), stage.kills(), stage.ours()
        found = kills_told(told.incidents.values(), ours)
        by_log = observer.mode is EvidenceMode.LOG
        verdict = compare(
            kills,
            found,
            evidence=_EVIDENCE[observer.mode] | ({Evidence.COUNTER} if scenario.lines_are_dropped else set()),
            unattributed=told.unattributed_rise,
            row_kills=told.container_kills if scenario.rows_count and not by_log else None,
        )
        incidents: dict[str, Incident] = {one.incident.id: one.incident for one in found}
        faults = [*verdict.wrong, *incomplete(verdict, scenario.must_know[observer.mode])]
        if by_log and verdict.unattributed and not scenario.lines_are_dropped:
            faults.append(f"{verdict.unattributed} only told as unattributed")
        if verdict.lost:
            faults.append(f"lost {', '.join(_names(kills, verdict))}")
        faults.extend(scenario.check(observer.mode, self._machine, list(incidents.values())))
        faults.extend(_log_faults(told, by_log=by_log))
        return verdict, faults

    def _row(
        self,
        scenario: Scenario,
        observer: Observer,
        *,
        verdict: Verdict | None = None,
        note: str = "",
        faults: tuple[str, ...] = (),
        skipped: str | None = None,
    ) -> Row:
        verdict = verdict or Verdict(0)
        return Row(
            scenario=scenario.name,
            kernel=self._machine.kernel,
            cgroup=f"v{self._machine.cgroup_version}",
            evidence=str(observer.mode),
            kills=verdict.kills,
            found=verdict.found,
            attributed=verdict.right["container"],
            lost=verdict.lost,
            doubled=verdict.doubled,
            invented=verdict.invented,
            note=note,
            faults=faults,
            skipped=skipped,
        )

    def _save_logs(self) -> None:
        if self._keep_logs is None:
            return
        os.makedirs(self._keep_logs, exist_ok=True)
        for name in os.listdir(self._folder):
            if name.endswith(".log"):
                shutil.copy(os.path.join(self._folder, name), self._keep_logs)


def _log_faults(told: Told, *, by_log: bool) -> list[str]:
    return [f"the agent does not follow the log: {problem}" for problem in sorted(told.log_problems)] if by_log else []


def _names(kills: Sequence[Kill], verdict: Verdict) -> list[str]:
    return [f"{verdict.lost} of pids {', '.join(str(kill.pid) for kill in kills[:6])}{' …' if len(kills) > 6 else ''}"]


def _remarks(scenario: Scenario, verdict: Verdict, observer: Observer) -> list[str]:
    """What the numbers do not say."""
    remarks = []
    if verdict.unattributed:
        remarks.append(f"{verdict.unattributed} told as unattributed")
    if verdict.by_row:
        remarks.append(f"{verdict.by_row} told by the container's own counter")
    if verdict.kills and observer.mode is EvidenceMode.LOG:
        must = set(scenario.must_know[EvidenceMode.LOG])
        fields = [name for name in ("pid", "scope", "limit", "init") if name not in must and verdict.right[name]]
        if fields:
            remarks.append(f"known: {', '.join(f'{name} of {verdict.right[name]}' for name in fields)}")
    return remarks


def _with_faults(row: Row, faults: Sequence[str]) -> Row:
    if not faults:
        return row
    values = {name: getattr(row, name) for name in Row.__slots__}
    return Row(**{**values, "faults": (*faults, *row.faults)})


def _until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.25)
    return True


def report_progress(rows: Sequence[Row]) -> None:
    """One line a row, as it comes."""
    for row in rows:
        state = f"skipped: {row.skipped}" if row.skipped else "ok" if row.good else f"WRONG {'; '.join(row.faults)}"
        numbers = f"kills={row.kills} found={row.found} lost={row.lost} doubled={row.doubled} invented={row.invented}"
        sys.stderr.write(f"{row.scenario} ({row.evidence}): {numbers} {state} {row.note}\n")
        sys.stderr.flush()
