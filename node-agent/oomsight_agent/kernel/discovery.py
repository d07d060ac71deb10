"""Finds the cgroups of pods and containers in the memory hierarchy, at little cost.

A directory is listed anew only when it may have changed: kernfs counts subdirectories in the link count, so one `stat` tells. What
the count misses (one gone and one made in between) shows in the next full round by inode numbers, and at once by ENODEV from the
descriptors of the one that is gone. Directories that hold pods, or are about to, are looked at in every round, pods when their
charge has changed, all others in full rounds only. Vanishing while being read is the ordinary end of a cgroup.
Source: fs/kernfs/inode.c (kernfs_refresh_inode).
"""

from __future__ import annotations

import errno
import os
from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import Final

from oomsight_agent.kernel.cgroup_path import CgroupIdentity, parse_cgroup_path
from oomsight_agent.kernel.files import note_os_error
from oomsight_agent.kernel.problem import Problem
from oomsight_agent.kernel.read_errors import FileKind, ReadErrors

MAX_DIRECTORIES: Final = 20_000
MAX_DEPTH: Final = 48
MAX_NESTED_PER_CONTAINER: Final = 64
"""A tenant may make thousands of cgroups below its container; their kills beyond these stay uncounted on v1."""

_Signature = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class FoundCgroup:
    """A cgroup of a pod, of a container, or nested inside a container."""

    path: str
    """Below the root of the hierarchy, with a slash in front; undecodable bytes are surrogates."""
    inode: int
    """New with every cgroup, also one of the same name."""
    identity: CgroupIdentity


class _Node:
    __slots__ = ("children", "container", "depth", "found", "hot", "inode", "path", "signature")

    def __init__(self, path: str, inode: int, depth: int, found: FoundCgroup | None, container: _Node | None = None) -> None:
        self.path = path
        self.inode = inode
        self.depth = depth
        self.found = found
        self.container = self if found is not None and found.identity.container_id is not None and container is None else container
        """The container's node that this one is, or lies in."""
        self.hot = depth == 0 or "kubepods" in path
        self.signature: _Signature | None = None
        self.children: dict[str, _Node] = {}


class Discovery:
    """Keeps the tree of the hierarchy between rounds."""

    def __init__(self, hierarchy_path: str, errors: ReadErrors, *, into_containers: bool) -> None:
        """`into_containers`: also find cgroups nested inside containers (v1 counts kills where the victim was)."""
        self._base = hierarchy_path
        self._errors = errors
        self._into_containers = into_containers
        self._root = _Node("", 0, 0, None)
        self._count = 1
        self._hot: list[_Node] = [self._root]
        self._changed = True

    def round(self, *, everything: bool, touched: Container[str] = ()) -> bool:
        """Look for changes; True when `found` may give something new. Never raises.

        `touched`: paths of pods whose charge has changed since the last round. In a pod whose charge has not changed by a byte no
        container was started.
        """
        nodes = list(self._walk(self._root)) if everything else self._hot
        for node in nodes:
            known = node.signature is not None
            if known and not everything and node.found is not None and node.path not in touched:
                continue
            self._look(node)
        if not self._changed:
            return False
        self._changed = False
        living = list(self._walk(self._root))
        self._count = len(living)
        self._hot = [node for node in living if node.hot and self._descends(node)]
        return True

    def found(self) -> list[FoundCgroup]:
        """Pods, containers and what is nested in them, sorted by path."""
        found = [node.found for node in self._walk(self._root) if node.found is not None]
        return sorted(found, key=lambda cgroup: cgroup.path)

    def forget(self, path: str) -> None:
        """`path` is known to be gone or replaced: its parent is listed in the next round."""
        node = self._root
        for name in path.split("/")[1:-1]:
            child = node.children.get(name)
            if child is None:
                return
            node = child
        node.children.pop(path.rpartition("/")[2], None)
        node.signature = None
        self._changed = True

    def _descends(self, node: _Node) -> bool:
        return self._into_containers or node.found is None or node.found.identity.container_id is None

    def _walk(self, start: _Node) -> Iterator[_Node]:
        stack = [start]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(node.children.values())

    def _look(self, node: _Node) -> None:
        """List a directory that may have changed, and whatever is new in it, all the way down."""
        stack = [node]
        while stack:
            current = stack.pop()
            if self._descends(current):
                stack.extend(self._look_at_one(current))

    def _look_at_one(self, node: _Node) -> list[_Node]:
        path = f"{self._base}{node.path}"
        try:
            status = os.stat(path)
            signature = (status.st_ino, status.st_nlink, status.st_mtime_ns)
            if signature == node.signature and status.st_nlink > 1:  # 1: a file system that does not count (overlay, in tests)
                return []
            listed = list_directories(path)
        except OSError as error:
            note_os_error(self._errors, FileKind.CGROUP_DIRECTORY, path, error)
            node.signature = None
            if error.errno == errno.ENOENT and node.path:
                self.forget(node.path)  # another may have taken its place: the parent's link count is the same then
            return []
        node.signature = signature
        return self._merge(node, listed)

    def _merge(self, node: _Node, listed: dict[str, int]) -> list[_Node]:
        for name, child in list(node.children.items()):
            if listed.get(name) != child.inode:
                del node.children[name]
                self._changed = True
        fresh = [self._add(node, name, inode) for name, inode in listed.items() if name not in node.children]
        return [child for child in fresh if child is not None]

    def _add(self, parent: _Node, name: str, inode: int) -> _Node | None:
        path = f"{parent.path}/{name}"
        container = parent.container
        if container is not None and sum(1 for _ in self._walk(container)) > MAX_NESTED_PER_CONTAINER:
            return None
        if self._count >= MAX_DIRECTORIES or parent.depth >= MAX_DEPTH:
            problem = Problem(f"at most {MAX_DIRECTORIES} directories, {MAX_DEPTH} deep", "more, which are not looked at")
            self._errors.record(FileKind.CGROUP_DIRECTORY, path, problem)
            return None
        identity = parse_cgroup_path(path)
        kept = identity is not None and (identity.container_id is not None or not identity.nested)
        found = FoundCgroup(path, inode, identity) if identity is not None and kept else None
        node = _Node(path, inode, parent.depth + 1, found, container)
        if identity is not None:
            node.hot = identity.container_id is None
            parent.hot = parent.hot or container is None
        parent.children[name] = node
        self._count += 1
        self._changed = True
        return node


def list_directories(path: str) -> dict[str, int]:
    """Subdirectories with their inode numbers; links are not followed. Raises OSError."""
    with os.scandir(path) as entries:
        return {entry.name: entry.inode() for entry in entries if entry.is_dir(follow_symlinks=False)}
