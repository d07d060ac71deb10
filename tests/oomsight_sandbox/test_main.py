"""The command as a user runs it: interrupted in the middle, or unable to go on."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys

import pytest

from oomsight_sandbox.kubelet.cgroups import can_make_cgroups

_REASON = can_make_cgroups()
COMMAND = [sys.executable, "-m", "oomsight_sandbox.main", "demo", "--no-colour"]


def run_until(words: str, number: signal.Signals) -> tuple[int, str]:
    """Start the demo, send a signal at the first line with these words; exit code and output."""
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if words in line and process.poll() is None:
                process.send_signal(number)
        return process.wait(), "".join(lines)


def processes_with(word: str) -> list[str]:
    """Command lines and cgroups of living processes that name it."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        for name in ("cmdline", "cgroup"):
            try:
                with open(f"/proc/{pid}/{name}", encoding="utf-8", errors="replace") as file:
                    text = file.read()
            except OSError:
                continue
            if word in text:
                found.append(f"{pid}: {text}")
    return found


@pytest.mark.skipif(_REASON is not None, reason=f"no memory cgroups here: {_REASON}")
@pytest.mark.parametrize(
    ("number", "words"), [(signal.SIGINT, "pod shop/spool: container mailer started"), (signal.SIGTERM, "oomsight-operator")]
)
def test_an_interrupted_demo_leaves_no_process_cgroup_or_file(number: signal.Signals, words: str) -> None:
    code, output = run_until(words, number)
    assert code == 130, output
    assert "Interrupted; everything is removed again." in output
    match = re.search(r"cgroups in (\S+/(oomsight-sandbox-\S+))", output)
    assert match is not None, output
    base, name = match.groups()
    assert not os.path.exists(base)
    assert not os.path.exists(f"/dev/shm/{name}")
    assert not os.path.exists(f"/var/tmp/{name}")
    assert processes_with(name) == []
