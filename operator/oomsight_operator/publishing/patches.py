"""Merge patches: of our annotations and one label on a pod, against what it carries; and of a status.

Pure. On pods no key outside our prefix is touched, and an annotation is read only to compare it with what would be written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from oomsight_api.api_model import StatusModel
from oomsight_api.names import PREFIX, RISK_LABEL, Annotation, RiskLevel
from oomsight_api.policy import AnnotationsMode, PublishSpec, Toggle
from oomsight_operator.judgement.model import Pod
from oomsight_operator.kube.errors import ApiError
from oomsight_operator.publishing.budget import is_at_risk

VOLATILE: frozenset[str] = frozenset({Annotation.MEMORY, Annotation.SUMMARY, Annotation.REPORT})
"""Annotations whose numbers move all the time; the others change only when the meaning does."""

_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class OwnMarks:
    """Our annotations and our label on one pod, as they stand or as they should."""

    annotations: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    label: str | None = None

    @property
    def is_empty(self) -> bool:
        return not self.annotations and self.label is None

    def digest(self) -> int:
        """To notice that somebody else changed them; good within one process."""
        return hash((frozenset(self.annotations.items()), self.label))


NO_MARKS = OwnMarks()


def marks_of_pod(pod: Pod) -> OwnMarks:
    """What stands on the pod as the informer knows it."""
    return NO_MARKS if not pod.own_annotations and pod.own_label is None else OwnMarks(pod.own_annotations, pod.own_label)


def marks_of_object(document: Mapping[str, Any]) -> OwnMarks:
    """What stands on a pod as the API answered it; whatever is malformed is left out."""
    metadata = _metadata(document)
    annotations, labels = metadata.get("annotations"), metadata.get("labels")
    own = {
        key: value
        for key, value in (annotations.items() if isinstance(annotations, Mapping) else ())
        if isinstance(key, str) and isinstance(value, str) and key.startswith(PREFIX)
    }
    label = labels.get(RISK_LABEL) if isinstance(labels, Mapping) else None
    return OwnMarks(own, label if isinstance(label, str) else None)


def resource_version_of(document: Mapping[str, Any]) -> str:
    """The object's resource version; empty when there is none."""
    version = _metadata(document).get("resourceVersion")
    return version if isinstance(version, str) else ""


def parse_level(published: str | None) -> RiskLevel | None:
    """A level that stands in an annotation or label; None for anything that is no level."""
    try:
        return RiskLevel(published) if published is not None else None
    except ValueError:
        return None


def desired_marks(level: RiskLevel, publish: PublishSpec, rendered: Mapping[str, str], standing: OwnMarks) -> OwnMarks:
    """What the policy asks to publish of a judged pod.

    With AtRisk, annotations that stand on a pod whose agent fell silent stay and say `unknown`: taking them away would look like
    good news.
    """
    match publish.annotations:
        case AnnotationsMode.ALL:
            annotate = True
        case AnnotationsMode.AT_RISK:
            annotate = is_at_risk(level) or (level is RiskLevel.UNKNOWN and bool(standing.annotations))
        case AnnotationsMode.NONE:
            annotate = False
    label = level.value if publish.risk_label is Toggle.ENABLED else None
    return OwnMarks(rendered if annotate else _NOTHING, label)


def same_meaning(desired: OwnMarks, standing: OwnMarks) -> bool:
    """Whether readers would learn nothing new: the same keys, and the same values but for numbers that move all the time."""
    return (
        desired.label == standing.label
        and desired.annotations.keys() == standing.annotations.keys()
        and all(standing.annotations[key] == value for key, value in desired.annotations.items() if key not in VOLATILE)
    )


def merge_patch(pod_uid: str, desired: OwnMarks, standing: OwnMarks) -> dict[str, Any] | None:
    """JSON merge patch from `standing` to `desired`; None when they are equal.

    `metadata.uid` in a patch is a precondition to the API server: a pod that was made anew under the same name never gets its
    predecessor's data.
    """
    annotations: dict[str, str | None] = {
        key: value for key, value in desired.annotations.items() if standing.annotations.get(key) != value
    }
    annotations |= {key: None for key in standing.annotations if key.startswith(PREFIX) and key not in desired.annotations}
    metadata: dict[str, Any] = {}
    if annotations:
        metadata["annotations"] = annotations
    if desired.label != standing.label:
        metadata["labels"] = {RISK_LABEL: desired.label}
    return {"metadata": {"uid": pod_uid, **metadata}} if metadata else None


def is_other_uid(error: ApiError) -> bool:
    """The uid precondition of a patch failed: the object was deleted, and made anew under its name.

    The API server says so with 409 (`the UID in the precondition (…) does not match the UID in record (…)`) or with 422
    (`metadata.uid: Invalid value: … field is immutable`), depending on how the patch is applied.
    """
    # Names of objects are lower case and without spaces: a pod called "fluid" does not look like this.
    return error.status in (409, 422) and ("UID in " in error.message or " metadata.uid: " in error.message)


def is_newer(resource_version: str, than: str) -> bool:
    """Whether one version of an object is at least as new as another.

    Compared as the integers that they are (KEP-5504); versions that are no integers are opaque: then any other one counts as newer.
    """
    if resource_version.isdecimal() and than.isdecimal():
        return int(resource_version) >= int(than)
    return resource_version != than


def status_patch(uid: str, status: StatusModel) -> dict[str, Any]:
    """JSON merge patch that makes an object's status exactly `status`: what is None there is removed.

    Lists are replaced as a whole by a merge patch; objects are merged, so they need a null for each field that is to go.
    """
    return {"metadata": {"uid": uid}, "status": _with_nulls(status)}


def _with_nulls(model: StatusModel) -> dict[str, Any]:
    document = model.model_dump(mode="json", by_alias=True, exclude_none=True)
    for name, info in type(model).model_fields.items():
        value, key = getattr(model, name), info.alias or name
        if value is None:
            document[key] = None
        elif isinstance(value, StatusModel):
            document[key] = _with_nulls(value)
    return document


def _metadata(document: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata = document.get("metadata")
    return metadata if isinstance(metadata, Mapping) else {}
