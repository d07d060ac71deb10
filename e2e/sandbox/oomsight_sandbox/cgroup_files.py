"""Texts of the kernel's files for a node made of files: one cgroup's on v1 and v2, and how they are written."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

V1_UNLIMITED_BYTES = 9223372036854771712


def write_all(directory: Path, files: Mapping[str, str]) -> None:
    """(Re)write files by their path below `directory`, each in place: an open descriptor sees the new value."""
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = content.encode()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            os.pwrite(descriptor, data, 0)
            os.ftruncate(descriptor, len(data))
        finally:
            os.close(descriptor)


def make_all(directory: Path, files: Mapping[str, str], workshop: Path) -> None:
    """The same for a cgroup that may be new: it appears with all its files at once, as the kernel makes it.

    `workshop`: a path beside the tree that nobody looks at, on the same file system.
    """
    if directory.exists():
        write_all(directory, files)
        return
    directory.parent.mkdir(parents=True, exist_ok=True)
    write_all(workshop, files)
    workshop.rename(directory)


def v1_files(usage: int, peak: int, limit: int | None, hits: int, kills: int, charges: Mapping[str, int]) -> dict[str, str]:
    """Of one cgroup; `limit` None is no limit, `charges` bytes by kind."""
    stat = {
        "cache": 0, "rss": 0,  # a parent's own alone: a reader that takes these for its subtree's is wrong
        "total_cache": charges.get("file", 0), "total_rss": charges.get("anon", 0), "total_shmem": charges.get("shmem", 0),
        "total_swap": 0, "total_pgmajfault": 0, "total_workingset_refault_file": 0, "total_workingset_refault_anon": 0,
        "total_inactive_file": charges.get("inactive_file", 0), "total_active_file": charges.get("active_file", 0),
    }  # fmt: skip
    ceiling = V1_UNLIMITED_BYTES if limit is None else limit
    return {
        "memory.usage_in_bytes": f"{usage}\n",
        "memory.max_usage_in_bytes": f"{peak}\n",
        "memory.limit_in_bytes": f"{ceiling}\n",
        "memory.memsw.limit_in_bytes": f"{ceiling}\n",
        "memory.failcnt": f"{hits}\n",
        "memory.memsw.failcnt": "0\n",
        "memory.swappiness": "60\n",
        "memory.kmem.usage_in_bytes": f"{charges.get('kernel', 0)}\n",
        "memory.kmem.tcp.usage_in_bytes": "0\n",
        "memory.oom_control": f"oom_kill_disable 0\nunder_oom 0\noom_kill {kills}\n",
        "memory.stat": "".join(f"{name} {value}\n" for name, value in stat.items()),
    }


def v2_files(
    usage: int, peak: int, limit: int | None, hits: int, kills: int, charges: Mapping[str, int], oom_group: bool
) -> dict[str, str]:
    """Of one cgroup below the root."""
    return {
        "memory.current": f"{usage}\n",
        "memory.peak": f"{peak}\n",
        "memory.max": "max\n" if limit is None else f"{limit}\n",
        "memory.high": "max\n",
        "memory.swap.current": "0\n",
        "memory.swap.max": "0\n",
        "memory.oom.group": f"{int(oom_group)}\n",
        "memory.events": f"low 0\nhigh 0\nmax {hits}\noom {kills}\noom_kill {kills}\noom_group_kill 0\n",
        "memory.pressure": "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
        "memory.stat": v2_stat(charges),
    }


def v2_stat(charges: Mapping[str, int]) -> str:
    """memory.stat, the one of these files that the root has, too."""
    kernel = charges.get("kernel", 0)
    stat = {
        "anon": charges.get("anon", 0), "file": charges.get("file", 0), "kernel": kernel, "kernel_stack": kernel // 8,
        "pagetables": kernel // 8, "percpu": 0, "sock": 0, "shmem": charges.get("shmem", 0),
        "inactive_file": charges.get("inactive_file", 0), "active_file": charges.get("active_file", 0),
        "slab_reclaimable": kernel // 4, "slab_unreclaimable": kernel // 2, "slab": kernel // 4 + kernel // 2,
        "workingset_refault_anon": 0, "workingset_refault_file": 0, "pgmajfault": 0,
    }  # fmt: skip
    return "".join(f"{name} {value}\n" for name, value in stat.items())
