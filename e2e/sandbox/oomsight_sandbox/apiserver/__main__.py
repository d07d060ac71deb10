"""`python -m oomsight_sandbox.apiserver`: the embedded API server alone, for trying things by hand."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
from collections.abc import Sequence

import yaml

from .server import ApiServer


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m oomsight_sandbox.apiserver", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="loopback address to listen on")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes a free one")
    parser.add_argument("--kubeconfig", help="write a kubeconfig to this path and remove it at the end")
    parser.add_argument("--token", default=None, help="bearer token that requests must carry")
    parser.add_argument("--load", action="append", default=[], metavar="FILE", help="YAML file of objects to begin with")
    options = parser.parse_args(arguments)
    if options.kubeconfig:
        options.kubeconfig = os.path.abspath(options.kubeconfig)
    return asyncio.run(_run(options))


async def _run(options: argparse.Namespace) -> int:
    server = ApiServer(options.host, options.port, options.token)
    for path in options.load:
        with open(path, encoding="utf-8") as file:  # noqa: ASYNC230 - before anything is served
            server.load(document for document in yaml.safe_load_all(file) if document)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    try:
        await server.start()
        if options.kubeconfig:
            server.write_kubeconfig(options.kubeconfig)
            print(f"export KUBECONFIG={options.kubeconfig}", flush=True)
        print(f"serving {server.url}", flush=True)
        await stopped.wait()
    finally:
        await server.stop()
        if options.kubeconfig:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(options.kubeconfig)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
