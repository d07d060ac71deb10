from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.runtime.starts import CONFIG_MAP, GI, MI, of_limit, start

from oomsight_operator.judgement.runtime.environment import Source, Start
from oomsight_operator.judgement.runtime.node import PERCENTAGE, SIZE, WHOLE, WITH_VALUE, node_heap
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


def test_a_percentage_beats_a_size_wherever_it_stands() -> None:
    env = {"NODE_OPTIONS": "--max-old-space-size-percentage=50"}
    found = heap(start(["node", "--max-old-space-size=400", "app.js"], env=env))
    assert (found.share, found.where) == (Share(50.0), "--max-old-space-size-percentage in NODE_OPTIONS")
    assert found.follows_limit
    found = heap(start(["node", "--max_old_space_size_percentage", "12.5", "app.js"], env=env))
    assert (found.share, found.where) == (Share(12.5), "--max-old-space-size-percentage on the command line")
    assert heap(start(["node", "app.js"], env={"NODE_OPTIONS": "--max-old-space-size-percentage 75"})).heap_bytes(GI) == 768 * MI


@pytest.mark.parametrize("text", ["0", "101", "50%", "-5", "", "0x10", "75,0", "nan", "1e1"])
def test_a_percentage_that_is_none_is_not_believed(text: str) -> None:
    found = heap(start(["node", "--max-old-space-size=400", f"--max-old-space-size-percentage={text}", "app.js"]))
    assert (found.hidden, found.explicit, found.doubt) == (True, True, "whose value does not parse")


def test_the_whole_heap_counts_where_the_old_space_has_no_bound() -> None:
    found = heap(start(["node", "--max-heap-size=100", "app.js"]))
    assert (found.fixed_bytes, found.where) == (100 * MI, "--max-heap-size on the command line")
    assert heap(start(["node", "--max-heap-size=100", "--max-old-space-size=200", "app.js"])).fixed_bytes == 200 * MI


def test_a_young_generation_that_is_set_comes_on_top() -> None:
    found = heap(start(["node", "--max-old-space-size=200", "app.js"], env={"NODE_OPTIONS": "--max-semi-space-size=64"}))
    assert (found.fixed_bytes, found.beside) == (200 * MI, (("--max-semi-space-size (three parts)", 192 * MI),))


def test_options_with_a_value_of_their_own_do_not_end_the_options() -> None:
    assert heap(start(["node", "--title", "web", "-r", "./trace.js", "--max-old-space-size=400", "x.js"])).fixed_bytes == 400 * MI
    assert heap(start(["node", "--env-file", "--max-old-space-size=300", "x.js"])).hidden


@pytest.mark.parametrize("option", ["--env-file=.env", "--env-file-if-exists=.env", "--experimental-default-config-file"])
def test_a_file_may_set_what_nothing_else_does(option: str) -> None:
    found = heap(start(["node", option, "app.js"]))
    assert (found.hidden, found.doubt) == (True, "which a file that it reads may set")
    assert heap(start(["node", option, "--max-old-space-size=400", "app.js"])).fixed_bytes == 400 * MI


def test_options_that_cannot_be_seen_hide_those_before_them() -> None:
    env: dict[str, str | Source] = {"MORE": CONFIG_MAP, "NODE_OPTIONS": "--max-old-space-size-percentage=50 $(MORE)"}
    assert heap(start(["node", "app.js"], env=env)).hidden
    assert heap(start(["node", "--max-old-space-size-percentage=60", "app.js"], env=env)).share == Share(60.0)
    assert heap(start(["sh", "-c", "node --max-old-space-size=400 $MORE app.js"])).hidden


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
        *("", "Node.js's default"),
        *(f"{flag} {place}" for flag in (SIZE, PERCENTAGE, WHOLE) for place in ("in NODE_OPTIONS", "on the command line")),
    }


node = pytest.mark.skipif(shutil.which("node") is None, reason="no node on this machine to compare with")
CASES = [
    ("", ["--max-old-space-size=400"]),
    ("", ["--max_old_space_size=400", "--max-old-space-size=450"]),
    ("--max-old-space-size=300", []),
    ("--max_old_space_size=300", ["--max_old-space_size=400"]),
    ('"--max-old-space-size=300"', []),
    ('--max-old-space-size="300"', []),
    ("--max-old-space-size=300 word --max-old-space-size=350", []),
    ("--max-old-space-size=300 ' --max-old-space-size=350", []),
    ("--title web --max-old-space-size=300", []),
    ("", ["-max-old-space-size=400"]),
    ("", ["--max-old-space-size=0400"]),
    ("", ["--title", "web", "--max-old-space-size=400"]),
]


def said_by_node(options: str, line: Sequence[str]) -> str:
    """The heap's bound in MiB."""
    clean = {name: value for name, value in os.environ.items() if name != "NODE_OPTIONS"}
    script = "console.log(require('v8').getHeapStatistics().heap_size_limit / 1048576)"
    words = ["node", *line, "-e", script]
    done = subprocess.run(words, env={**clean, "NODE_OPTIONS": options}, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.strip()


@node
@pytest.mark.parametrize(("options", "line"), CASES)
def test_a_real_node_says_the_same(options: str, line: list[str]) -> None:
    found = heap(start(["node", *line, "app.js"], env={"NODE_OPTIONS": options}))
    # Without its young generation, which is what a tiny one leaves: three MiB.
    assert found.fixed_bytes == (int(said_by_node(options, [*line, "--max-semi-space-size=1"])) - 3) * MI


PIECES = (
    "--max-old-space-size=64",
    "--max_old_space_size=96",
    "--title",
    "x",
    '"',
    "'",
    "\\",
    "\t",
    "--max-old-space-size=",
    "128",
)


@node
@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(PIECES) | st.just(" "), max_size=7).map("".join))
def test_a_real_node_splits_drawn_options_alike(options: str) -> None:
    try:
        said = int(said_by_node(options, ["--max-semi-space-size=1"])) - 3
    except subprocess.CalledProcessError:
        return
    found = heap(start(["node", "app.js"], env={"NODE_OPTIONS": options}))
    if not found.hidden and found.fixed_bytes is None:  # the default, of whatever this machine has
        assert str(said + 3) == said_by_node("", ["--max-semi-space-size=1"])
    elif not found.hidden:
        assert found.fixed_bytes == said * MI


@node
def test_a_real_node_says_the_same_of_the_whole_heap() -> None:
    found = heap(start(["node", "--max-heap-size=100", "app.js"]))
    assert found.fixed_bytes == int(said_by_node("", ["--max-heap-size=100"])) * MI


@node
@pytest.mark.parametrize("text", ["0x64", "1e2", "100.5", "100MB", "abc"])
def test_a_real_node_refuses_what_is_not_believed(text: str) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        said_by_node("", [f"--max-old-space-size={text}"])
    assert heap(start(["node", f"--max-old-space-size={text}", "app.js"])).hidden


@node
def test_every_option_of_a_real_node_that_takes_a_value_is_known() -> None:
    """Else the value would be taken for the script, and what follows it for the program's own."""
    said = subprocess.run(["node", "--help"], capture_output=True, text=True, check=True, timeout=60).stdout
    options = re.findall(r"^  (-[^\[\n]*?)=\.\.\.", said, re.MULTILINE)
    found = {name for option in options for name in option.split(", ")}
    assert {"--require", "--title"} <= found
    assert found - WITH_VALUE - {"--experimental-default-config-file"} == set()
