"""`oomsight-operator run` works until it is told to stop; `check` asks it whether all report, `cleanup` removes what it wrote."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from oomsight_operator import logs
from oomsight_operator.api import Documents, serve_api
from oomsight_operator.cleanup import cleanup
from oomsight_operator.kube.client import KubeClient
from oomsight_operator.kube.credentials import Credentials, CredentialsError, load_credentials
from oomsight_operator.leadership import ElectionError, Leadership
from oomsight_operator.publishing.metrics import OperatorMetrics
from oomsight_operator.reporting import check
from oomsight_operator.retirement import RetirementError, stop_deployment
from oomsight_operator.service import Service
from oomsight_operator.settings import Settings, SettingsError, add_flags, load_settings
from oomsight_operator.web import Site, serve_health, serve_metrics

log = logging.getLogger(__name__)

SERVICE = "oomsight-operator"
"""Of the operator's API of nodes, as the chart names it."""
CHECK_FLAGS = ("kubeconfig", "context", "namespace", "agent_daemonset", "log_level")
CLEANUP_FLAGS = ("kubeconfig", "context", "namespace", "lease_name", "log_level")


@dataclass
class Process:
    """The process around the service: its pages, its Lease, its end."""

    settings: Settings
    credentials: Credentials
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    metrics: OperatorMetrics = field(default_factory=OperatorMetrics)
    service: Service | None = None
    sites: list[Site] = field(default_factory=list)

    async def run(self) -> int:
        """Serve, wait for the Lease, work. 0 when told to stop, 1 when something broke or the Lease is lost."""
        self._install_signals()
        await self._serve()
        leadership = None
        try:
            if self.settings.leader_election:
                leadership = Leadership(
                    self.credentials.configuration, self.settings.namespace, self.settings.lease_name, self.settings.identity
                )
                if not await self._unless_stopped(leadership.acquire()):
                    return 0
            self.metrics.set_leader(True)
            async with KubeClient(self.credentials) as client:
                return await self._work(client, leadership)
        except ElectionError:
            return 1
        finally:
            self.metrics.set_leader(False)
            if leadership is not None:
                await leadership.release()
            for site in self.sites:
                await site.close()

    async def _work(self, client: KubeClient, leadership: Leadership | None) -> int:
        self.service = service = Service(self.settings, self.credentials, client, self.metrics)
        lost = leadership.lost if leadership is not None else asyncio.Event()
        start = asyncio.create_task(service.start(), name="start")
        ends: set[asyncio.Task[Any]] = {
            start,
            asyncio.create_task(self.stop.wait(), name="stop"),
            asyncio.create_task(lost.wait(), name="lost"),
            asyncio.create_task(service.wait(), name="broken"),
        }
        try:
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if done == {start}:
                start.result()
                ends.remove(start)
                done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            why = {task.get_name() for task in done}
        finally:
            for task in ends:
                task.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
            # Without the Lease somebody else may be writing already: then nothing more is written.
            await service.stop(0.0 if lost.is_set() else self.settings.stop_seconds)
        if "stop" in why:
            log.info("stopped")
            return 0
        log.error("the Lease is lost, exiting" if "lost" in why else "a part of the operator ended, exiting")
        return 1

    async def _serve(self) -> None:
        self.sites.append(await serve_metrics(self.settings.metrics_listen, self.metrics))
        self.sites.append(await serve_health(self.settings.health_listen, self._live, self._ready))
        self.sites.append(await serve_api(self.settings.api_listen, self._documents))
        ports = dict(zip(("metrics", "health", "api"), (site.port for site in self.sites), strict=True))
        log.info("serving", extra={f"{name}_port": port for name, port in ports.items()})
        if self.settings.ports_file is not None:
            temporary = f"{self.settings.ports_file}.new"
            with open(temporary, "w", encoding="ascii") as file:  # noqa: ASYNC230 - a few bytes, once
                json.dump(ports, file)
            os.replace(temporary, self.settings.ports_file)

    def _documents(self) -> Documents | str:
        if self.service is not None and self.service.working:
            return self.service.documents
        why = ", ".join(("another replica works", *self._ready()) if self.service is None else self._ready())
        return f"this operator has nothing to tell yet: {why}; ask again in some seconds"

    def _live(self) -> Iterable[str]:
        return self.service.problems() if self.service is not None else ()

    def _ready(self) -> Iterable[str]:
        if self.service is None:
            return ("waiting for the Lease",)
        return () if self.service.working else ("listing the cluster",)

    async def _unless_stopped(self, work: Coroutine[Any, Any, None]) -> bool:
        """Whether `work` ended before we were told to stop. Raises what it raises."""
        task = asyncio.create_task(work)
        stop = asyncio.create_task(self.stop.wait())
        await asyncio.wait((task, stop), return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if not task.done():
            task.cancel()
        await asyncio.gather(task, stop, return_exceptions=True)
        if not task.cancelled():
            task.result()
        return not self.stop.is_set()

    def _install_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            try:
                loop.add_signal_handler(number, self.stop.set)
            except (ValueError, RuntimeError, NotImplementedError):
                return  # not in the main thread: whoever embeds us sets `stop`


async def _clean(settings: Settings, credentials: Credentials, deployment: str | None, policy: str | None) -> int:
    async with KubeClient(credentials) as client:
        if deployment is not None:
            try:
                await stop_deployment(client, settings.namespace, deployment)
            except RetirementError as error:
                print(f"oomsight-operator: nothing was cleaned: {error}", file=sys.stderr)  # noqa: T201 - the answer to a command
                return 1
        result = await cleanup(client, (settings.namespace, settings.lease_name), policy=policy)
    print(result.summary())  # noqa: T201 - the answer to a person's command
    return result.exit_code


async def _check(settings: Settings, credentials: Credentials) -> int:
    async with KubeClient(credentials) as client:
        complete, words = await check(client, settings.namespace, SERVICE, settings.agent_daemonset)
    print(words)  # noqa: T201 - the answer to a person's command
    return 0 if complete else 1


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="oomsight-operator", description="Says which containers run out of memory, and writes it on the pods."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {version('oomsight')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="{run,check,cleanup}")
    add_flags(commands.add_parser("run", help="work until told to stop"))
    add_flags(commands.add_parser("check", help="say whether the nodes of all agents are known to the operator"), CHECK_FLAGS)
    clean = commands.add_parser(
        "cleanup", help="remove all annotations, labels and MemoryRecommendations of oomsight, and its Lease"
    )
    add_flags(clean, CLEANUP_FLAGS)
    clean.add_argument(
        "--stop-deployment",
        metavar="NAME",
        help="first scale this Deployment of --namespace to zero and wait for the end of its pods: a running operator writes anew",
    )
    clean.add_argument("--delete-policy", metavar="NAME", help="delete this ClusterMemoryPolicy as well")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point. 0: told to stop, complete, or clean; 1: broke, a node is silent, or something stayed; 2: wrong settings."""
    flags = vars(make_parser().parse_args(arguments))
    command = flags.pop("command")
    deployment, policy = flags.pop("stop_deployment", None), flags.pop("delete_policy", None)
    try:
        settings = load_settings(flags)
    except SettingsError as error:
        print(f"oomsight-operator: {error}", file=sys.stderr)  # noqa: T201 - before there are logs
        return 2
    logs.configure(settings.log_level)
    try:
        credentials = load_credentials(settings.kubeconfig, settings.context)
    except CredentialsError as error:
        log.error("no way to the API server", extra={"error": str(error)[:1000]})
        return 2
    try:
        if command == "check":
            return asyncio.run(_check(settings, credentials))
        if command == "cleanup":
            return asyncio.run(_clean(settings, credentials, deployment, policy))
        return asyncio.run(_run(settings, credentials))
    except OSError as error:
        log.error("cannot serve", extra={"error": str(error)})
        return 2


async def _run(settings: Settings, credentials: Credentials) -> int:
    return await Process(settings, credentials).run()


if __name__ == "__main__":
    sys.exit(main())
