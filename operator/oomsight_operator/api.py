"""The operator's HTTP API: `/v1/nodes` and what hangs below each node, as JSON. Read-only, without secrets.

Whoever reaches the port can read it, names of processes included: it has no login of its own. `docs/api.md` says how to ask through
the API server, which has.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Protocol

from aiohttp import web

from oomsight_operator.judgement.words import printable
from oomsight_operator.views.problem import no_such_node, no_such_page, problem_document
from oomsight_operator.web import Site, serve_app

log = logging.getLogger(__name__)


class Documents(Protocol):
    """What is served; see node_documents.py."""

    def names(self) -> frozenset[str]: ...
    async def nodes(self) -> dict[str, Any]: ...
    def kill_order(self, node_name: str) -> dict[str, Any]: ...
    def eviction_order(self, node_name: str) -> dict[str, Any]: ...
    def health(self, node_name: str) -> dict[str, Any]: ...


Source = Callable[[], Documents | str]
"""The documents, or why there are none now, in words."""


async def serve_api(listen: str, source: Source) -> Site:
    """Serve until closed. Raises OSError when the address cannot be bound."""
    app = web.Application(middlewares=[_problems])

    def page(make: Callable[[Documents, str], dict[str, Any]]) -> Callable[[web.Request], Any]:
        async def answer(request: web.Request) -> web.Response:
            documents = source()
            if isinstance(documents, str):
                return _unavailable(documents)
            name = request.match_info["node"]
            if name not in (names := documents.names()):
                return web.json_response(no_such_node(name, names), status=404)
            return web.json_response(make(documents, name))

        return answer

    async def nodes(_: web.Request) -> web.Response:
        documents = source()
        return _unavailable(documents) if isinstance(documents, str) else web.json_response(await documents.nodes())

    app.add_routes(
        [
            web.get("/v1/nodes", nodes),
            web.get("/v1/nodes/{node}/kill-order", page(lambda documents, node: documents.kill_order(node))),
            web.get("/v1/nodes/{node}/eviction-order", page(lambda documents, node: documents.eviction_order(node))),
            web.get("/v1/nodes/{node}/health", page(lambda documents, node: documents.health(node))),
        ]
    )
    return await serve_app(listen, app)


def _unavailable(because: str) -> web.Response:
    return web.json_response(problem_document("NotReady", because), status=503, headers={"Retry-After": "5"})


@web.middleware
async def _problems(request: web.Request, handler: Callable[[web.Request], Any]) -> web.StreamResponse:
    """JSON also for what is not there, and for faults of ours."""
    try:
        response: web.StreamResponse = await handler(request)
    except web.HTTPNotFound:
        return web.json_response(no_such_page(request.path), status=404)
    except web.HTTPMethodNotAllowed as error:
        message = f"{printable(request.method, 20)} is not answered: this API is read with GET"
        return web.json_response(
            problem_document("MethodNotAllowed", message), status=405, headers={"Allow": error.headers["Allow"]}
        )
    except web.HTTPException:
        raise
    except Exception:
        log.exception("no document by a fault of the operator", extra={"path": request.path[:300]})
        message = "this document could not be made by a fault of the operator; its log says which"
        return web.json_response(problem_document("InternalFault", message), status=500)
    return response
