"""From one HTTP request to one answer: paths, verbs, content types, faults. Knows aiohttp's requests and responses, no sockets."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
from collections import deque
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from . import status
from .bodies import MAX_BODY_BYTES, read_body
from .documents import Documents
from .faults import FailureRule, Faults
from .history import HistoryLostError
from .listing import Lister
from .media import View, negotiate
from .paths import parse_resource_path
from .requests import RequestLog, RequestRecord
from .resources import Registry
from .rest import Answer, Rest, Target, read_deletion
from .status import StatusError
from .store import Store
from .values import encode
from .watch import WatchHub, is_true, parse_options

log = logging.getLogger("oomsight_sandbox.apiserver")

_OPEN_PATHS = frozenset({"/healthz", "/livez", "/readyz", "/version"})


class Api:
    """Answers requests from one store. `internal_errors` keeps what should never happen, for tests to look at."""

    def __init__(
        self, store: Store, registry: Registry, lister: Lister, hub: WatchHub, requests: RequestLog, *, token: str | None
    ) -> None:
        self.rest = Rest(store, registry)
        self.internal_errors: deque[BaseException] = deque(maxlen=100)
        self.faults: Faults
        """Set by the server, which knows how to drop connections."""
        self.kubelet_configs: dict[str, Mapping[str, Any]] = {}
        """What the kubelet of a node says of its configuration, by the node's name."""
        self.address = ""
        self.secret_path = ""
        """First part of every path when set (`/<secret>`): kubectl sends no token over plain HTTP, but it keeps a server's path."""
        self._store = store
        self._registry = registry
        self._lister = lister
        self._hub = hub
        self._requests = requests
        self._token = token
        self._documents = Documents(registry)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """The one handler of all requests: never raises but for connections that end."""
        told = _Told()
        try:
            response = await self._answer(request, told)
        except StatusError as error:
            response = _status_response(error)
        except web.HTTPRequestEntityTooLarge:
            response = _status_response(status.too_large(MAX_BODY_BYTES))
        except (asyncio.CancelledError, ConnectionError):
            self._record(request, told, 0)
            raise
        except RecursionError:
            response = _status_response(status.bad_request("the request is nested too deeply"))
        except Exception as error:
            self.internal_errors.append(error)
            log.exception("request failed", extra={"method": request.method, "path": request.path[:200]})
            response = _status_response(StatusError(500, "InternalError", f"Internal error occurred: {error}"[:1000]))
        self._record(request, told, response.status)
        return response

    async def _answer(self, request: web.Request, told: _Told) -> web.StreamResponse:
        path = told.path = self._path(request)
        if path not in _OPEN_PATHS and not self._is_authorized(request):
            raise status.unauthorized()
        target = self._target(path)
        if target is None:
            return await self._answer_other(request, path)
        told.target = target
        told.verb = _verb(request, target)
        if self.faults.latency_seconds:
            await asyncio.sleep(self.faults.latency_seconds)
        rule = self.faults.take_failure(told.verb, told.resource, target.name)
        if rule is not None and not rule.after_write:
            raise _fail(request, rule)
        response = await self._serve(request, target, told)
        if rule is not None:
            raise _fail(request, rule)
        return response

    def _proxy(self, target: Target) -> web.Response:
        """A kubelet's answer, as far as one is played here."""
        config = self.kubelet_configs.get(target.name)
        if config is None or target.proxied != "configz":
            raise StatusError(503, "ServiceUnavailable", f"error trying to reach service: nobody plays {target.name} here")
        return web.json_response({"kubeletconfig": config})

    def _path(self, request: web.Request) -> str:
        """The path below the secret one; 401 for who does not know it."""
        path = request.path.rstrip("/") or "/"
        if not self.secret_path:
            return path
        secret, path = path[: len(self.secret_path)], path[len(self.secret_path) :] or "/"
        if not hmac.compare_digest(secret.encode("utf-8", "replace"), self.secret_path.encode()) or not path.startswith("/"):
            raise status.unauthorized()
        return path

    def _is_authorized(self, request: web.Request) -> bool:
        if self._token is None:
            return True
        scheme, _, found = request.headers.get("Authorization", "").partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(found.strip().encode("utf-8", "replace"), self._token.encode())

    def _target(self, path: str) -> Target | None:
        """The resource a path is about, None if it is another kind of path; 404 for resources that are not served."""
        found = parse_resource_path(path)
        if found is None:
            return None
        resource = self._registry.find(found.group, found.version, found.plural)
        if resource is None or (found.namespace and not resource.namespaced):
            raise status.no_such_path()
        if found.subresource and found.subresource not in resource.subresources:
            raise status.no_such_path()
        if found.name and resource.namespaced and not found.namespace:
            raise status.no_such_path()
        return Target(resource, found.namespace, found.name, found.subresource, found.proxied)

    async def _serve(self, request: web.Request, target: Target, told: _Told) -> web.StreamResponse:
        query = request.query
        resource = target.resource
        if target.subresource == "log":
            raise status.not_implemented("the sandbox's API server keeps no container logs")
        if target.subresource == "proxy":
            return self._proxy(target)
        view = negotiate(",".join(request.headers.getall("Accept", [])), query.get("includeObject", ""), self._store.clock)
        if told.verb == "watch":
            return await self._watch(request, target, view, told)
        if told.verb == "list":
            return _json(view.list(resource, self._lister.list(resource, target.namespace, query)))
        if told.verb == "get":
            return self._respond(target, view, self.rest.get(target))
        body, content_type = await read_body(request, told.verb)
        told.body_bytes = request.content_length or 0
        if told.verb == "create":
            answer = self.rest.create(target, body, query)
        elif told.verb == "update":
            answer = self.rest.update(target, body, query)
        elif told.verb == "patch":
            answer = self.rest.patch(target, body, content_type, query)
        elif told.verb == "delete":
            answer = self.rest.delete(target, body, query)
        else:
            return self._delete_collection(target, view, body, query)
        return self._respond(target, view, answer)

    def _respond(self, target: Target, view: View, answer: Answer) -> web.Response:
        body = encode(answer.document) if answer.stored is None else view.one(target.resource, answer.stored)
        response = _json(body, answer.code)
        for warning in answer.warnings:
            response.headers.add("Warning", f'299 - "{_header_text(warning)}"')
        return response

    def _delete_collection(self, target: Target, view: View, body: Any, query: Mapping[str, str]) -> web.Response:
        read_deletion(body, query)  # refuse bad options before anything is deleted
        page = self._lister.list(target.resource, target.namespace, query)
        for stored in page.items:
            if self._store.get(stored.key) is not None:
                one = Target(target.resource, stored.key.namespace, stored.key.name)
                self.rest.delete(one, body, query)
        return _json(view.list(target.resource, page))

    async def _watch(self, request: web.Request, target: Target, view: View, told: _Told) -> web.StreamResponse:
        options = parse_options(target.resource, target.namespace, target.name, request.query)
        if options.send_initial_events is not None and self.faults.refuse_watch_list:
            told_why = "Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled"
            cause = status.Cause("FieldValueForbidden", told_why, "sendInitialEvents")
            raise status.invalid("meta.k8s.io", "ListOptions", "", [cause])
        if self.faults.expire_by_http_status and options.since is not None:
            try:
                self._store.history(target.resource.storage).position_after(options.since)
            except HistoryLostError as error:
                raise status.expired(str(error)) from None
        response = web.StreamResponse(headers={"Content-Type": "application/json", "Cache-Control": "no-cache, private"})
        await response.prepare(request)
        self._record(request, told, 200)
        try:
            async with contextlib.aclosing(self._hub.stream(target.resource, options, view)) as chunks:
                async for chunk in chunks:
                    async with asyncio.timeout(self._hub.write_timeout_seconds):
                        await response.write(chunk)
            await response.write_eof()
        except TimeoutError:
            # A reader that takes nothing for so long is cut off; what it missed it asks for again.
            if request.transport is not None:
                request.transport.abort()
        except ConnectionError:
            pass  # the watcher went: that is how most watches end
        return response

    async def _answer_other(self, request: web.Request, path: str) -> web.Response:
        """Discovery, OpenAPI, health, version."""
        found = self._documents.find(path, request.headers.get("Accept", ""), self.address)
        if found is None:
            raise status.no_such_path()
        if request.method != "GET":
            raise status.method_not_allowed(request.method)
        if self.faults.latency_seconds:
            await asyncio.sleep(self.faults.latency_seconds)
        body, content_type = found
        return web.Response(body=body, headers={"Content-Type": content_type, "Vary": "Accept"})

    def _record(self, request: web.Request, told: _Told, code: int) -> None:
        if told.recorded:
            return
        told.recorded = True
        target = told.target
        self._requests.add(
            RequestRecord(
                seconds=self._store.clock(),
                method=request.method,
                path=told.path[:1000],
                query=request.query_string[:1000],
                verb=told.verb,
                resource=told.resource,
                namespace=target.namespace if target else "",
                name=target.name if target else "",
                status=code,
                user_agent=request.headers.get("User-Agent", "")[:200],
                content_type=request.headers.get("Content-Type", "")[:200],
                body_bytes=told.body_bytes,
            )
        )


class _Told:
    """What becomes known of a request while it is answered, for the log."""

    __slots__ = ("body_bytes", "path", "recorded", "target", "verb")

    def __init__(self) -> None:
        self.target: Target | None = None
        self.verb = ""
        self.path = ""
        self.body_bytes = 0
        self.recorded = False

    @property
    def resource(self) -> str:
        if self.target is None:
            return ""
        plural = self.target.resource.plural
        return f"{plural}/{self.target.subresource}" if self.target.subresource else plural


_METHODS = {"POST": "create", "PUT": "update", "PATCH": "patch"}


def _verb(request: web.Request, target: Target) -> str:
    """The verb as RBAC names it; 405 where a method makes no sense."""
    method = request.method
    if method == "GET":
        watching = is_true(request.query.get("watch", "")) and not target.subresource
        return "watch" if watching else "get" if target.name else "list"
    if method == "DELETE" and not target.subresource:
        return "delete" if target.name else "deletecollection"
    if method in ("PUT", "PATCH") and target.name and target.subresource not in ("binding", "log", "proxy"):
        return _METHODS[method]
    if method == "POST" and (not target.name or target.subresource == "binding"):
        return "create"
    raise status.method_not_allowed(method)


def _fail(request: web.Request, rule: FailureRule) -> Exception:
    if rule.disconnect and request.transport is not None:
        request.transport.abort()
        return ConnectionResetError("dropped by a fault")
    return rule.error()


def _json(body: bytes, code: int = 200) -> web.Response:
    return web.Response(status=code, body=body, headers={"Content-Type": "application/json", "Cache-Control": "no-cache, private"})


def _status_response(error: StatusError) -> web.Response:
    response = _json(encode(error.as_json()), error.code)
    if error.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    if error.code == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _header_text(text: str) -> str:
    plain = "".join(character if " " <= character <= "~" else "?" for character in text)
    return plain.replace("\\", "\\\\").replace('"', '\\"')[:1000]
