"""Who jumped lately in each namespace: what one workload showed warns the others."""

from __future__ import annotations

from tests.oomsight_operator.judgement.build import MI
from tests.oomsight_operator.judgement.recommend.scenes import seen

from oomsight_operator.engine.neighbourhoods import FORGET_SECONDS, MOST_KNOWN, Neighbourhoods
from oomsight_operator.judgement.recommend.neighbours import LEAPS_MOST, NOBODY
from oomsight_operator.judgement.recommend.state import NOTHING

CALM = seen(30 * MI, 100, until=1e9)
JUMPED = seen(36 * MI, 0, state=CALM, until=1e9 + 3600)


def test_others_of_the_namespace_are_told_and_the_workload_itself_is_not() -> None:
    store = Neighbourhoods()
    store.take("shop", "uid-1", {"app": JUMPED, "proxy": CALM}, 0.0)
    store.take("shop", "uid-2", {"app": CALM}, 0.0)

    assert [(each.workload, each.container) for each in store.of("shop", "uid-2").jumped] == [("uid-1", "app")]
    assert store.of("shop", "uid-2").known == 3
    assert store.of("shop", "uid-1").jumped == ()
    assert store.of("other", "uid-2") == NOBODY


def test_what_was_never_measured_is_no_neighbour() -> None:
    store = Neighbourhoods()
    store.take("shop", "uid-1", {"app": NOTHING}, 0.0)

    assert store.of("shop", "uid-2") == NOBODY


def test_who_is_gone_for_days_and_a_namespace_that_is_gone_are_forgotten() -> None:
    store = Neighbourhoods()
    store.take("shop", "gone", {"app": JUMPED}, 0.0)
    store.take("shop", "uid-1", {"app": CALM}, FORGET_SECONDS + 1)
    assert (store.of("shop", "uid-2").jumped, store.of("shop", "uid-2").known) == ((), 1)

    store.take("shop", "uid-3", {"app": JUMPED}, FORGET_SECONDS + 2)
    assert len(store.of("shop", "uid-2").jumped) == 1
    store.forget("shop")
    assert store.of("shop", "uid-2") == NOBODY


def test_who_is_judged_again_with_nothing_new_stays_known_and_with_another_jump_is_told_anew() -> None:
    store = Neighbourhoods()
    for day in range(8):
        store.take("shop", "uid-1", {"app": CALM}, day * FORGET_SECONDS / 4)
        store.take("shop", "uid-2", {"app": CALM if day < 7 else JUMPED}, day * FORGET_SECONDS / 4)

    assert store.of("shop", "other").known == 2
    assert [each.workload for each in store.of("shop", "other").jumped] == ["uid-2"]
    store.take("shop", "uid-2", {"app": CALM}, 8 * FORGET_SECONDS / 4)
    assert store.of("shop", "other").jumped == ()


def test_of_very_many_the_latest_are_kept() -> None:
    store = Neighbourhoods()
    for index in range(MOST_KNOWN + 10):
        store.take("shop", f"uid-{index}", {"app": JUMPED if index < 100 else CALM}, float(index))

    assert store.of("shop", "other").known == MOST_KNOWN
    assert len(store.of("shop", "other").jumped) == LEAPS_MOST
