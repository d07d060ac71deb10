"""The short names under which a kill is remembered when nothing else of it is: one for each witness that may tell of it yet."""

from __future__ import annotations

import base64
from typing import Final

from oomsight_operator.judgement.kills.model import Kill, end_identity, incident_identity
from oomsight_operator.judgement.words import short_hash

NAME_LENGTH: Final = 8
"""Characters of base64 for 48 bits: of 512 kills two have the same name once in two thousand million times."""
_HEX_DIGITS: Final = NAME_LENGTH * 6 // 4


def names_of(kill: Kill) -> tuple[str, ...]:
    """Of its identity first; then of its incident, and of the end of its run, which is one kill's alone, or, where the run went
    on, of its place in the counter: whoever tells of the kill later, and has not heard of it before, tells one of them (a restarted
    agent the counter's)."""
    identities = [kill.identity]
    if kill.incident_id is not None:
        identities.append(incident_identity(kill.container_id, kill.incident_id))
    if kill.ended_container:
        identities.append(end_identity(kill.container_id))
    elif kill.sequence:
        identities.append((kill.container_id, "ordinal", str(kill.sequence)))
    return tuple(dict.fromkeys(_name_of(identity) for identity in identities))


def name_of_end(container_id: str) -> str:
    """Of the kill that ended this run."""
    return _name_of(end_identity(container_id))


def name_of_hash(digits: str) -> str:
    """From hexadecimal digits, of which an earlier version kept 16. Raises ValueError for others."""
    name = base64.urlsafe_b64encode(bytes.fromhex(digits[:_HEX_DIGITS])).decode("ascii")
    if len(name) != NAME_LENGTH or "=" in name:
        raise ValueError(f"{digits[:_HEX_DIGITS]!r} is too short")
    return name


def _name_of(identity: tuple[str, str, str]) -> str:
    return name_of_hash(short_hash(*identity))
