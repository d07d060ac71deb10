"""The images of a node that has no registry: the project's, built from its Dockerfile by Debian's buildah, and the pods' sandbox.

What the Dockerfile takes from a registry and an index is made here: its base, Debian with Python instead of `python:3.11-slim`,
and a folder of the locked wheels. Everything else is the Dockerfile's own, run step by step in a chroot; buildah keeps each step by
what it is made of, so an edit makes the last ones anew.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oomsight_cluster.cache import CACHE, CHECKOUT, drop_others, say, scratch_directory
from oomsight_cluster.debian.packages import Programs, machine_apt
from oomsight_cluster.image.archive import Layer, write_archive, write_layer
from oomsight_cluster.image.buildah import Buildah
from oomsight_cluster.image.wheels import wheels_key, wheels_of_dockerfile
from oomsight_cluster.programs import ensure_programs, run
from oomsight_kernel_vm.apt import RELEASE, debian_sources, machine_fetch_options
from oomsight_kernel_vm.cache import appears_whole

DOCKERFILE = CHECKOUT / "Dockerfile"
REPOSITORY = "localhost/oomsight"
BASE_REPOSITORY = "localhost/oomsight-python"
BASE_PACKAGES = ("python3", "python3-venv", "python-is-python3")
"""What the Dockerfile asks of its base: `python` with `venv`."""
BASE_CONFIG: dict[str, Any] = {"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], "Cmd": ["python3"]}
SANDBOX_CONFIG: dict[str, Any] = {"User": "65535:65535", "Entrypoint": ["/bin/busybox", "sleep", "2147483647"]}
KEY_DIGITS = 16
UNUSED = ("doc", "info", "locale", "man")


@dataclass(frozen=True, slots=True)
class Image:
    """An image in a docker-archive."""

    repository: str
    tag: str
    archive: Path

    @property
    def reference(self) -> str:
        return f"{self.repository}:{self.tag}"


def build_image() -> Image:
    """The project's image as the working tree is now. The caller holds the lock of builds."""
    tag = _key(_base_key(), wheels_key(), *_contents(context_files()))
    image = Image(REPOSITORY, tag, CACHE / "images" / tag / "image.tar")
    made = image.archive.parent
    if not made.exists():
        base, wheels = _base_image(), wheels_of_dockerfile()
        say("image: building the Dockerfile (half a minute; after an edit, 10 seconds)")
        with appears_whole(made) as unfinished, scratch_directory() as context, Buildah() as buildah:
            _copy_context(context)
            buildah.load(base.archive, base.reference)
            buildah.build(context, image.reference, {"PYTHON_IMAGE": base.reference}, wheels)
            buildah.save(image.reference, unfinished / "image.tar")
            buildah.forget_others(image.reference)
        _keep_newest(made)
    return image


def build_sandbox_image(programs: Programs) -> Image:
    """The image that holds a pod's namespaces. The caller holds the lock of builds."""
    tag = _key(programs.busybox.read_bytes(), repr(SANDBOX_CONFIG).encode())
    image = Image("localhost/oomsight-sandbox", tag, CACHE / "images" / f"sandbox-{tag}" / "image.tar")
    if not image.archive.exists():
        with appears_whole(image.archive.parent) as unfinished, scratch_directory() as scratch:
            files = {"bin/busybox": (programs.busybox.read_bytes(), 0o755)}
            layer = write_layer(scratch / "layer.tar", None, files)
            write_archive(unfinished / "image.tar", image.reference, (layer,), SANDBOX_CONFIG)
    return image


def copied(dockerfile: str) -> list[str]:
    """What the COPY instructions take from the build's context, in order."""
    words = [line.split() for line in dockerfile.splitlines() if line.startswith("COPY ")]
    return [name.rstrip("/") for _, *names in words if not names[0].startswith("--from=") for name in names[:-1]]


def context_files() -> list[Path]:
    """All that the image is made of: the Dockerfile and what git knows of what it copies, new files included."""
    command = ["git", "-C", CHECKOUT, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--"]
    names = run([*command, *copied(DOCKERFILE.read_text())], hint="is this a git checkout?").split("\0")
    own = [DOCKERFILE, CHECKOUT / ".dockerignore"]
    return [*own, *sorted(path for name in names if name and (path := CHECKOUT / name).exists())]


def _copy_context(directory: Path) -> None:
    """What the key is of, and nothing else that lies about in a checkout."""
    for path in context_files():
        target = directory / path.relative_to(CHECKOUT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)


def _contents(files: Iterable[Path]) -> Iterable[bytes]:
    for path in files:
        yield str(path.relative_to(CHECKOUT)).encode()
        yield path.read_bytes()


def _key(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()[:KEY_DIGITS]


def _base_key() -> bytes:
    return " ".join((RELEASE, *BASE_PACKAGES, *UNUSED, repr(BASE_CONFIG))).encode()


def _base_image() -> Image:
    """Debian's smallest system with Python, from this machine's own package sources."""
    tag = _key(_base_key())
    image = Image(BASE_REPOSITORY, tag, CACHE / "images" / f"base-{tag}" / "image.tar")
    if not image.archive.exists():
        ensure_programs({"mmdebstrap": "mmdebstrap", "gpg": "gpg"})
        say(f"image: Debian {RELEASE} with {', '.join(BASE_PACKAGES)} (half a minute)")
        with appears_whole(image.archive.parent) as unfinished, scratch_directory() as scratch:
            apt = machine_apt(scratch / "apt", sources=False)
            (scratch / "sources.list").write_text(debian_sources(apt.targets()))
            (scratch / "fetch.conf").write_text(machine_fetch_options())
            options = ["--quiet", "--variant=minbase", f"--include={','.join(BASE_PACKAGES)}", f"--aptopt={scratch}/fetch.conf"]
            options += [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in UNUSED]
            command: list[str | Path] = ["mmdebstrap", *options, RELEASE, scratch / "layer.tar", scratch / "sources.list"]
            run(command, hint="is the archive reachable (apt-get update)?")
            write_archive(unfinished / "image.tar", image.reference, (Layer(scratch / "layer.tar"),), BASE_CONFIG)
        drop_others(image.archive.parent)
    return image


def _keep_newest(made: Path, kept: int = 3) -> None:
    """Archives of the project's older states go; a running cluster has imported its own."""
    others = [path for path in made.parent.glob("[0-9a-f]" * KEY_DIGITS) if path != made]
    for old in sorted(others, key=os.path.getmtime, reverse=True)[kept:]:
        shutil.rmtree(old, ignore_errors=True)
