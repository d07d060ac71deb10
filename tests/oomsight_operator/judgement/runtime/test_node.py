from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.runtime.starts import CONFIG_MAP, GI, MI, of_limit, start

from oomsight_operator.judgement.runtime.environment import Start
from oomsight_operator.judgement.runtime.node import node_heap
from oomsight_operator.judgement.runtime.setting import HeapSetting, Share


def heap(found: Start) -> HeapSetting:
    setting = node_heap(found)
    assert setting is not None
    return setting


def test_the_command_line_beats_node_options_and_the_last_counts() -> None:
    env = {"NODE_OPTIONS": "--max-old-space-size=300 --max_old_space_size=350"}
    found = heap(start(env=env))
    assert (found.fixed_bytes, found.where) == (350 * MI, "--max-old-space-size in NODE_OPTIONS")
    found = heap(start(["node", "--max-old-space-size=400", "app.js", "--max-old-space-size=500"], env=env))
    assert (found.fixed_bytes, found.where) == (400 * MI, "--max-old-space-size on the command line")


def test_without_it_about_half_of_the_memory_within_bounds() -> None:
    found = heap(start(["node", "app.js"]))
    assert [found.heap_bytes(limit) for limit in (256 * MI, 512 * MI, GI, 6 * GI, 16 * GI)] == [
        *(256 * MI, 256 * MI, 512 * MI, 2 * GI, 4 * GI)
    ]
    assert found.follows_limit


def test_other_options_say_that_it_is_node_and_no_more() -> None:
    found = heap(start(env={"NODE_OPTIONS": "--require ./trace.js"}))
    assert (found.hidden, found.explicit) == (True, False)
    assert node_heap(start(["npm", "start"])) is None
    assert heap(start(["npm", "start"], env={"NODE_OPTIONS": "--max-old-space-size=300"})).fixed_bytes == 300 * MI


def test_values_from_elsewhere_and_of_the_limit() -> None:
    assert heap(start(["node", "app.js"], env={"NODE_OPTIONS": CONFIG_MAP})).hidden
    found = heap(start(env={"MIB": of_limit("1Mi"), "NODE_OPTIONS": "--max-old-space-size=$(MIB)"}))
    assert found.share == Share(100.0)


@given(st.text(max_size=60), st.text(alphabet="--max_old-space-size=019 \"\\'\0\x01", max_size=60))
def test_no_options_make_it_fail_and_no_word_of_them_is_kept(line: str, options: str) -> None:
    found = heap(start(["node", *line.split()], env={"NODE_OPTIONS": options}))
    assert found.where in {
        *("", "Node.js's default", "--max-old-space-size in NODE_OPTIONS", "--max-old-space-size on the command line"),
    }


node = pytest.mark.skipif(shutil.which("node") is None, reason="no node on this machine to compare with")
CASES = [
    ("", ["--max-old-space-size=400"]),
    ("", ["--max_old_space_size=400", "--max-old-space-size=450"]),
    ("--max-old-space-size=300", []),
    ("--max_old_space_size=300", ["--max_old-space_size=400"]),
    ('"--max-old-space-size=300"', []),
    ('--max-old-space-size="300"', []),
]


@node
@pytest.mark.parametrize(("options", "line"), CASES)
def test_a_real_node_says_the_same(options: str, line: list[str]) -> None:
    clean = {name: value for name, value in os.environ.items() if name != "NODE_OPTIONS"}
    # Without its young generation, which is what a tiny one leaves: three MiB.
    script = "console.log(require('v8').getHeapStatistics().heap_size_limit / 1048576)"
    words = ["node", *line, "--max-semi-space-size=1", "-e", script]
    done = subprocess.run(words, env={**clean, "NODE_OPTIONS": options}, capture_output=True, text=True, check=True, timeout=60)
    match = re.match(r"\d+", done.stdout)
    assert match is not None
    assert heap(start(["node", *line, "app.js"], env={"NODE_OPTIONS": options})).fixed_bytes == (int(match[0]) - 3) * MI
