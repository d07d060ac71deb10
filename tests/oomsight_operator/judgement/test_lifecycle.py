from __future__ import annotations

import pytest
from tests.oomsight_operator.judgement.build import pod, running, spec, waiting

from oomsight_operator.judgement.lifecycle import has_ended, has_started


def test_a_pod_has_started_when_any_container_ever_ran() -> None:
    assert has_started(pod(spec()))
    assert not has_started(pod(spec(), statuses=(waiting(),), phase="Pending"))
    assert has_started(pod(spec("setup", kind="init"), statuses=(running("setup"),), phase="Pending"))


@pytest.mark.parametrize(("phase", "ended"), [("Running", False), ("Pending", False), ("Succeeded", True), ("Failed", True)])
def test_a_pod_has_ended_when_its_phase_is_final(phase: str, ended: bool) -> None:
    assert has_ended(pod(spec(), phase=phase)) is ended
