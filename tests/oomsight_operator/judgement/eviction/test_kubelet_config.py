from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_operator.judgement.eviction.kubelet_config import MAX_CONFIG_BYTES, KubeletConfigError, parse_kubelet_config
from oomsight_operator.judgement.eviction.settings import EvictionSettings, Threshold, percentage

MI = 1 << 20
GI = 1 << 30


def parsed(**config: Any) -> EvictionSettings:
    return parse_kubelet_config(json.dumps({"kubeletconfig": config}).encode())


def hard(text: object) -> Threshold | None:
    return parsed(evictionHard={"memory.available": text, "nodefs.available": "10%"}).hard


def test_a_real_answer_of_a_kubelet() -> None:
    settings = parsed(
        kind="KubeletConfiguration",
        evictionHard={
            "imagefs.available": "15%",
            "memory.available": "750Mi",
            "nodefs.available": "10%",
            "nodefs.inodesFree": "5%",
        },
        evictionSoft={"memory.available": "5%"},
        evictionSoftGracePeriod={"memory.available": "1m30s"},
        evictionPressureTransitionPeriod="5m0s",
        enforceNodeAllocatable=["pods"],
        maxPods=110,
    )
    assert settings.hard == Threshold(750 * MI)
    assert settings.soft is not None
    assert settings.soft.bytes_of(16 * GI) == 858993472, "5 % as a float32"
    assert settings.soft_grace_seconds == 90
    assert settings.enforces_pods
    assert settings.assumed_because is None


@pytest.mark.parametrize(
    ("text", "bytes_of_4gi"),
    [
        ("100Mi", 100 * MI),
        ("1.5Gi", GI + GI // 2),
        ("1e9", 10**9),
        ("524288000", 500 * MI),
        ("10%", 429496736),
        ("2.5%", 107374180),
    ],
)
def test_quantities_and_percentages(text: str, bytes_of_4gi: int) -> None:
    threshold = hard(text)
    assert threshold is not None
    assert abs(threshold.bytes_of(4 * GI) - bytes_of_4gi) <= 64, "float32 is exact to 2^-24"


@pytest.mark.parametrize("text", ["0%", "100%", "0.0%"])
def test_a_percentage_of_nothing_or_all_means_no_threshold(text: str) -> None:
    assert hard(text) is None


def test_the_default_is_assumed_where_no_threshold_is_told_at_all_since_a_kubelet_tells_its_defaults() -> None:
    found = parsed(evictionSoft={"memory.available": "1Gi"}, evictionSoftGracePeriod={"memory.available": "1m"})
    assert (found.hard, found.soft) == (Threshold(100 * MI), Threshold(GI))
    assert str(found.assumed_because).startswith("its configuration tells no evictionHard")


def test_a_configuration_that_sets_other_thresholds_has_none_on_memory_unless_it_merges_the_defaults() -> None:
    assert parsed(evictionHard={"nodefs.available": "10%"}).hard is None
    assert parsed(evictionHard={"nodefs.available": "10%"}, mergeDefaultEvictionSettings=True).hard == Threshold(100 * MI)
    assert parsed(evictionHard={"memory.available": "1Gi"}, mergeDefaultEvictionSettings=True).hard == Threshold(GI)


def test_pods_that_are_not_held_to_what_is_allocatable_have_no_such_signal() -> None:
    assert not parsed(enforceNodeAllocatable=["none"]).enforces_pods
    assert parsed(enforceNodeAllocatable=["system-reserved", "pods"]).enforces_pods


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("1h0m0.5s", 3600.5), ("250ms", 0.25), ("0", 0)])
def test_grace_periods_are_go_durations(text: str, seconds: float) -> None:
    found = parsed(evictionSoft={"memory.available": "1Gi"}, evictionSoftGracePeriod={"memory.available": text})
    assert found.soft_grace_seconds == seconds


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"evictionHard": {"memory.available": "lots"}}, "evictionHard[memory.available]: 'lots' is no quantity"),
        ({"evictionHard": {"memory.available": "NaN%"}}, "found 'NaN%', expected 0% to 100%"),
        ({"evictionHard": {"memory.available": "101%"}}, "expected 0% to 100%"),
        ({"evictionHard": {"memory.available": "-5%"}}, "expected 0% to 100%"),
        ({"evictionHard": {"memory.available": "0"}}, "found 0, expected more"),
        ({"evictionHard": {"memory.available": 7}}, "found int, expected a quantity"),
        ({"evictionHard": ["memory.available"]}, "no kubelet's configuration"),
        ({"evictionSoft": {"memory.available": "1Gi"}}, "evictionSoftGracePeriod[memory.available]: found None"),
        (
            {"evictionSoft": {"memory.available": "1Gi"}, "evictionSoftGracePeriod": {"memory.available": "\u202esoon"}},
            "found '\\u202esoon'",
        ),
        (
            {"evictionSoft": {"memory.available": "1Gi"}, "evictionSoftGracePeriod": {"memory.available": "999999999h"}},
            "expected at most a year",
        ),
    ],
)
def test_what_makes_no_sense_is_named_and_not_guessed(config: dict[str, Any], expected: str) -> None:
    with pytest.raises(KubeletConfigError) as caught:
        parsed(**config)
    assert expected in str(caught.value)


def test_an_answer_without_end_is_refused() -> None:
    with pytest.raises(KubeletConfigError, match="expected at most"):
        parse_kubelet_config(b" " * (MAX_CONFIG_BYTES + 1))


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text() | st.sampled_from(("kubeletconfig", "evictionHard", "evictionSoft", "memory.available")), inner, max_size=3
        )
    ),
    max_leaves=12,
)


@given(st.binary() | anything.map(lambda value: json.dumps(value).encode()))
def test_whatever_a_node_answers_gives_settings_or_a_printable_error(body: bytes) -> None:
    try:
        settings = parse_kubelet_config(body)
    except KubeletConfigError as error:
        said, most = str(error), 0
    else:
        said, most = "", settings.hard.bytes_of(2**63 - 1) if settings.hard is not None else 0
    assert said.isascii()
    assert said.isprintable()
    assert 0 <= most <= 2**63 - 1


@given(st.text(max_size=12) | st.from_regex(r"[0-9.]{1,6}[%MG]i?", fullmatch=True))
def test_every_threshold_that_is_taken_is_above_nothing_and_no_more_than_a_quantity(text: str) -> None:
    try:
        threshold = hard(text)
    except KubeletConfigError:
        return
    assert threshold is None or threshold.fraction is None or 0 < threshold.fraction < 1


def test_a_percentage_is_the_kubelets_float32() -> None:
    assert percentage(10).fraction == 0.10000000149011612
