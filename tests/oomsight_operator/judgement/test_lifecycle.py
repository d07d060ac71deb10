from __future__ import annotations

import pytest
from tests.oomsight_operator.judgement.build import NOW, end, pod, row, running, spec, waiting

from oomsight_operator.judgement.lifecycle import has_ended, has_failed, has_started, is_initializing, is_measured
from oomsight_operator.judgement.model import Telemetry


def test_a_pod_has_started_when_any_container_ever_ran() -> None:
    assert has_started(pod(spec()))
    assert not has_started(pod(spec(), statuses=(waiting(),), phase="Pending"))
    assert has_started(pod(spec("setup", kind="init"), statuses=(running("setup"),), phase="Pending"))


@pytest.mark.parametrize(("phase", "ended"), [("Running", False), ("Pending", False), ("Succeeded", True), ("Failed", True)])
def test_a_pod_has_ended_when_its_phase_is_final(phase: str, ended: bool) -> None:
    assert has_ended(pod(spec(), phase=phase)) is ended


def test_a_container_that_ended_otherwise_than_well_has_failed_and_an_init_container_that_is_done_has_not() -> None:
    assert has_failed(pod(spec(), statuses=(running("app", last_terminated=end()),)))
    assert has_failed(pod(spec(), statuses=(running("app", last_terminated=end(reason="Error", code=1)),)))
    assert not has_failed(pod(spec(), statuses=(running("app", last_terminated=end(reason="Completed", code=0)),)))
    assert has_failed(pod(spec(), statuses=(running("app", last_terminated=end(code=0)),))), "OOMKilled with exit code 0"


def test_a_pod_is_initializing_while_it_is_pending_and_nothing_has_failed() -> None:
    assert is_initializing(pod(spec(), phase="Pending"))
    assert not is_initializing(pod(spec(), phase="Pending", statuses=(waiting("app", last_terminated=end()),)))
    assert not is_initializing(pod(spec()))


def test_a_pod_is_measured_once_every_container_that_runs_has_its_row() -> None:
    two = pod(spec("app"), spec("side"), statuses=(running("app"), running("side", "b" * 64)))
    told = Telemetry(NOW, 1.0, {"app": row()})
    assert not is_measured(two, told)
    assert is_measured(pod(spec("app"), statuses=(running("app"),)), told)
    assert not is_measured(pod(spec("app"), statuses=(waiting("app"),)), told), "nothing runs"
