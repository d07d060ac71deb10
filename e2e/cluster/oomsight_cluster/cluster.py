"""What every cluster offers to the suite, however it came."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running cluster."""

    description: str
    """Where it comes from, for people."""
    kubeconfig: Path
    image_repository: str
    image_tag: str
    image_digest: str = ""
    pull_policy: str = "IfNotPresent"
    logs: Path | None = None
    """Folder with logs of the node's own parts, where they can be had."""
    restart_api_server: Callable[[], None] | None = None
    """Ends the API server at once and returns when it serves again; None where that is not ours to do."""
