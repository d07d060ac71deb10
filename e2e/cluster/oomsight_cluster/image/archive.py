"""Writes container images as docker-archives: what `docker save` writes and `ctr images import` reads.

Format: moby/moby image/spec/spec.md, "Combined Image JSON + Filesystem Changeset Format".
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EPOCH = "1970-01-01T00:00:00Z"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True)
class Layer:
    """One uncompressed tar of files."""

    path: Path

    def digest(self) -> str:
        """SHA-256 in hex."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def write_layer(path: Path, tree: Path | None, made: Mapping[str, tuple[bytes, int]] | None = None) -> Layer:
    """A layer of all in `tree`, and of files that are made here: `name: (content, mode)`; everything belongs to root.

    Times are kept: compiled Python is only valid with its source's own.
    """
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as archive:
        if tree is not None:
            archive.add(tree, arcname=".", filter=_of_root)
        for name, (content, mode) in (made or {}).items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            archive.addfile(entry, io.BytesIO(content))
    return Layer(path)


def _of_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


def image_configuration(digests: Iterable[str], config: Mapping[str, Any]) -> bytes:
    """The image's JSON: how to run it, and of which layers it is made."""
    names = [f"sha256:{digest}" for digest in digests]
    document = {
        "architecture": ARCHITECTURES.get(os.uname().machine, os.uname().machine),
        "os": "linux",
        "created": EPOCH,
        "config": dict(config),
        "rootfs": {"type": "layers", "diff_ids": names},
        "history": [{"created": EPOCH} for _ in names],
    }
    return json.dumps(document, sort_keys=True).encode()


def write_archive(path: Path, reference: str, layers: Sequence[Layer], config: Mapping[str, Any]) -> None:
    """The image `reference` (`repository:tag`) as one file."""
    digests = [layer.digest() for layer in layers]
    configuration = image_configuration(digests, config)
    name = f"{hashlib.sha256(configuration).hexdigest()}.json"
    names = [f"{digest}/layer.tar" for digest in digests]
    manifest = json.dumps([{"Config": name, "RepoTags": [reference], "Layers": names}]).encode()
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as archive:
        for layer, layer_name in zip(layers, names, strict=True):
            entry = tarfile.TarInfo(layer_name)
            entry.size, entry.mode = layer.path.stat().st_size, 0o644
            with layer.path.open("rb") as file:
                archive.addfile(entry, file)
        for each, content in ((name, configuration), ("manifest.json", manifest)):
            entry = tarfile.TarInfo(each)
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
