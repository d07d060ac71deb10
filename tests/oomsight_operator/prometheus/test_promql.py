"""Questions in PromQL: names of tenants stay names."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from oomsight_operator.prometheus import promql
from oomsight_operator.prometheus.promql import Scope, any_of, escaped, prefixed, quoted, selector

SHOP = Scope("shop", {"cluster": "prod-1"})


def unquoted(literal: str) -> str:
    """What a Go string literal holds."""
    assert literal[0] == literal[-1] == '"'
    assert not re.search(r'(?<!\\)(\\\\)*"', literal[1:-1]), "no quote ends it early"
    assert "\n" not in literal
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], literal[1:-1], flags=re.DOTALL)


@given(st.text())
def test_no_value_leaves_its_quotes(value: str) -> None:
    expected = re.sub("[\ud800-\udfff\ufffd]", "_", value)
    assert unquoted(quoted(value)) == expected
    quoted(value).encode()


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), st.text(max_size=20))
def test_a_name_in_a_pattern_matches_itself_alone(name: str, other: str) -> None:
    assert re.fullmatch(escaped(name), name, re.DOTALL)
    assert name == other or not re.fullmatch(escaped(name), other, re.DOTALL)


def test_a_question_names_the_cluster_the_namespace_and_the_pods() -> None:
    assert promql.memory("container_memory_working_set_bytes", SHOP, any_of([escaped("w.b-0"), "db-1"])) == (
        'max by (container) (max_over_time(container_memory_working_set_bytes{cluster="prod-1",namespace="shop",exported_pod="",'
        'pod=~"w\\\\.b-0|db-1",container!~"|POD"}[1h]))'
    )


def test_a_hostile_namespace_stays_a_value() -> None:
    hostile = Scope('x"} or vector(1) #\n')

    assert selector(("up",), hostile) == 'up{namespace="x\\"} or vector(1) #\\n",exported_pod=""}'


def test_several_metrics_are_asked_for_at_once_by_their_names() -> None:
    assert selector(("a", "b"), Scope("n"), pod=prefixed("web")) == ('{__name__=~"a|b",namespace="n",exported_pod="",pod=~"web.*"}')


def test_limits_of_kube_state_metrics_are_those_of_memory() -> None:
    assert 'resource="memory"' in promql.limit("kube_pod_container_resource_limits", SHOP, '="p"')
    assert "by (pod)" in promql.limit(promql.POD_LIMIT, SHOP, '="p"')
