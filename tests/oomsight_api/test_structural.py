from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import pytest
from pydantic import ConfigDict, Field

from oomsight_api.api_model import WHOLE_NUMBER, ApiModel, Quantity, cel
from oomsight_api.structural import structural_schema


class Colour(StrEnum):
    """Colours."""

    RED = "Red"
    BLUE = "Blue"


class Part(ApiModel):
    """A part."""

    model_config = ConfigDict(json_schema_extra=cel("self.sizeBytes > 0", "must be more than 0"))

    size_bytes: Annotated[int, Field(ge=0, le=9), WHOLE_NUMBER] = 3
    """How big."""
    colour: Colour = Colour.RED
    """Which colour."""
    names: Annotated[tuple[str, ...], Field(max_length=4)] = ()


class Whole(ApiModel):
    """The whole."""

    part: Part = Part()
    """Its part."""
    other: Part | None = None
    limit: Quantity | None = None
    """How much."""
    labels: Annotated[dict[str, str], Field(max_length=2)] = Field(default_factory=dict)
    note: Annotated[str, Field(max_length=9)] = ""
    name: str


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return structural_schema(Whole)


def test_references_are_resolved_and_the_words_beside_them_win(schema: dict[str, Any]) -> None:
    assert schema["properties"]["part"]["description"] == "Its part."
    assert schema["properties"]["other"]["description"] == "A part."
    assert schema["properties"]["part"]["properties"]["sizeBytes"] == {
        "type": "integer",
        "description": "How big.",
        "minimum": 0,
        "maximum": 9,
        "default": 3,
    }


def test_enums_stand_where_they_are_used(schema: dict[str, Any]) -> None:
    assert schema["properties"]["part"]["properties"]["colour"] == {
        "type": "string",
        "description": "Which colour.",
        "enum": ["Red", "Blue"],
        "default": "Red",
    }


def test_a_default_is_written_in_full_so_that_the_rules_hold_for_it(schema: dict[str, Any]) -> None:
    assert schema["properties"]["part"]["default"] == {"sizeBytes": 3, "colour": "Red"}
    assert schema["properties"]["part"]["x-kubernetes-validations"] == [
        {"rule": "self.sizeBytes > 0", "message": "must be more than 0"}
    ]


def test_what_may_be_absent_is_neither_required_nor_nullable_nor_defaulted(schema: dict[str, Any]) -> None:
    assert schema["required"] == ["name"]
    assert "default" not in schema["properties"]["other"]
    assert "default" not in schema["properties"]["labels"]
    assert "default" not in schema["properties"]["note"]
    assert "default" not in schema["properties"]["part"]["properties"]["names"]


def test_a_quantity_is_an_integer_or_a_string(schema: dict[str, Any]) -> None:
    limit = schema["properties"]["limit"]
    assert limit["x-kubernetes-int-or-string"] is True
    assert "type" not in limit
    assert limit["description"] == "How much."


def test_a_union_of_types_cannot_be_said() -> None:
    class Union(ApiModel):
        value: int | str

    with pytest.raises(ValueError, match=r"Union\.value: found a union of 2 types"):
        structural_schema(Union)


def test_a_keyword_that_is_not_known_is_not_passed_over() -> None:
    class Odd(ApiModel):
        value: Annotated[int, Field(multiple_of=2)]

    with pytest.raises(ValueError, match=r"Odd\.value: found the keywords \['multipleOf'\]"):
        structural_schema(Odd)
