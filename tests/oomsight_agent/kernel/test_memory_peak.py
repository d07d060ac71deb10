import os
from pathlib import Path

from oomsight_agent.kernel.memory_peak import open_peak, reset_peak


def test_a_plain_file_is_never_written_to(tmp_path: Path) -> None:
    peak = tmp_path / "memory.peak"
    peak.write_bytes(b"4096\n")
    descriptor, resettable = open_peak(str(peak))
    os.close(descriptor)
    assert not resettable


def test_a_kernel_before_6_12_gives_the_file_no_right_to_write(tmp_path: Path) -> None:
    peak = tmp_path / "memory.peak"
    peak.touch(mode=0o444)
    descriptor, resettable = open_peak(str(peak))
    os.close(descriptor)
    assert not resettable


def test_the_peak_of_v1_is_everybodys_and_never_reset(tmp_path: Path) -> None:
    peak = tmp_path / "memory.max_usage_in_bytes"
    peak.touch(mode=0o644)
    descriptor, resettable = open_peak(str(peak))
    os.close(descriptor)
    assert not resettable


def test_a_reset_that_changes_nothing_did_not_work_and_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    peak = tmp_path / "memory.peak"
    peak.write_bytes(b"4096\n")
    with peak.open("r+b") as file:
        assert not reset_peak(file.fileno(), b"4096\n")
    assert peak.read_bytes() == b"4096\n"


def test_a_refused_reset_is_told(tmp_path: Path) -> None:
    peak = tmp_path / "memory.peak"
    peak.write_bytes(b"4096\n")
    with peak.open("rb") as file:
        assert not reset_peak(file.fileno(), b"4096\n")
