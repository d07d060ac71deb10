"""A cgroup's memory files as a literal: `Files(stat=b"...", swap__max=b"max\\n")` has memory.stat and memory.swap.max."""

from collections.abc import Callable
from typing import TypeVar

from oomsight_agent.kernel.problem import Problem
from oomsight_agent.kernel.read_errors import FileKind

Value = TypeVar("Value")


class Files:
    """The cgroup's files, with the names that were read."""

    def __init__(self, **contents: bytes) -> None:
        self.contents = {f"memory.{name.replace('__', '.')}": data for name, data in contents.items()}
        self.read: list[str] = []

    def __call__(self, kind: FileKind, name: str, parse: Callable[[bytes], Value | Problem]) -> Value | None:
        self.read.append(name)
        value = parse(self.contents[name]) if name in self.contents else None
        return None if isinstance(value, Problem) else value
