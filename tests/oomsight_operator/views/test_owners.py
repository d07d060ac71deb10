"""Names are the API's, joined by keys that no tenant can write."""

from __future__ import annotations

from dataclasses import replace

from tests.oomsight_operator.judgement.build import FIRST_RUN, MI
from tests.oomsight_operator.views.build import DB, WEB, container, document, process, telemetry


def test_names_are_the_apis_and_what_it_does_not_know_is_marked_as_the_agents_word() -> None:
    claimed = container(FIRST_RUN, "uid-db", process(7, "x\x1b", rss=MI, adj=5), pod_name="we\nb", namespace="team-a")
    (row,) = document(telemetry(claimed, host_processes=()), (WEB,))["nodeOutOfMemory"]["order"]
    assert (row["namespace"], row["pod"], row["namesBy"], row["process"]) == ("team-a", "we\\nb", "agent", "x\\x1b")

    # The API knows the pod by its uid, and no such container in it.
    (row,) = document(telemetry(claimed, host_processes=()), (WEB, DB))["nodeOutOfMemory"]["order"]
    assert (row["namespace"], row["pod"], "container" in row, "namesBy" in row) == ("team-b", "db-0", False, False)


def test_a_config_hash_in_an_annotation_is_not_believed_without_a_container_that_the_status_names() -> None:
    posing = replace(WEB, config_hash="uid-db", uid="uid-evil", name="evil", statuses={})
    (row,) = document(telemetry(container("d" * 64, "uid-db", process(7, "x", rss=MI, adj=5)), host_processes=()), (posing,))[
        "nodeOutOfMemory"
    ]["order"]

    assert "pod" not in row
