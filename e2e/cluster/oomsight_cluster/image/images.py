"""The project's image without a container engine: what the Dockerfile makes, on Debian's own Python instead of one from a registry.

Three layers, each kept by what it is made of: Debian with Python, the locked requirements, the project's wheel. An edit makes the
last one anew. And the sandbox image of the pods: a static busybox that sleeps.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oomsight_cluster.cache import CACHE, CHECKOUT, say, scratch_directory
from oomsight_cluster.debian.packages import Programs, machine_apt
from oomsight_cluster.image.archive import Layer, write_archive, write_layer
from oomsight_cluster.programs import ensure_programs, run
from oomsight_kernel_vm.apt import RELEASE, debian_sources, machine_fetch_options
from oomsight_kernel_vm.cache import appears_whole
from oomsight_kernel_vm.root import PLATFORMS, PYTHON, SITE

REQUIREMENTS = CHECKOUT / "requirements" / "operator.txt"
PACKAGES = ("python3",)
USER = "10754:10754"
ENVIRONMENT = ("PATH=/usr/local/bin:/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE=1", "PYTHONUNBUFFERED=1")
CONFIG: dict[str, Any] = {"User": USER, "Env": list(ENVIRONMENT), "Cmd": ["oomsight-operator", "run"]}
SANDBOX_CONFIG: dict[str, Any] = {"User": "65535:65535", "Entrypoint": ["/bin/busybox", "sleep", "2147483647"]}
KEY_DIGITS = 16
PROGRAMS = ("oomsight-agent", "oomsight-operator", "oomsight-sandbox")
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
    files = source_files()
    image = Image("localhost/oomsight", _key(_debian_key(), _requirements_key(), *_contents(files)), CACHE / "images")
    made = image.archive / image.tag
    if not made.exists():
        debian, requirements = _debian_layer(), _requirements_layer()
        say("image: the project's wheel")
        with appears_whole(made) as unfinished, scratch_directory() as scratch:
            project = _project_layer(scratch)
            write_archive(unfinished / "image.tar", image.reference, (debian, requirements, project), CONFIG)
        _keep_newest(made)
    return Image(image.repository, image.tag, made / "image.tar")


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


def source_files() -> list[Path]:
    """All that the wheel is made of: pyproject and what git knows of its packages, new files included."""
    packages = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    command = ["git", "-C", CHECKOUT, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *packages]
    names = run(command, hint="is this a git checkout?").split("\0")
    return [CHECKOUT / "pyproject.toml", *sorted(path for name in names if name and (path := CHECKOUT / name).exists())]


def _contents(files: Iterable[Path]) -> Iterable[bytes]:
    for path in files:
        yield str(path.relative_to(CHECKOUT)).encode()
        yield path.read_bytes()


def _key(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()[:KEY_DIGITS]


def _debian_key() -> bytes:
    return " ".join((RELEASE, *PACKAGES, *UNUSED)).encode()


def _requirements_key() -> bytes:
    return REQUIREMENTS.read_bytes() + PYTHON.encode()


def _debian_layer() -> Layer:
    """Debian's smallest system with Python, from this machine's own package sources."""
    made = CACHE / "images" / f"debian-{_key(_debian_key())}"
    if not made.exists():
        ensure_programs({"mmdebstrap": "mmdebstrap", "gpg": "gpg"})
        say(f"image: Debian {RELEASE} with {', '.join(PACKAGES)} (half a minute)")
        with appears_whole(made) as unfinished, scratch_directory() as scratch:
            apt = machine_apt(scratch / "apt", sources=False)
            (scratch / "sources.list").write_text(debian_sources(apt.targets()))
            (scratch / "fetch.conf").write_text(machine_fetch_options())
            options = ["--quiet", "--variant=minbase", f"--include={','.join(PACKAGES)}", f"--aptopt={scratch}/fetch.conf"]
            options += [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in UNUSED]
            command: list[str | Path] = ["mmdebstrap", *options, RELEASE, unfinished / "layer.tar", scratch / "sources.list"]
            run(command, hint="is the archive reachable (apt-get update)?")
    return Layer(made / "layer.tar")


def _requirements_layer() -> Layer:
    """The locked requirements of operator and agent, with their hashes; compiled, since a read-only container never can."""
    made = CACHE / "images" / f"requirements-{_key(_requirements_key())}"
    if not made.exists():
        say("image: the locked requirements (half a minute)")
        with appears_whole(made) as unfinished, scratch_directory() as scratch:
            which = [f"--platform={platform}" for platform in PLATFORMS]
            which += [f"--python-version={PYTHON}", "--implementation=cp", "--only-binary=:all:", "--no-deps", "--require-hashes"]
            command = [
                *_pip("install"),
                "--root-user-action=ignore",
                *which,
                "--target",
                scratch / "root" / SITE,
                "-r",
                REQUIREMENTS,
            ]
            run(command, hint="is the package index reachable (pip config list)?")
            write_layer(unfinished / "layer.tar", scratch / "root")
    return Layer(made / "layer.tar")


def _project_layer(scratch: Path) -> Layer:
    run([*_pip("wheel"), "--no-deps", "--no-build-isolation", "--wheel-dir", scratch, CHECKOUT], hint="run make setup first")
    (wheel,) = scratch.glob("*.whl")
    site = scratch / "root" / SITE
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    # For speed alone: the magic number of the bytecode says whether the image's Python takes it.
    subprocess.run([sys.executable, "-m", "compileall", "-q", "-s", site, "-p", f"/{SITE}", site], capture_output=True, check=False)
    scripts = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["scripts"]
    made = {f"usr/local/bin/{name}": (entry_point(scripts[name]).encode(), 0o755) for name in PROGRAMS}
    return write_layer(scratch / "layer.tar", scratch / "root", made)


def _pip(action: str) -> list[str | Path]:
    return [sys.executable, "-m", "pip", action, "--quiet", "--disable-pip-version-check"]


def entry_point(target: str) -> str:
    """The script that pip would write for `module:function` of [project.scripts]."""
    module, _, function = target.partition(":")
    return f"#!/usr/bin/python3\nimport sys\nfrom {module} import {function}\nsys.exit({function}())\n"


def _keep_newest(made: Path, kept: int = 3) -> None:
    """Archives of the project's older states go; a running cluster has imported its own."""
    others = [path for path in made.parent.glob("[0-9a-f]" * KEY_DIGITS) if path != made]
    for old in sorted(others, key=os.path.getmtime, reverse=True)[kept:]:
        shutil.rmtree(old, ignore_errors=True)
