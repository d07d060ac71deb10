"""`oomsight-agent top` from the sampler to the screen."""

from __future__ import annotations

import io
import json
from typing import cast

import pytest

from oomsight_agent import top
from oomsight_agent.sampler import CgroupRow, Sampler
from oomsight_agent.top_view import Options
from oomsight_api.report import Container, Memory, NodeReport


class TwoSamples:
    """Stands for a sampler whose node changes once."""

    def __init__(self) -> None:
        self.samples = 0

    def sample(self, now_seconds: float, monotonic_seconds: float) -> NodeReport:
        self.samples += 1
        row = Container(
            pod_uid="u", container_id="c" * 64, cgroup="/c", namespace="shop", pod_name="web-0", container_name="web",
            memory=Memory(usage_bytes=self.samples * 1024),
        )  # fmt: skip
        return NodeReport(
            node="n", instance="", cursor="", full=True, time_seconds=now_seconds, interval_seconds=1, containers=(row,)
        )

    def sample_all_cgroups(self) -> tuple[CgroupRow, ...]:
        return (CgroupRow("/system.slice", Memory(usage_bytes=4096), None, None, None),)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def show(options: Options, out: io.StringIO, times: int = 1) -> str:
    rounds = []

    def sleep(seconds: float) -> None:
        rounds.append(seconds)
        if len(rounds) == times:
            raise KeyboardInterrupt

    top.run(cast("Sampler", TwoSamples()), options, "/sys/fs/cgroup", out, sleep)
    return out.getvalue()


def test_it_shows_the_containers_once() -> None:
    text = show(Options(), io.StringIO())
    assert text.count("shop/web-0/web") == 1
    assert "1Ki" in text


def test_it_shows_every_cgroup() -> None:
    assert "/system.slice" in show(Options(all_cgroups=True), io.StringIO())


def test_watching_repeats_on_a_clean_screen_until_interrupted() -> None:
    out = Terminal()
    with pytest.raises(KeyboardInterrupt):
        show(Options(watch_seconds=2.0), out, times=2)
    assert out.getvalue().count("\x1b[2J") == 2
    assert "2Ki" in out.getvalue()


def test_watching_into_a_pipe_writes_no_control_characters_and_json_one_line_a_time() -> None:
    out = io.StringIO()
    with pytest.raises(KeyboardInterrupt):
        show(Options(watch_seconds=2.0, output="json"), out, times=2)
    documents = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [document["containers"][0]["memory"]["usage_bytes"] for document in documents] == [1024, 2048]


def test_only_a_terminal_has_a_width() -> None:
    assert top.terminal_width(io.StringIO()) is None
    width = top.terminal_width(Terminal())
    assert width is not None
    assert width > 0
