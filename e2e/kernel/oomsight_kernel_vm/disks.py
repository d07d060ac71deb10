"""What goes into a machine and what comes back: tar archives written straight onto disks.

Debian's cloud kernels share no folders with their host, so a disk without file system is the simplest channel that cannot be
half there: the job's disk is complete before the machine starts, and results are read once it has ended.
"""

from __future__ import annotations

import io
import os
import shlex
import shutil
import subprocess
import tarfile
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from oomsight_kernel_vm.errors import MachineError

RESULTS_BYTES = 256 << 20
SWAP_BYTES = 256 << 20
METADATA = "/src/.metadata"
SOURCE_ROOTS = ("crds", "node-agent", "operator", "e2e/sandbox", "e2e/kernel", "bench")
EXIT_CODE = "exit-code"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended inside the machine."""

    exit_code: int
    files: tuple[str, ...]
    """What it left in /results, as relative paths."""


def job_script(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """The script that a machine runs in /src, with the project on Python's path."""
    path = ":".join([*(f"/src/{root}" for root in SOURCE_ROOTS), METADATA])
    variables = {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1", "OOMSIGHT_RESULTS": "/results", **environment}
    exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
    return f"{exports}exec {shlex.join(command)}\n"


def working_tree(checkout: Path) -> tuple[str, ...]:
    """Paths of the checkout as it is now: what git tracks and what it would, without what is ignored or deleted."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(listing, cwd=checkout, capture_output=True, check=False)
    if listed.returncode:
        raise MachineError(f"the project's files cannot be listed: {listed.stderr.decode(errors='replace').strip()}")
    return tuple(sorted({name.decode("utf-8", "surrogateescape") for name in listed.stdout.split(b"\0") if name}))


def write_job_disk(disk: Path, checkout: Path, paths: Iterable[str], script: str) -> None:
    """`src/` with the project's files and `job/run` with the script. tar pads to whole sectors by itself."""
    with tarfile.open(disk, "w", format=tarfile.PAX_FORMAT) as archive:
        for path in paths:
            if (checkout / path).is_file():
                archive.add(checkout / path, f"src/{path}", recursive=False, filter=_as_root)
        for name, text in (("job/run", script), installed_metadata((checkout / "pyproject.toml").read_text())):
            content = text.encode("utf-8", "surrogateescape")
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


def installed_metadata(pyproject: str) -> tuple[str, str]:
    """Path and text by which Python knows name and version of a project that is on its path and was never installed."""
    project = tomllib.loads(pyproject)["project"]
    name, version = project["name"], project["version"]
    return f"src/.metadata/{name}-{version}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"


def _as_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return entry


def write_empty_disk(disk: Path, size_bytes: int) -> None:
    """A disk of zeros that takes no room until it is written."""
    disk.touch()
    os.truncate(disk, size_bytes)


def read_results(disk: Path, into: Path | None) -> Outcome | None:
    """Unpack what a job left. None when the machine ended before it handed anything back."""
    try:
        with tarfile.open(disk, "r:") as archive:
            members = [member for member in archive.getmembers() if member.isfile()]
            codes = [archive.extractfile(member) for member in members if os.path.normpath(member.name) == EXIT_CODE]
            text = codes[0].read() if codes and codes[0] is not None else b""
            if into is not None:
                _unpack(archive, members, into)
    except tarfile.TarError:
        return None
    names = tuple(os.path.normpath(member.name) for member in members)
    return Outcome(int(text), tuple(name for name in names if name != EXIT_CODE)) if text.strip().isdigit() else None


def _unpack(archive: tarfile.TarFile, members: list[tarfile.TarInfo], into: Path) -> None:
    """The files alone, each below the folder. Not by `extractall`, whose filters Debian 12's Python 3.11.2 does not have yet.
    Raises TarError for a name that leads out of the folder."""
    folder = into.resolve()
    into.mkdir(parents=True, exist_ok=True)
    for member in members:
        target = (folder / member.name).resolve()
        if not target.is_relative_to(folder):
            raise tarfile.TarError(f"{member.name!r} leads out of {into}")
        source = archive.extractfile(member)
        if source is not None:
            target.parent.mkdir(parents=True, exist_ok=True)
            with source, target.open("wb") as file:
                shutil.copyfileobj(source, file)
