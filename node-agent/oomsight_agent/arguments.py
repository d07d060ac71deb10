"""The agent's command line: flags, their defaults, and errors that say what was found and expected.

Every flag of `run` with a default can be set by an environment variable: OOMSIGHT_LISTEN for --listen. A flag wins.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence

from oomsight_agent import __version__, logs
from oomsight_agent.board import COALESCE_SECONDS
from oomsight_agent.kernel.roots import Roots
from oomsight_agent.kills_view import FORMATS as KILLS_FORMATS
from oomsight_agent.top_rows import SORT_KEYS
from oomsight_agent.top_view import FORMATS

DEFAULT_LISTEN = "0.0.0.0:9754"
DEFAULT_KERNEL_LOG_PATH = "/dev/kmsg"
_YES, _NO = ("true", "1", "yes"), ("false", "0", "no")
_ENVIRONMENT_PREFIX = "OOMSIGHT_"


def parse(arguments: Sequence[str], environment: Mapping[str, str], host_name: str) -> argparse.Namespace:
    """Parse a command line; without a command it is `run`. A wrong one ends the program with exit code 2, as argparse does."""
    words = list(arguments)
    if not words or (words[0].startswith("-") and words[0] not in ("-h", "--help", "--version")):
        words.insert(0, "run")
    parser = _parser(environment, host_name)
    options = parser.parse_args(words)
    if isinstance(getattr(options, "kernel_log", None), str):  # from the environment; a flag takes no value
        try:
            options.kernel_log = _yes(options.kernel_log)
        except argparse.ArgumentTypeError as error:
            parser.error(f"{_ENVIRONMENT_PREFIX}KERNEL_LOG: {error}")
    return options


def _parser(environment: Mapping[str, str], host_name: str) -> argparse.ArgumentParser:
    def env(name: str, default: str) -> str:
        return environment.get(f"{_ENVIRONMENT_PREFIX}{name}") or default

    parser = argparse.ArgumentParser(
        prog="oomsight-agent",
        description="Reads one node's memory cgroups and says what is. Without a command: run.",
    )
    parser.add_argument("--version", action="version", version=f"oomsight-agent {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="run|top|kills")
    run = commands.add_parser("run", help="sample and serve reports and metrics until stopped (the default)")
    _add_roots(run, environment, host_name)
    run.add_argument(
        "--listen", type=_address, default=env("LISTEN", DEFAULT_LISTEN), metavar="ADDR:PORT", help="default: %(default)s"
    )
    run.add_argument(
        "--interval-seconds",
        type=_seconds,
        default=env("INTERVAL_SECONDS", "1"),
        metavar="S",
        help="between samples; default: %(default)s",
    )
    run.add_argument(
        "--stat-interval-seconds",
        type=_seconds,
        default=env("STAT_INTERVAL_SECONDS", "10"),
        metavar="S",
        help="between readings of memory.stat and processes, which cost most; default: %(default)s",
    )
    run.add_argument(
        "--coalesce-seconds",
        type=_seconds_or_none,
        default=env("COALESCE_SECONDS", f"{COALESCE_SECONDS:g}"),
        metavar="S",
        help="hold ordinary changes so long before they end a poll; kills never wait; default: %(default)s",
    )
    run.add_argument(
        "--kernel-log",
        action=argparse.BooleanOptionalAction,
        default=env("KERNEL_LOG", "false"),
        help="follow the kernel's log: it tells of each OOM whose limit was hit, who was killed, and what held the memory. Needs a "
        "privileged container; without it kills are known by counters alone; default: %(default)s",
    )
    _add_log_path(run, environment)
    run.add_argument("--port-file", metavar="FILE", help="write the port here once it is open (for port 0)")
    run.add_argument("--log-level", choices=logs.LEVELS, default=env("LOG_LEVEL", "info"), help="default: %(default)s")
    table = commands.add_parser("top", help="print the containers of this machine as a table")
    _add_roots(table, environment, host_name)
    table.add_argument("-A", "--all", action="store_true", help="every memory cgroup, not only containers")
    table.add_argument("-o", "--output", choices=FORMATS, default="table", help="default: %(default)s")
    table.add_argument("--sort-by", choices=tuple(SORT_KEYS), default="headroom", help="default: %(default)s, the tightest first")
    table.add_argument("--limit", type=_count, metavar="N", help="the first N rows")
    table.add_argument("--no-headers", action="store_true", help="rows alone")
    table.add_argument("-w", "--watch", type=_seconds, metavar="S", help="again every S seconds until interrupted")
    kills = commands.add_parser(
        "kills",
        help="print the OOM kills of this machine that can still be seen",
        description="Prints the OOMs that the kernel's log still holds and, beside or without it, those that the counters of "
        "running containers tell of.",
    )
    _add_roots(kills, environment, host_name)
    _add_log_path(kills, environment)
    kills.add_argument("-o", "--output", choices=KILLS_FORMATS, default="table", help="default: %(default)s")
    kills.add_argument("--no-headers", action="store_true", help="rows alone")
    return parser


def _add_log_path(parser: argparse.ArgumentParser, environment: Mapping[str, str]) -> None:
    parser.add_argument(
        "--kernel-log-path",
        default=environment.get(f"{_ENVIRONMENT_PREFIX}KERNEL_LOG_PATH") or DEFAULT_KERNEL_LOG_PATH,
        metavar="FILE",
        help="the node's kernel log; default: %(default)s",
    )


def _add_roots(parser: argparse.ArgumentParser, environment: Mapping[str, str], host_name: str) -> None:
    usual = Roots()
    for flag, default, text in (
        ("cgroup-root", usual.cgroup_root, "the node's cgroup file system"),
        ("proc-root", usual.proc_root, "the node's /proc"),
        ("container-log-dir", usual.container_log_dir, "where links name the containers"),
    ):
        value = environment.get(f"{_ENVIRONMENT_PREFIX}{flag.upper().replace('-', '_')}") or default
        parser.add_argument(f"--{flag}", default=value, metavar="DIR", help=f"{text}; default: %(default)s")
    name = environment.get("NODE_NAME") or host_name
    parser.add_argument("--node-name", default=name, metavar="NAME", help="default: $NODE_NAME, else the host's name")


def _yes(text: str) -> bool:
    if text.lower() not in _YES + _NO:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected one of {', '.join(_YES + _NO)}")
    return text.lower() in _YES


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65535:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected ADDR:PORT, for example {DEFAULT_LISTEN} or [::]:9754")
    return host, int(port)


def _seconds(text: str) -> float:
    seconds = _seconds_or_none(text)
    if seconds < 0.05:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected seconds from 0.05 to 3600")
    return seconds


def _seconds_or_none(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = float("nan")
    if not 0 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected seconds from 0 to 3600")
    return seconds


def _count(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,8}", text):
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a number of rows from 1 up")
    return int(text)
