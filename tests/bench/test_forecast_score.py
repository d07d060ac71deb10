"""The rule that scores forecasters, and the rivals, by hand."""

from __future__ import annotations

import pytest
from forecast_rivals import PredictLinear
from forecast_score import HORIZON_SECONDS, LEAST_LEAD_SECONDS, QUIET_SECONDS, TRUE_WITHIN_SECONDS, Score, Story, merged
from forecast_series import Death

DIES = Death(0.0, 36000.0)


def told(*alarms: float, says: tuple[tuple[float, float | None], ...] = ()) -> Story:
    return Story(list(alarms), list(says))


def scored(story: Story, *deaths: Death) -> Score:
    score = Score()
    score.add(story, list(deaths))
    return score


def test_an_alarm_that_pauses_for_less_than_half_an_hour_is_one_and_a_death_ends_it() -> None:
    assert told(0.0, 600.0, 600.0 + QUIET_SECONDS).alarms([]) == [0.0]
    assert told(0.0, 1.0 + QUIET_SECONDS).alarms([]) == [0.0, 1.0 + QUIET_SECONDS]
    assert told(35900.0, 36100.0).alarms([DIES]) == [35900.0, 36100.0]


def test_an_alarm_is_true_when_the_limit_is_met_within_twice_its_horizon() -> None:
    right, early = DIES.hit_seconds - TRUE_WITHIN_SECONDS, DIES.hit_seconds - TRUE_WITHIN_SECONDS - 1

    assert TRUE_WITHIN_SECONDS == 2 * HORIZON_SECONDS
    assert scored(told(right), DIES).precision == 1.0
    assert scored(told(early), DIES).precision == 0.0
    assert scored(told(DIES.hit_seconds + 60), DIES).precision == 0.0


def test_a_death_is_foreseen_by_an_alarm_a_minute_before_it_and_not_later() -> None:
    last = DIES.hit_seconds - LEAST_LEAD_SECONDS

    assert (scored(told(last), DIES).recall, scored(told(last), DIES).median_lead) == (1.0, LEAST_LEAD_SECONDS)
    assert scored(told(last + 1), DIES).recall == 0.0
    assert scored(told(), DIES).recall == 0.0
    assert scored(told()).recall is None


def test_an_alarm_of_the_run_before_foresees_nothing_of_the_next() -> None:
    first, second = Death(0.0, 3600.0), Death(3600.0, 7200.0)

    assert scored(told(3000.0), first, second).foreseen == 1


def test_the_time_is_compared_half_way_and_silence_counts_as_wrong_without_bound() -> None:
    exact, late = told(says=((17000.0, 19000.0), (18000.0, 18000.0), (18001.0, 1.0))), told(says=((18000.0, 27000.0),))

    assert scored(exact, DIES).median_error == 0.0
    assert scored(late, DIES).median_error == pytest.approx(0.5)
    assert scored(told(says=((18001.0, 18000.0),)), DIES).median_error == float("inf")
    assert merged([scored(exact, DIES), scored(late, DIES)]).within_a_fifth == 0.5


def test_predict_linear_draws_the_last_hour_on_and_says_nothing_of_what_does_not_rise() -> None:
    rising, flat = PredictLinear(), PredictLinear()
    for second in range(0, 7200, 30):
        rising.add(float(second), 100.0 if second < 3000 else float(second))
        flat.add(float(second), 100.0)

    assert rising.seconds_to(10000.0) == pytest.approx(10000.0 - 7170.0)
    assert rising.seconds_to(7000.0) == 0.0
    assert flat.seconds_to(10000.0) is None
    assert PredictLinear().seconds_to(1.0) is None
