"""`oomsight-sandbox`: the demo, and the recorder of what the demo replays where cgroups cannot be made."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Coroutine, Sequence

from oomsight_sandbox.demo import DemoError, Options, run_demo
from oomsight_sandbox.kubectl import KubectlError
from oomsight_sandbox.kubelet.api import RequestError
from oomsight_sandbox.kubelet.cgroups import CgroupRemovalError, CgroupsUnavailableError, can_make_cgroups
from oomsight_sandbox.record import record
from oomsight_sandbox.recording import RecordingError, read_recording
from oomsight_sandbox.replay import RECORDING
from oomsight_sandbox.screen import Screen

REPLAY_VARIABLE = "OOMSIGHT_SANDBOX_REPLAY"
INTERRUPTED_EXIT_CODE = 130


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(prog="oomsight-sandbox", description="oomsight on this machine, without a cluster.")
    commands = result.add_subparsers(dest="command", required=True)
    demo = commands.add_parser("demo", help="real containers, real OOM kills, and the pods annotated")
    demo.add_argument("--keep", action="store_true", help="leave it running until Ctrl-C, with a kubeconfig")
    demo.add_argument("--seconds", type=float, default=90.0, help="wait at most so long for all that must be seen (default 90)")
    demo.add_argument(
        "--replay", action="store_true", help=f"replay the recorded node even where cgroups can be made ({REPLAY_VARIABLE}=1)"
    )
    recorder = commands.add_parser("record", help="record this machine during the demo, for --replay")
    recorder.add_argument("file", nargs="?", default=RECORDING, help="where to write it (default: the demo's own recording)")
    recorder.add_argument("--seconds", type=float, default=50.0, help="how long (default 50)")
    for command in (demo, recorder):
        command.add_argument("--no-colour", "--no-color", action="store_true", help="plain text also on a terminal")
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    flags = parser().parse_args(arguments)
    colours = sys.stdout.isatty() and not flags.no_colour and not os.environ.get("NO_COLOR")
    screen = Screen(sys.stdout, colours=colours)
    try:
        if flags.command == "record":
            return _run(record(flags.file, flags.seconds, screen))
        return _run(run_demo(_options(flags), screen))
    except asyncio.CancelledError:
        screen.say("\nInterrupted; everything is removed again.")
        return INTERRUPTED_EXIT_CODE
    except BrokenPipeError:  # the reader of our output went, as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (DemoError, KubectlError, RequestError, RecordingError, CgroupsUnavailableError, CgroupRemovalError, OSError) as error:
        screen.bad(str(error))
        return 1


def _options(flags: argparse.Namespace) -> Options:
    because = "you asked for it" if flags.replay or os.environ.get(REPLAY_VARIABLE) == "1" else None
    if because is None and (reason := can_make_cgroups()) is not None:
        because = f"memory cgroups cannot be made here ({reason})"
    recording = None if because is None else read_recording(RECORDING)
    return Options(seconds=flags.seconds, keep=flags.keep, recording=recording, replay_because=because or "")


def _run(work: Coroutine[None, None, int]) -> int:
    """Run it; the first SIGINT, SIGTERM or SIGHUP ends it in order, later ones do not disturb the cleaning up."""

    async def interruptible() -> int:
        loop = asyncio.get_running_loop()
        task = asyncio.ensure_future(work)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, lambda: None if task.cancelling() else task.cancel())
        return await task

    return asyncio.run(interruptible())


if __name__ == "__main__":
    sys.exit(main())
