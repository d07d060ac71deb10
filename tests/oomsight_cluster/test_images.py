"""What the project's image is made of is what its Dockerfile copies, and the build's context has all of that."""

from __future__ import annotations

from oomsight_cluster.cache import CHECKOUT
from oomsight_cluster.image.images import DOCKERFILE, context_files, copied
from oomsight_cluster.image.wheels import REQUIREMENTS


def test_sources_are_told_from_targets_and_from_other_stages() -> None:
    text = "FROM base AS build\nCOPY one.toml two.md ./\nCOPY src/ src/\nRUN COPY\nFROM base\nCOPY --from=build /opt /opt\n"
    assert copied(text) == ["one.toml", "two.md", "src"]


def test_the_builds_context_has_what_the_dockerfile_copies() -> None:
    admitted = {line[1:] for line in (CHECKOUT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert set(copied(DOCKERFILE.read_text())) == admitted


def test_an_edit_of_the_dockerfile_or_of_a_copied_file_makes_another_image() -> None:
    files = set(context_files())
    assert {DOCKERFILE, CHECKOUT / ".dockerignore", CHECKOUT / "operator/oomsight_operator/main.py", *REQUIREMENTS} <= files
    assert CHECKOUT / "helm/oomsight/Chart.yaml" not in files


def test_the_wheels_are_those_of_the_files_that_the_dockerfile_installs() -> None:
    text = DOCKERFILE.read_text()
    assert all(f"-r {path.relative_to(CHECKOUT)}" in text for path in REQUIREMENTS)
