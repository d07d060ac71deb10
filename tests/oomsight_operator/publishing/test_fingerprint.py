"""The fingerprint changes with the meaning, and not with every sample."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import Any

from tests.oomsight_operator.judgement.build import MI, NOW, SECOND_RUN, end, judge, memory, pod, row, running, spec
from tests.oomsight_operator.judgement.forecast.floors import watched

from oomsight_operator.judgement.model import ContainerHistory, PodHistory
from oomsight_operator.publishing.fingerprint import fingerprint

APP = spec(request=512 * MI, limit=512 * MI)


def of(unreclaimable: int, **more: Any) -> Hashable:
    uses = memory(unreclaimable, 512 * MI, usage=more.pop("usage", 300 * MI))
    return fingerprint(judge(pod(APP), {"app": row(uses=uses)}, **more)[0])


def test_the_next_sample_means_the_same() -> None:
    assert of(150 * MI) == of(170 * MI, usage=500 * MI, now=NOW + 60)


def test_a_risk_a_kill_a_policy_a_score_and_silence_mean_something_else() -> None:
    calm = of(150 * MI)
    restarted = pod(APP, statuses=(running(run=SECOND_RUN, restarts=1, last_terminated=end()),))
    others = [
        of(480 * MI),
        fingerprint(judge(restarted, {"app": row(SECOND_RUN, memory(150 * MI, 512 * MI))})[0]),
        fingerprint(judge(pod(APP), None)[0]),
        fingerprint(judge(pod(APP), {"app": row(uses=memory(150 * MI, 512 * MI), oom_score_adj_min=3, oom_score_adj_max=3)})[0]),
        fingerprint(judge(pod(APP, status_qos_class="Guaranteed"), {"app": row(uses=memory(150 * MI, 512 * MI))})[0]),
    ]

    assert len({calm, *others}) == 1 + len(others)


def test_another_advice_means_something_else_but_its_numbers_do_not() -> None:
    def asks_nothing(unreclaimable: int) -> Hashable:
        return fingerprint(judge(pod(spec()), {"app": row(uses=memory(unreclaimable))})[0])

    assessment, _ = judge(pod(spec()), {"app": row(uses=memory(17 * MI))})
    without = replace(assessment, containers=tuple(replace(one, advice=()) for one in assessment.containers))

    assert asks_nothing(17 * MI) == asks_nothing(30 * MI) == fingerprint(assessment)
    assert fingerprint(assessment) != fingerprint(without)


def test_a_held_level_means_the_same_until_it_falls() -> None:
    _, history = judge(pod(APP), {"app": row(uses=memory(480 * MI, 512 * MI))})
    calm = {"app": row(uses=memory(150 * MI, 512 * MI))}
    seen: list[Hashable] = []
    state: PodHistory = history
    for second in (10, 100, 200, 400):
        assessment, state = judge(pod(APP), calm, state, now=NOW + second)
        seen.append(fingerprint(assessment))

    assert seen[0] == seen[1] == seen[2] != seen[3]


def test_a_new_time_to_the_limit_alone_is_no_news() -> None:
    def leaking(hours: float) -> Hashable:
        floor = watched(lambda t: 100 + 10 * t / 3600, hours)
        history = PodHistory({"app": ContainerHistory(floor=floor)})
        assessment, _ = judge(pod(APP), {"app": row(uses=memory(150 * MI, 512 * MI))}, history)
        assert assessment.containers[0].forecast is not None
        assert assessment.containers[0].forecast.seconds_to_limit is not None
        return fingerprint(assessment)

    assert leaking(15) == leaking(15.5)
