"""A kubeconfig that points at a server on loopback."""

from __future__ import annotations

import os

from .values import JsonObject

CONTEXT = "oomsight-sandbox"


def kubeconfig(url: str, token: str | None, namespace: str = "default") -> JsonObject:
    user: JsonObject = {"token": token} if token else {}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": CONTEXT, "cluster": {"server": url}}],
        "users": [{"name": CONTEXT, "user": user}],
        "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": CONTEXT, "namespace": namespace}}],
        "current-context": CONTEXT,
    }


def write_private(path: str | os.PathLike[str], text: str) -> None:
    """Write a file that only its owner reads: it may hold a token."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
