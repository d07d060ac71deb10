"""Real logs of 6.1, 6.12 and 6.18, cgroup v1 and v2: the golden beside each says what is read in it.

To renew the goldens after a wanted change: `OOMSIGHT_WRITE_GOLDENS=1 pytest` of this file; then hold each against its log.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict

import pytest
from tests.oomsight_agent.kernel.oom_log.logs import FIXTURES, NAMES, ooms, raw_records, real_log


@pytest.mark.parametrize("name", NAMES)
def test_a_real_log_says_what_it_said(name: str) -> None:
    text = json.dumps([asdict(oom) for oom in ooms(real_log(name))], indent=1) + "\n"
    golden = FIXTURES / f"{name}.json"
    if os.environ.get("OOMSIGHT_WRITE_GOLDENS"):
        golden.write_text(text)
    assert text == golden.read_text()


def test_every_golden_has_its_log() -> None:
    assert sorted(path.stem for path in FIXTURES.glob("*.json")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_whoever_the_kernel_says_it_killed_is_in_one_oom(name: str) -> None:
    """Read from the raw log by other means than the parser's."""
    killed = [
        raw.partition(b"Killed process ")[2].split(b" ")[0]
        for raw in raw_records(name)
        if int(raw.split(b",")[0]) < 8 and b"Killed process " in raw
    ]
    pids = [b"%d" % kill.pid for oom in ooms(real_log(name)) for kill in oom.kills]
    assert sorted(pids) == sorted(set(killed))
