"""Ids of runs by their checksum: a digest of many pods has no room for whole ones, and the pod's status tells them."""

from __future__ import annotations

import zlib
from contextlib import suppress
from dataclasses import replace
from typing import Final

from oomsight_operator.judgement.kills.tellings import ends_of
from oomsight_operator.judgement.model import ContainerHistory, ContainerStatus, Pod, PodHistory

_MARK: Final = "crc32:"


def checksum_of(run: str) -> int:
    """Of 32 bits, as `FloorHistory.run`; of a run that is known by its checksum alone, that."""
    if run.startswith(_MARK):
        with suppress(ValueError):
            return int(run.removeprefix(_MARK), 16) & 0xFFFF_FFFF
    return zlib.crc32(run.encode("utf-8", "surrogatepass"))


def known_by(checksum: int) -> str:
    """Stands for the id. It equals none, so what is known of that run is no other's."""
    return f"{_MARK}{checksum:08x}"


def with_whole_ids(history: PodHistory, pod: Pod) -> PodHistory:
    """The history with whole ids of those runs that the pod's status shows."""
    containers = {name: _whole(one, pod.statuses.get(name)) for name, one in history.containers.items()}
    return replace(history, containers=containers)


def _whole(history: ContainerHistory, status: ContainerStatus | None) -> ContainerHistory:
    ids = (history.container_id_seen or "", *history.ended_container_ids)
    if status is None or not any(run.startswith(_MARK) for run in ids):
        return history
    shown = [run for run in (status.container_id, *(end.container_id for end in ends_of(status))) if run]
    whole = {known_by(checksum_of(run)): run for run in shown}
    return replace(
        history,
        container_id_seen=whole.get(ids[0], ids[0]) or None,
        ended_container_ids=tuple(whole.get(run, run) for run in ids[1:]),
    )
