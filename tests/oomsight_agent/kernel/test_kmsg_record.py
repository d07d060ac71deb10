"""One record of /dev/kmsg."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_agent.kernel.kmsg_record import KmsgRecord, parse_record
from oomsight_agent.kernel.problem import Problem


def test_a_record_of_the_kernel() -> None:
    assert parse_record(b"3,1809,1894308795,-;Memory cgroup out of memory: Killed process 1\n") == KmsgRecord(
        seq=1809, usec=1894308795, facility=0, level=3, flag=b"-", caller=b"", text=b"Memory cgroup out of memory: Killed process 1"
    )


def test_a_record_of_user_space_has_another_facility() -> None:
    record = parse_record(b"11,7,8,-;Memory cgroup out of memory: Killed process 1\n")
    assert isinstance(record, KmsgRecord)
    assert (record.facility, record.level) == (1, 3)


def test_a_fragment_with_its_caller() -> None:
    record = parse_record(b"4,1807,1894308782,c,caller=T42,more=1;/r2-c\n")
    assert isinstance(record, KmsgRecord)
    assert (record.flag, record.caller, record.text) == (b"c", b"caller=T42,more=1", b"/r2-c")


def test_the_dictionary_is_no_part_of_the_text() -> None:
    record = parse_record(b"6,1,2,-;usb 1-1: new device\n SUBSYSTEM=usb\n DEVICE=c189:1\n")
    assert isinstance(record, KmsgRecord)
    assert record.text == b"usb 1-1: new device"


@pytest.mark.parametrize(
    ("escaped", "text"),
    [
        (rb"n\x0al) total-vm:9", b"n\nl) total-vm:9"),
        (rb"\xff\x5c (a) b,c", b"\xff\\ (a) b,c"),
        (rb"\x5cx41", rb"\x41"),  # an escaped backslash is not read a second time
        (rb"\xZZ", rb"\xZZ"),
        (b"a;b,c", b"a;b,c"),
        (b"", b""),
    ],
)
def test_text_is_unescaped_once(escaped: bytes, text: bytes) -> None:
    record = parse_record(b"6,1,2,-;" + escaped + b"\n")
    assert isinstance(record, KmsgRecord)
    assert record.text == text


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n",
        b"no record at all",
        b"6,1,2;three fields",
        b"x,1,2,-;a",
        b"-6,1,2,-;a",
        b"6, 1,2,-;a",
        b"6,1_0,2,-;a",
        b"6,\xb2,2,-;a",
        b"6," + b"9" * 20 + b",2,-;a",
        b"6," + b"9" * 5000 + b",2,-;a",
        b"6,1,2,-" + b",x=1" * 100 + b";a",
    ],
)
def test_what_makes_no_sense_is_a_problem(raw: bytes) -> None:
    problem = parse_record(raw)
    assert isinstance(problem, Problem)
    assert str(problem).isprintable()


@given(st.binary(max_size=300))
def test_no_bytes_break_it(raw: bytes) -> None:
    assert isinstance(parse_record(raw), KmsgRecord | Problem)


@given(st.binary(max_size=100), st.integers(0, 2**31), st.integers(0, 2**62), st.integers(0, 2**62))
def test_what_the_kernel_writes_is_read_back(text: bytes, priority: int, seq: int, usec: int) -> None:
    escaped = b"".join(b"%c" % byte if 0x20 <= byte < 0x7F and byte != 0x5C else b"\\x%02x" % byte for byte in text)
    record = parse_record(b"%d,%d,%d,-;%s\n" % (priority, seq, usec, escaped))
    assert record == KmsgRecord(seq, usec, priority >> 3, priority & 7, b"-", b"", text)
