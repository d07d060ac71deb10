"""The JSON for machines: units in the names, absent instead of zero, bounded."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.oomsight_operator.judgement.build import MI, NOW, SECOND_RUN, end, judge, memory, pod, row, running, spec, waiting
from tests.oomsight_operator.judgement.forecast.floors import watched

from oomsight_api.report import Process
from oomsight_operator.judgement.model import ContainerHistory, PodHistory
from oomsight_operator.publishing.report_annotation import MAX_BYTES, report_json


def parsed(of: Any, rows: Any, **more: Any) -> dict[str, Any]:
    assessment, _ = judge(of, rows, **more)
    text = report_json(of, assessment)
    assert len(text) <= MAX_BYTES
    document = json.loads(text)
    assert isinstance(document, dict)
    return document


def test_a_judged_container_with_its_numbers_and_steps() -> None:
    killed = pod(
        spec(request=256 * MI, limit=512 * MI), statuses=(running(run=SECOND_RUN, restarts=1, last_terminated=end(at=NOW - 60)),)
    )
    document = parsed(killed, {"app": row(SECOND_RUN, memory(470 * MI, 512 * MI, usage=512 * MI))})

    assert (document["version"], document["risk"], document["sampleTime"]) == (1, "high", "2026-03-01T10:00:00Z")
    (app,) = document["containers"]
    assert app["memory"] == {"usageBytes": 512 * MI, "unreclaimableBytes": 470 * MI}
    assert app["kills"][0]["time"] == "2026-03-01T09:59:00Z"
    assert app["kills"][0]["endedContainer"] is True
    assert app["recommendation"]["limitBytes"] == 640 * MI
    assert app["recommendation"]["limitSteps"][0]["rule"] == "StartFromKillingLimit"


def test_advice_stands_with_its_container() -> None:
    (app,) = parsed(pod(spec()), {"app": row(uses=memory(30 * MI))})["containers"]

    assert [given["advice"] for given in app["advice"]] == ["NoRequest"]
    assert app["advice"][0]["why"].startswith("container app: no memory request, though it holds 30Mi")


def test_what_is_unknown_is_absent() -> None:
    document = parsed(pod(spec()), None)

    assert "sampleTime" not in document
    assert document["containers"][0].keys() == {"name", "kind", "risk", "unknownBecause", "oomScoreAdj"}


def test_a_hostile_process_name_is_escaped() -> None:
    evil = Process(pid=7, name="\x1b[2J\x7f\u202e")
    assessment, _ = judge(pod(spec()), {"app": row(uses=memory(MI), processes=(evil,))})
    text = report_json(pod(spec()), assessment)

    assert text.isascii()
    assert text.isprintable()
    assert json.loads(text)["containers"][0]["processes"] == [{"pid": 7, "name": "\\x1b[2J\\x7f\\u202e"}]


def test_what_does_not_fit_is_left_out_and_said() -> None:
    names = [f"container-{index}" for index in range(300)]
    statuses = tuple(waiting(name, restarts=1, last_terminated=end(f"{index:064x}")) for index, name in enumerate(names))
    document = parsed(pod(*(spec(name, limit=MI) for name in names), statuses=statuses), {})

    assert document["leftOut"][-1] == "containers"
    assert 0 < len(document["containers"]) < 300


def test_a_forecast_stands_with_its_unit_window_and_confidence() -> None:
    leaking = PodHistory({"app": ContainerHistory(floor=watched(lambda t: 100 + 50 * t / 3600, 16))})
    told = {"app": row(uses=memory(900 * MI, 1000 * MI), floor_bytes=900 * MI)}
    (app,) = parsed(pod(spec(limit=1000 * MI)), told, history=leaking, now=NOW)["containers"]
    found = app["forecast"]

    assert (found["shape"], found["confidence"]) == ("growing", "high")
    assert found["secondsToLimit"] == pytest.approx(7200, rel=0.05)
    assert found["growthBytesPerHour"] == pytest.approx(50 * MI, rel=0.05)
    assert found["earliestSeconds"] <= found["secondsToLimit"] <= found["latestSeconds"]
    assert found["windowSeconds"] == pytest.approx(16 * 3600, rel=0.05)


def test_a_forecast_without_a_time_says_why() -> None:
    (app,) = parsed(pod(spec(limit=1000 * MI)), {"app": row(uses=memory(100 * MI, 1000 * MI))})["containers"]

    assert app["forecast"]["why"] == "watched for 0 s, 5 min are needed"
    assert "secondsToLimit" not in app["forecast"]
