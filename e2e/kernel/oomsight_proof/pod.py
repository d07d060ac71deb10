"""The agent's own pod, as the chart's DaemonSet makes one: what the agent sees from there is less than what a node's process sees.

- a pid namespace of its own (the chart has no hostPID): on cgroup v1 `cgroup.procs` then shows no process of another pod;
- the node's /proc and /sys/fs/cgroup below /host, and a /proc of its own that knows the agent alone;
- cgroup v2: a cgroup namespace of its own, so that /proc names every other cgroup by its way from the agent's, `/../../…`;
- a container's cgroup below a pod's, with the chart's limit, another one for each start;
- the chart's user without any capability, or root where the kernel's log is read.

Its network is this machine's, for the harness asks it there.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from oomsight_proof.tree import Driver, Limits, Tree, container_name, pod_path

USER_ID = 10754
"""helm/oomsight/templates/_helpers.tpl, and so is the group's."""

LIMIT = Limits(96 << 20)
"""helm/oomsight/values.yaml, agent.resources.limits.memory."""

_END_SECONDS = 10.0

_ENTER = 'for file in $CGROUPS; do echo 0 > "$file"; done; exec unshare "$@"'
"""The cgroup first: a cgroup namespace begins where its maker is."""

_MOUNTS = """
set -e
read -r pid _ < /proc/self/stat
echo "$pid" > "$PID_FILE"
mount -t tmpfs -o size=64k,mode=755 host "$HOST"
mkdir -p "$HOST/proc" "$HOST/sys/fs/cgroup"
mount --rbind /proc "$HOST/proc"
mount --rbind "$CGROUP_ROOT" "$HOST/sys/fs/cgroup"
mount -t proc proc /proc
exec "$@"
"""
"""In the new namespaces, /proc still being the node's: it has the pid by which the harness knows the agent. No mount gets out."""


class Pod:
    """One pod, in which one agent after the other runs. Its cgroups go with the tree's."""

    def __init__(self, tree: Tree, version: int, folder: str, cgroup_root: str, *, privileged: bool) -> None:
        self._tree = tree
        self._version = version
        self.folder = folder
        """The agent can write here."""
        self._folder = Path(folder)
        self._cgroup_root = cgroup_root
        self._privileged = privileged
        self._path = pod_path(Driver.CGROUPFS, str(uuid.UUID(int=random.getrandbits(128), version=4)))
        self._cgroup: str | None = None
        self._entered: subprocess.Popen[bytes] | None = None
        self._host = self._folder / "host"
        for path in (self._folder, self._host):
            path.mkdir(exist_ok=True)
        self._folder.chmod(0o755)
        os.chown(self._folder, USER_ID, USER_ID)

    @property
    def roots(self) -> list[str]:
        """The agent's arguments for where the node's files are, as the chart has them."""
        return [f"--proc-root={self._host}/proc", f"--cgroup-root={self._host}/sys/fs/cgroup"]

    @property
    def running(self) -> bool:
        """Whether the agent lives."""
        return self._entered is not None and self._entered.poll() is None

    def start(self, command: Sequence[str], output: IO[bytes]) -> None:
        """Start the agent."""
        name = container_name(Driver.CGROUPFS, random.randbytes(32).hex())
        self._cgroup = self._tree.make(f"{self._path}/{name}", LIMIT, leaf=True)
        self._pid_file.unlink(missing_ok=True)
        namespaces = ["--pid", "--fork", "--kill-child", "--mount", "--ipc", "--uts", *(["--cgroup"] if self._version == 2 else [])]
        self._entered = subprocess.Popen(
            ["sh", "-c", _ENTER, "enter", *namespaces, "sh", "-c", _MOUNTS, "agent", *self._user(), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={
                **os.environ,
                "CGROUPS": " ".join(self._tree.procs_files(self._cgroup)),
                "CGROUP_ROOT": self._cgroup_root,
                "HOST": str(self._host),
                "PID_FILE": str(self._pid_file),
            },
        )

    def end(self, number: signal.Signals) -> None:
        """Send the agent, number 1 of its namespace, a signal, and SIGKILL where that does not end it; fine without one."""
        if self._entered is None:
            return
        with suppress(OSError, ValueError, subprocess.TimeoutExpired):  # not yet started, gone already, or it does not listen
            if self.running:
                os.kill(int(self._pid_file.read_text()), number)
                self._entered.wait(_END_SECONDS)
        if self._cgroup is not None:
            self._tree.remove(self._cgroup)
        self._entered.kill()
        self._entered.wait()
        self._entered = self._cgroup = None

    @property
    def _pid_file(self) -> Path:
        return self._folder / "pid"

    def _user(self) -> list[str]:
        if self._privileged:
            return []
        # A checkout below a folder of root's alone must still be read. That right opens no kernel file that the user could
        # not read: those are readable for everybody, or ask for more than a mode.
        kept = "-all" if all(map(_is_open, (sys.prefix, sys.base_prefix, *sys.path))) else "-all,+dac_read_search"
        ids = [f"--reuid={USER_ID}", f"--regid={USER_ID}", "--clear-groups", "--no-new-privs"]
        return ["setpriv", *ids, f"--inh-caps={kept}", f"--ambient-caps={kept}", f"--bounding-set={kept}"]


def _is_open(path: str) -> bool:
    """Whether every user can come to this folder; one that is not there is."""
    real = Path(path or ".").resolve()
    return all(os.stat(folder).st_mode & 0o001 for folder in (real, *real.parents) if folder.is_dir())
