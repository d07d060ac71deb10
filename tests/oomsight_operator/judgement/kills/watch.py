"""A pod under watch: what kubelet and agent tell goes in, look after look; kills come out, as announced and as counted for good."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.oomsight_operator.judgement.build import FIRST_RUN, MI, NOW, SECOND_RUN, end, pod, running, spec

from oomsight_api.incident import Evidence, Incident, OomScope, Victim
from oomsight_api.names import QosClass, RiskLevel
from oomsight_api.policy import PolicyRules
from oomsight_api.recommendation import ContainerRecommendation
from oomsight_api.report import Container
from oomsight_operator.judgement.kills.ends import AgentWord
from oomsight_operator.judgement.kills.model import Kill
from oomsight_operator.judgement.kills.observe import KillTransition, Observation, observe_kills
from oomsight_operator.judgement.kills.tellings import tellings_of
from oomsight_operator.judgement.model import (
    Assessment,
    ContainerAssessment,
    ContainerHistory,
    ContainerKind,
    ContainerStatus,
    EffectivePolicy,
    PodHistory,
    PolicyRef,
    Telemetry,
)
from oomsight_operator.publishing.contributions import contribution_of
from oomsight_operator.publishing.digest import encode_digest, histories_of, memory_of
from oomsight_operator.publishing.kill_records import ContainerMemory, remember, those_unknown

LIMIT = 512 * MI
DAY = 86400


def victim(run: str | None = FIRST_RUN, **more: Any) -> Victim:
    """A killed process of the pod `uid-1`."""
    return Victim(pod_uid=more.pop("pod_uid", "uid-1"), container_id=run, **more)


def oom(incident_id: str = "boot-1", *victims: Victim, at: float = NOW, **more: Any) -> Incident:
    """An incident of the kernel's log at the container's own limit; by default one victim that nobody knows more of."""
    who = victims or (
        victim(**{key: more.pop(key) for key in ("run", "ordinal", "is_container_init", "pid", "name") if key in more}),
    )
    return Incident(
        id=incident_id,
        time_seconds=at,
        evidence=more.pop("evidence", Evidence.KERNEL_LOG),
        scope=more.pop("scope", OomScope.CONTAINER),
        victims=who,
        victim_count=more.pop("victim_count", len(who)),
        **more,
    )


def counted(ordinal: int, *, at: float = NOW, run: str = FIRST_RUN, **more: Any) -> Incident:
    """What the counter alone tells of one kill."""
    return oom(f"boot-{run[:12]}-{ordinal}", victim(run, ordinal=ordinal), at=at, evidence=Evidence.COUNTER, **more)


def restarted(*, code: int = 137, reason: str = "OOMKilled", at: float = NOW) -> ContainerStatus:
    """The first run ended, the second runs."""
    return running(run=SECOND_RUN, restarts=1, started=at + 1, last_terminated=end(FIRST_RUN, reason, code, at))


class Watch:
    """The container `app` of a pod; `restart` is one of the operator, through what stands in the MemoryRecommendation."""

    def __init__(self) -> None:
        self.history = ContainerHistory()
        self.announced: list[Kill] = []
        self.memory = ContainerMemory()
        self.last = KillTransition(self.history)
        self.pod = pod(spec(limit=LIMIT))

    def look(
        self,
        status: ContainerStatus | None,
        *incidents: Incident,
        at: float = NOW,
        agent: bool = True,
        since: float = NOW - DAY,
        until: float | None = None,
        row: Container | None = None,
    ) -> tuple[Kill, ...]:
        """What is announced now. The agent has told `incidents` so far, and was heard from `since` to `until` (now)."""
        self.pod = replace(self.pod, statuses={"app": status} if status is not None else {})
        telemetry = Telemetry(at, 1.0, {}, incidents=incidents, heard_since_seconds=since) if agent else None
        told = tellings_of(self.pod, telemetry, {"app": self.history}, at)
        word = AgentWord(since, at if until is None else until) if agent else None
        seen = Observation("app", status, row, LIMIT, at, DAY, told.get("app", ()), word)
        self.last = observe_kills(self.history, seen)
        self.history = self.last.history
        news = those_unknown(self.memory, self.last.new_kills)
        self.announced += news
        self.memory = remember(self.memory, self.history.kills, "web-1", "uid-1")
        return news

    def restart(self) -> None:
        """Another run of the operator goes on from what was written."""
        judged = ContainerAssessment(
            "app", ContainerKind.APP, RiskLevel.NONE, (), None, LIMIT, None, None, None, None, self.history.kills, ()
        )
        policy = EffectivePolicy(PolicyRef("MemoryPolicy", "default", "team-a"), PolicyRules())
        assessment = Assessment("uid-1", policy, QosClass.BURSTABLE, RiskLevel.NONE, (), (judged,), NOW, None)
        contribution = contribution_of(self.pod, assessment, PodHistory({"app": self.history}))
        written = ContainerRecommendation(
            name="app",
            oom_kills=self.memory.oom_kills,
            kills=self.memory.kills,
            digest=encode_digest("app", (contribution,), self.memory),
        )
        restored = histories_of((written,), 2 * NOW).get("uid-1", PodHistory())
        self.history = restored.containers.get("app", ContainerHistory())
        self.memory = memory_of(written)

    @property
    def kills(self) -> tuple[Kill, ...]:
        """As the record has them now."""
        return self.history.kills

    @property
    def shown(self) -> list[tuple[float, bool, int]]:
        """Of each kill in the record: seconds after NOW, whether the container ended with it, processes."""
        return [(kill.time_seconds - NOW, kill.ended_container, kill.processes) for kill in self.kills]
