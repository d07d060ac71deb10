"""A given cluster needs an image that its nodes can pull, and what is missing is said with what to type."""

from __future__ import annotations

from pathlib import Path

import pytest

from oomsight_cluster.choose import cluster, split_reference
from oomsight_cluster.errors import ClusterError

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("registry.example/oomsight:1.2", ("registry.example/oomsight", "", "1.2")),
        ("registry.example:5000/oomsight", ("registry.example:5000/oomsight", "", "")),
        (f"registry.example/oomsight@{DIGEST}", ("registry.example/oomsight", DIGEST, "")),
        (f"registry.example:5000/oomsight:1.2@{DIGEST}", ("registry.example:5000/oomsight", DIGEST, "1.2")),
        ("oomsight", ("oomsight", "", "")),
        ("", ("", "", "")),
    ],
)
def test_an_image_reference_has_repository_digest_and_tag(reference: str, parts: tuple[str, str, str]) -> None:
    assert split_reference(reference) == parts


def test_a_given_cluster_without_an_image_is_refused_with_what_to_set(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "config"
    kubeconfig.write_text("{}")
    with (
        pytest.raises(ClusterError, match=r"set OOMSIGHT_IMAGE=registry\.example\.com/oomsight:tag"),
        cluster({"KUBECONFIG": str(kubeconfig)}),
    ):
        pass


def test_a_kubeconfig_that_is_not_there_is_named(tmp_path: Path) -> None:
    environment = {"KUBECONFIG": str(tmp_path / "none"), "OOMSIGHT_IMAGE": "registry.example/oomsight:1"}
    with pytest.raises(ClusterError, match="there is no such file"), cluster(environment):
        pass


def test_a_given_cluster_is_taken_as_it_is(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "config"
    kubeconfig.write_text("{}")
    with cluster({"KUBECONFIG": str(kubeconfig), "OOMSIGHT_IMAGE": "registry.example/oomsight:1"}) as given:
        assert (given.kubeconfig, given.image_repository, given.image_tag) == (kubeconfig, "registry.example/oomsight", "1")
        assert given.restart_api_server is None
