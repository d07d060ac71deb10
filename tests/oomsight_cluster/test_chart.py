"""A server that the chart claims gets the chart itself; an older one a copy without what Helm or the server would refuse."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from oomsight_cluster.chart import CHART, chart_for, is_hook, minor, objects_of, render, without_rules

VALUES = {"image": {"repository": "localhost/oomsight", "tag": "1"}}


@pytest.mark.parametrize("version", ["v1.25.0", "v1.31.0+k3s1", "v1.37.1"])
def test_a_server_that_the_chart_claims_gets_the_chart_itself(version: str, tmp_path: Path) -> None:
    assert chart_for(version, tmp_path) == CHART
    assert list(tmp_path.iterdir()) == []


def test_an_older_server_gets_a_copy_that_admits_it_with_definitions_without_rules(tmp_path: Path) -> None:
    copy = chart_for("v1.20.2", tmp_path)
    differing = [
        path for path in CHART.rglob("*") if path.is_file() and path.read_bytes() != (copy / path.relative_to(CHART)).read_bytes()
    ]
    assert {path.relative_to(CHART).parts[0] for path in differing} == {"Chart.yaml", "files"}
    metadata, original = (yaml.safe_load((chart / "Chart.yaml").read_text()) for chart in (copy, CHART))
    assert metadata == {**original, "kubeVersion": ">=1.20.2-0"}
    for path in (CHART / "files" / "crds").glob("*.yaml"):
        definition = yaml.safe_load((copy / path.relative_to(CHART)).read_text())
        assert definition == without_rules(yaml.safe_load(path.read_text()))
    assert render(copy, VALUES, "oomsight", "oomsight-system", "v1.20.2")


def test_rules_are_taken_away_wherever_they_are_and_nothing_else() -> None:
    part = {"properties": {"a": {"x-kubernetes-validations": [1], "type": "string"}}, "required": ["a"]}
    assert without_rules({**part, "list": [part]}) == {
        "properties": {"a": {"type": "string"}},
        "required": ["a"],
        "list": [{"properties": {"a": {"type": "string"}}, "required": ["a"]}],
    }


def test_what_is_rendered_for_kubectl_has_no_hooks() -> None:
    """kubectl knows no hooks: it would run the cleanup of an uninstall at once."""
    rendered = render(CHART, VALUES, "oomsight", "oomsight-system", "v1.34.0")
    kinds = [item["kind"] for item in rendered]
    assert "Job" not in kinds
    assert "ClusterMemoryPolicy" not in kinds
    assert {"CustomResourceDefinition", "Deployment", "DaemonSet", "ClusterRole"} <= set(kinds)
    assert is_hook({"metadata": {"annotations": {"helm.sh/hook": "pre-delete"}}})
    assert not is_hook({"metadata": {}})


def test_the_objects_of_a_manifest_are_its_documents_that_are_not_empty() -> None:
    assert objects_of("---\nkind: A\n---\n# nothing\n---\nkind: B\n") == [{"kind": "A"}, {"kind": "B"}]


@pytest.mark.parametrize(("version", "expected"), [("v1.20.2", 20), ("v1.31.0+k3s1", 31), ("v1.27-gke", 27), ("v1.25+", 25)])
def test_the_minor_of_a_version_is_found_however_it_is_written(version: str, expected: int) -> None:
    assert minor(version) == expected
