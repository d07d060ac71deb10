"""Policies as a cluster admin applies them."""

from __future__ import annotations

from typing import Any

from oomsight_api.names import API_VERSION


def policy(kind: str, name: str, spec: dict[str, Any], namespace: str | None = None) -> dict[str, Any]:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}
