"""What reaches the terminal."""

from __future__ import annotations

import io

from oomsight_sandbox.screen import Screen


def screen(*times: float, colours: bool = False) -> tuple[Screen, io.StringIO]:
    stream, moments = io.StringIO(), iter(times)
    return Screen(stream, colours=colours, clock=lambda: next(moments)), stream


def test_each_line_starts_with_the_seconds_since_the_start() -> None:
    shown, stream = screen(100.0, 112.4)
    shown.happened("pod shop/checkout: container app OOMKilled (exit 137)", "red")
    assert stream.getvalue() == "+ 12s pod shop/checkout: container app OOMKilled (exit 137)\n"


def test_colours_come_only_when_asked_for() -> None:
    shown, stream = screen(0.0, 1.0, colours=True)
    shown.happened("killed", "red")
    assert "\x1b[31mkilled\x1b[0m" in stream.getvalue()


def test_control_bytes_in_what_others_wrote_do_not_reach_the_terminal() -> None:
    shown, stream = screen(0.0, 1.0)
    shown.happened("pod \x1b[2J\x07x")
    shown.show("kubectl describe pod", "name: \x1b]0;owned\x07\nnext")
    assert "\x1b" not in stream.getvalue()
    assert "\x07" not in stream.getvalue()
    assert "owned?\nnext" in stream.getvalue()
