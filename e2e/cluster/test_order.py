"""QoS class and oom_score_adj as annotated are those of the kubelet and the kernel."""

from __future__ import annotations

import pytest

from oomsight_api.names import Annotation
from oomsight_cluster.stage import Stage, annotation

PODS = (("guaranteed", "Guaranteed"), ("burstable", "Burstable"), ("best-effort", "BestEffort"))


@pytest.mark.parametrize(("app", "qos"), PODS)
def test_the_annotations_are_what_the_kubelet_and_proc_say(stage: Stage, app: str, qos: str) -> None:
    pod = stage.pod_when(app, lambda pod: annotation(pod, Annotation.OOM_SCORE_ADJ), "its oom_score_adj is annotated")
    in_proc = int(stage.run_in(app, "cat", "/proc/1/oom_score_adj"))
    assert pod["status"]["qosClass"] == qos == annotation(pod, Annotation.QOS_CLASS)
    live, _, expected = annotation(pod, Annotation.OOM_SCORE_ADJ).partition(" ")
    assert int(live) == in_proc
    if qos == "BestEffort":
        assert (in_proc, expected) == (1000, "")
    if qos == "Burstable":
        assert 2 <= in_proc <= 999
        assert not expected
    # A machine without CAP_SYS_RESOURCE cannot give -997, and then the annotation says that it should be.
    if qos == "Guaranteed":
        assert (in_proc, expected) == (-997, "") or expected == "(expected -997)"
