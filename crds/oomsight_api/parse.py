"""From a raw object, as the API or kopf hands it over, to a typed record, or to a reason why not. Nothing else ever comes out.

Whatever passes the CRD's schema (CEL rules included) parses. Two things no schema of Kubernetes 1.28 can say, and they are judged
here, after parsing: names of labels in `matchLabels`, and `minLimit` against `maxLimit` (CEL's `quantity()` came with 1.29). They,
too, end in `Accepted=False`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from pydantic import ValidationError

from oomsight_api.api_model import ApiModel
from oomsight_api.conditions import MAX_MESSAGE_LENGTH
from oomsight_api.kinds import CLUSTER_MEMORY_POLICY, MEMORY_POLICY, MEMORY_RECOMMENDATION, Kind
from oomsight_api.names import API_VERSION
from oomsight_api.policy import ClusterMemoryPolicySpec, MemoryPolicySpec, PolicyRules, RecommendationSpec
from oomsight_api.recommendation import MemoryRecommendationSpec, MemoryRecommendationStatus
from oomsight_api.selectors import LabelSelector, is_label_key
from oomsight_api.times import TimeError, parse_time

_MAX_SHOWN = 60
_MAX_PROBLEMS = 3
_EXPECTED = {
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
    "tuple_type": "must be a list",
    "string_type": "must be a text",
}
"""JSON's words for what pydantic says in Python's."""

Model = TypeVar("Model", bound=ApiModel)


class InvalidReason(StrEnum):
    """Reasons of `Accepted=False`."""

    INVALID_METADATA = "InvalidMetadata"
    INVALID_SPEC = "InvalidSpec"
    INVALID_STATUS = "InvalidStatus"
    INVALID_SELECTOR = "InvalidSelector"
    CONTRADICTORY_LIMITS = "ContradictoryLimits"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who an object is: what every object of ours has in its metadata."""

    kind: Kind
    name: str
    namespace: str | None
    uid: str
    generation: int
    created_at_seconds: float


@dataclass(frozen=True, slots=True)
class ParsedPolicy:
    """A policy that can be worked with."""

    identity: Identity
    spec: MemoryPolicySpec | ClusterMemoryPolicySpec


@dataclass(frozen=True, slots=True)
class ParsedRecommendation:
    """A recommendation as it was written last."""

    identity: Identity
    spec: MemoryRecommendationSpec
    status: MemoryRecommendationStatus


@dataclass(frozen=True, slots=True)
class InvalidSpec:
    """Why an object cannot be worked with. The message is printable ASCII and fits into a condition."""

    reason: InvalidReason
    message: str
    identity: Identity | None = None
    """None when the metadata already made no sense: then there is no object to write a status to."""


class _RefusedError(Exception):
    """Carries the answer out of the depth of the parser; never leaves this module."""

    def __init__(self, reason: InvalidReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


def parse_policy(raw: object) -> ParsedPolicy | InvalidSpec:
    """Read a MemoryPolicy or ClusterMemoryPolicy. Pure, and never raises, whatever `raw` is."""
    identity: Identity | None = None
    try:
        identity = _identity(raw, (MEMORY_POLICY, CLUSTER_MEMORY_POLICY))
        spec: MemoryPolicySpec | ClusterMemoryPolicySpec
        if identity.kind is MEMORY_POLICY:
            spec = _section(raw, "spec", MemoryPolicySpec, InvalidReason.INVALID_SPEC)
        else:
            spec = _section(raw, "spec", ClusterMemoryPolicySpec, InvalidReason.INVALID_SPEC)
        _check_beyond_schema(spec)
    except _RefusedError as refused:
        return InvalidSpec(refused.reason, refused.message, identity)
    return ParsedPolicy(identity, spec)


def parse_recommendation(raw: object) -> ParsedRecommendation | InvalidSpec:
    """Read a MemoryRecommendation; one without a status has an empty one. Pure, and never raises, whatever `raw` is."""
    identity: Identity | None = None
    try:
        identity = _identity(raw, (MEMORY_RECOMMENDATION,))
        spec = _section(raw, "spec", MemoryRecommendationSpec, InvalidReason.INVALID_SPEC)
        status = _section(raw, "status", MemoryRecommendationStatus, InvalidReason.INVALID_STATUS)
    except _RefusedError as refused:
        return InvalidSpec(refused.reason, refused.message, identity)
    return ParsedRecommendation(identity, spec, status)


def describe(value: object) -> str:
    """A value found in hostile input, in at most about 80 printable ASCII characters, at a cost that does not grow with it."""
    shown = f"a {type(value).__name__[:_MAX_SHOWN]!a}"
    match value:
        case None:
            shown = "null"
        case bool():
            shown = "true" if value else "false"
        case int():
            shown = str(value) if abs(value) < 10**30 else "a number of more than 30 digits"
        case float():
            shown = repr(value)
        case str():
            shown = ascii(value) if len(value) <= _MAX_SHOWN else f"{value[:_MAX_SHOWN]!a}... ({len(value)} characters)"
        case Mapping():
            shown = f"an object with {len(value)} field{'' if len(value) == 1 else 's'}"
        case list() | tuple():
            shown = f"a list of {len(value)} item{'' if len(value) == 1 else 's'}"
    return shown


def _identity(raw: object, kinds: tuple[Kind, ...]) -> Identity:
    if not isinstance(raw, Mapping):
        raise _unexpected("object", raw, "an object")
    if raw.get("apiVersion") != API_VERSION:
        raise _unexpected("apiVersion", raw.get("apiVersion"), API_VERSION)
    kind = next((kind for kind in kinds if kind.kind == raw.get("kind")), None)
    if kind is None:
        raise _unexpected("kind", raw.get("kind"), " or ".join(kind.kind for kind in kinds))
    metadata = raw.get("metadata")
    if not isinstance(metadata, Mapping):
        raise _unexpected("metadata", metadata, "an object")
    generation = metadata.get("generation", 0)
    if isinstance(generation, bool) or not isinstance(generation, int) or not 0 <= generation < 2**63:
        raise _unexpected("metadata.generation", generation, "a whole number")
    created = metadata.get("creationTimestamp")
    try:
        created_at_seconds = parse_time(created) if isinstance(created, str) else None
    except TimeError:
        created_at_seconds = None
    if created_at_seconds is None:
        raise _unexpected("metadata.creationTimestamp", created, "a time such as 2026-03-01T10:00:00Z")
    return Identity(
        kind=kind,
        name=_metadata_text(metadata, "name"),
        namespace=_metadata_text(metadata, "namespace") if kind.namespaced else None,
        uid=_metadata_text(metadata, "uid"),
        generation=generation,
        created_at_seconds=created_at_seconds,
    )


def _metadata_text(metadata: Mapping[str, object], field: str) -> str:
    text = metadata.get(field)
    if not isinstance(text, str) or not 0 < len(text) <= 253 or not text.isascii() or not text.isprintable():
        raise _unexpected(f"metadata.{field}", text, "a text of 1 to 253 printable ASCII characters")
    return text


def _unexpected(field: str, found: object, expected: str) -> _RefusedError:
    return _RefusedError(InvalidReason.INVALID_METADATA, f"{field}: found {describe(found)}, expected {expected}")


def _section(raw: object, section: str, model: type[Model], reason: InvalidReason) -> Model:
    value = raw.get(section) if isinstance(raw, Mapping) else None
    if value is None and section == "status":
        value = {}
    if not isinstance(value, Mapping):
        raise _RefusedError(reason, f"{section}: found {describe(value)}, expected an object")
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise _RefusedError(reason, _explain(section, error)) from error


def _explain(section: str, error: ValidationError) -> str:
    """The first few problems, each with its field, what was found and what was expected."""
    problems = error.errors(include_url=False, include_context=False)
    lines = [
        _problem(section, problem["type"], problem["loc"], problem["input"], problem["msg"]) for problem in problems[:_MAX_PROBLEMS]
    ]
    if len(problems) > _MAX_PROBLEMS:
        lines.append(f"and {len(problems) - _MAX_PROBLEMS} more")
    return _bounded("; ".join(lines))


def _problem(section: str, kind: str, location: Iterable[int | str], found: Any, message: str) -> str:
    path = section
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if _is_plain(part) else f"[{describe(part)}]"
    if kind == "missing":
        return f"{path}: missing, expected a value"
    if kind == "extra_forbidden":
        return f"{path}: unknown field"
    return f"{path}: found {describe(found)}, {_EXPECTED.get(kind) or _expected(message)}"


def _expected(message: str) -> str:
    """Pydantic's own words, less its view of Python, such as "Tuple should have at least 1 item after validation, not 0"."""
    words = message.removeprefix("Value error, ").partition(" after validation")[0]
    subject, should, rest = words.partition(" should ")
    return f"must {rest}" if should and " " not in subject else words


def _is_plain(part: str) -> bool:
    return len(part) <= _MAX_SHOWN and part.isascii() and part.isidentifier()


def _bounded(text: str) -> str:
    shown = "".join(char if char.isascii() and char.isprintable() else "?" for char in text[:MAX_MESSAGE_LENGTH])
    return shown if len(text) <= MAX_MESSAGE_LENGTH else f"{shown[: MAX_MESSAGE_LENGTH - 3]}..."


def _check_beyond_schema(spec: MemoryPolicySpec | ClusterMemoryPolicySpec) -> None:
    """Refuse what a schema cannot."""
    selectors: list[tuple[str, LabelSelector]] = [("spec.podSelector", spec.pod_selector)]
    rules: list[tuple[str, PolicyRules | None]] = []
    if isinstance(spec, ClusterMemoryPolicySpec):
        selectors.append(("spec.namespaceSelector", spec.namespace_selector))
        rules += [("spec.defaults", spec.defaults), ("spec.overrides", spec.overrides)]
    else:
        rules.append(("spec", spec))
    for path, selector in selectors:
        keys = [("matchLabels", key) for key in selector.match_labels]
        keys += [("matchExpressions", requirement.key) for requirement in selector.match_expressions]
        for part, key in keys:
            if not is_label_key(key):
                message = f"{path}.{part}: found the label {describe(key)}, expected a name such as app or example.com/tier"
                raise _RefusedError(InvalidReason.INVALID_SELECTOR, message)
    for path, rule in rules:
        if rule is not None:
            _check_limits(f"{path}.recommendation", rule.recommendation)


def _check_limits(path: str, wanted: RecommendationSpec) -> None:
    least, most = wanted.min_limit_bytes, wanted.max_limit_bytes
    message = ""
    if most == 0:
        message = f"{path}.maxLimit: found {describe(wanted.max_limit)}, expected more than 0"
    elif least is not None and most is not None and least > most:
        shown = describe(wanted.min_limit), describe(wanted.max_limit)
        message = f"{path}.minLimit: found {shown[0]} above the maxLimit {shown[1]}, expected at most the maxLimit"
    if message:
        raise _RefusedError(InvalidReason.CONTRADICTORY_LIMITS, message)
