"""What the demo's container commands stand for on this machine, since there are no images."""

from __future__ import annotations

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))


def beside_python(name: str) -> str:
    """A console script of the environment that runs us, else the name for the PATH to find."""
    path = os.path.join(os.path.dirname(sys.executable), name)
    return path if os.path.exists(path) else name


PROGRAMS = {
    # Isolated and without site: the smallest interpreter there is, so that the amounts are the workloads' own.
    "oomsight-workload": (sys.executable, "-I", "-S", os.path.join(_HERE, "workloads.py")),
    "oomsight-agent": (beside_python("oomsight-agent"),),
    "oomsight-operator": (beside_python("oomsight-operator"),),
}
