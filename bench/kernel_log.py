"""How many lines a second the kernel log's reader and parser take.

    make bench-kernel-log

The records are the real ones of the tests' fixtures, over and over, numbered as one log. Counted is the CPU time of this process,
since other work on the machine disturbs that least; the median of the rounds is told. (a) OOM dumps alone: from the bytes of each
record to OOMs. (b) The same among unrelated records, three for each. (c) As (a), with `KmsgReader` on a pipe that keeps records
apart as /dev/kmsg does: what reading costs besides. Last line: `lines_per_second=…`, the lower of (a) and (b).
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from oomsight_agent.kernel.kmsg import KmsgReader
from oomsight_agent.kernel.kmsg_record import KmsgRecord, parse_record
from oomsight_agent.kernel.oom_log.assembler import OomLog

FIXTURES = Path(__file__).parents[1] / "tests" / "oomsight_agent" / "kernel" / "oom_log" / "fixtures"
TARGET = 100_000
LINES_PER_ROUND = 100_000
RECORDS_PER_FEED = 4096
NOISE = (
    b"IPv6: ADDRCONF(NETDEV_CHANGE): veth2f1c8e4a: link becomes ready",
    b"cni0: port 7(veth2f1c8e4a) entered forwarding state",
    b"audit: type=1400 audit(1790000000.123:456): apparmor=\\x22DENIED\\x22 operation=\\x22open\\x22 profile=\\x22docker\\x22",
    b"systemd[1]: run-containerd-runc-k8s.io.mount: Deactivated successfully.",
    b"EXT4-fs (sda1): mounted filesystem with ordered data mode. Quota mode: none.",
    b"TCP: request_sock_TCP: Possible SYN flooding on port 8080. Sending cookies.",
)


def dumps() -> Iterator[bytes]:
    """Heads cut off: what follows the flag of each record of every fixture, with priority."""
    while True:
        for path in sorted(FIXTURES.glob("*.txt")):
            yield from path.read_bytes().splitlines(keepends=True)


def log_of(*, noise: bool) -> list[bytes]:
    """Raw records, numbered without a gap, 10 us apart."""
    lines: list[bytes] = []
    for line in dumps():
        if line.startswith(b" "):
            continue
        priority, _, _, rest = line.split(b",", 3)
        lines.append(b"%s,%d,%d,%s" % (priority, len(lines), 10 * len(lines), rest))
        for text in NOISE[:3] if len(lines) % 8 else NOISE[3:]:
            if noise:
                lines.append(b"6,%d,%d,-;%s\n" % (len(lines), 10 * len(lines), text))
        if len(lines) >= LINES_PER_ROUND:
            return lines
    raise AssertionError("without end")


def parse(lines: list[bytes]) -> int:
    """The number of OOMs in them."""
    log, found = OomLog(), 0
    for start in range(0, len(lines), RECORDS_PER_FEED):
        records = [
            record for record in map(parse_record, lines[start : start + RECORDS_PER_FEED]) if isinstance(record, KmsgRecord)
        ]
        found += len(log.feed(records))
    return found


def read_and_parse(lines: list[bytes]) -> int:
    """The same through the reader. The writing is another process's, so that it is not counted."""
    read_end, write_end = os.pipe2(os.O_DIRECT)
    child = os.fork()
    if child == 0:
        os.close(read_end)
        for line in lines:
            os.write(write_end, line[:4096])
        os._exit(0)
    os.close(write_end)
    reader = KmsgReader(f"/proc/self/fd/{read_end}")
    os.dup2(read_end, reader.fileno(), inheritable=False)  # opened anew, the pipe would not keep packets apart
    os.close(read_end)
    log, found, count = OomLog(), 0, 0
    while records := reader.read():
        found += len(log.feed(records))
        count += len(records)
    reader.close()
    os.waitpid(child, 0)
    assert (count, reader.records_lost, reader.records_malformed) == (len(lines), 0, 0)
    return found


def lines_per_second(run: Callable[[list[bytes]], int], lines: list[bytes], rounds: int) -> tuple[float, int]:
    """Of CPU time, and the OOMs found."""
    seconds = []
    found = 0
    for _ in range(rounds):
        start = time.process_time()
        found = run(lines)
        seconds.append(time.process_time() - start)
    return len(lines) / statistics.median(seconds), found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    only_dumps, mixed = log_of(noise=False), log_of(noise=True)
    print(f"{LINES_PER_ROUND} records a round, {rounds} rounds; lines per second of CPU time, median")
    results = []
    for name, run, lines in (("dumps", parse, only_dumps), ("mixed", parse, mixed), ("reader", read_and_parse, only_dumps)):
        speed, found = lines_per_second(run, lines, rounds)
        results.append(speed)
        print(f"{name}: {speed:,.0f} lines/s, {found} OOMs in {len(lines)} lines")
    slower = min(results[:2])
    print(f"target: {TARGET:,} lines/s, {'reached' if slower >= TARGET else 'missed'}")
    print(f"lines_per_second={slower:.0f}")


if __name__ == "__main__":
    main()
