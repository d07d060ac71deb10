"""The node's own OOMs are news once."""

from __future__ import annotations

import pytest

from oomsight_api.incident import Evidence, Incident, OomScope
from oomsight_operator.polling import node_news
from oomsight_operator.polling.node_news import NEWS_SECONDS, NodeNews

NOW = 1_772_359_200.0


def oom(incident_id: str = "a", *, ago: float = 0.0, scope: OomScope | None = OomScope.NODE) -> Incident:
    return Incident(id=incident_id, time_seconds=NOW - ago, evidence=Evidence.KERNEL_LOG, scope=scope)


def test_a_node_wide_oom_is_told_once_however_often_it_is_told_again() -> None:
    news = NodeNews()
    assert news.take("node-a", [oom()], NOW) == (oom(),)
    assert [news.take("node-a", [oom()], NOW + seconds) for seconds in (0, 60, 1300, 5000)] == [()] * 4


def test_other_ooms_are_none_until_they_turn_out_to_be() -> None:
    news = NodeNews()
    assert news.take("node-a", [oom(scope=None), oom("b", scope=OomScope.POD)], NOW) == ()
    assert news.take("node-a", [oom()], NOW + 1) == (oom(),)


def test_the_same_id_on_another_node_is_another_oom() -> None:
    news = NodeNews()
    assert news.take("node-a", [oom()], NOW) == news.take("node-b", [oom()], NOW) == (oom(),)


@pytest.mark.parametrize("ago", [NEWS_SECONDS + 1, 1e9, -NEWS_SECONDS - 1, -1e9])
def test_what_is_long_past_or_in_the_future_is_no_news(ago: float) -> None:
    assert NodeNews().take("node-a", [oom(ago=ago)], NOW) == ()


def test_a_clock_that_is_ahead_tells_nothing_twice() -> None:
    news = NodeNews()
    ahead = oom(ago=-NEWS_SECONDS)
    told = [news.take("node-a", [ahead], NOW + seconds) for seconds in range(0, 3000, 50)]
    assert [bool(each) for each in told] == [True] + [False] * (len(told) - 1)


def test_a_hostile_agent_cannot_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_news, "MAX_TOLD", 3)
    news = NodeNews()
    assert len(news.take("node-a", [oom(f"i{number}") for number in range(10)], NOW)) == 3
    assert news.take("node-a", [oom("later")], NOW + 1) == ()


def test_nodes_that_are_gone_are_forgotten() -> None:
    news = NodeNews()
    for number in range(5):
        news.take(f"node-{number}", [oom()], NOW)
    news.take("node-new", [oom(ago=-100)], NOW + 100)
    assert len(news) == 6
    news.take("node-new", [], NOW + 2 * NEWS_SECONDS + 50)
    assert len(news) == 1
