"""What passes the generated schema parses; what does not is refused with the field's name; nothing ever raises."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oomsight_api.conditions import MAX_MESSAGE_LENGTH
from oomsight_api.parse import InvalidReason, InvalidSpec, ParsedPolicy, ParsedRecommendation, parse_policy, parse_recommendation
from oomsight_api.policy import ClusterMemoryPolicySpec

PROPERTY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

METADATA: dict[str, Any] = {
    "name": "all",
    "namespace": "team-a",
    "uid": "11111111-2222-3333-4444-555555555555",
    "generation": 3,
    "creationTimestamp": "2026-03-01T10:00:00Z",
}


def policy(spec: Any, kind: str = "MemoryPolicy", **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "oomsight.dev/v1alpha1", "kind": kind, "metadata": {**METADATA, **metadata}, "spec": spec}


def refused(raw: Any) -> InvalidSpec:
    result = parse_policy(raw)
    assert isinstance(result, InvalidSpec)
    assert result.message.isascii()
    assert result.message.isprintable()
    assert len(result.message) <= MAX_MESSAGE_LENGTH
    return result


def test_a_policy_becomes_a_typed_record() -> None:
    parsed = parse_policy(policy({"recommendation": {"mode": "Always"}}))
    assert isinstance(parsed, ParsedPolicy)
    identity = parsed.identity
    assert (identity.kind.kind, identity.namespace, identity.name, identity.generation) == ("MemoryPolicy", "team-a", "all", 3)
    assert identity.created_at_seconds == 1772359200.0
    assert parsed.spec.to_wire()["recommendation"]["mode"] == "Always"


def test_a_cluster_policy_has_no_namespace_even_when_its_metadata_claims_one() -> None:
    parsed = parse_policy(policy({"defaults": {}}, kind="ClusterMemoryPolicy"))
    assert isinstance(parsed, ParsedPolicy)
    assert isinstance(parsed.spec, ClusterMemoryPolicySpec)
    assert parsed.identity.namespace is None


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (None, "spec: found null, expected an object"),
        ([1, 2], "spec: found a list of 2 items, expected an object"),
        ({"risk": {"holdSeconds": "5m"}}, "spec.risk.holdSeconds: found '5m', must be a whole number"),
        ({"risk": {"holdSeconds": -1}}, "spec.risk.holdSeconds: found -1, must be greater than or equal to 0"),
        ({"recommendation": {"mode": False}}, "spec.recommendation.mode: found false, must be 'OnOOMKill', 'Always' or 'Off'"),
        (
            {"recommendation": {"minLimit": "512MB"}},
            "spec.recommendation.minLimit: found '512MB', '512MB' is no quantity, expected bytes such as 512Mi, 1.5G or 1073741824",
        ),
        (
            {"recommendation": {"minLimit": {}}},
            "spec.recommendation.minLimit: found an object with 0 fields, must be a quantity such as 512Mi",
        ),
        ({"containers": {"include": "web"}}, "spec.containers.include: found 'web', must be a list"),
        ({"podSelector": {"matchLabels": 5}}, "spec.podSelector.matchLabels: found 5, must be an object"),
        ({"recomendation": {}}, "spec.recomendation: unknown field"),
        (
            {"podSelector": {"matchExpressions": [{"key": "a"}]}},
            "spec.podSelector.matchExpressions[0].operator: missing, expected a value",
        ),
        ({"containers": {"include": []}}, "spec.containers.include: found a list of 0 items, must have at least 1 item"),
    ],
)
def test_a_refusal_names_the_field_what_was_found_and_what_was_expected(spec: Any, message: str) -> None:
    result = refused(policy(spec))
    assert (result.reason, result.message) == (InvalidReason.INVALID_SPEC, message)
    assert result.identity is not None
    assert result.identity.generation == 3


def test_thresholds_out_of_order_are_refused_with_the_order_that_was_expected() -> None:
    result = refused(policy({"risk": {"nearLimit": {"lowPercent": 90}}}))
    assert result.message == (
        "spec.risk.nearLimit: found an object with 1 field, thresholds must be ordered: lowPercent <= mediumPercent <= highPercent"
        " <= criticalPercent; found 90, 80, 90, 95, with the defaults of what is not set"
    )


@pytest.mark.parametrize(
    ("risk", "found"),
    [
        ({"timeToLimit": {"lowSeconds": 60}}, "criticalSeconds; found 60, 14400, 3600, 600, with"),
        ({"memoryPressure": {"highPercent": 7}}, "highPercent; found 5, 10, 7, with"),
        ({"swapThrashing": {"lowPagesPerSecond": 3000}}, "mediumPagesPerSecond; found 3000, 2000, with"),
        ({"nodeAvailable": {"highPercent": 20}}, "mediumPercent; found 20, 10, with"),
    ],
)
def test_thresholds_out_of_order_are_shown_in_the_order_of_the_message(risk: dict[str, Any], found: str) -> None:
    assert found in refused(policy({"risk": risk})).message


@pytest.mark.parametrize("same", [1, 50])
def test_equal_thresholds_are_in_order(same: int) -> None:
    percents = {"lowPercent": same, "mediumPercent": same, "highPercent": same, "criticalPercent": same}
    assert not isinstance(parse_policy(policy({"risk": {"nearLimit": percents}})), InvalidSpec)


def test_many_problems_are_told_in_a_message_that_fits_into_a_condition() -> None:
    result = refused(policy({f"unknown{number:04}{'x' * 500}\n\u202e": number for number in range(1000)}))
    assert "and 997 more" in result.message
    assert len(result.message) < 500


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (
            {"minLimit": "2Gi", "maxLimit": "1Gi"},
            "spec.recommendation.minLimit: found '2Gi' above the maxLimit '1Gi', expected at most the maxLimit",
        ),
        ({"maxLimit": 0}, "spec.recommendation.maxLimit: found 0, expected more than 0"),
    ],
)
def test_limits_that_contradict_each_other_are_refused_though_no_schema_can_say_so(limits: dict[str, Any], message: str) -> None:
    result = refused(policy({"recommendation": limits}))
    assert (result.reason, result.message) == (InvalidReason.CONTRADICTORY_LIMITS, message)


def test_the_same_limit_in_two_spellings_is_no_contradiction() -> None:
    assert isinstance(parse_policy(policy({"recommendation": {"minLimit": "1Gi", "maxLimit": 2**30}})), ParsedPolicy)


def test_a_cluster_policys_limits_are_judged_under_their_own_path() -> None:
    spec = {"overrides": {"recommendation": {"minLimit": "2Gi", "maxLimit": "1Gi"}}}
    assert refused(policy(spec, kind="ClusterMemoryPolicy")).message.startswith("spec.overrides.recommendation.minLimit: found")


@pytest.mark.parametrize(
    "selector",
    [{"matchLabels": {"no spaces": "x"}}, {"matchExpressions": [{"key": f"{'a.' * 130}a/x", "operator": "Exists"}]}],
)
def test_names_of_labels_that_no_pod_can_have_are_refused(selector: dict[str, Any]) -> None:
    result = refused(policy({"namespaceSelector": selector, "defaults": {}}, kind="ClusterMemoryPolicy"))
    assert result.reason is InvalidReason.INVALID_SELECTOR
    assert result.message.startswith("spec.namespaceSelector.match")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", None),
        ("name", ""),
        ("name", "x" * 254),
        ("name", "a\nb"),
        ("namespace", 5),
        ("uid", ["u"]),
        ("generation", "3"),
        ("generation", 10**40),
        ("creationTimestamp", None),
        ("creationTimestamp", "yesterday"),
    ],
)
def test_metadata_that_makes_no_sense_is_refused_by_name(field: str, value: Any) -> None:
    result = refused(policy({}, **{field: value}))
    assert result.reason is InvalidReason.INVALID_METADATA
    assert result.message.startswith(f"metadata.{field}: found ")
    assert result.identity is None


@pytest.mark.parametrize(
    "raw", [None, [], "x", {}, policy({}, kind="Pod"), {**policy({}), "apiVersion": "v1"}, {**policy({}), "metadata": 1}]
)
def test_what_is_no_policy_is_refused(raw: Any) -> None:
    assert refused(raw).reason is InvalidReason.INVALID_METADATA


def _json_of(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
        max_leaves=20,
    )


_not_null = _json_of(st.booleans() | st.integers() | st.floats() | st.text(max_size=20))
_json = _json_of(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20))


def values_of(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that a structural schema lets in, CEL rules aside, and now and then one that it does not.

    Never null, which the API server takes for absent.
    """
    if schema.get("x-kubernetes-int-or-string"):
        plain: st.SearchStrategy[Any] = st.integers(0, schema["maximum"]) | st.from_regex(schema["pattern"], fullmatch=True).filter(
            lambda text: len(text) <= schema["maxLength"]
        )
    elif "enum" in schema:
        plain = st.sampled_from(schema["enum"])
    elif schema["type"] == "integer":
        plain = st.integers(schema.get("minimum"), schema.get("maximum"))
    elif schema["type"] == "string":
        most = schema.get("maxLength", 20)
        matching = st.from_regex(schema["pattern"], fullmatch=True) if "pattern" in schema else st.text(max_size=most)
        plain = matching.filter(lambda text: len(text) <= most)
    elif schema["type"] == "array":
        plain = st.lists(values_of(schema["items"]), min_size=schema.get("minItems", 0), max_size=3)
    elif "additionalProperties" in schema:
        plain = st.dictionaries(st.text("abc/.-", min_size=1, max_size=5), values_of(schema["additionalProperties"]), max_size=3)
    else:
        fields = {name: values_of(child) for name, child in schema["properties"].items()}
        required = {name: fields.pop(name) for name in schema.get("required", ())}
        plain = st.fixed_dictionaries(required, optional=fields)
    return st.integers(0, 60).flatmap(lambda dice: plain if dice else _not_null)


@pytest.mark.parametrize("kind", ["MemoryPolicy", "ClusterMemoryPolicy"])
@PROPERTY
@given(data=st.data())
def test_what_passes_the_schema_parses_and_what_does_not_is_refused(kind: str, data: st.DataObject, schemas: Any) -> None:
    spec = data.draw(values_of(schemas[kind].spec))
    stored, errors = schemas[kind].admit(spec)
    result = parse_policy(policy(stored, kind=kind))
    if errors:
        assert refused(policy(stored, kind=kind)).message.startswith("spec")
    elif isinstance(result, InvalidSpec):
        assert result.reason in {InvalidReason.INVALID_SELECTOR, InvalidReason.CONTRADICTORY_LIMITS}
    else:
        # Defaults are the same on both sides: what the API server stores is what the models fill in by themselves.
        assert parse_policy(policy(spec, kind=kind)) == result


@PROPERTY
@given(_json | st.fixed_dictionaries({}, optional={"apiVersion": _json, "kind": _json, "metadata": _json, "spec": _json}))
def test_any_object_is_a_record_or_a_refusal(raw: Any) -> None:
    assert isinstance(parse_policy(raw), ParsedPolicy | InvalidSpec)
    assert isinstance(parse_recommendation(raw), ParsedRecommendation | InvalidSpec)


@PROPERTY
@given(st.sampled_from(["MemoryPolicy", "ClusterMemoryPolicy"]), st.dictionaries(st.sampled_from(list(METADATA)), _json), _json)
def test_any_metadata_and_spec_is_a_record_or_a_refusal(kind: str, metadata: dict[str, Any], spec: Any) -> None:
    result = parse_policy(policy(spec, kind=kind, **metadata))
    if isinstance(result, InvalidSpec):
        refused(policy(spec, kind=kind, **metadata))


def test_a_deeply_nested_object_is_refused_without_a_crash() -> None:
    nested: Any = "x"
    for _ in range(100_000):
        nested = [nested]
    assert refused(policy({"podSelector": {"matchLabels": nested}})).message.startswith(
        "spec.podSelector.matchLabels: found a list of 1"
    )


def recommendation(**sections: Any) -> dict[str, Any]:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    return {**policy({"targetRef": target}, kind="MemoryRecommendation"), **sections}


def test_a_recommendation_without_a_status_has_an_empty_one() -> None:
    parsed = parse_recommendation(recommendation())
    assert isinstance(parsed, ParsedRecommendation)
    assert parsed.status.containers == ()


def test_a_recommendation_of_a_newer_version_is_read_as_far_as_it_is_known() -> None:
    status = {"containers": [{"name": "app", "recommendedLimit": "1Gi", "inventedLater": 1}], "inventedLater": {}}
    parsed = parse_recommendation(recommendation(status=status))
    assert isinstance(parsed, ParsedRecommendation)
    assert parsed.status.containers[0].recommended_limit == "1Gi"


def test_a_recommendation_with_a_broken_status_is_refused_by_field() -> None:
    result = parse_recommendation(recommendation(status={"containers": [{"name": "app", "oomKills": -1}]}))
    assert isinstance(result, InvalidSpec)
    assert result.reason is InvalidReason.INVALID_STATUS
    assert result.message.startswith("status.containers[0].oomKills: found -1")
