"""Programs that the demo's containers run. Standard library alone; exact amounts; run as `python -I -S workloads.py NAME ...`.

Each is a mistake (or a virtue) that real programs have. They end by themselves on SIGTERM.
"""

from __future__ import annotations

import argparse
import mmap
import os
import signal
import subprocess
import sys
import time

MIB = 1024 * 1024
PAGE = mmap.PAGESIZE


def say(text: str) -> None:
    print(text, flush=True)


def take(mib: float) -> mmap.mmap:
    """Anonymous memory with every page written, so that it is really charged."""
    size = max(PAGE, int(mib * MIB))
    block = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    for offset in range(0, size, PAGE):
        block[offset] = 1
    return block


def rest() -> None:
    while True:
        signal.pause()


def steady(arguments: argparse.Namespace) -> None:
    """Takes what it needs and stays there: a well sized service, or an init container with --seconds."""
    block = take(arguments.mib)
    say(f"serving with {len(block) // MIB} MiB")
    if arguments.seconds is None:
        rest()
    time.sleep(arguments.seconds)


def page_cache(arguments: argparse.Namespace) -> None:
    """Writes a file larger than its limit and reads it over and over: usage stands at the limit, and nothing is wrong."""
    path = os.path.join(arguments.directory, "index")
    chunk = os.urandom(MIB)
    with open(path, "wb") as file:
        for number in range(arguments.mib):
            file.write(chunk)
            if number % 4 == 3:  # dirty pages cannot be reclaimed: on v1 they alone would fill the limit
                file.flush()
                os.fsync(file.fileno())
    say(f"index of {arguments.mib} MiB written, searching in it")
    while True:
        with open(path, "rb", buffering=0) as file:
            while file.read(MIB):
                time.sleep(0.005)
        time.sleep(0.5)


def leak(arguments: argparse.Namespace) -> None:
    """Forgets to free: grows steadily until it is killed."""
    blocks = [take(arguments.start_mib)]
    step = 0.5
    while True:
        blocks.append(take(step))
        time.sleep(step / arguments.mib_per_second)


def burst(arguments: argparse.Namespace) -> None:
    """Needs more at its very start than its limit allows."""
    say(f"loading a model of {arguments.mib} MiB")
    time.sleep(0.5)
    block = take(arguments.mib)
    say(f"model of {len(block) // MIB} MiB loaded")
    rest()


def parent(arguments: argparse.Namespace) -> None:
    """A server that gives each job to a child process; the jobs are too big, the server lives on and tells nobody."""
    while True:
        job = [sys.executable, "-I", "-S", os.path.abspath(__file__), "steady", f"--mib={arguments.mib}", "--seconds=1"]
        code = subprocess.run(job, check=False).returncode
        say(f"job ended with {code}, taking the next")
        time.sleep(arguments.every_seconds)


def surge(arguments: argparse.Namespace) -> None:
    """Rests until SIGUSR1, then takes memory at once: itself, or with --child in a child process while it lives on."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    say("waiting for SIGUSR1")
    while True:
        signal.sigwait({signal.SIGUSR1})
        if arguments.child and os.fork():
            os.wait()
        else:
            block = take(arguments.mib)
            say(f"{len(block) // MIB} MiB taken")
            if arguments.child:
                os._exit(0)


def shared_memory(arguments: argparse.Namespace) -> None:
    """Fills a memory-backed volume: no process shows it, no cache reclaim frees it, all of it counts against the limit."""
    chunk = os.urandom(MIB)
    with open(os.path.join(arguments.directory, "spool"), "wb") as file:
        for _ in range(arguments.mib):
            file.write(chunk)
            file.flush()
            time.sleep(0.02)
    say(f"{arguments.mib} MiB spooled to {arguments.directory}")
    rest()


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(prog="oomsight-workload", description=__doc__.splitlines()[0] if __doc__ else None)
    programs = result.add_subparsers(required=True)

    def add(name: str, run: object, **options: tuple[type, object]) -> None:
        description = (run.__doc__ or "").splitlines()[0]
        program = programs.add_parser(name, help=description, description=description)
        program.set_defaults(run=run)
        for option, (kind, default) in options.items():
            program.add_argument(f"--{option.replace('_', '-')}", type=kind, default=default)

    add("steady", steady, mib=(float, 16), seconds=(float, None))
    add("page-cache", page_cache, mib=(int, 96), directory=(str, "."))
    add("leak", leak, mib_per_second=(float, 2), start_mib=(float, 8))
    add("burst", burst, mib=(float, 48))
    add("parent", parent, mib=(float, 64), every_seconds=(float, 10))
    add("surge", surge, mib=(float, 64), child=(int, 0))
    add("shared-memory", shared_memory, mib=(int, 48), directory=(str, "."))
    return result


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    arguments = parser().parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
