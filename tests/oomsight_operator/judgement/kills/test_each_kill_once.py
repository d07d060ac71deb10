"""Whatever happened to a container, whoever tells of it in which order, and whoever restarts: each true kill counts once."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.build import NOW, memory, row
from tests.oomsight_operator.judgement.kills.watch import LIMIT, Watch, oom, victim

from oomsight_api.incident import Evidence, Incident
from oomsight_operator.judgement.model import ContainerStatus, Termination

NO_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)
"""A history is long, and shrinking it takes minutes; what failed is told as it was."""
APART = 100.0
"""Between two things that happen; what comes nearer than SAME_KILL_SECONDS is one, and tested by example."""
SLOWEST = 6.0
"""Within this everything that happened has been told."""


@dataclass(frozen=True)
class TrueKill:
    """What the kernel did, and how the agent tells of it: vaguely first, and then as well as it ever will."""

    at: float
    run: str
    ordinal: int
    ended: bool
    by_log: bool
    tells_init: bool
    tells_survival: bool
    vague_after: float
    clear_after: float

    def told(self, now: float, *, ring_is_lost: bool) -> Incident | None:
        """The newest telling at a time. An agent that lost the log's ring knows an old kill from the counter alone."""
        if now < self.at + self.vague_after:
            return None
        clear = now >= self.at + self.clear_after
        by_log = self.by_log and not (ring_is_lost and now > self.at + APART)
        by_counter = f"boot-{self.run[:12]}-{self.ordinal}"
        return oom(
            f"boot-{self.at - NOW:.0f}" if by_log else by_counter,
            victim(
                self.run,
                ordinal=self.ordinal if clear or not by_log else None,
                is_container_init=self.ended if self.tells_init and clear else None,
            ),
            at=self.at,
            evidence=Evidence.BOTH if by_log else Evidence.COUNTER,
            container_survived=not self.ended if self.tells_survival and clear else None,
        )


@dataclass(frozen=True)
class Run:
    """One run of the container; `end` None: it runs on."""

    run: str
    kills: tuple[TrueKill, ...]
    started_at: float
    end: Termination | None
    told_after: float


@st.composite
def runs(draw: st.DrawFn) -> tuple[Run, ...]:
    at = NOW
    found: list[Run] = []
    for number in range(draw(st.integers(1, 3))):
        run = f"{number + 10:064x}"
        started = at
        children = draw(st.integers(0, 2))
        ending = draw(st.sampled_from(["oom", "oom-as-error", "well", "well-but-sticky", "sigkill", "sigkill-but-sticky"]))
        kills = []
        for ordinal in range(1, children + 1 + ending.startswith("oom")):
            at += APART
            vague = draw(st.floats(0, 3))
            kills.append(
                TrueKill(
                    at=at,
                    run=run,
                    ordinal=ordinal,
                    ended=ordinal > children,
                    by_log=draw(st.booleans()),
                    tells_init=draw(st.booleans()),
                    tells_survival=draw(st.booleans()),
                    vague_after=vague,
                    clear_after=vague + draw(st.floats(0, 3)),
                )
            )
        at += 1.0 if ending.startswith("oom") else APART
        sticky = ending == "oom" or (ending.endswith("sticky") and children)
        code = 0 if ending.startswith("well") else 137
        reason = "OOMKilled" if sticky else "Error" if code else "Completed"
        end = Termination(run, reason, code, started, float(int(at)))
        found.append(Run(run, tuple(kills), started, end, draw(st.floats(0, 5))))
        at += APART
    return tuple(found)


def status_at(happened: tuple[Run, ...], now: float) -> ContainerStatus:
    """What the kubelet says: each end some seconds late, and then the next run at once."""
    ended = [run for run in happened if run.end is not None and now >= (run.end.finished_at_seconds or 0) + run.told_after]
    last = ended[-1].end if ended else None
    if len(ended) == len(happened):
        return ContainerStatus("app", None, len(ended), "waiting", last_terminated=last)
    current = happened[len(ended)]
    return ContainerStatus("app", current.run, len(ended), "running", current.started_at, last_terminated=last)


@settings(deadline=None, max_examples=60, phases=NO_SHRINKING)
@given(runs(), st.data())
def test_any_interleaving_counts_and_tells_each_true_kill_once(happened: tuple[Run, ...], data: st.DataObject) -> None:
    true = [kill for run in happened for kill in run.kills]
    moments = {kill.at for kill in true} | {run.end.finished_at_seconds or 0 for run in happened if run.end is not None}
    looks = {moment + offset for moment in moments for offset in (SLOWEST, 12.0, 31.0)}
    looks |= {moment + data.draw(st.floats(0, SLOWEST)) for moment in moments for _ in range(3)}
    last = max(looks) + APART
    restarts = data.draw(st.sets(st.sampled_from(sorted(looks)), max_size=4))
    ring_lost_at = data.draw(st.sampled_from([last + 1, *sorted(looks)]))
    watch = Watch()
    for now in [*sorted(looks), last]:
        told = [kill.told(now, ring_is_lost=now >= ring_lost_at) for kill in true]
        status = status_at(happened, now)
        uses = row(status.container_id, memory(limit=LIMIT)) if status.container_id is not None else None
        known = tuple(incident for incident in told if incident is not None)
        watch.look(status, *known, at=now, row=uses)
        if now in restarts:
            watch.restart()
            assert watch.look(status, *known, at=now, row=uses) == ()

    assert len({kill.identity for kill in watch.announced}) == len(watch.announced)
    assert sorted((kill.container_id, round((kill.time_seconds - NOW) / APART)) for kill in watch.announced) == sorted(
        (kill.run, round((kill.at - NOW) / APART)) for kill in true
    )
    assert watch.memory.oom_kills == len(true)
    assert {(kill.container_id, kill.sequence, kill.ended_container) for kill in watch.kills} == {
        (kill.run, kill.ordinal, kill.ended) for kill in true
    }


@settings(deadline=None, phases=NO_SHRINKING)
@given(runs(), st.data())
def test_without_an_agent_each_run_that_the_kubelet_calls_oom_killed_is_one_kill(
    happened: tuple[Run, ...], data: st.DataObject
) -> None:
    ends = [run.end for run in happened if run.end is not None]
    looks = {(end.finished_at_seconds or 0) + offset for end in ends for offset in (SLOWEST, 20.0)}
    restarts = data.draw(st.sets(st.sampled_from(sorted(looks)), max_size=3))
    watch = Watch()
    for now in sorted(looks):
        watch.look(status_at(happened, now), at=now, agent=False)
        if now in restarts:
            watch.restart()

    expected = [end.container_id for end in ends if end.reason == "OOMKilled"]
    assert [kill.container_id for kill in watch.announced] == expected
    assert watch.memory.oom_kills == len(expected)


TEXTS = st.text("ab#/-", max_size=4)
RUNS = st.sampled_from(["a" * 64, "b" * 64, "c" * 64, None])
INCIDENTS = st.builds(
    Incident,
    id=TEXTS,
    time_seconds=st.floats(0, 253402300799),
    not_before_seconds=st.none() | st.floats(0, 253402300799),
    evidence=st.sampled_from(list(Evidence)),
    oom_group=st.none() | st.booleans(),
    victims=st.lists(
        st.builds(
            victim,
            run=RUNS,
            ordinal=st.none() | st.integers(0, 2**63 - 1) | st.integers(0, 4),
            is_container_init=st.none() | st.booleans(),
            container_name=st.none() | st.just("app") | TEXTS,
            pod_uid=st.sampled_from(["uid-1", "uid-2"]),
            cgroup=st.none() | TEXTS,
        ),
        max_size=4,
    ).map(tuple),
    victim_count=st.integers(0, 2**63 - 1) | st.integers(0, 4),
    container_survived=st.none() | st.booleans(),
)
ENDS = st.builds(
    Termination,
    container_id=RUNS.map(lambda run: run or "finished-0/uid-1/app"),
    reason=st.sampled_from(["OOMKilled", "Error", "Completed", None]),
    exit_code=st.sampled_from([0, 1, 137, None]),
    started_at_seconds=st.none(),
    finished_at_seconds=st.one_of(st.none(), st.floats(NOW - 1000, NOW + 1000), st.floats(allow_nan=False, allow_infinity=False)),
)
STATUSES = st.none() | st.builds(
    ContainerStatus,
    name=st.just("app"),
    container_id=RUNS,
    restart_count=st.integers(0, 3),
    state=st.sampled_from(["waiting", "running", "terminated", "unknown"]),
    terminated=st.none() | ENDS,
    last_terminated=st.none() | ENDS,
)


@settings(deadline=None, phases=NO_SHRINKING)
@given(st.lists(st.tuples(STATUSES, st.lists(INCIDENTS, max_size=4), st.booleans()), max_size=6))
def test_whatever_a_hostile_agent_tells_nothing_is_announced_twice_or_lost(
    steps: list[tuple[ContainerStatus | None, list[Incident], bool]],
) -> None:
    watch = Watch()
    for index, (status, incidents, agent) in enumerate(steps):
        now = NOW + 12.0 * index
        told = {incident.id: incident for incident in incidents}.values()
        watch.look(status, *told, at=now, agent=agent)
        before = watch.history
        watch.look(status, *told, at=now, agent=agent)
        assert {kill.identity for kill in watch.kills} >= {kill.identity for kill in before.kills}
        assert all(kill.time_seconds <= now and kill.processes >= 1 for kill in watch.kills)

    assert len({kill.identity for kill in watch.announced}) == len(watch.announced)
    assert len({kill.identity for kill in watch.kills}) == len(watch.kills)
