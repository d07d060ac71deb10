"""The first file system of a machine: which modules, in which order, in an archive that the kernel reads."""

from __future__ import annotations

import gzip
import lzma
from pathlib import Path

import pytest

from oomsight_kernel_vm.initramfs import boot_modules, cpio, dependencies, initramfs, load_order, modules_of

NEEDS = {
    "virtio_pci": ("virtio", "virtio_ring"),
    "virtio_blk": ("virtio", "virtio_ring"),
    "virtio": (),
    "virtio_ring": ("virtio",),
    "round": ("trip",),
    "trip": ("round",),
}


def module(depends: str) -> bytes:
    return b"\x7fELF\0license=GPL\0depends=" + depends.encode() + b"\0retpoline=Y\0"


def test_a_module_comes_after_what_it_depends_on() -> None:
    assert load_order(("virtio_pci", "virtio_blk"), NEEDS, NEEDS.__getitem__) == (
        "virtio",
        "virtio_ring",
        "virtio_pci",
        "virtio_blk",
    )


def test_what_is_built_in_is_not_loaded() -> None:
    there = {"virtio_blk"}
    assert load_order(("virtio_pci", "virtio_blk", "ext4"), there, NEEDS.__getitem__) == ("virtio_blk",)


def test_a_loop_of_dependencies_ends() -> None:
    assert load_order(("round",), NEEDS, NEEDS.__getitem__) == ("trip", "round")


@pytest.mark.parametrize(
    ("content", "expected"),
    [(module("virtio,virtio-ring"), ("virtio", "virtio_ring")), (module(""), ()), (b"no modinfo at all", ())],
)
def test_dependencies_are_read_from_the_module_itself(content: bytes, expected: tuple[str, ...]) -> None:
    assert dependencies(content) == expected


def test_packed_modules_are_unpacked_and_ordered(tmp_path: Path) -> None:
    (tmp_path / "drivers").mkdir()
    (tmp_path / "drivers" / "virtio_blk.ko.xz").write_bytes(lzma.compress(module("virtio-ring")))
    (tmp_path / "drivers" / "virtio-ring.ko").write_bytes(module(""))
    (tmp_path / "drivers" / "unwanted.ko").write_bytes(module(""))
    assert set(modules_of(tmp_path)) == {"virtio_blk", "virtio_ring", "unwanted"}
    assert boot_modules(tmp_path) == (("virtio_ring", module("")), ("virtio_blk", module("virtio-ring")))


def entries(archive: bytes) -> dict[str, tuple[int, bytes]]:
    """Name to (mode, content), read as the kernel does."""
    found: dict[str, tuple[int, bytes]] = {}
    at = 0
    while True:
        assert archive[at : at + 6] == b"070701"
        field = [int(archive[at + 6 + 8 * number : at + 14 + 8 * number], 16) for number in range(13)]
        mode, size, name_size = field[1], field[6], field[11]
        name = archive[at + 110 : at + 110 + name_size - 1].decode()
        start = (at + 110 + name_size + 3) & ~3
        if name == "TRAILER!!!":
            return found
        found[name] = (mode, archive[start : start + size])
        at = (start + size + 3) & ~3


def test_an_archive_reads_back() -> None:
    archive = cpio(("proc",), {"init": (0o755, b"#!/bin/sh\n"), "odd": (0o644, b"12345")})
    assert len(archive) % 4 == 0
    assert entries(archive) == {"proc": (0o040755, b""), "init": (0o100755, b"#!/bin/sh\n"), "odd": (0o100644, b"12345")}


def test_modules_are_numbered_so_that_a_shell_loads_them_in_order() -> None:
    packed = initramfs([(f"m{number}", b"ELF") for number in range(11)], b"busybox", b"first", b"second")
    modules = [name for name in entries(gzip.decompress(packed)) if name.startswith("modules/")]
    assert sorted(modules) == [f"modules/{number:02d}-m{number}.ko" for number in range(11)]
