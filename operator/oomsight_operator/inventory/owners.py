"""Owner references as the API sends them. Pure."""

from __future__ import annotations

from sys import intern

import msgspec

from oomsight_operator.judgement.model import Owner


class OwnerReference(msgspec.Struct, rename="camel"):
    """metav1.OwnerReference."""

    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool | None = None


def controller_of(references: list[OwnerReference] | None) -> Owner | None:
    """The managing controller: the reference with `controller: true`, of which the API allows one."""
    for reference in references or ():
        if reference.controller:
            return Owner(intern(reference.api_version), intern(reference.kind), intern(reference.name), intern(reference.uid))
    return None
