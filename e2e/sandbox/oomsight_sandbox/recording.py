"""A recorded node: what its kernel's files and its pods' statuses said over time, as gzipped JSON lines.

The first line is the header, each other line one moment: `{"t": 1.5, "files": {path: text or null}, "links": {name: target or
null}, "pods": {key: status}}`. Paths are relative, below `cgroup/` and `proc/`; null means gone. A pod's key is
`<app label>/<number>`, the number counting the pods of one label by name, so that the same manifests find their statuses again
whatever their pods are called.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

VERSION = 1
MAX_BYTES = 64 * 1024 * 1024
"""Unpacked; a recording of some minutes has about 5 MiB."""
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


class RecordingError(ValueError):
    """The file is no recording that this version plays; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a pod is called; replaced by what the pod of the replay is called."""

    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Moment:
    """What changed at one time, in seconds since the start."""

    t: float
    files: Mapping[str, str | None] = field(default_factory=dict)
    links: Mapping[str, str | None] = field(default_factory=dict)
    pods: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recording:
    """`started_seconds` is Unix time; `source` says in words where it was made."""

    started_seconds: float
    memory_bytes: int
    source: str
    pods: Mapping[str, Identity]
    moments: Sequence[Moment]

    @property
    def seconds(self) -> float:
        return self.moments[-1].t if self.moments else 0.0


def pod_keys(pods: Iterable[Mapping[str, Any]]) -> dict[str, Identity]:
    """Keys of the pods that carry an `app` label."""
    by_app: dict[str, list[Identity]] = {}
    for pod in pods:
        meta = pod["metadata"]
        if app := (meta.get("labels") or {}).get("app"):
            by_app.setdefault(app, []).append(Identity(meta["name"], meta["uid"]))
    keys = {}
    for app, identities in by_app.items():
        for number, identity in enumerate(sorted(identities, key=lambda one: one.name)):
            keys[f"{app}/{number}"] = identity
    return keys


def renamed(text: str, names: Mapping[str, str]) -> str:
    """`text` with each recorded name or uid replaced; longest first, so that no name is taken for the start of another."""
    for old in sorted(names, key=len, reverse=True):
        text = text.replace(old, names[old])
    return text


def shifted(value: Any, by_seconds: float) -> Any:
    """A status with all its times moved."""
    if isinstance(value, dict):
        return {key: shifted(item, by_seconds) for key, item in value.items()}
    if isinstance(value, list):
        return [shifted(item, by_seconds) for item in value]
    if isinstance(value, str) and _TIME.fullmatch(value):
        moved = datetime.fromisoformat(value).astimezone(UTC) + timedelta(seconds=round(by_seconds))
        return moved.strftime("%Y-%m-%dT%H:%M:%SZ")
    return value


def write_recording(path: str, recording: Recording) -> int:
    """Returns the file's size. The bytes are the same for the same recording (no time in the gzip header)."""
    header = {
        "version": VERSION,
        "started_seconds": recording.started_seconds,
        "memory_bytes": recording.memory_bytes,
        "source": recording.source,
        "pods": {key: asdict(identity) for key, identity in recording.pods.items()},
    }
    lines = [header, *(_line(moment) for moment in recording.moments)]
    text = "".join(json.dumps(line, separators=(",", ":"), sort_keys=True) + "\n" for line in lines)
    with open(path, "wb") as file:
        return file.write(gzip.compress(text.encode(), 9, mtime=0))


def _line(moment: Moment) -> dict[str, Any]:
    return {name: value for name, value in asdict(moment).items() if value or name == "t"}


def read_recording(path: str) -> Recording:
    """Raises RecordingError, or OSError when it cannot be read."""
    try:
        with gzip.open(path) as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise RecordingError(f"{path}: unpacks to more than {MAX_BYTES} bytes")
        header, *lines = [json.loads(line) for line in data.splitlines()]
        if header["version"] != VERSION:
            raise RecordingError(f"{path}: version {header['version']}, expected {VERSION}")
        pods = {key: Identity(**identity) for key, identity in header["pods"].items()}
        moments = [Moment(**line) for line in lines]
        for moment in moments:
            _refuse_strange_paths(path, (*moment.files, *moment.links))
        return Recording(header["started_seconds"], header["memory_bytes"], header["source"], pods, moments)
    except (EOFError, gzip.BadGzipFile, UnicodeDecodeError, ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, RecordingError):
            raise
        raise RecordingError(f"{path}: is no recording: {error!r}") from error


def _refuse_strange_paths(recording: str, paths: Iterable[str]) -> None:
    """Nothing outside the replay's folder is ever written."""
    for path in paths:
        if path.startswith("/") or ".." in path.split("/") or "\0" in path:
            raise RecordingError(f"{recording}: path {path!r} leads out of the tree")
