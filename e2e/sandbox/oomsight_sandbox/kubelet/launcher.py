"""Becomes a container's process: enters the cgroup first, then executes the program, so that all of its memory is charged there.

Run as `python -I -S launcher.py REPORT_FD JSON`; the JSON is
`{"cgroup": folder or null, "oom_score_adj": number or null, "parent": pid, "argv": [...]}`.
What could not be done is told on the descriptor, which closes by itself when the program runs. Standard library alone, few imports.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
START_ERROR_EXIT_CODE = 128


def main() -> None:
    report, wanted = int(sys.argv[1]), json.loads(sys.argv[2])
    os.set_inheritable(report, False)
    # The sandbox may be killed with SIGKILL: then its containers go with it.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != wanted["parent"]:
        sys.exit(START_ERROR_EXIT_CODE)
    try:
        if wanted["cgroup"] is not None:
            with open(os.path.join(wanted["cgroup"], "cgroup.procs"), "w", encoding="ascii") as file:
                file.write(str(os.getpid()))
        if wanted["oom_score_adj"] is not None:
            set_oom_score_adj(report, wanted["oom_score_adj"])
        os.execvp(wanted["argv"][0], wanted["argv"])
    except OSError as error:
        os.write(report, json.dumps({"error": f"{wanted['argv'][0]}: {error}"}).encode() + b"\n")
        sys.exit(START_ERROR_EXIT_CODE)


def set_oom_score_adj(report: int, adj: int) -> None:
    """Lowering needs CAP_SYS_RESOURCE: without it the process keeps its parent's, and that is told."""
    try:
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
            file.write(str(adj))
    except OSError as error:
        os.write(report, json.dumps({"oom_score_adj_error": str(error)}).encode() + b"\n")


if __name__ == "__main__":
    main()
