"""Runs that are known by a checksum are those that the pod's status shows, or none."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.oomsight_operator.judgement.build import FIRST_RUN, SECOND_RUN, THIRD_RUN, end, pod, running, spec

from oomsight_operator.judgement.kills.runs import checksum_of, known_by, with_whole_ids
from oomsight_operator.judgement.model import ContainerHistory, PodHistory


def of(seen: str | None, *ended: str) -> PodHistory:
    return PodHistory({"app": ContainerHistory(container_id_seen=seen, ended_container_ids=ended, oom_kills_seen=3)})


def short(run: str) -> str:
    return known_by(checksum_of(run))


POD = pod(spec(), statuses=(running(run=SECOND_RUN, last_terminated=end(FIRST_RUN)),))


def test_runs_that_the_status_shows_are_known_again() -> None:
    assert with_whole_ids(of(short(SECOND_RUN), short(FIRST_RUN)), POD) == of(SECOND_RUN, FIRST_RUN)
    assert with_whole_ids(of(short(FIRST_RUN)), POD) == of(FIRST_RUN)


def test_a_run_that_it_does_not_show_is_no_other() -> None:
    history = of(short(THIRD_RUN), short(THIRD_RUN))
    assert with_whole_ids(history, POD) == history


def test_whole_ids_and_unknown_ones_stay() -> None:
    for history in (
        of(FIRST_RUN, THIRD_RUN),
        of(None),
        PodHistory({"other": ContainerHistory(container_id_seen=short(FIRST_RUN))}),
    ):
        assert with_whole_ids(history, POD) == history


@given(st.text(max_size=80) | st.text(max_size=12).map("crc32:".__add__))
def test_a_checksum_has_32_bits_and_is_that_of_what_it_stands_for(run: str) -> None:
    assert 0 <= checksum_of(run) < 2**32
    assert checksum_of(short(run)) == checksum_of(run)
