"""The recording's format: what is written comes back, what is hostile is refused."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oomsight_sandbox.recording import (
    Identity,
    Moment,
    Recording,
    RecordingError,
    pod_keys,
    read_recording,
    renamed,
    shifted,
    write_recording,
)


def recording(*moments: Moment) -> Recording:
    return Recording(1000.0, 2**34, "Linux 6.18, cgroup v1", {"web/0": Identity("web-a-1", "uid-1")}, moments)


def test_what_is_written_comes_back_and_the_bytes_are_always_the_same(tmp_path: Path) -> None:
    written = recording(
        Moment(0.5, {"proc/meminfo": "MemTotal: 1 kB\n"}, {"a.log": None}, {"web/0": {"phase": "Running"}}), Moment(1.0)
    )
    write_recording(str(tmp_path / "a"), written)
    write_recording(str(tmp_path / "b"), written)
    read = read_recording(str(tmp_path / "a"))
    assert (read.pods, list(read.moments), read.seconds) == (written.pods, list(written.moments), 1.0)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("path", ["/etc/passwd", "proc/../../etc/passwd", "..", "cgroup/a\0b"])
def test_a_path_out_of_the_tree_is_refused(tmp_path: Path, path: str) -> None:
    write_recording(str(tmp_path / "r"), recording(Moment(0.0, {path: "x"})))
    with pytest.raises(RecordingError, match="leads out of the tree"):
        read_recording(str(tmp_path / "r"))


@pytest.mark.parametrize(
    "data",
    [b"", b"x", *(gzip.compress(content) for content in (b"", b"{}", b"[1]\n", b"\xff"))],
    ids=["empty", "no gzip", "nothing", "no header", "no object", "no text"],  # gzip has the time in it: no id for parallel workers
)
def test_what_is_no_recording_is_refused_by_name(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "r").write_bytes(data)
    with pytest.raises(RecordingError, match="r: is no recording"):
        read_recording(str(tmp_path / "r"))


def test_another_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "r").write_bytes(gzip.compress(json.dumps({"version": 2}).encode()))
    with pytest.raises(RecordingError, match="version 2, expected 1"):
        read_recording(str(tmp_path / "r"))


JSON = st.recursive(
    st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
)


@given(st.lists(JSON))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_lines_are_a_recording_or_refused(tmp_path: Path, lines: list[Any]) -> None:
    (tmp_path / "r").write_bytes(gzip.compress("\n".join(map(json.dumps, lines)).encode()))
    with pytest.raises(RecordingError):
        read_recording(str(tmp_path / "r"))


def test_pods_of_one_app_are_numbered_by_name() -> None:
    def pod(name: str, app: str | None) -> dict[str, Any]:
        return {"metadata": {"name": name, "uid": f"uid-{name}", "labels": {"app": app} if app else {}}}

    keys = pod_keys([pod("web-b", "web"), pod("web-a", "web"), pod("other", None)])
    assert keys == {"web/0": Identity("web-a", "uid-web-a"), "web/1": Identity("web-b", "uid-web-b")}


def test_names_are_replaced_longest_first() -> None:
    assert renamed("web-1_shop_web-1-x.log", {"web-1": "A", "web-1-x": "B"}) == "A_shop_B.log"


def test_times_anywhere_in_a_status_are_moved() -> None:
    status = {"a": [{"startedAt": "2026-03-01T10:00:00Z", "name": "2026"}], "n": 1}
    assert shifted(status, 61.2) == {"a": [{"startedAt": "2026-03-01T10:01:01Z", "name": "2026"}], "n": 1}
