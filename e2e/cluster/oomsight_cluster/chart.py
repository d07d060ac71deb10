"""The chart as a server takes it, and what `helm template` makes of it.

Helm v4 comes as a library in a wheel (helm-python-sdk); its rendering has no Python function with the version of Kubernetes, so the
exported one is called.
"""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import helm_python
import yaml
from helm_python import _native

from oomsight_cluster.cache import CHECKOUT

CHART = CHECKOUT / "helm" / "oomsight"
OLDEST_CLAIMED = "v1.25.0"
HOOK = "helm.sh/hook"
DEFINITIONS = "files/crds"
CEL_RULES = "x-kubernetes-validations"

Object = dict[str, Any]


def chart_for(version: str, directory: Path) -> Path:
    """The chart itself, or for a server that is older than it claims a copy in `directory` which that server can take.

    Helm refuses a server that `kubeVersion` excludes, and a server refuses fields of a definition that it does not know. Nothing
    else differs: `kubeVersion` admits the server, and the definitions are without CEL rules (Kubernetes 1.25).
    """
    if minor(version) >= minor(OLDEST_CLAIMED):
        return CHART
    chart = directory / CHART.name
    shutil.copytree(CHART, chart)
    metadata = yaml.safe_load((chart / "Chart.yaml").read_text())
    (chart / "Chart.yaml").write_text(yaml.safe_dump({**metadata, "kubeVersion": f">={release_of(version)}-0"}))
    change_definitions(chart, without_rules)
    return chart


def change_definitions(chart: Path, change: Callable[[Any], Any]) -> None:
    """Write a chart's definitions anew as `change` gives them."""
    for path in sorted((chart / DEFINITIONS).glob("*.yaml")):
        path.write_text(yaml.safe_dump(change(yaml.safe_load(path.read_text())), sort_keys=False))


def without_rules(value: Any) -> Any:
    """A definition, or a part of it, without CEL rules."""
    if isinstance(value, dict):
        return {key: without_rules(each) for key, each in value.items() if key != CEL_RULES}
    return [without_rules(each) for each in value] if isinstance(value, list) else value


def render(chart: Path, values: Mapping[str, Any], name: str, namespace: str, kube_version: str) -> list[Object]:
    """All objects that `helm template --no-hooks` gives."""
    options = {"name": name, "namespace": namespace, "api_versions": [], "kube_version": kube_version}
    with helm_python.Chart.load(str(chart)) as loaded:
        rendered = json.loads(_native.call_string("helm_render", loaded._raw(), json.dumps(values), json.dumps(options)))  # noqa: SLF001
    texts = (text for template, text in sorted(rendered.items()) if not template.endswith("NOTES.txt"))
    return [document for text in texts for document in objects_of(text) if not is_hook(document)]


def objects_of(manifest: str) -> list[Object]:
    """The objects of a stream of YAML documents."""
    return [document for document in yaml.safe_load_all(manifest) if document]


def is_hook(document: Mapping[str, Any]) -> bool:
    """Whether it is none of the release's own objects, but made by Helm at a certain moment."""
    return HOOK in (document["metadata"].get("annotations") or {})


def release_of(version: str) -> str:
    """1.25.3 of `v1.25.3+k3s1`."""
    return version.removeprefix("v").partition("+")[0].partition("-")[0]


def minor(version: str) -> int:
    """25 of `v1.25.3+k3s1`."""
    return int("".join(itertools.takewhile(str.isdigit, version.split(".")[1])))
