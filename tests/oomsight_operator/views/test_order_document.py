"""One domain's order as somebody on call reads it."""

from __future__ import annotations

from pathlib import Path

from tests.oomsight_operator.judgement.build import FIRST_RUN, GI, MI
from tests.oomsight_operator.views.build import PAGE, container, document, process, telemetry


def test_who_dies_first_whose_it_is_by_how_much_and_who_dies_with_it() -> None:
    told = document(telemetry())["nodeOutOfMemory"]

    assert told["order"][0] == {
        "rank": 1,
        "namespace": "team-a",
        "pod": "web-1",
        "container": "app",
        "containerID": FIRST_RUN,
        "podUID": "uid-web",
        "process": "nginx",
        "pid": 11,
        "oomScoreAdj": 999,
        "points": 40 * 256 + 999 * 4194,
        "sizeBytes": 40 * MI,
        "rssBytes": 40 * MI,
        "marginToNextBytes": (40 * 256 + 199 * 4194 - 2048 * 256) * PAGE,
        "marginToNextOomScoreAdj": 76,
        "oomGroup": f"/kubepods/poduid-web/{FIRST_RUN}",
        "diesWith": [
            {
                "namespace": "team-a",
                "pod": "web-1",
                "container": "app",
                "containerID": FIRST_RUN,
                "podUID": "uid-web",
                "process": "nginx",
                "pid": 12,
            }
        ],
        "diesWithCount": 1,
    }
    assert (told["ambiguous"], told["processes"], told["firstCount"]) == (False, 5, 1)
    assert told["oomScoreAdjPointBytes"] == 4194 * PAGE


def test_a_container_stands_once_and_processes_outside_pods_by_their_name() -> None:
    _, second, third, last = document(telemetry())["nodeOutOfMemory"]["order"]

    assert second["container"] == "postgres"
    assert (third["process"], "pod" in third) == ("sshd", False)
    assert (last["pod"], "container" in last, last["process"]) == ("web-1", False, "pause")
    assert "marginToNextBytes" not in last


def test_what_would_change_it_and_what_follows() -> None:
    told = document(telemetry())["nodeOutOfMemory"]

    assert told["whatWouldChangeIt"][0] == (
        "team-a/web-1 container app (oom_score_adj 999, 40Mi) dies before team-b/db-0 container postgres (oom_score_adj 800, 2Gi)"
        " by a margin of 1.22Gi (76 points of oom_score_adj)"
    )
    cascade = told["cascade"]
    assert [[each["pid"] for each in step["victims"]] for step in cascade["steps"]] == [[11, 12], [21], [9], [10]]
    assert (cascade["neededBytes"], cascade["end"]) == (-(-16 * GI * 5 // 100 // PAGE) * PAGE, "perhaps-enough")
    assert (cascade["steps"][0]["freesAtLeastBytes"], cascade["steps"][0]["freesAtMostBytes"]) == (62 * MI, 70 * MI)
    assert [step["onlyIfLessWasFreed"] for step in cascade["steps"]] == [False, False, True, True]


def test_the_document_for_people_shows_the_same_sentences() -> None:
    written = (Path(__file__).parents[3] / "docs" / "kill-order.md").read_text()

    for sentence in document(telemetry())["nodeOutOfMemory"]["whatWouldChangeIt"]:
        assert f'"{sentence}"' in written


def test_equals_are_said_to_be_ambiguous_with_all_names_and_why() -> None:
    rows = [container(run * 64, f"uid-{run}", process(pid, "app", rss=MI, adj=1000)) for pid, run in ((7, "d"), (8, "e"))]
    told = document(telemetry(*rows))["nodeOutOfMemory"]

    assert told["ambiguous"] is True
    assert [each["pid"] for each in told["first"]] == [7, 8]
    assert told["ambiguousBecause"].startswith("they have equal points")
    assert (told["cascade"]["end"], told["cascade"]["nextIsOneOfCount"], told["cascade"]["steps"]) == ("ambiguous", 2, [])
