from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_api.parse import ParsedPolicy, parse_policy
from oomsight_api.policy import ClusterMemoryPolicySpec, MemoryPolicySpec
from oomsight_api.selectors import selects
from oomsight_operator.judgement.model import PolicyRef
from oomsight_operator.judgement.precedence import Decision, PolicyRecord, PolicySet, decide

WEB: dict[str, Any] = {"podSelector": {"matchLabels": {"app": "web"}}}


def namespaced(name: str, *, namespace: str = "team-a", created: float = 100, **spec: Any) -> PolicyRecord:
    ref = PolicyRef("MemoryPolicy", name, namespace)
    return PolicyRecord(ref, MemoryPolicySpec.model_validate(spec), f"uid-{name}", created, 1)


def defaults(name: str, *, created: float = 100, rules: Mapping[str, Any] | None = None, **spec: Any) -> PolicyRecord:
    return _cluster(name, created, {"defaults": rules or {}, **spec})


def overrides(name: str, *, created: float = 100, rules: Mapping[str, Any] | None = None, **spec: Any) -> PolicyRecord:
    return _cluster(name, created, {"overrides": rules or {}, **spec})


def _cluster(name: str, created: float, spec: dict[str, Any]) -> PolicyRecord:
    ref = PolicyRef("ClusterMemoryPolicy", name)
    return PolicyRecord(ref, ClusterMemoryPolicySpec.model_validate(spec), f"uid-{name}", created, 1)


def decided(
    *policies: PolicyRecord, namespace: str = "team-a", labels: Mapping[str, str] | None = None, of: Mapping[str, str] | None = None
) -> Decision:
    """The decision for a pod of team-a without labels, whatever the order in which the policies are known."""
    decision = decide(namespace, labels or {}, of or {}, policies)
    assert decide(namespace, labels or {}, of or {}, reversed(policies)) == decision
    return decision


def winner(decision: Decision) -> str | None:
    return None if decision.effective is None else decision.effective.ref.name


def losers(decision: Decision) -> list[str]:
    return [ref.name for ref in decision.losers]


def test_without_a_policy_nobody_decides() -> None:
    assert decided() == Decision(None, ())


def test_a_policy_that_does_not_select_the_pod_does_not_decide() -> None:
    assert decided(namespaced("web", **WEB), labels={"app": "db"}).effective is None


def test_a_namespaced_policy_selects_pods_of_its_own_namespace_only() -> None:
    assert decided(namespaced("theirs", namespace="team-b")).effective is None
    assert winner(decided(namespaced("theirs", namespace="team-b"), namespace="team-b")) == "theirs"


def test_a_namespaced_policy_beats_the_defaults_of_the_cluster_even_when_younger() -> None:
    decision = decided(defaults("cluster", created=1), namespaced("mine", created=999))
    assert (winner(decision), losers(decision)) == ("mine", ["cluster"])


def test_defaults_decide_where_no_namespaced_policy_selects_the_pod() -> None:
    decision = decided(defaults("cluster"), namespaced("web", **WEB), labels={"app": "db"})
    assert (winner(decision), losers(decision)) == ("cluster", [])


def test_overrides_beat_namespaced_policies_and_defaults_even_when_younger() -> None:
    decision = decided(overrides("strict", created=999), namespaced("mine", created=1), defaults("cluster", created=1))
    assert (winner(decision), losers(decision)) == ("strict", ["mine", "cluster"])
    assert decision.effective is not None
    assert decision.effective.overrides


def test_a_namespaced_policy_never_weakens_an_override_by_its_name_or_age() -> None:
    assert winner(decided(overrides("z", created=999), namespaced("a", created=0, **WEB), labels={"app": "web"})) == "z"


@pytest.mark.parametrize("make", [namespaced, defaults, overrides])
def test_among_equals_the_older_one_decides(make: Any) -> None:
    decision = decided(make("a-young", created=200), make("z-old", created=100))
    assert (winner(decision), losers(decision)) == ("z-old", ["a-young"])


@pytest.mark.parametrize("make", [namespaced, defaults, overrides])
def test_among_equals_of_one_age_the_first_name_decides(make: Any) -> None:
    decision = decided(make("b"), make("a"), make("c"))
    assert (winner(decision), losers(decision)) == ("a", ["b", "c"])


def test_a_cluster_policy_asks_for_labels_of_the_namespace_and_of_the_pod() -> None:
    policy = defaults("prod-web", namespaceSelector={"matchLabels": {"env": "prod"}}, **WEB)
    assert winner(decided(policy, labels={"app": "web"}, of={"env": "prod"})) == "prod-web"
    assert decided(policy, labels={"app": "web"}, of={"env": "test"}).effective is None
    assert decided(policy, labels={"app": "db"}, of={"env": "prod"}).effective is None
    assert decided(policy, labels={"app": "web", "env": "prod"}).effective is None


def test_rules_are_atomic_the_winners_alone_count() -> None:
    decision = decided(
        namespaced("mine", recommendation={"mode": "Always"}),
        defaults("cluster", rules={"recommendation": {"headroomPercent": 77}, "publish": {"annotations": "None"}}),
    )
    assert decision.effective is not None
    rules = decision.effective.rules
    assert rules.recommendation.headroom_percent == 0
    assert rules.publish.annotations == "All"


def test_an_override_brings_its_own_rules() -> None:
    decision = decided(overrides("strict", rules={"recommendation": {"headroomPercent": 50}}))
    assert decision.effective is not None
    assert decision.effective.rules.recommendation.headroom_percent == 50


def test_a_label_required_to_be_empty_is_not_fulfilled_by_its_absence() -> None:
    policy = namespaced("empty", podSelector={"matchLabels": {"app": ""}})
    policies = PolicySet([policy])
    assert policies.decide("team-a", {}, {}).effective is None
    assert winner(policies.decide("team-a", {"app": ""}, {})) == "empty"


def test_new_labels_of_a_namespace_are_noticed() -> None:
    policies = PolicySet([overrides("prod", namespaceSelector={"matchLabels": {"env": "prod"}})])
    labels = {"env": "test"}
    assert policies.decide("team-a", {}, labels).effective is None
    labels["env"] = "prod"
    assert winner(policies.decide("team-a", {}, labels)) == "prod"


def test_pods_that_differ_only_in_labels_nobody_asks_for_share_one_decision() -> None:
    policies = PolicySet([namespaced("web", **WEB)])
    first = policies.decide("team-a", {"app": "web", "pod-template-hash": "1"}, {})
    assert policies.decide("team-a", {"app": "web", "pod-template-hash": "2"}, {}) is first


def test_records_come_from_parsed_objects() -> None:
    parsed = parse_policy(
        {
            "apiVersion": "oomsight.dev/v1alpha1",
            "kind": "MemoryPolicy",
            "metadata": {"name": "a", "namespace": "n", "uid": "u", "generation": 7, "creationTimestamp": "1970-01-01T00:01:00Z"},
            "spec": {},
        }
    )
    assert isinstance(parsed, ParsedPolicy)
    assert PolicyRecord.of(parsed) == PolicyRecord(PolicyRef("MemoryPolicy", "a", "n"), MemoryPolicySpec(), "u", 60.0, 7)


_selectors = st.one_of(
    st.builds(lambda value: {"matchLabels": {"app": value}}, st.sampled_from(["", "x", "y"])),
    st.builds(
        lambda operator: {
            "matchExpressions": [{"key": "tier", "operator": operator, **({"values": ["x"]} if "In" in operator else {})}]
        },
        st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist"]),
    ),
    st.just({}),
)
_policies = st.lists(
    st.one_of(
        st.builds(
            lambda name, namespace, created, pods: namespaced(name, namespace=namespace, created=created, podSelector=pods),
            st.sampled_from("abcd"),
            st.sampled_from(["n1", "n2"]),
            st.integers(0, 2),
            _selectors,
        ),
        st.builds(
            lambda make, name, created, pods, spaces: make(name, created=created, podSelector=pods, namespaceSelector=spaces),
            st.sampled_from([defaults, overrides]),
            st.sampled_from("abcd"),
            st.integers(0, 2),
            _selectors,
            _selectors,
        ),
    ),
    max_size=12,
    unique_by=lambda record: str(record.ref),
)
_labels = st.dictionaries(st.sampled_from(["app", "tier", "other"]), st.sampled_from(["", "x", "y"]))
_pods = st.lists(st.tuples(st.sampled_from(["n1", "n2"]), _labels, _labels), min_size=1, max_size=8)


def by_the_book(namespace: str, labels: Mapping[str, str], of: Mapping[str, str], policies: list[PolicyRecord]) -> list[str]:
    """GEP-713, word by word: everyone who selects the pod, the one who decides first."""

    def tier(record: PolicyRecord) -> int:
        return 1 if isinstance(record.spec, MemoryPolicySpec) else 0 if record.spec.overrides else 2

    def meant(record: PolicyRecord) -> bool:
        if isinstance(record.spec, ClusterMemoryPolicySpec):
            return selects(record.spec.namespace_selector, of) and selects(record.spec.pod_selector, labels)
        return record.ref.namespace == namespace and selects(record.spec.pod_selector, labels)

    chosen = [record for record in policies if meant(record)]
    chosen.sort(key=lambda record: (tier(record), record.created_at_seconds, f"{record.ref.namespace or ''}/{record.ref.name}"))
    return [str(record.ref) for record in chosen]


@given(_policies, _pods)
def test_the_fast_way_agrees_with_the_book_for_every_pod(
    policies: list[PolicyRecord], pods: list[tuple[str, dict[str, str], dict[str, str]]]
) -> None:
    compiled = PolicySet(policies)
    for namespace, labels, of in pods:
        decision = compiled.decide(namespace, labels, of)
        told = [] if decision.effective is None else [str(decision.effective.ref), *map(str, decision.losers)]
        assert told == by_the_book(namespace, labels, of, policies)
