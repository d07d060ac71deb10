"""What the two versions of the memory controller have in common: which files are hot, and how the others become `Charges`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

import msgspec

from oomsight_agent.kernel.accounting import Charges
from oomsight_agent.kernel.problem import Problem
from oomsight_agent.kernel.read_errors import FileKind

Value = TypeVar("Value")


class Counters(msgspec.Struct, frozen=True):
    """What the hot files of one cgroup say."""

    usage_bytes: int | None = None
    peak_bytes: int | None = None
    """Since the cgroup was made, or since the descriptor's last reset (v2)."""
    limit_hits: int | None = None
    high_hits: int | None = None
    oom_kills: int | None = None
    """v1: of this cgroup alone; v2: with descendants."""


class FileProblem(NamedTuple):
    """A hot file that was there and made no sense."""

    kind: FileKind
    name: str
    problem: Problem


class ReadFile(Protocol):
    """Reads and parses one file of the cgroup at hand; None where it is absent or makes no sense (then counted)."""

    def __call__(self, kind: FileKind, name: str, parse: Callable[[bytes], Value | Problem]) -> Value | None: ...


class HotFile(NamedTuple):
    """One file that is read with every sample through a cached descriptor."""

    name: str
    kind: FileKind


@dataclass(frozen=True, slots=True)
class MemoryFiles:
    """The memory controller of one version."""

    version: int
    hot_files: tuple[HotFile, ...]
    """Usage first, peak second."""
    parse_hot: Callable[[Sequence[bytes | None]], tuple[Counters, tuple[FileProblem, ...]]]
    """Contents of the hot files, in their order, None where absent."""
    read_charges: Callable[[ReadFile, Charges | None], Charges]
    """With the last charges, files that seldom change are not read again, unless the limit has changed."""
    kinds: tuple[FileKind, ...]
    """Kinds that `read_charges` reads."""
