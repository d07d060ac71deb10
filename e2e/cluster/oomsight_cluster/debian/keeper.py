"""python -m oomsight_cluster.debian.keeper: makes a node and takes it away again, whatever happens to whoever asked for it.

It lives outside of the node's namespaces and cgroup. When its standard input ends (its owner is done, or was killed), on a signal,
or when the node ends by itself, it kills everything in the node's cgroup and removes cgroup and files.
"""

from __future__ import annotations

import fcntl
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from oomsight_cluster.cache import evidence_directory, say
from oomsight_cluster.debian.cgroups import PREFIX, ClusterCgroup, machine_hierarchies
from oomsight_cluster.debian.node import Order, tell
from oomsight_kernel_vm.cache import LOCK_NAME

REMOVE_SECONDS = 20.0


def keep(order: Order) -> int:
    """Run the node until somebody wants its end."""
    cgroup = ClusterCgroup(order.cgroup, machine_hierarchies())
    wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake_write)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    with (order.directory / LOCK_NAME).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            cgroup.make()
            node = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "oomsight_cluster.debian.node", str(order.path)],
                stdin=subprocess.DEVNULL, pass_fds=(order.listener,), start_new_session=True,
            )  # fmt: skip
            if not _wait(node, wake_read):
                keep_logs(order.directory / "logs")
        except OSError as error:
            tell({"failed": f"{error}; the cluster from Debian's packages needs root and writable cgroups"})
        finally:
            left = cgroup.end_and_remove()
            remove_directory(order.directory)
            for sentence in left:
                say(f"left behind: {sentence}")
    return 1 if left else 0


def _wait(node: subprocess.Popen[bytes], wake: int) -> bool:
    """Until standard input ends or a signal comes (True), or the node ends by itself (False)."""
    while node.poll() is None:
        ready, _, _ = select.select([0, wake], [], [])
        if 0 in ready and not os.read(0, 4096):
            return True
        if wake in ready and set(os.read(wake, 4096)) - {signal.SIGCHLD}:
            return True
    return False


def keep_logs(logs: Path) -> None:
    """Of a node that ended by itself, which nobody else can ask any more."""
    if logs.is_dir():
        kept = evidence_directory() / "node"
        shutil.copytree(logs, kept, dirs_exist_ok=True)
        say(f"the node ended by itself; the logs of its parts: {kept}")


def remove_directory(directory: Path) -> None:
    """The node's mounts end with its last process, which may take a moment."""
    deadline = time.monotonic() + REMOVE_SECONDS
    while directory.exists() and time.monotonic() < deadline:
        shutil.rmtree(directory, ignore_errors=True)
        if directory.exists():
            time.sleep(0.2)


def sweep(runs: Path) -> None:
    """Take away what keepers that were killed left: runs whose lock nobody holds."""
    runs.mkdir(parents=True, exist_ok=True)
    hierarchies = machine_hierarchies()
    for run in sorted(runs.glob("run-*")):
        try:
            with (run / LOCK_NAME).open("r") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                say(f"removing what the run {run.name} left")
                ClusterCgroup(f"{PREFIX}{run.name}", hierarchies).end_and_remove()
                remove_directory(run)
        except OSError:
            continue  # its keeper lives, or is just making it


def main() -> int:
    return keep(Order.read(Path(sys.argv[1])))


if __name__ == "__main__":
    sys.exit(main())
