"""The recommender within the judgement of pods: replicas share what was learned, and a restart forgets nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tests.oomsight_operator.judgement.build import GI, MI, NOW, ROOMY, end, memory, pod, policy, row, running, spec

from oomsight_api.recommendation import ContainerRecommendation
from oomsight_operator.judgement.assess import assess_pod
from oomsight_operator.judgement.model import NodeContext, Pod, PodHistory, Recommendation, Telemetry
from oomsight_operator.judgement.recommend.state import State
from oomsight_operator.judgement.recommend.surroundings import Surroundings
from oomsight_operator.publishing.contributions import Contribution, contribution_of
from oomsight_operator.publishing.digest import encode_digest, histories_of, learned_of
from oomsight_operator.publishing.kill_records import ContainerMemory, remember

APP = spec(request=256 * MI, limit=512 * MI)


@dataclass
class Operator:
    """One run of the operator, with what it remembers."""

    histories: dict[str, PodHistory] = field(default_factory=dict)
    learned: Mapping[str, State] = field(default_factory=dict)
    said: dict[str, Contribution] = field(default_factory=dict)
    kills: ContainerMemory = field(default_factory=ContainerMemory)

    def judge(self, of: Pod, unreclaimable: int, run: str, at: float, **rules: Any) -> Recommendation | None:
        told = Telemetry(at, 1.0, {"app": row(run, memory(unreclaimable, 512 * MI, working_set=unreclaimable))})
        history = self.histories.get(of.uid, PodHistory())
        found, after = assess_pod(of, told, NodeContext("node-1", ROOMY), policy(**rules), history, at, Surroundings(self.learned))
        self.histories[of.uid] = after
        (container,) = found.containers
        if container.learned is not None:
            self.learned = {"app": container.learned}
        self.said[of.uid] = contribution_of(of, found, after)
        self.kills = remember(self.kills, container.kills, of.name, of.uid)
        return container.recommendation

    def killed_and_started_anew(self, at: float) -> Operator:
        """The next run, from what this one wrote last."""
        digest = encode_digest("app", self.said.values(), self.kills, self.learned.get("app"))
        written = [ContainerRecommendation(name="app", oom_kills=self.kills.oom_kills, kills=self.kills.kills, digest=digest)]
        return Operator(histories_of(written, at), learned_of(written, at), {}, self.kills)


def looping(kill: int, at: float) -> Pod:
    """The pod after its n-th kill; each run has an id of its own."""
    status = running(run=f"{kill:064x}", restarts=kill, started=at, last_terminated=end(run=f"{kill - 1:064x}", at=at - 5))
    return pod(APP, statuses=(status,))


def limit_of(found: Recommendation | None) -> int:
    assert found is not None
    assert found.limit_bytes is not None
    return found.limit_bytes // MI


def test_a_restart_in_the_middle_of_an_oom_loop_goes_on_where_it_was() -> None:
    """VPA's checkpoint leaves out today's OOM: after a restart the loop would begin anew."""
    operator = Operator()
    first = operator.judge(looping(1, NOW), 100 * MI, f"{1:064x}", NOW)
    operator = operator.killed_and_started_anew(NOW + 10)
    again = operator.judge(looping(1, NOW), 100 * MI, f"{1:064x}", NOW + 20)
    second = operator.judge(looping(2, NOW + 100), 100 * MI, f"{2:064x}", NOW + 101)
    operator = operator.killed_and_started_anew(NOW + 110)
    third = operator.judge(looping(3, NOW + 200), 100 * MI, f"{3:064x}", NOW + 201)

    assert [limit_of(found) for found in (first, again, second, third)] == [640, 640, 768, 1024]


def test_a_stale_last_state_is_no_second_kill() -> None:
    operator = Operator()
    told = [operator.judge(looping(1, NOW), 100 * MI, f"{1:064x}", NOW + 60 * minute) for minute in range(30)]

    assert {limit_of(found) for found in told} == {640}
    assert operator.learned["app"].floor is not None
    assert operator.learned["app"].floor.repeats == 1


def test_the_worst_of_twenty_replicas_decides_and_is_never_averaged_away() -> None:
    operator = Operator()
    calm = None
    for hour in range(30):
        for replica in range(20):
            held = 400 * MI if replica == 7 else 100 * MI
            one = replace(pod(APP), uid=f"uid-{replica}")
            calm = operator.judge(one, held, "a" * 64, NOW + 3600 * hour + replica, recommendation={"mode": "Always"})

    assert limit_of(calm) >= 440


def test_a_new_replica_starts_from_what_the_others_taught() -> None:
    operator = Operator()
    told = [operator.judge(pod(APP), 2 * GI, "a" * 64, NOW + 3600 * hour, recommendation={"mode": "Always"}) for hour in range(30)]
    fresh = operator.judge(replace(pod(APP), uid="uid-2"), 10 * MI, "a" * 64, NOW + 3600 * 30, recommendation={"mode": "Always"})

    assert limit_of(fresh) == limit_of(told[-1]) == 2400


def test_init_containers_are_not_lowered_and_sidecars_are() -> None:
    told = {}
    for kind in ("init", "sidecar"):
        operator = Operator()
        of = pod(spec(kind=kind, request=256 * MI, limit=512 * MI))
        for hour in range(30):
            told[kind] = operator.judge(of, 50 * MI, "a" * 64, NOW + 3600 * hour, recommendation={"mode": "Always"})

    assert limit_of(told["init"]) == 512
    assert limit_of(told["sidecar"]) < 100


def test_an_ephemeral_container_is_neither_learned_of_nor_recommended_anything() -> None:
    operator = Operator()
    debug = pod(spec(kind="ephemeral"))

    assert operator.judge(debug, GI, "a" * 64, NOW, recommendation={"mode": "Always"}) is None
    assert operator.learned == {}
