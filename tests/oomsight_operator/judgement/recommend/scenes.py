"""What a container held over days, and the recommendation from it, in a few words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.oomsight_operator.judgement.build import MI, NOW, rules

from oomsight_api.names import QosClass
from oomsight_api.policy import RecommendationSpec
from oomsight_operator.judgement.kills.model import Kill, KillSource
from oomsight_operator.judgement.model import Recommendation
from oomsight_operator.judgement.recommend.context import Context, blamed
from oomsight_operator.judgement.recommend.recommendation import recommend
from oomsight_operator.judgement.recommend.state import NOTHING, Sample, State, observe, on_oom

HOUR, DAY = 3600.0, 86400.0


def killed(limit: int | None = 512 * MI, at: float = NOW - 60, run: str = "a" * 64, **more: Any) -> Kill:
    return Kill(at, "app", run, KillSource.STATUS, limit_bytes=limit, exit_code=137, **more)


def seen(
    amount: int | Callable[[float], int], hours: float, *, state: State = NOTHING, until: float = NOW, every: float = 600.0
) -> State:
    """Unreclaimable memory over the hours before `until`, a sample every ten minutes; `amount` may depend on the hour."""
    count = int(hours * HOUR / every)
    for index in range(count + 1):
        at = until - hours * HOUR + index * every
        held = amount((at - until + hours * HOUR) / HOUR) if callable(amount) else amount
        state = observe(state, Sample(at, unreclaimable_bytes=held))
    return state


def spec(**more: Any) -> RecommendationSpec:
    return rules(recommendation=more).recommendation


def context(*kills: Kill, **more: Any) -> Context:
    return Context(
        name="app",
        limit_bytes=more.pop("limit", 512 * MI),
        request_bytes=more.pop("request", 256 * MI),
        qos_class=more.pop("qos_class", QosClass.BURSTABLE),
        kills=kills,
        now_seconds=more.pop("now", NOW),
        pod_limit_bytes=more.pop("pod_limit", None),
        **more,
    )


def asked(state: State, now: Context, **policy: Any) -> Recommendation | None:
    """The recommendation after the replica's kills were taken in."""
    return recommend(on_oom(state, blamed(now.kills, now.pod_limit_bytes)), now, spec(**policy))[1]


def limit_of(state: State, now: Context, **policy: Any) -> int:
    found = asked(state, now, **policy)
    assert found is not None
    assert found.limit_bytes is not None
    return found.limit_bytes


def story(found: Recommendation | None) -> list[str]:
    assert found is not None
    return [step.rule for step in found.limit_steps]


def why(found: Recommendation | None) -> str:
    assert found is not None
    return "; ".join(step.why for step in (*found.limit_steps, *found.request_steps))
