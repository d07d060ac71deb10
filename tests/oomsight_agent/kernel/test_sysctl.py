from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from oomsight_agent.kernel.problem import Problem
from oomsight_agent.kernel.read_errors import FileKind, ReadErrors
from oomsight_agent.kernel.sysctl import (
    Sysctls,
    parse_boot_id,
    parse_kernel_release,
    read_boot_id,
    read_kernel_release,
    read_sysctls,
)


def test_settings_are_read_and_one_that_is_broken_or_absent_is_unknown(tmp_path: Path) -> None:
    vm = tmp_path / "sys" / "vm"
    vm.mkdir(parents=True)
    for name, content in {
        "swappiness": "60\n",
        "overcommit_memory": "1\n",
        "overcommit_ratio": "50\n",
        "panic_on_oom": "soon\n",
    }.items():
        (vm / name).write_text(content)
    errors = ReadErrors()
    assert read_sysctls(str(tmp_path), errors) == Sysctls(swappiness=60, overcommit_memory=1, overcommit_ratio=50)
    assert errors.totals[FileKind.SYSCTL] == 1


def test_boot_and_release(tmp_path: Path) -> None:
    errors = ReadErrors()
    assert (read_boot_id(str(tmp_path), errors), read_kernel_release(str(tmp_path), errors)) == (None, None)
    assert errors.total == 0
    assert parse_boot_id(b"474181ac-8209-474b-9c95-a9bbfd209b52\n") == "474181ac-8209-474b-9c95-a9bbfd209b52"
    assert parse_kernel_release(b"6.18.44-generic\n") == "6.18.44-generic"


@given(st.binary(max_size=100))
def test_arbitrary_bytes_never_crash_and_never_leave_printable_ascii(data: bytes) -> None:
    assert isinstance(parse_boot_id(data), Problem)
    release = parse_kernel_release(data)
    assert isinstance(release, Problem) or (release.isascii() and release.isprintable())
