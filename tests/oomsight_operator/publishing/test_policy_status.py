"""What the status of a policy says, from what its pods say."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.publishing.builders import NOW, POLICY, a_container, a_pod, an_assessment

from oomsight_api.names import RiskLevel
from oomsight_api.parse import InvalidReason, InvalidSpec
from oomsight_api.status import PolicyStatus
from oomsight_operator.judgement.model import PolicyRef
from oomsight_operator.publishing.policy_status import PolicyTally, is_settled, parse_status

STRICT = PolicyRef("ClusterMemoryPolicy", "strict")


def status(
    tally: PolicyTally,
    ref: PolicyRef = POLICY,
    *,
    complete: bool = True,
    invalid: InvalidSpec | None = None,
    standing: PolicyStatus | None = None,
    now: float = NOW,
) -> PolicyStatus:
    return tally.status(ref, invalid=invalid, generation=3, complete=complete, standing=standing or PolicyStatus(), now_seconds=now)


def judged(
    tally: PolicyTally, uid: str, level: RiskLevel, *, policy: PolicyRef = POLICY, losers: tuple[PolicyRef, ...] = ()
) -> frozenset[PolicyRef]:
    return tally.note(a_pod(uid=uid, name=f"web-{uid}"), an_assessment(level, pod_uid=uid, policy=policy), losers)


def conditions(found: PolicyStatus) -> dict[str, str]:
    return {condition.type: condition.status for condition in found.conditions}


def test_pods_are_counted_by_level_and_those_at_risk_apart() -> None:
    tally = PolicyTally()
    for number, level in enumerate([RiskLevel.NONE, RiskLevel.NONE, RiskLevel.LOW, RiskLevel.CRITICAL, RiskLevel.UNKNOWN]):
        judged(tally, f"{number}", level)
    found = status(tally)
    assert (found.matched_pods, found.enforced_pods, found.at_risk_pods) == (5, 5, 2)
    assert found.pods_by_level is not None
    assert found.pods_by_level.model_dump() == {"unknown": 1, "none": 2, "low": 1, "medium": 0, "high": 0, "critical": 1}
    assert conditions(found) == {"Accepted": "True", "Enforced": "True", "PartiallyEnforced": "False", "Overridden": "False"}
    assert found.observed_generation == 3


def test_the_worst_ten_are_named_worst_first_and_do_not_change_places() -> None:
    tally = PolicyTally()
    for number in range(30):
        judged(tally, f"{number:02}", RiskLevel.CRITICAL if number == 29 else RiskLevel.LOW)
    worst = status(tally).worst
    assert [container.pod for container in worst] == ["web-29", *(f"web-{number:02}" for number in range(9))]
    assert worst[0].level is RiskLevel.CRITICAL
    assert [reason.value for reason in worst[0].reasons] == ["NearLimit"]


def test_a_policy_that_lost_says_to_whom_and_how_often() -> None:
    tally = PolicyTally()
    judged(tally, "a", RiskLevel.LOW)
    judged(tally, "b", RiskLevel.HIGH, policy=STRICT, losers=(POLICY,))
    found = status(tally)
    assert (found.matched_pods, found.enforced_pods, found.at_risk_pods) == (2, 1, 1)
    assert conditions(found)["PartiallyEnforced"] == "True"
    message = next(condition.message for condition in found.conditions if condition.type == "PartiallyEnforced")
    assert "ClusterMemoryPolicy strict decides for 1" in message
    assert status(tally, STRICT).enforced_pods == 1


def test_a_refused_spec_says_why_and_counts_nothing() -> None:
    tally = PolicyTally()
    judged(tally, "a", RiskLevel.LOW)
    found = status(tally, invalid=InvalidSpec(InvalidReason.INVALID_SPEC, "spec.risk.holdSeconds: found -1, expected at least 0"))
    accepted = found.conditions[0]
    assert (accepted.type, accepted.status, accepted.reason) == ("Accepted", "False", "InvalidSpec")
    assert "spec.risk.holdSeconds" in accepted.message
    assert found.matched_pods is None


def test_only_policies_that_a_pod_concerns_are_told_to_have_changed() -> None:
    tally = PolicyTally()
    assert judged(tally, "a", RiskLevel.LOW, losers=(STRICT,)) == {POLICY, STRICT}
    assert judged(tally, "a", RiskLevel.LOW, losers=(STRICT,)) == frozenset()
    assert judged(tally, "a", RiskLevel.HIGH) == {POLICY, STRICT}
    assert tally.forget("a") == {POLICY}
    assert tally.forget("a") == frozenset()
    assert status(tally).matched_pods == 0


def test_before_all_pods_are_judged_counts_are_not_guessed() -> None:
    found = status(PolicyTally(), complete=False)
    assert found.matched_pods is None
    assert conditions(found)["Enforced"] == "Unknown"
    before = status(PolicyTally())
    assert is_settled(before, found), "counts from before a restart are better than none"
    assert not is_settled(before.model_copy(update={"observed_generation": 2}), found)
    assert not is_settled(PolicyStatus(), found)


def test_a_status_that_did_not_change_is_equal_also_later() -> None:
    tally = PolicyTally()
    judged(tally, "a", RiskLevel.LOW)
    before = status(tally)
    written = parse_status(before.model_dump(mode="json", by_alias=True, exclude_none=True))
    assert status(tally, standing=written, now=NOW + 1000) == written


def test_a_standing_status_that_makes_no_sense_is_as_good_as_none() -> None:
    assert parse_status({"conditions": "x", "matchedPods": -1}) == PolicyStatus()
    assert parse_status(None) == PolicyStatus()


changes = st.lists(
    st.tuples(st.sampled_from("abcd"), st.none() | st.sampled_from(list(RiskLevel)), st.booleans(), st.booleans()), max_size=40
)


@given(changes)
def test_counting_pod_by_pod_gives_what_counting_from_scratch_gives(steps: list[tuple[str, RiskLevel | None, bool, bool]]) -> None:
    tally = PolicyTally()
    final: dict[str, tuple[RiskLevel, PolicyRef, tuple[PolicyRef, ...]]] = {}
    for uid, level, strict_wins, lost in steps:
        if level is None:
            tally.forget(uid)
            final.pop(uid, None)
            continue
        winner, loser = (STRICT, POLICY) if strict_wins else (POLICY, STRICT)
        final[uid] = (level, winner, (loser,) if lost else ())
        judged(tally, uid, level, policy=winner, losers=final[uid][2])
    scratch = PolicyTally()
    for uid, (level, winner, losers) in final.items():
        judged(scratch, uid, level, policy=winner, losers=losers)
    for ref in (POLICY, STRICT):
        assert status(tally, ref) == status(scratch, ref)


def test_a_pod_of_many_containers_names_each_at_risk() -> None:
    tally = PolicyTally()
    containers = (a_container(RiskLevel.HIGH, "app"), a_container(RiskLevel.LOW, "proxy"), a_container(RiskLevel.NONE, "calm"))
    tally.note(a_pod(), an_assessment(RiskLevel.HIGH, *containers))
    assert [container.container for container in status(tally).worst] == ["app", "proxy"]
