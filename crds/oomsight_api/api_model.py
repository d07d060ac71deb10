"""What every pydantic model of the API stands on: the base class, and the few types that Kubernetes spells its own way.

Models say a bound once; `oomsight-crds` turns it into the CRD's schema, and pydantic checks the same bound when the operator reads
an object. A type here is never stricter than the schema it gives: whatever the API server lets in must parse.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel

from oomsight_api.quantity import MAX_QUANTITY_LENGTH, QUANTITY_PATTERN, parse_bytes

MAX_PLAIN_BYTES = 2**62
"""Of a quantity written as a number: JSON's readers and CEL know no whole number beyond 2^63-1, and not all of them that one."""


class ApiModel(BaseModel):
    """Base of everything that stands in a custom resource: camelCase on the wire, immutable, no unknown fields."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        regex_engine="rust-regex",
    )

    def to_wire(self) -> dict[str, Any]:
        """The JSON of it: camelCase keys, absent values left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class StatusModel(ApiModel):
    """Base of what only the operator writes. Read back leniently: a newer version may have written fields unknown to this one."""

    model_config = ConfigDict(extra="ignore")


def cel(rule: str, message: str) -> dict[str, Any]:
    """A model's `json_schema_extra` with one CEL rule; `message` says "must …"."""
    return {"x-kubernetes-validations": [{"rule": rule, "message": message}]}


def _whole_number(value: object) -> object:
    """JSON knows one kind of number: 70 and 70.0 are the same to the API server, `true` and "70" are none."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("must be a whole number")
    return value


def _quantity(value: object) -> object:
    if isinstance(value, str):
        parse_bytes(value)
        return value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("must be a quantity such as 512Mi")
    if value > MAX_PLAIN_BYTES:
        raise ValueError(f"must be at most {MAX_PLAIN_BYTES}, or written with a unit")
    parse_bytes(value)
    return value


WHOLE_NUMBER = BeforeValidator(_whole_number)
"""Stands last in the annotation of an integer: `Annotated[int, Field(ge=1, le=100), WHOLE_NUMBER]`."""

Quantity = Annotated[
    str | int,
    BeforeValidator(_quantity),
    WithJsonSchema(
        {
            "x-kubernetes-int-or-string": True,
            "pattern": QUANTITY_PATTERN,
            "maxLength": MAX_QUANTITY_LENGTH,
            "minimum": 0,
            "maximum": MAX_PLAIN_BYTES,
        }
    ),
]
"""A Kubernetes quantity of bytes as a user writes it (512Mi, 1.5G, 1e9 or a plain number), never negative; kept as written."""

QuantityText = Annotated[str, Field(max_length=MAX_QUANTITY_LENGTH)]
"""A quantity as the operator writes it: always a string."""

Timestamp = Annotated[str, Field(max_length=40), WithJsonSchema({"type": "string", "format": "date-time"})]
"""RFC 3339 in UTC, as `oomsight_api.times` writes it."""

Name = Annotated[str, Field(max_length=253)]
