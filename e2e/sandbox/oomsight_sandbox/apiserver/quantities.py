"""Kubernetes quantities (k8s.io/apimachinery/pkg/api/resource) as exact decimals."""

from __future__ import annotations

import re
from decimal import Decimal

_QUANTITY = re.compile(
    r"(?P<number>[+-]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40}))(?P<suffix>[KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,3}|)"
)
_SCALES = {
    "": Decimal(1),
    **{f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", 1)},
    **{letter: Decimal(1000) ** power for power, letter in enumerate("kMGTPE", 1)},
    **{letter: Decimal(1000) ** -power for power, letter in enumerate("mun", 1)},
}


def parse_quantity(text: object) -> Decimal | None:
    """The amount, or None when it is no quantity. Numbers are taken as they are."""
    found = _QUANTITY.fullmatch(str(text))
    if found is None:
        return None
    suffix = found["suffix"]
    scale = _SCALES.get(suffix)
    return Decimal(found["number"]) * (scale if scale is not None else Decimal(10) ** int(suffix[1:]))
