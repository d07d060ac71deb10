"""From one workload to the history of its containers: which questions, in which order, in which portions. No clock of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol

from oomsight_api.policy import PageCache
from oomsight_operator.judgement.recommend.history import HISTORY_HOURS, History
from oomsight_operator.judgement.recommend.track import HOUR_SECONDS
from oomsight_operator.prometheus import promql
from oomsight_operator.prometheus.answer import Hourly, TooMuchError, amounts, parse_label_sets, parse_matrix, parse_names
from oomsight_operator.prometheus.client import QuestionError, TooSlowError
from oomsight_operator.prometheus.kills import Kills, KillSeries, Limits, kills_of, limits_by_place, limits_by_pod
from oomsight_operator.prometheus.names import (
    Living,
    Owners,
    Workload,
    common_prefix,
    is_named_after,
    owners_of,
    pattern_of,
    pods_of,
)
from oomsight_operator.prometheus.promql import Scope

SPAN_HOURS: Final = 7 * 24
"""Of one range query; halved where the server refuses, down to LEAST_SPAN_HOURS."""
LEAST_SPAN_HOURS: Final = 12
MAX_PATTERN_LENGTH: Final = 3000
"""Of the names of pods in one query: URLs above 8 KiB are refused by many proxies."""
MOST_PODS: Final = 1000
"""Asked for by name; of more, one pattern asks for all where it names no stranger."""


class Source(Protocol):
    """What is needed of PrometheusClient."""

    async def get(self, path: str, parameters: Mapping[str, str]) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose history is asked for."""

    key: str
    namespace: str
    workload: Workload
    page_cache: PageCache


@dataclass(frozen=True, slots=True)
class Found:
    """What Prometheus knows of a workload."""

    containers: Mapping[str, History] = field(default_factory=dict)
    pods: int = 0
    """Pods of the past 14 days whose series were asked for."""
    left_out: tuple[str, ...] = ()
    """What could not be taken over, in words."""


@dataclass(slots=True)
class _Question:
    """One workload, while it is asked for."""

    source: Source
    wanted: Wanted
    scope: Scope
    known: frozenset[str]
    first_hour: int
    last_hour: int
    left_out: list[str] = field(default_factory=list)
    nonsense: int = 0
    warnings: dict[str, None] = field(default_factory=dict)

    def span(self) -> dict[str, str]:
        return {"start": str(self.first_hour * HOUR_SECONDS), "end": str((self.last_hour + 1) * HOUR_SECONDS)}


async def fetch(source: Source, wanted: Wanted, living: Living, matchers: Mapping[str, str], now_seconds: float) -> Found:
    """The last 14 days up to the last whole hour. Raises ServerError, QuestionError and AnswerError."""
    last_hour = int(now_seconds) // HOUR_SECONDS - 1
    scope = Scope(wanted.namespace, matchers)
    question = _Question(source, wanted, scope, frozenset(), last_hour - HISTORY_HOURS + 1, last_hour)
    every = promql.selector(promql.KNOWN, scope)
    question.known = frozenset(
        parse_names(await source.get("/api/v1/label/__name__/values", {"match[]": every, **question.span()}))
    )
    memory = [metric for metric in promql.MEMORY if metric in question.known]
    if not memory:
        return Found()
    pods = await _pods(question, living, memory)
    if not pods:
        return Found()
    portions = _portions(question, pods)
    usage: dict[str, dict[int, int]] = {}
    unreclaimable = await _memory(question, promql.UNRECLAIMABLE, portions)
    working_set = await _memory(question, promql.WORKING_SET, portions)
    if wanted.page_cache is PageCache.INCLUDE or not (unreclaimable or working_set):
        usage = await _memory(question, promql.USAGE, portions)
    kills = await _kills(question, portions)
    if question.nonsense:
        question.left_out.append(f"{question.nonsense} samples that are no amounts of memory, or of no hour asked for")
    question.left_out += [f"perhaps more, as Prometheus warned: {warning}" for warning in question.warnings]
    if kills.left_out:
        question.left_out.append(f"{kills.left_out} OOM kills whose limit is not known, or was not the container's")
    names = {*usage, *working_set, *unreclaimable, *kills.by_container}
    histories = {
        name: History(usage.get(name, {}), working_set.get(name, {}), unreclaimable.get(name, {}), kills.by_container.get(name, ()))
        for name in names
    }
    return Found(histories, len(pods), tuple(question.left_out))


async def _pods(question: _Question, living: Living, memory: Sequence[str]) -> tuple[str, ...]:
    """Its pods of the whole span."""
    prefix = promql.prefixed(common_prefix(question.wanted.workload))
    match = promql.selector(memory, question.scope, pod=prefix)
    candidates = parse_names(await question.source.get("/api/v1/label/pod/values", {"match[]": match, **question.span()}))
    owners = Owners()
    try:
        label_sets: list[Mapping[str, str]] = []
        for metric, (_, label) in promql.OWNERS.items():
            if metric in question.known:
                match = promql.selector((metric,), question.scope, **{label: prefix})
                label_sets += parse_label_sets(await question.source.get("/api/v1/series", {"match[]": match, **question.span()}))
        owners = owners_of(label_sets)
    except (QuestionError, TooMuchError) as error:
        question.left_out.append(f"owners of its pods, so that their names alone tell ({error})")
    pods = pods_of(question.wanted.workload, candidates, living, owners)
    if len(pods) > MOST_PODS and _pattern(question.wanted.workload, candidates, pods) is None:
        question.left_out.append(f"{len(pods) - MOST_PODS} of {len(pods)} pods")
        return pods[:MOST_PODS]
    return pods


def _pattern(workload: Workload, candidates: Iterable[str], pods: Iterable[str]) -> str | None:
    """One pattern for all of its pods, if there is one that names no other."""
    pattern = pattern_of(workload)
    named = {name for name in candidates if is_named_after(workload, name)}
    return pattern if pattern is not None and named == set(pods) else None


def _portions(question: _Question, pods: Sequence[str]) -> tuple[str, ...]:
    """Matchers of the label `pod`, each short enough for a URL."""
    pattern = _pattern(question.wanted.workload, pods, pods) if len(pods) > MOST_PODS else None
    if pattern is not None:
        return (promql.any_of((pattern,)),)
    found: list[str] = []
    names: list[str] = []
    for name in map(promql.escaped, pods):
        if names and sum(map(len, names)) + len(names) + len(name) > MAX_PATTERN_LENGTH:
            found.append(promql.any_of(names))
            names = []
        names.append(name)
    return (*found, promql.any_of(names))


async def _memory(question: _Question, metrics: Sequence[str], portions: Sequence[str]) -> dict[str, dict[int, int]]:
    """By container, the highest of each hour that any of the metrics tells."""
    found: dict[str, dict[int, int]] = {}
    for metric in metrics:
        if metric not in question.known:
            continue
        for series in await _range(question, portions, partial(promql.memory, metric, question.scope)):
            name = series.labels.get("container")
            if not name:
                continue
            peaks = found.setdefault(name, {})
            for hour, amount in amounts(series).items():
                peaks[hour] = max(amount, peaks.get(hour, 0))
    return found


async def _kills(question: _Question, portions: Sequence[str]) -> Kills:
    """Refused, they are left out: memory is worth having without them."""
    try:
        return await _asked_kills(question, portions)
    except (QuestionError, TooMuchError) as error:
        question.left_out.append(f"OOM kills ({error})")
        return Kills({})


async def _asked_kills(question: _Question, portions: Sequence[str]) -> Kills:
    scope, known = question.scope, question.known

    async def asked(needs: Iterable[str], write: Callable[[Scope, str], str]) -> tuple[Hourly, ...]:
        return await _range(question, portions, partial(write, scope)) if known.issuperset(needs) else ()

    series = KillSeries(
        by_scope=await asked((promql.KILLS_BY_SCOPE,), promql.kills_by_scope),
        events=await asked((promql.OOM_EVENTS,), promql.oom_events),
        restarts=await asked((promql.LAST_TERMINATED, promql.RESTARTS), promql.oom_restarts),
    )
    if not series.pods:
        return Kills({})
    killed = _portions(question, sorted(series.pods)[:MOST_PODS])
    limits = [await _range(question, killed, partial(promql.limit, metric, scope)) for metric in promql.LIMITS if metric in known]
    of_pods: tuple[Hourly, ...] = ()
    if series.has_pod_kills and promql.POD_LIMIT in known:
        of_pods = await _range(question, killed, partial(promql.limit, promql.POD_LIMIT, scope))
    return kills_of(series, Limits(tuple(map(limits_by_place, limits)), limits_by_pod(of_pods)), question.first_hour)


async def _range(question: _Question, portions: Iterable[str], write: Callable[[str], str]) -> tuple[Hourly, ...]:
    """Each series once, over the whole span and all portions."""
    found: dict[frozenset[tuple[str, str]], dict[int, float]] = {}
    for pods in portions:
        query = write(pods)
        for start in range(question.first_hour, question.last_hour + 1, SPAN_HOURS):
            for series in await _part(question, query, start, min(question.last_hour, start + SPAN_HOURS - 1)):
                values = found.setdefault(frozenset(series.labels.items()), {})
                for hour, value in series.values.items():
                    values[hour] = max(value, values.get(hour, 0.0))
    return tuple(Hourly(dict(labels), values) for labels, values in found.items())


async def _part(question: _Question, query: str, first: int, last: int) -> Sequence[Hourly]:
    """The hours from first to last, in halves where they are too much at once."""
    step = {"start": str((first + 1) * HOUR_SECONDS), "end": str((last + 1) * HOUR_SECONDS), "step": str(HOUR_SECONDS)}
    try:
        body = await question.source.get("/api/v1/query_range", {"query": query, **step})
        matrix = parse_matrix(body, first, last)
    except (QuestionError, TooMuchError, TooSlowError):
        if last - first < LEAST_SPAN_HOURS:
            raise
        middle = (first + last) // 2
        return [*await _part(question, query, first, middle), *await _part(question, query, middle + 1, last)]
    question.nonsense += matrix.left_out
    if matrix.warning:
        question.warnings.setdefault(matrix.warning)
    return matrix.series
