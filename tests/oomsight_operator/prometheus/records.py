"""What a Prometheus has, as plain values, and a source that answers the questions of `fetch` from them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from oomsight_operator.prometheus.client import QuestionError

MI = 1 << 20


@dataclass(frozen=True, slots=True)
class Record:
    """One series: hourly values, hours since 1970."""

    metric: str
    pod: str
    values: Mapping[int, float]
    container: str = "app"
    namespace: str = "shop"
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def labels(self) -> dict[str, str]:
        given = {"pod": self.pod, "container": self.container, "namespace": self.namespace, **self.more}
        return {"__name__": self.metric, **{name: value for name, value in given.items() if value}}


@dataclass(slots=True)
class Records:
    """Answers by matchers of namespace, pod and metric; expressions are known by the metric in them alone."""

    records: list[Record] = field(default_factory=list)
    refuse_spans_above_hours: int | None = None
    refusal: Exception = field(default_factory=lambda: QuestionError("422 execution: too many samples"))
    warning: str = ""
    broken: Exception | None = None
    questions: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    async def get(self, path: str, parameters: Mapping[str, str]) -> bytes:
        self.questions.append((path, dict(parameters)))
        if self.broken is not None:
            raise self.broken
        if path == "/api/v1/query_range":
            return self._range(parameters)
        found = [record.labels for record in self.records if _matches(record, parameters["match[]"])]
        if path == "/api/v1/series":
            return _answer(found)
        label = path.removeprefix("/api/v1/label/").removesuffix("/values")
        return _answer(sorted({labels[label] for labels in found if label in labels}))

    def _range(self, parameters: Mapping[str, str]) -> bytes:
        start, end = int(parameters["start"]), int(parameters["end"])
        if self.refuse_spans_above_hours is not None and (end - start) // 3600 >= self.refuse_spans_above_hours:
            raise self.refusal
        query = parameters["query"]
        by = re.search(r"by \(([^)]*)\)", query)
        assert by is not None
        series: dict[tuple[tuple[str, str], ...], dict[int, float]] = {}
        for record in self.records:
            if record.metric in query and _matches(record, query):
                key = tuple((name, record.labels[name]) for name in by[1].split(", ") if name in record.labels)
                for hour, value in record.values.items():
                    if start <= (hour + 1) * 3600 <= end:
                        values = series.setdefault(key, {})
                        values[hour] = max(value, values.get(hour, value))
        result = [
            {"metric": dict(key), "values": [[(hour + 1) * 3600, repr(value)] for hour, value in sorted(values.items())]}
            for key, values in series.items()
        ]
        return _answer({"resultType": "matrix", "result": result}, self.warning)

    def asked(self, text: str) -> int:
        """How many questions held this text."""
        return sum(text in json.dumps(question) for question in self.questions)


def _matches(record: Record, selector: str) -> bool:
    names = re.search(r'__name__=~"([^"]*)"', selector)
    known = record.metric in (names[1].split("|") if names else selector) and f'namespace="{record.namespace}"' in selector
    for label, value in (("pod", record.pod), ("replicaset", record.more.get("replicaset", ""))):
        pattern = re.search(rf'[{{,]{label}=~"([^"]*)"', selector)
        known &= pattern is None or re.fullmatch(pattern[1].replace("\\\\", "\\"), value) is not None
    return known


def _answer(data: object, warning: str = "") -> bytes:
    return json.dumps({"status": "success", "data": data, **({"warnings": [warning]} if warning else {})}).encode()
