"""Fuzzes the kernel log's parser by coverage: RUNS inputs that atheris makes from the real logs, with a fixed seed.

    make fuzz RUNS=50000

An input is lines of a log: the first two bytes of each say how it is made a record (flag, facility, level, caller, a gap before
it), the rest is its text, escaped as /dev/kmsg does it. What must hold for each is in `check`. Exits with 1, and leaves the input
in `.cache/fuzz/`, when something does not. Last line: `runs=N crashes=0`.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests" / "oomsight_agent" / "kernel" / "oom_log"
FOUND = ROOT / ".cache" / "fuzz"
SEED = 20261123
MOST_BYTES = 16 * 1024
MOST_SECONDS = 900
DEFAULT_RUNS = 50_000
SEEDS_BYTES = 8 * 1024
"""Of each real log: the mutations of longer ones are too slow to be many."""
FLAGS = (b"-", b"-", b"-", b"c", b"+")


def seeds() -> list[bytes]:
    """Inputs that are the real logs, and the written ones of older kernels, each cut into parts."""
    made = []
    for path in sorted([*FIXTURES.glob("fixtures/*.txt"), *FIXTURES.glob("written/*.txt")]):
        lines = [line for line in path.read_bytes().splitlines() if line[:1].isdigit()]
        parts = [bytes((FLAGS.index(line.split(b",", 4)[3][:1]), 0)) + line.partition(b";")[2] for line in lines]
        while parts:
            part, size = [], 0
            while parts and size < SEEDS_BYTES:
                size += len(parts[-1]) + 1
                part.append(parts.pop())
            made.append(b"\n".join(reversed(part)))
    return made


def run_child(runs: str, corpus: str) -> None:
    """In a process of its own, since libFuzzer ends its process."""
    import atheris

    with atheris.instrument_imports(include=["oomsight_agent"]):
        from oomsight_agent.kernel.kmsg_record import KmsgRecord, parse_record
        from oomsight_agent.kernel.oom_log.assembler import OomLog
        from oomsight_agent.kernel.oom_log.kill_line import parse_killed
        from oomsight_agent.kernel.oom_log.model import LogOom

    def check(oom: LogOom) -> None:
        pids = [kill.pid for kill in oom.kills]
        assert len(set(pids)) == len(pids), "a victim twice"
        assert len(oom.tasks) <= 10, "a task table without bounds"
        for text in (oom.limit_cgroup, oom.task_cgroup, oom.group_cgroup, oom.trigger_name, oom.trigger_cpuset):
            assert text is None or (text.isascii() and (text.isprintable() or not text) and len(text) <= 4096), "text not bounded"
        assert not (oom.is_global and oom.limit_cgroup is not None), "a node-wide OOM with a limit"

    def one_input(data: bytes) -> None:
        parse_record(data)
        log, seq = OomLog(), 0
        for line in data.split(b"\n"):
            how = (line[:1] or b"\0")[0]
            more = (line[1:2] or b"\0")[0]
            seq += 1 + (more >> 6) * (how >> 7)
            caller = b",caller=T%d" % (more & 3) if more & 4 else b""
            raw = b"%d,%d,%d,%s%s;%s\n" % (8 * (more >> 3 & 1) + how % 8, seq, 1000 * seq, FLAGS[how % 5], caller, line[2:])
            record = parse_record(raw)
            assert isinstance(record, KmsgRecord), "a record that the kernel could have written is none"
            found = log.feed([record])
            killed = parse_killed(record.text, record.seq, record.usec)
            if killed is not None and record.facility == 0 and record.flag == b"-":
                assert any(kill.pid == killed.kill.pid for oom in found for kill in oom.kills), "a kill that is not told"
            for oom in found:
                assert record.facility == 0, "user space was believed"
                assert not oom.kills or killed is not None, "a kill that the kernel does not tell"
                check(oom)

    arguments = [sys.argv[0], corpus, f"-runs={runs}", f"-seed={SEED}", f"-max_len={MOST_BYTES}", f"-max_total_time={MOST_SECONDS}"]
    atheris.Setup([*arguments, "-timeout=30", "-print_final_stats=1", f"-artifact_prefix={FOUND}/"], one_input)
    atheris.Fuzz()


def main() -> int:
    if sys.argv[1:2] == ["--child"]:
        run_child(*sys.argv[2:4])
        return 0
    if importlib.util.find_spec("atheris") is None:
        sys.stderr.write("atheris is missing; expected Linux on x86-64, for which alone it has wheels, and `make setup`\n")
        return 2
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_RUNS
    FOUND.mkdir(parents=True, exist_ok=True)
    corpus = tempfile.mkdtemp(prefix="oomsight-fuzz-")
    try:
        for number, seed in enumerate(seeds()):
            Path(corpus, f"{number:04}").write_bytes(seed)
        command = [sys.executable, __file__, "--child", str(runs), corpus]
        ended = subprocess.run(command, capture_output=True, env={**os.environ, "PYTHONHASHSEED": "0"}, check=False)
    finally:
        shutil.rmtree(corpus)
    output = (ended.stderr + ended.stdout).decode(errors="replace")
    done = [line.rpartition(" ")[2] for line in output.splitlines() if line.startswith("stat::number_of_executed_units")]
    crashed = ended.returncode != 0
    if crashed or not done:
        sys.stdout.write(output[-8000:])
    count = int(done[0]) if done else 0
    sys.stdout.write(f"runs={count} crashes={int(crashed)}\n")
    return 1 if crashed or count < runs else 0


if __name__ == "__main__":
    sys.exit(main())
