from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from oomsight_api.selectors import CompiledSelector, ContainerPatterns, LabelSelector, container_selected, is_label_key, selects


def selector(**fields: object) -> LabelSelector:
    return LabelSelector.model_validate(fields)


def expression(key: str, operator: str, *values: str) -> dict[str, object]:
    return {"key": key, "operator": operator, "values": list(values)}


@pytest.mark.parametrize("labels", [{}, {"app": "web"}])
def test_an_empty_selector_selects_everything(labels: dict[str, str]) -> None:
    assert selects(LabelSelector(), labels)


@pytest.mark.parametrize(
    ("requirement", "labels", "expected"),
    [
        (expression("tier", "In", "db", "queue"), {"tier": "db"}, True),
        (expression("tier", "In", "db", "queue"), {"tier": "web"}, False),
        (expression("tier", "In", "db"), {}, False),
        (expression("tier", "NotIn", "db"), {"tier": "web"}, True),
        (expression("tier", "NotIn", "db"), {"tier": "db"}, False),
        (expression("tier", "NotIn", "db"), {}, True),
        (expression("tier", "Exists"), {"tier": ""}, True),
        (expression("tier", "Exists"), {"other": "x"}, False),
        (expression("tier", "DoesNotExist"), {}, True),
        (expression("tier", "DoesNotExist"), {"tier": ""}, False),
        (expression("tier", "In", ""), {"tier": ""}, True),
        (expression("tier", "In", ""), {}, False),
    ],
)
def test_each_operator_means_what_kubernetes_means(requirement: dict[str, object], labels: dict[str, str], expected: bool) -> None:
    assert selects(selector(matchExpressions=[requirement]), labels) is expected


def test_every_requirement_must_hold() -> None:
    chosen = selector(matchLabels={"app": "web", "env": "prod"}, matchExpressions=[expression("canary", "DoesNotExist")])
    assert selects(chosen, {"app": "web", "env": "prod", "more": "x"})
    assert not selects(chosen, {"app": "web"})
    assert not selects(chosen, {"app": "web", "env": "prod", "canary": "yes"})


def test_a_label_required_to_be_empty_must_be_there() -> None:
    assert not selects(selector(matchLabels={"app": ""}), {})


@pytest.mark.parametrize(
    "requirement",
    [
        expression("tier", "In"),
        expression("tier", "NotIn"),
        expression("tier", "Exists", "x"),
        expression("tier", "DoesNotExist", "x"),
    ],
)
def test_values_that_do_not_fit_their_operator_are_refused(requirement: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="values must be given for the operators In and NotIn"):
        selector(matchExpressions=[requirement])


@pytest.mark.parametrize("key", ["app", "example.com/tier", "a" * 63, "A_b.c-9", f"{'a' * 63}.{'b' * 63}/x", "9"])
def test_names_of_labels_that_kubernetes_takes(key: str) -> None:
    assert is_label_key(key)


@pytest.mark.parametrize("key", ["", "a" * 64, "-a", "a-", "/a", "a/", "a/b/c", "Ex.c/a", "a\n", "\u00e4", f"{'a.' * 130}a/x"])
def test_names_of_labels_that_kubernetes_refuses(key: str) -> None:
    assert not is_label_key(key)


@pytest.mark.parametrize("value", ["-a", "a" * 64, "a b", "a\n", "\u00e4", 5, None])
def test_values_of_labels_that_kubernetes_refuses(value: object) -> None:
    with pytest.raises(ValidationError):
        selector(matchLabels={"app": value})


_labels = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["", "x", "y"]))
_requirements = st.lists(
    st.one_of(
        st.builds(
            lambda key, operator, values: expression(key, operator, *values),
            st.sampled_from("abc"),
            st.sampled_from(["In", "NotIn"]),
            st.lists(st.sampled_from(["", "x", "y"]), min_size=1, max_size=32),
        ),
        st.builds(expression, st.sampled_from("abc"), st.sampled_from(["Exists", "DoesNotExist"])),
    ),
    max_size=32,
)


@given(_requirements, _labels, _labels)
def test_the_answer_depends_on_the_named_labels_alone(
    requirements: list[dict[str, object]], labels: dict[str, str], others: dict[str, str]
) -> None:
    compiled = CompiledSelector.of(selector(matchExpressions=requirements))
    named = {key: value for key, value in labels.items() if key in compiled.keys}
    foreign = {key: value for key, value in others.items() if key not in compiled.keys}
    assert compiled.matches(labels) == compiled.matches({**named, **foreign})


@pytest.mark.parametrize(
    ("include", "exclude", "name", "expected"),
    [
        (("*",), (), "web", True),
        (("web",), (), "web", True),
        (("web",), (), "web-2", False),
        (("web-?",), (), "web-2", True),
        (("web-?",), (), "web-22", False),
        (("*",), ("istio-*",), "istio-proxy", False),
        (("istio-proxy",), ("istio-*",), "istio-proxy", False),
        (("a", "b"), (), "b", True),
    ],
)
def test_containers_are_chosen_by_pattern_and_excluded_beats_included(
    include: tuple[str, ...], exclude: tuple[str, ...], name: str, expected: bool
) -> None:
    assert container_selected(ContainerPatterns(include=include, exclude=exclude), name) is expected


@pytest.mark.parametrize("pattern", ["", "Web", "[ab]", "web\n", "a" * 64, "web.1"])
def test_a_pattern_that_no_container_could_match_is_refused(pattern: str) -> None:
    with pytest.raises(ValidationError):
        ContainerPatterns(include=(pattern,))


def test_a_pattern_made_to_take_long_does_not() -> None:
    assert not container_selected(ContainerPatterns(include=("*a" * 31,)), "a" * 30 + "b" * 33)
