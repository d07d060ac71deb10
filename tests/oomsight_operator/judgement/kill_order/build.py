"""Candidates and domains from a few literals."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from tests.oomsight_operator.judgement.build import GI, MI

from oomsight_api.incident import OomScope
from oomsight_operator.judgement.kill_order.model import Candidate, Domain

PAGE = 4096
NODE = Domain(OomScope.NODE, None, 16 * GI // PAGE)


def candidate(pid: int, *, adj: int = 0, rss: int = MI, **more: Any) -> Candidate:
    """A process that has nothing but resident memory; `container="a"` puts it into /kubepods/a."""
    container = more.pop("container", None)
    return Candidate(
        pid=pid,
        name=more.pop("name", f"p{pid}"),
        oom_score_adj=adj,
        size_pages=more.pop("size_pages", rss // PAGE),
        rss_bytes=rss,
        cgroup=more.pop("cgroup", f"/kubepods/{container}" if container else "/system.slice"),
        container_id=container,
        pod_uid=f"pod-{container}" if container else None,
        **more,
    )


CANDIDATES = st.lists(
    st.builds(
        candidate,
        st.integers(2, 2**22),
        adj=st.one_of(st.integers(-999, 1000), st.sampled_from([-999, -998, -997, 0, 1000])),
        rss=st.one_of(st.integers(0, 2**63 - 1), st.integers(0, 64).map(lambda pages: pages * PAGE)),
        container=st.sampled_from([None, "a", "b", "c"]),
        private_pages=st.integers(0, 64),
    ),
    max_size=12,
    unique_by=lambda each: each.pid,
)
DOMAINS = st.builds(
    Domain,
    st.sampled_from(list(OomScope)),
    st.sampled_from([None, "/", "/kubepods", "/kubepods/a", "/kube"]),
    st.one_of(st.integers(1, 2**20), st.integers(1, 2**63)),
)
