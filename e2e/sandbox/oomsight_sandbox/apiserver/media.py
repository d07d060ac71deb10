"""What a client wants back: plain objects, Tables, or objects' metadata alone; and how each is encoded.

kubectl asks for Tables (`application/json;as=Table;v=v1;g=meta.k8s.io`), metadata informers for PartialObjectMetadata.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from . import status, table
from .listing import Page
from .resources import Resource
from .rest import document_of, encode_object
from .store import StoredObject
from .values import JsonObject, encode

META = "meta.k8s.io/v1"


@dataclass(frozen=True, slots=True)
class View:
    """`form` is "", "Table" or "PartialObjectMetadata". `include_object` (None, Metadata, Object): what a Table's rows carry."""

    form: str = ""
    include_object: str = "Metadata"
    now: Callable[[], float] = lambda: 0.0

    @property
    def content_type(self) -> str:
        return "application/json"

    def one(self, resource: Resource, stored: StoredObject) -> bytes:
        if self.form == "Table":
            return encode(self._table(resource, [stored], {"resourceVersion": str(stored.resource_version)}, headers=True))
        if self.form == "PartialObjectMetadata":
            return encode({"kind": "PartialObjectMetadata", "apiVersion": META, "metadata": stored.metadata})
        return encode_object(resource, stored)

    def list(self, resource: Resource, page: Page) -> bytes:
        metadata: JsonObject = {"resourceVersion": str(page.resource_version)}
        if page.continue_token:
            metadata["continue"] = page.continue_token
        if page.remaining is not None:
            metadata["remainingItemCount"] = page.remaining
        if self.form == "Table":
            return encode(self._table(resource, page.items, metadata, headers=True))
        if self.form == "PartialObjectMetadata":
            items = [{"kind": "PartialObjectMetadata", "apiVersion": META, "metadata": stored.metadata} for stored in page.items]
            return encode({"kind": "PartialObjectMetadataList", "apiVersion": META, "metadata": metadata, "items": items})
        head = encode({"kind": resource.list_kind, "apiVersion": resource.api_version, "metadata": metadata})
        if resource.custom is not None or resource.group == "events.k8s.io":
            bodies = b",".join(encode_object(resource, stored) for stored in page.items)
        else:
            # Items of typed lists carry no kind and apiVersion, as with the real server: clients must not rely on them.
            bodies = b",".join(stored.body for stored in page.items)
        return head[:-1] + b',"items":[' + bodies + b"]}"

    def watched(self, resource: Resource, stored: StoredObject, *, first: bool) -> bytes:
        """The object of a watch event; in a Table's stream only the first event names the columns."""
        if self.form == "Table":
            return encode(self._table(resource, [stored], {"resourceVersion": str(stored.resource_version)}, headers=first))
        return self.one(resource, stored)

    def bookmark(self, resource: Resource, version: int, annotations: JsonObject | None) -> bytes:
        metadata: JsonObject = {"resourceVersion": str(version), "creationTimestamp": None}
        if annotations:
            metadata["annotations"] = annotations
        if self.form == "Table":
            return encode({"kind": "Table", "apiVersion": META, "metadata": metadata, "columnDefinitions": [], "rows": []})
        if self.form == "PartialObjectMetadata":
            return encode({"kind": "PartialObjectMetadata", "apiVersion": META, "metadata": metadata})
        return encode({"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata})

    def _table(self, resource: Resource, items: Sequence[StoredObject], metadata: JsonObject, *, headers: bool) -> JsonObject:
        columns = table.columns_of(resource)
        rows = []
        for stored in items:
            row: JsonObject = {"cells": table.cells_of(resource, columns, stored.data, self.now())}
            if self.include_object == "Metadata":
                row["object"] = {"kind": "PartialObjectMetadata", "apiVersion": META, "metadata": stored.metadata}
            elif self.include_object == "Object":
                row["object"] = document_of(resource, stored)
            rows.append(row)
        definitions = [column.as_json() for column in columns] if headers else []
        return {"kind": "Table", "apiVersion": META, "metadata": metadata, "columnDefinitions": definitions, "rows": rows}


def negotiate(accept: str, include_object: str, now: Callable[[], float]) -> View:
    """The first form in an Accept header that is served; 406 when there is none."""
    for part in (accept or "*/*").split(","):
        media, *parameters = [item.strip() for item in part.split(";")]
        if media not in ("application/json", "application/*", "*/*", "application/yaml", "text/html", "text/plain"):
            continue
        fields = dict(item.partition("=")[::2] for item in parameters)
        form = fields.get("as", "")
        if form in ("Table", "PartialObjectMetadata", "PartialObjectMetadataList"):
            if fields.get("g", "meta.k8s.io") == "meta.k8s.io" and fields.get("v", "v1") == "v1":
                if include_object not in ("", "None", "Metadata", "Object"):
                    raise status.bad_request(f"includeObject: found {include_object[:40]!r}, expected None, Metadata or Object")
                return View(form.removesuffix("List"), include_object or "Metadata", now)
            continue
        if not form and "g" not in fields and media != "application/yaml":
            return View(now=now)
    raise status.not_acceptable(accept[:200])
