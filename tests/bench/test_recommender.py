"""The replay's rules, and the baselines by hand-made recordings: what they would have set, and whom that would have killed."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
from recommender import main
from recommender_baselines import MIB, Hindsight, Krr, KrrPlayer, Vpa, VpaPlayer
from recommender_ours import Oomsight, Unrounded
from recommender_replay import Outcome, Policy, replay
from recommender_traces import Source, read_sources, workload_of

HOUR = 3600
EVERY = (Oomsight(), Unrounded(), Vpa(), Krr(), Hindsight())


def recorded(
    folder: Path, mib: list[int], *, name: str = "made_60s", series: str = "web-5d8f6d9c5-x7k2p", **columns: list[int]
) -> Path:
    """One series with a sample every ten minutes."""
    count = len(mib)
    table = pa.table(
        {
            "series_id": [series] * count,
            "t_seconds": [index * 600 for index in range(count)],
            "memory_bytes": [amount * MIB for amount in mib],
            **columns,
        }
    )
    pyarrow.parquet.write_table(table, folder / f"{name}.parquet")
    return folder


def outcome(policy: Policy, folder: Path) -> Outcome:
    (source,) = read_sources(folder)
    (found,) = replay(policy, source)
    return found


@pytest.mark.parametrize("policy", EVERY, ids=lambda policy: policy.name)
def test_nobody_kills_a_container_that_never_changes(policy: Policy, tmp_path: Path) -> None:
    calm = outcome(policy, recorded(tmp_path, [500] * 6 * 48))

    assert (calm.kills, calm.episodes, calm.changes, calm.days) == (0, 0, 0, 1.0)
    assert 0 <= calm.slack < 0.25


def test_kills_within_an_hour_are_one_episode(tmp_path: Path) -> None:
    """KRR raises by 25 % after each kill: a sudden 1000 from 500 kills at 575, 719 and 898."""
    samples = [500] * 6 * 30 + [1000] * 6 * 18
    found = outcome(Krr(), recorded(tmp_path, samples))

    assert (found.kills, found.episodes, found.killed_days) == (3, 1, 1)


def test_what_was_wanted_above_the_limit_stays_hidden_from_a_policy(tmp_path: Path) -> None:
    spike = [500] * 6 * 30 + [100_000] + [500] * 6 * 18
    found = outcome(Krr(), recorded(tmp_path, spike))

    assert found.kills == 1
    assert found.slack < 0.3


def test_hindsight_is_the_highest_sample_that_is_judged(tmp_path: Path) -> None:
    """The first day is warm-up."""
    found = outcome(Hindsight(), recorded(tmp_path, [900] * 6 * 24 + [500] * 6 * 24))

    assert (found.kills, found.slack) == (0, 0.0)


def test_vpa_sets_the_end_of_the_bucket_of_the_daily_peak_and_15_percent() -> None:
    player = VpaPlayer(0.15, 0.0)
    player.see(0, 100 * MIB)
    limit = player.limit(1, None, 1)

    assert 100 * MIB * 1.15 < limit < 100 * MIB * 1.15 * 1.06
    player.kill(2, 100 * MIB)
    assert player.limit(3, None, 3) >= 200 * MIB * 1.15
    assert VpaPlayer(0.15, 250 * MIB).limit(0, None, 0) == 250 * MIB


def test_vpa_forgets_a_weekly_peak_within_days() -> None:
    player = VpaPlayer(0.15, 0.0)
    player.see(0, 400 * MIB)
    for day in range(1, 6):
        player.see(day * 24 * HOUR + 60, 100 * MIB)

    assert player.limit(5 * 24 * HOUR + 120, None, 0) < 130 * MIB


def test_krr_sets_the_highest_of_two_weeks_and_15_percent() -> None:
    player = KrrPlayer(0.15, 0.0)
    player.see(0, 400 * MIB)
    player.see(9 * 24 * HOUR, 100 * MIB)

    assert player.limit(10 * 24 * HOUR, None, 0) == pytest.approx(460 * MIB)
    assert player.limit(15 * 24 * HOUR, None, 0) == pytest.approx(115 * MIB)


def test_samples_under_injected_stress_are_left_out_of_a_variant_of_their_own(tmp_path: Path) -> None:
    samples = [500] * 6 * 30 + [5000] * 6 + [500] * 6 * 12
    folder = recorded(tmp_path, samples, fault=[int(amount == 5000) for amount in samples])
    whole, calm = read_sources(folder)

    assert (whole.variant, calm.variant) == ("all", "without-faults")
    assert replay(Krr(), whole)[0].kills > 0 == replay(Krr(), calm)[0].kills


@pytest.mark.parametrize(
    ("series", "workload"),
    [
        ("carts-5ff676694b-fzj9z", "carts"),
        ("2023-01-29/ts-auth-service-7f8d7d756d-k7b9j", "ts-auth-service"),
        ("113812204462-78", "113812204462"),
        ("gpt-neo-125m_10s", "gpt-neo-125m_10s"),
    ],
)
def test_replicas_are_known_by_their_names(series: str, workload: str) -> None:
    assert workload_of(series) == workload


def test_the_list_of_objects_has_every_policy_and_number(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--traces", str(recorded(tmp_path, [500] * 6 * 48)), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)

    assert {each["policy"] for each in found} >= {"oomsight", "vpa", "krr", "hindsight"}
    wanted = {
        "source",
        "variant",
        "policy",
        "series",
        "days",
        "kills",
        "episodes",
        "episodes_per_100_days",
        "mean_slack",
        "changes_per_day",
    }
    assert all(wanted <= each.keys() for each in found)
    assert found[0]["source"] == "made_60s"


def test_replicas_that_share_a_limit_are_one_series(tmp_path: Path) -> None:
    recorded(tmp_path, [500] * 6 * 48)
    (source,) = read_sources(tmp_path)
    twice: Source = source.with_shared_limits()

    assert [series.workload for series in twice.series] == ["web"]
    assert twice.variant == "all, one limit a workload"
