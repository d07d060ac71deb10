"""What a kernel needs to reach its root disk: the modules of a virtio disk, and a shell that loads them.

Debian's kernels have the disk's driver as modules, and no dependency list as long as they are not installed: the modules themselves
tell what they depend on (`depends=` in their modinfo section).
"""

from __future__ import annotations

import gzip
import lzma
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

WANTED = ("virtio_pci", "virtio_blk", "ext4")
DEPENDS = re.compile(rb"(?:^|\0)depends=([^\0]*)\0")
DIRECTORIES = ("bin", "dev", "mnt", "modules", "proc")


def modules_of(tree: Path) -> dict[str, Path]:
    """Every module file below `lib/modules/<release>`, by the name that `depends=` uses."""
    found = [path for path in sorted(tree.rglob("*")) if path.name.endswith((".ko", ".ko.xz", ".ko.gz"))]
    return {path.name.partition(".ko")[0].replace("-", "_"): path for path in found}


def read_module(path: Path) -> bytes:
    """The module's ELF file, unpacked: a small `insmod` knows no compression."""
    packed = path.read_bytes()
    if path.name.endswith(".xz"):
        return lzma.decompress(packed)
    return gzip.decompress(packed) if path.name.endswith(".gz") else packed


def dependencies(module: bytes) -> tuple[str, ...]:
    """Names of the modules that must be there before this one."""
    found = DEPENDS.search(module)
    names = found.group(1).decode("ascii") if found else ""
    return tuple(name.replace("-", "_") for name in names.split(",") if name)


def load_order(wanted: Iterable[str], available: Iterable[str], depends: Callable[[str], tuple[str, ...]]) -> tuple[str, ...]:
    """The wanted modules and all that they need, each after what it depends on. What is not available is built into the kernel."""
    there = frozenset(available)
    order: dict[str, None] = {}

    def visit(name: str, above: tuple[str, ...]) -> None:
        if name in order or name not in there or name in above:
            return
        for needed in depends(name):
            visit(needed, (*above, name))
        order[name] = None

    for name in wanted:
        visit(name, ())
    return tuple(order)


def cpio(directories: Iterable[str], files: Mapping[str, tuple[int, bytes]]) -> bytes:
    """A `newc` archive (the kernel's Documentation/driver-api/early-userspace/buffer-format.rst): path to (mode, content)."""
    entries = [(path, 0o040755, b"") for path in directories]
    entries += [(path, 0o100000 | mode, content) for path, (mode, content) in files.items()]
    entries.append(("TRAILER!!!", 0, b""))
    archive = bytearray()
    for number, (path, mode, content) in enumerate(entries, 1):
        name = path.encode() + b"\0"
        fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name), 0)
        archive += b"070701" + b"".join(b"%08X" % field for field in fields) + name
        archive += bytes(-len(archive) % 4) + content
        archive += bytes(-len(archive) % 4)
    return bytes(archive)


def boot_modules(tree: Path) -> tuple[tuple[str, bytes], ...]:
    """The modules of one kernel's `lib/modules` that a machine loads, in order."""
    paths = modules_of(tree)
    contents: dict[str, bytes] = {}

    def depends(name: str) -> tuple[str, ...]:
        contents[name] = read_module(paths[name])
        return dependencies(contents[name])

    order = load_order(WANTED, paths, depends)
    return tuple((name, contents[name]) for name in order)


def initramfs(modules: Iterable[tuple[str, bytes]], busybox: bytes, first: bytes, init: bytes) -> bytes:
    """The packed archive: the first program, what it needs, and the machine's init for the root disk."""
    files = {"init": (0o755, first), "oomsight-init": (0o755, init), "bin/busybox": (0o755, busybox)}
    files |= {f"modules/{number:02d}-{name}.ko": (0o644, content) for number, (name, content) in enumerate(modules)}
    return gzip.compress(cpio(DIRECTORIES, files), compresslevel=1, mtime=0)
