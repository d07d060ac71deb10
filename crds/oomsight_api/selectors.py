"""Selection of pods by labels and of containers by name: the models, and the pure matching.

Source of the semantics: k8s.io/apimachinery/pkg/labels (`Requirement.Matches`) and pkg/apis/meta/v1/validation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from oomsight_api.api_model import ApiModel, cel

_DNS_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
LABEL_KEY_PATTERN = rf"^({_DNS_LABEL}(\.{_DNS_LABEL})*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?$"
LABEL_VALUE_PATTERN = r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$"
CONTAINER_PATTERN = r"^[-a-z0-9*?]+$"
MAX_LABEL_KEY_LENGTH = 317
"""A prefix of 253 characters, a slash and a name of 63."""

LabelKey = Annotated[str, Field(min_length=1, max_length=MAX_LABEL_KEY_LENGTH, pattern=LABEL_KEY_PATTERN)]
LabelValue = Annotated[str, Field(max_length=63, pattern=LABEL_VALUE_PATTERN)]
ContainerPattern = Annotated[str, Field(min_length=1, max_length=63, pattern=CONTAINER_PATTERN)]

_label_key = re.compile(LABEL_KEY_PATTERN.removesuffix("$"), re.ASCII)

_VALUES_RULE = "(self.operator in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)"
_VALUES_MESSAGE = "values must be given for the operators In and NotIn, and must be empty for Exists and DoesNotExist"


class LabelSelectorRequirement(ApiModel):
    """One requirement on a label."""

    model_config = ConfigDict(json_schema_extra=cel(_VALUES_RULE, _VALUES_MESSAGE))

    key: LabelKey
    """Name of the label, such as app or example.com/tier."""
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    """How the label relates to the values. NotIn also holds where the label is missing."""
    values: Annotated[tuple[LabelValue, ...], Field(max_length=64)] = ()
    """Given for In and NotIn, empty for Exists and DoesNotExist."""

    @model_validator(mode="after")
    def _values_fit_operator(self) -> Self:
        if bool(self.values) != (self.operator in {"In", "NotIn"}):
            raise ValueError(_VALUES_MESSAGE)
        return self


class LabelSelector(ApiModel):
    """Which objects, by their labels; everything must hold, and an empty selector selects everything."""

    match_labels: Annotated[dict[str, LabelValue], Field(max_length=64)] = Field(default_factory=dict)
    """Labels with exactly these values."""
    match_expressions: Annotated[tuple[LabelSelectorRequirement, ...], Field(max_length=32)] = ()
    """Further requirements."""


class ContainerPatterns(ApiModel):
    """Which containers of a pod, by name. In a pattern, * stands for any characters and ? for one; excluded beats included."""

    include: Annotated[tuple[ContainerPattern, ...], Field(min_length=1, max_length=64)] = ("*",)
    """Containers whose name matches one of these patterns."""
    exclude: Annotated[tuple[ContainerPattern, ...], Field(max_length=64)] = ()
    """Except those whose name matches one of these, such as istio-*."""


@dataclass(frozen=True, slots=True)
class CompiledSelector:
    """A LabelSelector as plain values, for matching many pods."""

    equal: tuple[tuple[str, str], ...] = ()
    one_of: tuple[tuple[str, frozenset[str]], ...] = ()
    none_of: tuple[tuple[str, frozenset[str]], ...] = ()
    present: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()

    @classmethod
    def of(cls, selector: LabelSelector) -> CompiledSelector:
        """Compile; done once per policy."""
        expressions = selector.match_expressions

        def keyed(operator: str) -> tuple[tuple[str, frozenset[str]], ...]:
            return tuple((each.key, frozenset(each.values)) for each in expressions if each.operator == operator)

        return cls(
            equal=tuple(selector.match_labels.items()),
            one_of=keyed("In"),
            none_of=keyed("NotIn"),
            present=tuple(key for key, _ in keyed("Exists")),
            absent=tuple(key for key, _ in keyed("DoesNotExist")),
        )

    @property
    def keys(self) -> frozenset[str]:
        """Every label that the answer depends on."""
        pairs = (*self.equal, *self.one_of, *self.none_of)
        return frozenset((*(key for key, _ in pairs), *self.present, *self.absent))

    def matches(self, labels: Mapping[str, str]) -> bool:
        """True when every requirement holds."""
        return (
            all(labels.get(key) == value for key, value in self.equal)
            and all(labels.get(key) in values for key, values in self.one_of)
            and all(labels.get(key) not in values for key, values in self.none_of)
            and all(key in labels for key in self.present)
            and not any(key in labels for key in self.absent)
        )


def selects(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Whether the labels fulfil the selector."""
    return CompiledSelector.of(selector).matches(labels)


def is_label_key(key: str) -> bool:
    """Whether Kubernetes takes this as a label's name: `[prefix/]name`, the prefix a DNS subdomain of at most 253 characters."""
    prefix, slash, _ = key.rpartition("/")
    return len(key) <= MAX_LABEL_KEY_LENGTH and _label_key.fullmatch(key) is not None and (not slash or len(prefix) <= 253)


def container_selected(patterns: ContainerPatterns, container_name: str) -> bool:
    """Whether a container of this name is meant: matched by one of `include` and by none of `exclude`."""
    return _selected(patterns.include, patterns.exclude, container_name)


@lru_cache(maxsize=16384)
def _selected(include: tuple[str, ...], exclude: tuple[str, ...], name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in include) and not any(fnmatchcase(name, pattern) for pattern in exclude)
