"""Reading bodies into built-in kinds."""

from __future__ import annotations

from typing import Any

import pytest

from oomsight_sandbox.apiserver.resources import BUILT_IN, Resource
from oomsight_sandbox.apiserver.typed import WrongTypeError, conform_built_in, conform_metadata

KINDS = {resource.kind: resource for resource in BUILT_IN if resource.group != "events.k8s.io"}


def pod(**container: Any) -> dict[str, Any]:
    return {"metadata": {"name": "web"}, "spec": {"containers": [{"name": "a", **container}]}}


def test_a_good_object_stays_as_it_is_and_is_a_copy() -> None:
    value = pod(image="x", ports=[{"containerPort": 80}], resources={"limits": {"memory": "1Gi", "cpu": 1}})
    read, unknown, missing = conform_built_in(KINDS["Pod"], value)
    assert (read, unknown, missing) == (value, [], [])
    assert read["spec"] is not value["spec"]


def test_unknown_fields_are_dropped_and_named_and_nulls_are_absent() -> None:
    read, unknown, _ = conform_built_in(KINDS["Pod"], pod(imagee="x", env=[{"name": "A", "valu": "b"}], command=None))
    assert unknown == ["spec.containers[0].imagee", "spec.containers[0].env[0].valu"]
    assert read == pod(env=[{"name": "A"}])


def test_required_fields_of_the_spec_are_missed() -> None:
    _, _, missing = conform_built_in(KINDS["Pod"], {"metadata": {}, "spec": {"containers": [{"image": "x", "ports": [{}]}]}})
    assert {cause.field for cause in missing} == {"spec.containers[0].name", "spec.containers[0].ports[0].containerPort"}


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (pod(image=5), r"spec.containers\[0\].image: found number 5, expected of type string"),
        (pod(ports=[{"containerPort": "80"}]), "found string '80', expected of type integer"),
        (pod(ports=[{"containerPort": True}]), "found boolean True, expected of type integer"),
        (pod(ports=[{"containerPort": 2**70}]), "expected a 64-bit integer"),
        (pod(resources={"limits": {"memory": True}}), "expected an integer or a string"),
        (pod(resources={"limits": [1]}), "found list, expected an object"),
        ({"spec": {"containers": {}}}, "spec.containers: found object, expected a list"),
        ({"metadata": {"creationTimestamp": "yesterday"}}, "expected an RFC 3339 time"),
        ({"metadata": {"annotations": {"a": {"b": 1}}}}, "metadata.annotations.a: found object"),
    ],
)
def test_wrong_types_name_the_field_what_was_found_and_what_was_expected(value: Any, told: str) -> None:
    with pytest.raises(WrongTypeError, match=told):
        conform_built_in(KINDS["Pod"], value)


def test_metadata_of_custom_resources_is_typed_too() -> None:
    read, unknown = conform_metadata({"name": "x", "labels": {"a": "b"}, "color": "red"})
    assert (read, unknown) == ({"name": "x", "labels": {"a": "b"}}, ["metadata.color"])


@pytest.mark.parametrize("resource", BUILT_IN, ids=lambda resource: f"{resource.group}/{resource.kind}")
def test_every_built_in_kind_has_a_schema(resource: Resource) -> None:
    read, unknown, _ = conform_built_in(resource, {"metadata": {"name": "x"}, "nonsense": 1})
    assert (read, unknown) == ({"metadata": {"name": "x"}}, ["nonsense"])
