r"""One record of `/dev/kmsg`: `6,1806,1894308768,-;oom-kill:constraint=CONSTRAINT_MEMCG,…` and a newline.

Before the semicolon: priority (facility * 8 + level), sequence number, microseconds of about CLOCK_MONOTONIC, a flag, and from 5.1
on perhaps `caller=T1`. Behind it one line of text; then lines ` KEY=value` that belong to it. Bytes of the text below 0x20 and from
0x7f up, and the backslash, come as `\xNN`. The flag is `-`; `c` marks a fragment of a line (before 4.10 its first one, and `+`
those that follow). User space can write records of any facility but 0.
Source: Documentation/ABI/testing/dev-kmsg, kernel/printk/printk.c (info_print_ext_header, msg_add_ext_text).
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from oomsight_agent.kernel.problem import Problem, problem

KERNEL_FACILITY: Final = 0
_MOST_DIGITS: Final = 19
_ESCAPED: Final = re.compile(rb"\\x([0-9a-f]{2})")


class KmsgRecord(NamedTuple):
    """A tuple, since 100,000 a second are made in a storm."""

    seq: int
    usec: int
    facility: int
    level: int
    flag: bytes
    caller: bytes
    """`caller=T1` where the kernel tells (CONFIG_PRINTK_CALLER), else empty."""
    text: bytes
    """As the kernel's code printed it: unescaped."""


def parse_record(raw: bytes) -> KmsgRecord | Problem:
    """The record in what one read() gave; a Problem when it is none."""
    head, semicolon, rest = raw.partition(b";")
    fields = head.split(b",", 4)
    if not semicolon or len(fields) < 4:
        return problem("a record such as '6,1806,1894308768,-;text'", raw)
    priority, seq, usec, flag = fields[:4]
    if (
        not (priority.isdigit() and seq.isdigit() and usec.isdigit())
        or len(head) > 256
        or len(max(fields[:3], key=len)) > _MOST_DIGITS
    ):
        return problem("priority, sequence number and microseconds as decimal numbers", raw)
    text = rest.partition(b"\n")[0]
    if b"\\" in text:
        text = _ESCAPED.sub(_unescape, text)
    number = int(priority)
    return KmsgRecord(int(seq), int(usec), number >> 3, number & 7, flag, fields[4] if len(fields) > 4 else b"", text)


def _unescape(match: re.Match[bytes]) -> bytes:
    return bytes((int(match[1], 16),))
