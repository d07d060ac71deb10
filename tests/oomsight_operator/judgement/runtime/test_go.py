from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.runtime.starts import CONFIG_MAP, GI, MI, of_limit, start

from oomsight_operator.judgement.runtime.go import go_heap
from oomsight_operator.judgement.runtime.setting import HeapSetting, Runtime, Share


@pytest.mark.parametrize(("text", "size"), [("400MiB", 400 * MI), ("1GiB", GI), ("1048576", MI), ("5B", 5), ("2KiB", 2048)])
def test_its_units(text: str, size: int) -> None:
    assert go_heap(start(env={"GOMEMLIMIT": text})) == HeapSetting(Runtime.GO, "GOMEMLIMIT", fixed_bytes=size)


UNBOUNDED = ("off", "", "9223372036854775807")
NEVER_MET = ("0", "0MiB")
"""The runtime collects as often as it may, and exceeds it all the same."""
REFUSED = ("400Mi", "400mib", "0x10", "-1", "+1MiB", "1.5GiB", "1_000", "MiB", "400 MiB", "OFF", "8EiB", "9223372036854775808")


@pytest.mark.parametrize("text", [*UNBOUNDED, *NEVER_MET])
def test_what_bounds_nothing_is_no_heap(text: str) -> None:
    assert go_heap(start(env={"GOMEMLIMIT": text})) is None


def test_without_gomemlimit_nothing_is_said() -> None:
    assert go_heap(start(env={"GOGC": "50"})) is None


@pytest.mark.parametrize("text", REFUSED)
def test_what_go_refuses_is_not_believed(text: str) -> None:
    found = go_heap(start(env={"GOMEMLIMIT": text}))
    assert found is not None
    assert (found.hidden, found.doubt) == (True, "whose value does not parse")


def test_its_limit_is_a_share_and_a_config_map_unknown() -> None:
    assert go_heap(start(env={"GOMEMLIMIT": of_limit()})) == HeapSetting(Runtime.GO, "GOMEMLIMIT", share=Share(100.0))
    found = go_heap(start(env={"GOMEMLIMIT": CONFIG_MAP}))
    assert found is not None
    assert found.doubt == "whose value is not in the pod's spec"


@given(st.text(max_size=30))
def test_no_value_makes_it_fail(text: str) -> None:
    found = go_heap(start(env={"GOMEMLIMIT": text}))
    assert found is None or found.where == "GOMEMLIMIT"


def run(binary: Path, **env: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name not in ("GOMEMLIMIT", "GOGC")}
    return subprocess.run([binary], check=False, env={**clean, **env}, capture_output=True, text=True, timeout=60)


def bound_bytes(done: subprocess.CompletedProcess[str]) -> int:
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split("\n", 1)[0])


def held_bytes(done: subprocess.CompletedProcess[str]) -> int:
    match = re.search(r"VmHWM:\s*(\d+) kB", done.stdout)
    assert match is not None
    return int(match[1]) << 10


@pytest.mark.parametrize("text", ["64MiB", "1GiB", "1048576", "5B", "2KiB", "010MiB", "1TiB"])
def test_a_real_go_program_reads_the_same_bound(churn: Path, text: str) -> None:
    found = go_heap(start(env={"GOMEMLIMIT": text}))
    assert found is not None
    assert found.fixed_bytes == bound_bytes(run(churn, GOMEMLIMIT=text))


@pytest.mark.parametrize("text", UNBOUNDED)
def test_a_real_go_program_has_no_bound(churn: Path, text: str) -> None:
    assert bound_bytes(run(churn, GOMEMLIMIT=text)) == (1 << 63) - 1


@pytest.mark.parametrize("text", REFUSED)
def test_a_real_go_program_does_not_start_with_what_is_not_believed(churn: Path, text: str) -> None:
    refused = run(churn, GOMEMLIMIT=text)
    assert (refused.returncode != 0, "malformed GOMEMLIMIT" in refused.stderr) == (True, True)


def test_a_real_go_program_keeps_to_its_bound_more_or_less(churn: Path) -> None:
    """Without one, and without the usual collections, it holds all of its garbage."""
    assert held_bytes(run(churn, GOMEMLIMIT="96MiB", GOGC="off")) <= (96 + 24) * MI
    assert held_bytes(run(churn, GOGC="off")) > 400 * MI


@pytest.mark.parametrize("text", NEVER_MET)
def test_a_real_go_program_exceeds_a_bound_of_nothing(churn: Path, text: str) -> None:
    done = run(churn, GOMEMLIMIT=text)
    assert (bound_bytes(done), held_bytes(done) > 20 * MI) == (0, True)
