"""What of what was learned is worth an object, and worth a write."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.oomsight_operator.judgement.build import GI, MI, NOW
from tests.oomsight_operator.judgement.forecast.floors import watched
from tests.oomsight_operator.judgement.recommend.scenes import HOUR, seen

from oomsight_api.names import RiskLevel, RiskReason
from oomsight_operator.judgement.model import ContainerHistory, Finding, Owner, PodHistory, ToldFinding
from oomsight_operator.judgement.recommend.cache import CacheLook
from oomsight_operator.judgement.recommend.state import (
    OomKill,
    Sample,
    State,
    observe,
    on_oom,
    on_refaults,
    on_swap,
    propose,
    propose_request,
)
from oomsight_operator.judgement.recommend.swapped import Swapped
from oomsight_operator.publishing.keeping import (
    digest_interval_seconds,
    is_material,
    is_worth_an_object,
    spread,
    standing_of,
)
from oomsight_operator.publishing.settings import PublisherSettings

DEPLOYMENT = Owner("apps/v1", "Deployment", "web", "uid-web")
CRON_JOB = Owner("batch/v1", "CronJob", "report", "uid-report")
BARE = Owner("v1", "Pod", "shell", "uid-shell")
JOB = Owner("batch/v1", "Job", "import", "uid-job")
WORKFLOW = Owner("argoproj.io/v1alpha1", "Workflow", "run-1", "uid-run")
SETTINGS = PublisherSettings()


def learned(hours: float, amount: int = GI) -> dict[str, State]:
    return {"app": seen(amount, hours)}


def test_a_workload_that_lasts_is_worth_an_object_one_to_two_hours_after_it_was_seen_first() -> None:
    others = [replace(DEPLOYMENT, uid=f"uid-{number}") for number in range(200)]
    early = [is_worth_an_object(one, learned(1), HOUR * 0.99) for one in others]
    halfway = [is_worth_an_object(one, learned(1), HOUR * 1.5) for one in others]
    late = [is_worth_an_object(one, learned(1), HOUR * 2) for one in others]
    assert not any(early)
    assert 70 < sum(halfway) < 130, "one after the other"
    assert all(late)
    assert not is_worth_an_object(DEPLOYMENT, {}, HOUR * 9), "nothing was learned"


def test_a_deployment_config_lasts() -> None:
    config = Owner("apps.openshift.io/v1", "DeploymentConfig", "web", "uid-web")
    assert is_worth_an_object(config, learned(1), HOUR * 2)


@pytest.mark.parametrize("target", [BARE, JOB, WORKFLOW])
def test_what_may_be_gone_in_a_moment_is_worth_one_after_hours_of_samples(target: Owner) -> None:
    assert not is_worth_an_object(target, learned(0.5), HOUR * 40)
    assert is_worth_an_object(target, learned(4), 0.0)


def test_a_cron_jobs_short_run_is_kept_for_the_next_one_when_it_is_over() -> None:
    assert not is_worth_an_object(CRON_JOB, learned(0.2), 600.0)
    assert is_worth_an_object(CRON_JOB, learned(0.2), 600.0, rests=True)
    assert not is_worth_an_object(DEPLOYMENT, learned(0.2), 600.0, rests=True)


@pytest.mark.parametrize(
    ("what", "after"),
    [
        ("a higher peak", lambda state: observe(state, Sample(NOW + 60, unreclaimable_bytes=GI + GI // 50))),
        ("a kill", lambda state: on_oom(state, [OomKill(GI, NOW)])),
        ("another limit", lambda state: propose(state, 2 * GI, NOW)),
        ("another request", lambda state: propose_request(state, 2 * GI)),
        ("more page cache that was tried", lambda state: on_refaults(state, CacheLook(int(NOW // HOUR), 64 * MI, 4 * MI), None)),
        ("more in memory and swap together", lambda state: on_swap(state, Swapped(int(NOW // HOUR), 2 * GI, GI))),
        ("another kind of memory", lambda state: observe(state, Sample(NOW, usage_bytes=GI))),
    ],
)
def test_a_restart_must_not_forget(what: str, after: object) -> None:
    kept = seen(GI, 30)
    assert callable(after)
    assert is_material({"app": kept}, {"app": after(kept)}), what
    assert is_material({}, {"app": kept})


def test_what_lies_within_the_noise_or_below_the_peak_is_not_worth_a_write_of_its_own() -> None:
    kept = seen(GI, 30)
    calm = observe(kept, Sample(NOW + HOUR, unreclaimable_bytes=GI + GI // 200))
    assert calm is not kept
    assert not is_material({"app": kept}, {"app": calm})
    assert not is_material({"app": kept}, {"app": kept})
    assert not is_material({"app": kept}, {"app": observe(kept, Sample(NOW + HOUR, unreclaimable_bytes=GI // 2))})


def test_the_interval_grows_when_a_day_is_known_and_is_each_workloads_own() -> None:
    young = [digest_interval_seconds(f"uid-{number}", learned(5), SETTINGS) for number in range(50)]
    settled = [digest_interval_seconds(f"uid-{number}", learned(30), SETTINGS) for number in range(50)]
    assert min(young) >= HOUR
    assert min(settled) >= 6 * HOUR
    assert max(settled) <= 7.5 * HOUR
    assert len(set(settled)) == 50
    assert all(0 <= spread(f"uid-{number}") < 1 for number in range(50))


def test_of_a_pod_its_ended_runs_and_what_is_told_from_medium_on_must_not_be_forgotten() -> None:
    low = ToldFinding(Finding(RiskReason.NO_LIMIT, RiskLevel.LOW, "no limit"))
    high = ToldFinding(Finding(RiskReason.LEAK_SUSPECTED, RiskLevel.HIGH, "it grows"))
    calm = ContainerHistory(peak_bytes=60 * MI, told=(low,))

    assert standing_of(PodHistory({"app": calm})) is None
    leaking = standing_of(PodHistory({"app": replace(calm, told=(low, high))}))
    assert leaking is not None
    again = replace(high, finding=replace(high.finding, sentence="it grows on"), less_since_seconds=NOW)
    assert standing_of(PodHistory({"app": replace(calm, told=(again,))})) == leaking, "words and holds are no news"
    restarted = watched(lambda t: 10, 1, run="b" * 64, before=watched(lambda t: 100 + t / 60, 1, until=NOW - HOUR))
    assert standing_of(PodHistory({"app": replace(calm, floor=restarted)})) is not None
