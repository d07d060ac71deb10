"""Why nothing is recommended, and what would change that."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.oomsight_operator.publishing.builders import a_container, an_assessment

from oomsight_api.names import QosClass, RiskLevel
from oomsight_api.policy import PolicyRules
from oomsight_operator.judgement.model import Assessment, EffectivePolicy
from oomsight_operator.publishing.recommendation_condition import provided, why_nothing


def judged(qos: QosClass = QosClass.BURSTABLE, **recommendation: str) -> Assessment:
    one = an_assessment(RiskLevel.NONE, a_container())
    rules = PolicyRules.model_validate({"recommendation": recommendation})
    return replace(one, qos_class=qos, policy=EffectivePolicy(one.policy.ref, rules))


@pytest.mark.parametrize(
    ("assessment", "reason", "what_to_do"),
    [
        (judged(mode="OnOOMKill"), "NoEvidence", "Mode Always recommends once memory was sampled in 3 different hours"),
        (judged(mode="Always"), "NoEvidence", "recommends once memory was sampled in 3 different hours"),
        (judged(mode="Off"), "ModeOff", "OnOOMKill or Always recommends"),
        (judged(QosClass.BEST_EFFORT, mode="Always"), "KeepsBestEffort", "targetQoS is Keep; Burstable or Guaranteed recommends"),
    ],
)
def test_it_says_what_would_bring_a_recommendation(assessment: Assessment, reason: str, what_to_do: str) -> None:
    condition = provided((), "MemoryPolicy shop/default", why_nothing(assessment), 1, 0.0)
    assert (condition.status, condition.reason) == ("False", reason)
    assert what_to_do in condition.message
