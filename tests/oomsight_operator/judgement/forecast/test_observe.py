"""From rows to a forecast in the assessment: what is remembered, what bounds it, and that page cache is nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.oomsight_operator.judgement.build import (
    FIRST_RUN,
    MI,
    NOW,
    SECOND_RUN,
    judge,
    memory,
    pod,
    row,
    running,
    spec,
)
from tests.oomsight_operator.judgement.forecast.floors import HOUR, watched

from oomsight_api.names import RiskLevel, RiskReason
from oomsight_api.report import Memory
from oomsight_api.report import Pod as PodRow
from oomsight_operator.judgement.forecast.history import UNIT_BYTES
from oomsight_operator.judgement.forecast.observe import forecast_of, observe_floor
from oomsight_operator.judgement.model import Assessment, ContainerHistory, PodHistory

LIMITED = spec(limit=1000 * MI)


def lived(hours: float, grows_mib_an_hour: float, *, cached_mib_an_hour: float = 0.0) -> Assessment:
    """The last of the judgements that whole reports bring, one in five minutes."""
    remembered = PodHistory()
    for minute in range(0, int(hours * 60) + 1, 5):
        held = int((100 + grows_mib_an_hour * minute / 60) * MI)
        usage = held + int(cached_mib_an_hour * minute / 60 * MI)
        told = row(uses=memory(held, 1000 * MI, usage=usage, working_set=usage), floor_bytes=held)
        assessment, remembered = judge(pod(LIMITED), {"app": told}, remembered, now=NOW + 60.0 * minute)
    return assessment


def test_a_leak_is_suspected_in_the_pods_assessment() -> None:
    assessment = lived(15.5, 50)
    (container,) = assessment.containers

    assert RiskReason.LEAK_SUSPECTED in assessment.reasons
    assert [finding.level for finding in container.findings if finding.reason is RiskReason.LEAK_SUSPECTED] == [RiskLevel.MEDIUM]
    assert container.forecast is not None
    assert container.forecast.seconds_to_limit == pytest.approx(2.5 * HOUR, rel=0.05)


def test_page_cache_up_to_the_limit_is_no_leak() -> None:
    assessment = lived(15, 0, cached_mib_an_hour=60)

    assert RiskReason.LEAK_SUSPECTED not in assessment.reasons
    assert assessment.containers[0].forecast is not None
    assert assessment.containers[0].forecast.seconds_to_limit is None


def test_a_silent_agent_leaves_no_forecast() -> None:
    _, history = judge(pod(LIMITED), {"app": row(uses=memory(100 * MI, 1000 * MI), floor_bytes=100 * MI)})
    assessment, after = judge(pod(LIMITED), None, history, now=NOW + 300)

    assert assessment.containers[0].forecast is None
    assert after.containers["app"].floor == history.containers["app"].floor


def test_the_same_row_judged_again_is_no_new_reading() -> None:
    told = row(uses=memory(120 * MI, 1000 * MI), floor_bytes=100 * MI)
    once = observe_floor(ContainerHistory(), told, NOW)

    assert observe_floor(once, told, NOW + 100).floor == once.floor
    assert len(observe_floor(once, told, NOW + 300).floor.points) == 2


def test_an_agent_without_floors_is_taken_at_its_value() -> None:
    history = observe_floor(ContainerHistory(), row(uses=memory(120 * MI, 1000 * MI)), NOW)

    assert [point.low * UNIT_BYTES for point in history.floor.points] == [120 * MI]


def test_unknown_memory_is_no_reading() -> None:
    assert observe_floor(ContainerHistory(), row(uses=Memory()), NOW) == ContainerHistory()
    assert observe_floor(ContainerHistory(), None, NOW) == ContainerHistory()


def test_a_restart_begins_a_new_run_in_the_assessment() -> None:
    told = row(SECOND_RUN, memory(90 * MI, 1000 * MI), floor_bytes=90 * MI)
    history = PodHistory({"app": replace(ContainerHistory(), floor=watched(lambda t: 100 + t / 36, 3, run=FIRST_RUN))})
    _, after = judge(pod(LIMITED, statuses=(running(run=SECOND_RUN),)), {"app": told}, history, now=NOW + 60)
    floor = after.containers["app"].floor

    assert (len(floor.points), len(floor.runs)) == (1, 1)


def test_without_a_limit_of_its_own_the_pods_leaves_what_the_others_do_not_use() -> None:
    history = ContainerHistory(floor=watched(lambda t: 100 + 50 * t / HOUR, 12))
    pod_row = PodRow(pod_uid="uid-1", cgroup="/p", memory=memory(900 * MI, 1200 * MI))
    found = forecast_of(history.floor, row(uses=memory(700 * MI)), NOW, None, pod_row, 1200 * MI)

    assert found is not None
    assert found.limit_bytes == 1000 * MI
    assert found.seconds_to_limit == pytest.approx(6 * HOUR, rel=0.05)


def test_nothing_that_bounds_it_no_forecast() -> None:
    history = ContainerHistory(floor=watched(lambda t: 100 + 50 * t / HOUR, 12))

    assert forecast_of(history.floor, row(uses=memory(700 * MI)), NOW, None) is None
