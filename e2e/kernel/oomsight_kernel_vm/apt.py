"""The machine's own package sources, asked without touching the machine's state: own lists, own cache, nothing installed.

Kernels come from the release and its backports. A machine is seldom configured for backports, so the source is derived from the one
that it has for the release: the same archive, another suite.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from oomsight_kernel_vm.errors import MachineError

RELEASE = "bookworm"
TARGET_FIELDS = ("LABEL", "REPO_URI", "RELEASE", "COMPONENT")
TARGET_FORMAT = "\t".join(f"$({field})" for field in TARGET_FIELDS)


@dataclass(frozen=True, slots=True)
class Target:
    """A component of a suite that the machine's apt has: where it comes from."""

    label: str
    uri: str
    suite: str
    component: str


@dataclass(frozen=True, slots=True)
class Package:
    name: str
    version: str


def parse_targets(listing: str) -> tuple[Target, ...]:
    """From `apt-get indextargets` with TARGET_FORMAT."""
    rows = (line.split("\t") for line in listing.splitlines())
    return tuple(Target(*row) for row in rows if len(row) == len(TARGET_FIELDS))


def debian_sources(targets: Iterable[Target], release: str = RELEASE) -> str:
    """sources.list of what Debian itself publishes for the release."""
    suites = (release, f"{release}-updates", f"{release}-security")
    chosen = [target for target in targets if target.label in ("Debian", "Debian-Security") and target.suite in suites]
    return "".join(dict.fromkeys(_line(target, target.suite) for target in chosen))


def backports_sources(targets: Iterable[Target], release: str = RELEASE) -> str:
    """sources.list of the backports beside the release; empty where the machine has no archive of the release."""
    chosen = [target for target in targets if target.label == "Debian" and target.suite == release and target.component == "main"]
    return "".join(dict.fromkeys(_line(target, f"{release}-backports") for target in chosen))


def _line(target: Target, suite: str) -> str:
    return f"deb {target.uri} {suite} {target.component}\n"


def parse_kernels(shown: str) -> dict[str, Package]:
    """Newest kernel of each series ("6.1", "6.12") in `apt-cache show <metapackage>`, which begins with the newest version."""
    found: dict[str, Package] = {}
    for stanza in shown.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in stanza.splitlines() if not line.startswith(" ") and ": " in line)
        names = [name for name in fields.get("Depends", "").replace(",", " ").split() if name.startswith("linux-image-")]
        if names and "Version" in fields:
            version = fields["Version"]
            found.setdefault(".".join(version.split(".")[:2]), Package(names[0], version))
    return found


class Apt:
    """apt with lists and cache in `directory`, for the sources in `sources` or else the machine's own."""

    def __init__(self, directory: Path) -> None:
        for name in ("lists/partial", "cache/archives/partial", "sources.d"):
            (directory / name).mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.sources: Path | None = None

    def use(self, sources: str) -> None:
        self.sources = self.directory / "sources.list"
        self.sources.write_text(sources)

    def run(self, tool: str, *arguments: str, cwd: Path | None = None) -> str:
        options = [f"Dir::State::lists={self.directory}/lists", f"Dir::Cache={self.directory}/cache", "APT::Sandbox::User=root"]
        if self.sources is not None:
            options += [f"Dir::Etc::sourcelist={self.sources}", f"Dir::Etc::sourceparts={self.directory}/sources.d"]
        command = [tool, *(word for option in options for word in ("-o", option)), *arguments]
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
        if done.returncode:
            raise MachineError(f"{tool} {' '.join(arguments)} failed: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def update(self) -> None:
        self.run("apt-get", "-q", "--error-on=any", "update")

    def targets(self) -> tuple[Target, ...]:
        return parse_targets(self.run("apt-get", "indextargets", "--format", TARGET_FORMAT, "Created-By: Packages"))


def fetch_options(dump: str) -> str:
    """How this machine fetches (proxy, checks, retries), as an apt.conf; from `apt-config dump Acquire`."""
    wanted = tuple(f"Acquire::{name}" for name in ("http", "https", "Check-", "Retries"))
    lines = [line for line in dump.splitlines() if line.startswith(wanted) and not line.endswith(' "";')]
    return "".join(f"{line}\n" for line in lines)


def machine_fetch_options() -> str:
    """`fetch_options` of this machine."""
    return fetch_options(subprocess.run(["apt-config", "dump", "Acquire"], capture_output=True, text=True, check=True).stdout)
