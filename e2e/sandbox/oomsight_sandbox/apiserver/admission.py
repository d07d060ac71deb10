"""From a client's document to what is stored: decode, prune, default, validate. The same way for create, update and patch.

Works on plain values; errors are StatusError, dropped fields become warnings or errors as fieldValidation asks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from . import cel, crd, defaults, events, status, structural
from .resources import CRDS, EVENTS, Resource
from .status import Cause
from .typed import WrongTypeError, conform_built_in, conform_metadata
from .values import JsonObject, copy_json, label_value_problem, name_problem, qualified_name_problem

_LABEL_NAMES = frozenset({("", "namespaces"), ("", "services")})
_ANNOTATIONS_LIMIT_BYTES = 256 * 1024


@dataclass(slots=True)
class Admission:
    """One document on its way in. `strictness` is fieldValidation: Ignore, Warn or Strict."""

    resource: Resource
    strictness: str
    now_seconds: float
    warnings: list[str] = field(default_factory=list)

    def read(self, document: Any, *, namespace: str, name: str) -> JsonObject:
        """Check that a document is one of this resource at this place; returns a typed copy in stored form, without apiVersion and
        kind.
        """
        resource = self.resource
        if not isinstance(document, dict):
            raise status.bad_request(f"the body must be a {resource.kind} object")
        self._check_kind(document)
        body = {key: value for key, value in document.items() if key not in ("apiVersion", "kind")}
        if not isinstance(body.get("metadata", {}), dict | None):
            raise status.bad_request(f"{self._cannot_handle()}: metadata: must be an object")
        unknown: list[str] = []
        missing: list[Cause] = []
        try:
            if resource.custom is None:
                body, unknown, missing = conform_built_in(resource, body)
            else:
                metadata, unknown = conform_metadata(body.get("metadata") or {})
                body, pruned = structural.prune({**body, "metadata": metadata}, resource.custom.schema, root=True)
                unknown += pruned
        except WrongTypeError as error:
            raise status.bad_request(f"{self._cannot_handle()}: {error}") from None
        self._tell_unknown(unknown)
        if resource.group == events.GROUP:
            body = events.to_core(body)
        metadata = body.setdefault("metadata", {})
        self._check_place(metadata, namespace, name)
        if missing:
            raise status.invalid(resource.group, resource.kind, str(metadata.get("name", "")), missing)
        return body

    def complete(self, data: JsonObject, old: JsonObject | None) -> None:
        """Fill in defaults, in place, and validate; 422 with every cause."""
        resource = self.resource
        causes: list[Cause] = []
        if resource.custom is not None:
            structural.apply_defaults(data, resource.custom.schema)
            causes = structural.validate(data, resource.custom.schema)
            if not causes:
                causes = cel.validate(data, old, resource.custom.schema)
        elif resource.storage == CRDS:
            causes = crd.prepare(data, old, now_seconds=self.now_seconds)
        elif resource.storage == EVENTS:
            causes = events.validate(data, old, new_api=resource.group == events.GROUP)
        else:
            defaults.default_object(resource, data, old)
            causes = defaults.validate_object(resource, data, old)
        causes = self._check_metadata(data["metadata"]) + causes
        if causes:
            raise status.invalid(resource.group, resource.kind, str(data["metadata"].get("name", "")), causes)

    def _check_kind(self, document: JsonObject) -> None:
        resource = self.resource
        api_version, kind = document.get("apiVersion"), document.get("kind")
        if resource.custom is not None and not kind:
            raise status.bad_request(f"Object 'Kind' is missing in '{str(document)[:80]}'")
        if api_version and api_version != resource.api_version:
            message = (
                f"the API version in the data ({api_version}) does not match the expected API version ({resource.api_version})"
            )
            raise status.bad_request(message)
        if kind and kind != resource.kind:
            raise status.bad_request(f"the kind in the data ({kind}) does not match the expected kind ({resource.kind})")

    def _check_place(self, metadata: JsonObject, namespace: str, name: str) -> None:
        found = metadata.get("namespace")
        if found and found != namespace:
            raise status.bad_request("the namespace of the provided object does not match the namespace sent on the request")
        if name and metadata.get("name") and metadata["name"] != name:
            message = f"the name of the object ({metadata['name']}) does not match the name on the URL ({name})"
            raise status.bad_request(message)
        if name:
            metadata["name"] = name
        if namespace:
            metadata["namespace"] = namespace

    def _tell_unknown(self, unknown: list[str]) -> None:
        if not unknown or self.strictness == "Ignore":
            return
        told = [f'unknown field "{path}"' for path in unknown[:20]]
        if self.strictness == "Strict":
            raise status.bad_request(f"{self._cannot_handle()}: strict decoding error: {', '.join(told)}")
        self.warnings += told

    def _cannot_handle(self) -> str:
        return f'{self.resource.kind} in version "{self.resource.version}" cannot be handled as a {self.resource.kind}'

    def _check_metadata(self, metadata: JsonObject) -> list[Cause]:
        causes: list[Cause] = []
        name = metadata.get("name") or (f"{metadata['generateName']}x" if metadata.get("generateName") else "")
        if not name:
            causes.append(Cause("FieldValueRequired", "Required value: name or generateName is required", "metadata.name"))
        elif problem := name_problem(name, label=(self.resource.group, self.resource.plural) in _LABEL_NAMES):
            causes.append(_invalid("metadata.name", name, problem))
        causes += [
            _invalid("metadata.labels", f"{key}={value}", problem)
            for key, value in (metadata.get("labels") or {}).items()
            if (problem := qualified_name_problem(key) or label_value_problem(value))
        ]
        annotations = metadata.get("annotations") or {}
        causes += [
            _invalid("metadata.annotations", key, problem)
            for key in annotations
            if (problem := qualified_name_problem(key.lower()))
        ]
        if sum(len(key) + len(value.encode()) for key, value in annotations.items()) > _ANNOTATIONS_LIMIT_BYTES:
            told = f"Too long: may not be more than {_ANNOTATIONS_LIMIT_BYTES} bytes"
            causes.append(Cause("FieldValueTooLong", told, "metadata.annotations"))
        causes += [
            _invalid("metadata.finalizers", finalizer, problem)
            for finalizer in metadata.get("finalizers") or ()
            if (problem := qualified_name_problem(finalizer))
        ]
        return causes + _check_owners(metadata.get("ownerReferences") or [])


def _check_owners(references: list[JsonObject]) -> list[Cause]:
    causes = [
        Cause("FieldValueRequired", "Required value: must not be empty", f"metadata.ownerReferences[{index}].{name}")
        for index, reference in enumerate(references)
        for name in ("apiVersion", "kind", "name", "uid")
        if not reference.get(name)
    ]
    if sum(reference.get("controller") is True for reference in references) > 1:
        told = "Only one reference can have Controller set to true"
        causes.append(_invalid("metadata.ownerReferences", "controller", told))
    return causes


def _invalid(path: str, value: object, why: str) -> Cause:
    return Cause("FieldValueInvalid", f'Invalid value: "{str(value)[:100]}": {why}', path)


def merge_status(resource: Resource, current: JsonObject, document: JsonObject) -> JsonObject:
    """What a write to the status subresource stores: the current object with the document's status.

    Pods and nodes take labels and annotations along (their strategies do); others keep their metadata.
    """
    result: JsonObject = copy_json(current)
    result.pop("status", None)
    if "status" in document:
        result["status"] = document["status"]
    if resource.storage in (("", "pods"), ("", "nodes")):
        for name in ("labels", "annotations"):
            result["metadata"].pop(name, None)
            if name in document["metadata"]:
                result["metadata"][name] = document["metadata"][name]
    return result


def spec_changed(current: JsonObject, data: JsonObject) -> bool:
    """Whether a write bumps the generation: anything but metadata and status."""
    fields = (current.keys() | data.keys()) - {"metadata", "status"}
    return any(current.get(name) != data.get(name) for name in fields)
