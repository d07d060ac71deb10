"""The command line as a person types it."""

from __future__ import annotations

from importlib import metadata

import pytest

from oomsight_agent.arguments import parse


def test_without_a_command_it_runs_with_the_documented_defaults() -> None:
    options = parse([], {}, "host-1")
    assert (options.command, options.node_name) == ("run", "host-1")
    assert options.listen == ("0.0.0.0", 9754)
    assert (options.interval_seconds, options.stat_interval_seconds) == (1.0, 10.0)
    assert (options.cgroup_root, options.proc_root, options.container_log_dir) == ("/sys/fs/cgroup", "/proc", "/var/log/containers")


def test_flags_alone_are_flags_of_run() -> None:
    assert parse(["--listen", "[::1]:0"], {}, "h").listen == ("::1", 0)


def test_the_environment_gives_defaults_and_a_flag_wins() -> None:
    environment = {"NODE_NAME": "node-7", "OOMSIGHT_LISTEN": "127.0.0.1:1", "OOMSIGHT_CGROUP_ROOT": "/host/cgroup"}
    options = parse(["run", "--listen", "127.0.0.1:2"], environment, "h")
    assert (options.node_name, options.listen, options.cgroup_root) == ("node-7", ("127.0.0.1", 2), "/host/cgroup")


@pytest.mark.parametrize(
    ("arguments", "environment", "follows"),
    [
        ([], {}, False),
        (["--kernel-log"], {}, True),
        ([], {"OOMSIGHT_KERNEL_LOG": "1"}, True),
        ([], {"OOMSIGHT_KERNEL_LOG": "True"}, True),
        ([], {"OOMSIGHT_KERNEL_LOG": "false"}, False),
        (["--no-kernel-log"], {"OOMSIGHT_KERNEL_LOG": "1"}, False),
    ],
)
def test_the_kernels_log_is_followed_only_when_asked_for(arguments: list[str], environment: dict[str, str], follows: bool) -> None:
    assert parse(arguments, environment, "h").kernel_log is follows


def test_a_wrong_word_for_the_kernels_log_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse([], {"OOMSIGHT_KERNEL_LOG": "maybe"}, "h")
    assert "OOMSIGHT_KERNEL_LOG: found 'maybe', expected one of true, 1, yes, false, 0, no" in capsys.readouterr().err


def test_kills_takes_its_flags_and_the_log_that_run_would_follow() -> None:
    options = parse(["kills", "-o", "json", "--no-headers"], {"OOMSIGHT_KERNEL_LOG_PATH": "/host/kmsg"}, "h")
    assert (options.command, options.output, options.no_headers, options.kernel_log_path) == ("kills", "json", True, "/host/kmsg")
    assert parse([], {}, "h").kernel_log_path == "/dev/kmsg"


def test_top_takes_its_flags() -> None:
    options = parse(["top", "--all", "-o", "wide", "--watch", "2", "--limit", "5", "--no-headers"], {}, "h")
    assert (options.command, options.all, options.output, options.watch, options.limit) == ("top", True, "wide", 2.0, 5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--listen", "nonsense"], "found 'nonsense', expected ADDR:PORT"),
        (["--listen", "1.2.3.4:99999"], "found '1.2.3.4:99999', expected ADDR:PORT"),
        (["--interval-seconds", "0"], "found '0', expected seconds from 0.05 to 3600"),
        (["--stat-interval-seconds", "nan"], "found 'nan', expected seconds from 0 to 3600"),
        (["top", "--limit", "0"], "found '0', expected a number of rows"),
        (["top", "--sort-by", "color"], "invalid choice: 'color'"),
        (["bottom"], "invalid choice: 'bottom'"),
    ],
)
def test_a_wrong_flag_ends_with_two_and_says_what_was_expected(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_info:
        parse(arguments, {}, "h")
    assert exit_info.value.code == 2
    assert message in capsys.readouterr().err


def test_a_wrong_environment_variable_is_refused_like_a_flag(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse([], {"OOMSIGHT_INTERVAL_SECONDS": "fast"}, "h")
    assert "found 'fast'" in capsys.readouterr().err


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_info:
        parse(["--version"], {}, "h")
    assert exit_info.value.code == 0
    assert capsys.readouterr().out == f"oomsight-agent {metadata.version('oomsight')}\n"
