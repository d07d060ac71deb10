from __future__ import annotations

from oomsight_operator.views.problem import no_such_node, no_such_page


def test_who_asks_for_a_node_that_is_not_there_is_told_which_are() -> None:
    error = no_such_node("nod-a", {"node-b", "node-a"})["error"]
    assert error == {"reason": "NodeNotFound", "message": "no node is called nod-a; there are: node-a, node-b"}
    assert no_such_node("x", ())["error"]["message"].endswith("there are: none")


def test_the_list_of_names_is_bounded_and_hostile_names_are_escaped() -> None:
    message = no_such_node("\x1b[2J" * 1000, [f"node-{number:04}" for number in range(5000)])["error"]["message"]
    assert message.isprintable()
    assert "node-0019 and 4980 more (GET /v1/nodes lists all)" in message
    assert len(message) < 1000


def test_a_path_that_is_nothing_is_told_what_there_is() -> None:
    assert "/v1/nodes/NODE/eviction-order" in no_such_page("/v2\n")["error"]["message"]
