"""What one trial is: processes, how they are placed, and what makes the kernel choose among them. Plain values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

KIB = 1 << 10
MIB = 1 << 20


class Domain(StrEnum):
    """Whose memory runs out."""

    CONTAINER = "container"
    POD = "pod"
    NESTED = "nested"
    """A cgroup that a container made inside itself, with a limit of its own."""
    KUBEPODS = "kubepods"
    """The cgroup above all pods."""
    NODE = "node"


class Trigger(StrEnum):
    """What makes it run out."""

    CHARGE = "charge"
    """A process asks for more than there is: the limit is what was in use at the prediction."""
    RESIZE = "resize"
    """v2: the limit is lowered below what is in use, as an in-place resize does."""


class Shape(StrEnum):
    """How hard the choice is made on purpose."""

    RANDOM = "random"
    CLOSE = "close"
    """A second process comes within a few percent of the first."""
    TIE = "tie"
    """Two processes are equal."""


@dataclass(frozen=True, slots=True)
class Process:
    """One process once it has reached its size."""

    name: str
    oom_score_adj: int
    anon_bytes: int
    shared_bytes: int = 0
    """How much it uses of the memory that its container's processes share."""
    mapped_bytes: int = 0
    """How much it maps of a file that all may map, and that nobody has changed."""
    page_tables: int = 0
    """Page tables beyond those of its memory, each of one page."""
    nested: bool = False
    """Whether it runs in the cgroup that its container made inside itself."""


@dataclass(frozen=True, slots=True)
class Container:
    """The first process is the parent of the others, and never nested. In system.slice the same is a service."""

    processes: tuple[Process, ...]
    oom_group: bool = False
    nested_oom_group: bool = False

    @property
    def nests(self) -> bool:
        return any(process.nested for process in self.processes)

    @property
    def shared_bytes(self) -> int:
        """How much its processes have in common."""
        return max(process.shared_bytes for process in self.processes)


@dataclass(frozen=True, slots=True)
class Asker:
    """The process that asks for more. In a cgroup's domain it is one of those that the kernel chooses among."""

    oom_score_adj: int
    anon_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Scenario:
    """One trial."""

    seed: int
    number: int
    domain: Domain
    trigger: Trigger
    shape: Shape
    pods: tuple[tuple[Container, ...], ...]
    """Containers of each pod. The domain is the first pod, or its first container."""
    services: tuple[Container, ...] = ()
    """Processes outside pods: where the node is the domain."""
    pod_oom_group: bool = False
    asker: Asker = Asker(0)
    swapped_bytes: int = 0
    """How much of the domain's memory is swapped out before the prediction."""

    def containers(self) -> Iterator[Container]:
        """All, services last."""
        for pod in self.pods:
            yield from pod
        yield from self.services

    def processes(self) -> Iterator[Process]:
        """All but the asker."""
        for container in self.containers():
            yield from container.processes

    def members(self) -> tuple[Process, ...]:
        """Those in the domain, eligible or not."""
        if self.domain is Domain.NESTED:
            return tuple(process for process in self.pods[0][0].processes if process.nested)
        if self.domain is Domain.CONTAINER:
            return self.pods[0][0].processes
        if self.domain is Domain.POD:
            return tuple(process for container in self.pods[0] for process in container.processes)
        return tuple(self.processes())

    def describe(self) -> dict[str, Any]:
        """For whoever wants to understand a trial; names as in the table of candidates."""
        return asdict(self)
