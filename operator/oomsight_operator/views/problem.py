"""What is answered instead of a document: which error, in words that say what to do next."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from oomsight_operator.judgement.words import printable

MAX_NAMED = 20


def problem_document(reason: str, message: str) -> dict[str, Any]:
    """`reason` is a constant in CamelCase, `message` printable ASCII."""
    return {"error": {"reason": reason, "message": message}}


def no_such_node(asked: str, known: Collection[str]) -> dict[str, Any]:
    """404, with some of the names that there are."""
    named = ", ".join(printable(name) for name in sorted(known)[:MAX_NAMED]) or "none"
    more = f" and {len(known) - MAX_NAMED} more (GET /v1/nodes lists all)" if len(known) > MAX_NAMED else ""
    return problem_document("NodeNotFound", f"no node is called {printable(asked, 253)}; there are: {named}{more}")


def no_such_page(path: str) -> dict[str, Any]:
    """404, with what there is."""
    paths = "/v1/nodes, /v1/nodes/NODE/kill-order, /v1/nodes/NODE/eviction-order, /v1/nodes/NODE/health"
    return problem_document("NotFound", f"nothing is at {printable(path, 300)}; there are {paths}")
