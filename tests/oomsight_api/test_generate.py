from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import celpy
import pytest
import yaml

from oomsight_api.generate import files, main
from oomsight_api.kinds import KINDS

ROOT = Path(__file__).parents[2]
FORBIDDEN = {"$ref", "$defs", "anyOf", "allOf", "oneOf", "not", "nullable", "title", "const", "definitions", "patternProperties"}


def nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    for inner in ("items", "additionalProperties"):
        if inner in schema:
            yield from nodes(schema[inner], f"{path}[{inner}]")


def test_the_files_in_the_repository_are_what_the_models_give(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check", "--directory", str(ROOT / "crds")]) == 0, capsys.readouterr().err


def test_check_names_the_file_that_differs_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    crds = tmp_path / "crds"
    shutil.copytree(ROOT / "crds", crds, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    assert main(["--directory", str(crds)]) == 0  # the reference beside it
    changed = crds / "oomsight.dev_memorypolicies.yaml"
    changed.write_text(changed.read_text().replace("Enabled", "Disabled"))
    before = changed.read_text()
    assert main(["--check", "--directory", str(crds)]) == 1
    assert "oomsight.dev_memorypolicies.yaml differs from the models" in capsys.readouterr().err
    assert changed.read_text() == before


def test_generating_mends_what_differs_and_then_has_nothing_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "crds").mkdir()
    assert main(["--directory", str(tmp_path / "crds")]) == 0
    assert capsys.readouterr().out.count("wrote ") == len(files())
    assert main(["--directory", str(tmp_path / "crds")]) == 0
    assert capsys.readouterr().out == ""
    assert main(["--check", "--directory", str(tmp_path / "crds")]) == 0


def test_a_missing_folder_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--directory", str(tmp_path / "nowhere")]) == 2
    assert "nowhere is no folder" in capsys.readouterr().err


def test_all_definitions_can_be_printed_for_kubectl(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--stdout"]) == 0
    printed = list(yaml.safe_load_all(capsys.readouterr().out))
    assert [document["metadata"]["name"] for document in printed] == [kind.crd_name for kind in KINDS]


@pytest.mark.parametrize("kind", [kind.kind for kind in KINDS])
class TestEveryKind:
    def test_the_schema_is_structural(self, kind: str, schemas: Any) -> None:
        for path, node in nodes(schemas[kind].schema):
            assert not node.keys() & FORBIDDEN, path
            if node.get("x-kubernetes-int-or-string"):
                assert "type" not in node, path
                continue
            assert node["type"] in {"object", "array", "string", "integer", "boolean"}, path
            assert not ("properties" in node and "additionalProperties" in node), path
            if node["type"] == "array":
                assert "items" in node, path
            for name in node.get("required", ()):
                assert name in node["properties"], path

    def test_everything_but_metadata_is_described(self, kind: str, schemas: Any) -> None:
        undescribed = [
            path
            for path, node in nodes(schemas[kind].schema)
            if "description" not in node and path != ".metadata" and not path.endswith("]")
        ]
        assert undescribed == []

    def test_every_list_map_and_text_of_the_spec_is_bounded(self, kind: str, schemas: Any) -> None:
        """CEL's cost is estimated from the bounds, and etcd takes 1.5 MiB an object."""
        for path, node in nodes(schemas[kind].spec):
            if node.get("type") == "array":
                assert "maxItems" in node, path
            elif "additionalProperties" in node:
                assert "maxProperties" in node, path
            elif node.get("type") == "string" or node.get("x-kubernetes-int-or-string"):
                assert "enum" in node or "maxLength" in node, path

    def test_every_default_is_admitted_by_its_own_schema(self, kind: str, schemas: Any) -> None:
        judge = schemas[kind]
        for path, node in nodes(judge.schema):
            if "default" in node:
                whole = type(judge)({"spec": {"versions": [{"schema": {"openAPIV3Schema": {"properties": {"spec": node}}}}]}})
                stored, errors = whole.admit(node["default"])
                assert errors == [], path
                assert stored == node["default"], path

    def test_rules_are_written_in_plain_cel_and_say_what_must_be(self, kind: str, schemas: Any) -> None:
        for path, node in nodes(schemas[kind].schema):
            for rule in node.get("x-kubernetes-validations", ()):
                celpy.Environment().compile(rule["rule"])
                assert "must be" in rule["message"], path
                assert "quantity(" not in rule["rule"], path  # 1.29 and later

    def test_lists_keyed_by_a_field_require_it(self, kind: str, schemas: Any) -> None:
        keyed = {path: node for path, node in nodes(schemas[kind].schema) if node.get("x-kubernetes-list-type") == "map"}
        assert ".status.conditions" in keyed
        for path, node in keyed.items():
            assert set(node["x-kubernetes-list-map-keys"]) <= set(node["items"]["required"]), path

    def test_it_has_a_status_subresource_short_name_category_and_columns(self, kind: str, schemas: Any) -> None:
        judge = schemas[kind]
        assert judge.version["subresources"] == {"status": {}}
        assert (judge.version["name"], judge.version["served"], judge.version["storage"]) == ("v1alpha1", True, True)
        assert judge.definition["spec"]["names"]["categories"] == ["oomsight"]
        assert judge.definition["spec"]["names"]["shortNames"] == [next(each.short_name for each in KINDS if each.kind == kind)]
        priorities = {column["priority"] for column in judge.version["additionalPrinterColumns"]}
        assert priorities == {0, 1}

    def test_every_column_shows_a_field_that_exists(self, kind: str, schemas: Any) -> None:
        judge = schemas[kind]
        for column in judge.version["additionalPrinterColumns"]:
            path = column["jsonPath"].replace('[?(@.type=="Accepted")]', "[items]").replace('[?(@.type=="Enforced")]', "[items]")
            known = {where: node.get("type") for where, node in nodes(judge.schema)} | {".metadata.creationTimestamp": "date"}
            assert known.get(path) == column["type"], column["name"]


def test_an_empty_memory_policy_is_stored_fully_defaulted(schemas: Any) -> None:
    stored, errors = schemas["MemoryPolicy"].admit({})
    assert errors == []
    assert stored["recommendation"] == {"mode": "OnOOMKill", "targetQoS": "Keep", "pageCache": "Working", "headroomPercent": 0}
    assert stored["risk"]["nearLimit"] == {"lowPercent": 70, "mediumPercent": 80, "highPercent": 90, "criticalPercent": 95}
    assert stored["podSelector"] == {}


def test_a_policy_with_one_threshold_gets_the_others_by_default(schemas: Any) -> None:
    stored, errors = schemas["ClusterMemoryPolicy"].admit({"overrides": {"risk": {"nearLimit": {"highPercent": 85}}}})
    assert errors == []
    assert stored["overrides"]["risk"]["nearLimit"]["highPercent"] == 85
    assert stored["overrides"]["risk"]["nearLimit"]["criticalPercent"] == 95
    assert "defaults" not in stored


@pytest.mark.parametrize(
    ("spec", "error"),
    [
        ({}, "spec: exactly one of defaults and overrides must be given"),
        ({"defaults": {}, "overrides": {}}, "spec: exactly one of defaults and overrides must be given"),
        ({"defaults": {"risk": {"nearLimit": {"lowPercent": 81}}}}, "spec.defaults.risk.nearLimit: thresholds must be ordered"),
        ({"defaults": {}, "podSelector": {"matchExpressions": [{"key": "a", "operator": "In"}]}}, "values must be given for"),
        ({"defaults": {"recommendation": {"maxLimit": "1 GB"}}}, "spec.defaults.recommendation.maxLimit: does not match pattern"),
    ],
)
def test_the_schema_alone_refuses_what_cannot_be_meant(spec: dict[str, Any], error: str, schemas: Any) -> None:
    _, errors = schemas["ClusterMemoryPolicy"].admit(spec)
    assert any(error in each for each in errors), errors


def test_the_reference_tells_every_field_of_every_spec() -> None:
    reference = (ROOT / "docs" / "reference.md").read_text()
    for field in ("spec.risk.nearLimit.lowPercent", "spec.defaults.publish.events", "status.containers[].kills[].time"):
        assert f"| `{field}` |" in reference
    assert "Fields as in `spec.defaults`" in reference
