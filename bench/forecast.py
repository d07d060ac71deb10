"""How well the forecast foresees: against the truth of generated series, `predict_linear` and a static threshold; and on traces.

    make bench-forecast ARGS='--seed 7 --each 12 --traces DIR'

Series of many shapes are drawn (`forecast_series.py`); the operator sees of them what the agent would tell, Prometheus its scrapes
(`forecast_eyes.py`); who foresaw what is scored by one rule (`forecast_score.py`). The default seed is one that no threshold was
set with; they were set with seed 1. Also told: what the history of a container costs, and a forecast. Last line:
`recall=… precision=… eta_median_error=… eta_within_a_fifth=…`.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from forecast_eyes import rows
from forecast_score import Score, Story, merged
from forecast_series import DAY, UNKNOWABLE, Series, generate
from forecast_tellers import OURS, TELLERS, stories
from forecast_traces import Trace, traces

from oomsight_operator.judgement.forecast.digest import coarse_numbers, from_numbers, to_digest
from oomsight_operator.judgement.forecast.forecast import forecast
from oomsight_operator.judgement.forecast.history import FloorHistory
from oomsight_operator.judgement.forecast.outlook import Shape
from oomsight_operator.judgement.packing import pack

FRESH_SEED = 20261126
LOOK_EVERY = 20
"""Rows: a look costs two forecasts."""
RECALL_TARGET, PRECISION_TARGET, ERROR_TARGET = 0.95, 0.90, 0.20
Scores = dict[tuple[str, str], Score]
"""By forecaster and shape (or source)."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seed", type=int, default=FRESH_SEED, help="of the generated series")
    parser.add_argument("--each", type=int, default=8, help="series of each shape")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--traces", type=Path, help="folder of recorded traces in Parquet; only these are measured then")
    arguments = parser.parse_args()
    if arguments.traces is not None:
        return on_traces(arguments.traces, arguments.jobs)
    return on_generated(arguments.seed, arguments.each, arguments.jobs)


def on_generated(seed: int, each: int, jobs: int) -> int:
    scores: Scores = defaultdict(Score)
    drawn = list(generate(seed, each))
    with ProcessPoolExecutor(jobs) as pool:
        for series, told in zip(drawn, pool.map(stories, drawn), strict=True):
            for name, story in told.items():
                scores[name, series.shape].add(story, series.deaths)
    print(f"seed {seed}, {len(drawn)} series\n")
    shapes = list(dict.fromkeys(series.shape for series in drawn))
    totals = {name: merged([scores[name, shape] for shape in shapes if shape not in UNKNOWABLE]) for name in TELLERS}
    table(("forecaster", *HEADINGS), ((name, *cells(totals[name])) for name in TELLERS))
    table(
        (f"{OURS} by shape", *HEADINGS), ((shape + " *" * (shape in UNKNOWABLE), *cells(scores[OURS, shape])) for shape in shapes)
    )
    print("* nobody can know; not in the totals\n")
    cost(drawn)
    in_short(drawn)
    total = totals[OURS]
    recall, precision, error = total.recall or 0.0, total.precision or 0.0, total.median_error or 0.0
    print(
        f"recall={recall:.3f} precision={precision:.3f} eta_median_error={error:.3f}"
        f" eta_within_a_fifth={total.within_a_fifth or 0.0:.3f}"
    )
    return 0 if recall >= RECALL_TARGET and precision >= PRECISION_TARGET and error <= ERROR_TARGET else 1


def on_traces(folder: Path, jobs: int) -> int:
    found = list(traces(folder))
    scores: Scores = defaultdict(Score)
    days: dict[str, float] = defaultdict(float)
    with ProcessPoolExecutor(jobs) as pool:
        for trace, told in zip(found, pool.map(stories, [trace.series for trace in found]), strict=True):
            days[source_of(trace)] += (trace.series.seconds - trace.scored_from_seconds) / DAY
            for name, story in told.items():
                scores[name, source_of(trace)].add(since(story, trace.scored_from_seconds), trace.series.deaths)
    table(
        ("source", "forecaster", "series", "days", "crossings", "foreseen", "alarms", "followed by a crossing", "alarms a day"),
        (
            (source, name, *trace_cells(scores[name, source], days[source]))
            for source in dict.fromkeys(map(source_of, found))
            for name in TELLERS
        ),
    )
    return 0


def source_of(trace: Trace) -> str:
    return trace.source + (" (limit supposed)" if trace.supposed_limit else "")


def since(story: Story, seconds: float) -> Story:
    """What it said from then on."""
    return Story([when for when in story.alarmed if when >= seconds], [word for word in story.says if word[0] >= seconds])


def trace_cells(score: Score, days: float) -> tuple[str, ...]:
    rate = score.alarms / days if days else 0.0
    counts = (score.series, f"{days:.1f}", score.deaths, score.foreseen, score.alarms, score.true_alarms, f"{rate:.2f}")
    return tuple(str(count) for count in counts)


HEADINGS = ("series", "deaths", "recall", "alarms", "precision", "median lead", "ETA error, median", "ETA within 20 %")


def cells(score: Score) -> tuple[str, ...]:
    lead = f"{score.median_lead / 3600:.1f} h" if score.median_lead is not None else "-"
    return (
        str(score.series),
        str(score.deaths),
        percent(score.recall),
        str(score.alarms),
        percent(score.precision),
        lead,
        percent(score.median_error),
        percent(score.within_a_fifth),
    )


def percent(share: float | None) -> str:
    if share is None:
        return "-"
    return f"{100 * share:.0f} %" if share != float("inf") else "none said"


def table(headings: tuple[str, ...], lines: Iterable[tuple[str, ...]]) -> None:
    """Markdown."""
    print("| " + " | ".join(headings) + " |")
    print("|" + "---|" * len(headings))
    for line in lines:
        print("| " + " | ".join(line) + " |")
    print()


def cost(drawn: list[Series]) -> None:
    """What a container's history takes at the end of its series, and what a reading and a forecast cost."""
    sizes: list[int] = []
    digests: list[int] = []
    readings, spent = 0, 0.0
    for series in drawn[:: max(1, len(drawn) // 40)]:
        history, seen = FloorHistory(), list(rows(series))
        began = time.process_time()
        for row in seen:
            history = history.observed(row.container_id, row.seconds, row.floor_bytes, row.unreclaimable_bytes)
            forecast(history, series.limit_bytes, row.seconds)
        spent, readings = spent + time.process_time() - began, readings + len(seen)
        parts = (history, history.packed_points, history.packed_runs, history.run)
        sizes.append(sum(sys.getsizeof(part) for part in parts))
        digests.append(len(to_digest(history)))
    print(
        f"history of a container: median {sorted(sizes)[len(sizes) // 2]} bytes, most {max(sizes)};"
        f" digest: most {max(digests)} characters; a reading with its forecast: {spent / readings * 1e6:.0f} us of CPU"
    )


def in_short(drawn: list[Series]) -> None:
    """What the coarse course of a digest takes, and how many looks at a growth tell it from that as well."""
    looks, same, sizes = 0, 0, list[int]()
    for series in drawn:
        history = FloorHistory()
        for index, row in enumerate(rows(series)):
            history = history.observed(row.container_id, row.seconds, row.floor_bytes, row.unreclaimable_bytes)
            if index % LOOK_EVERY or not grows(history, series.limit_bytes, row.seconds):
                continue
            numbers = coarse_numbers(history)
            restored = from_numbers(numbers)
            sizes.append(len(pack(numbers)))
            looks, same = looks + 1, same + (restored is not None and grows(restored, series.limit_bytes, row.seconds))
    if sizes:
        most = f"median {sorted(sizes)[len(sizes) // 2]} bytes, most {max(sizes)}"
        print(f"course in short: {most}; tells the growth in {percent(same / looks)} of {looks} looks")


def grows(history: FloorHistory, limit_bytes: int, now_seconds: float) -> bool:
    """Whether the forecast sees the limit met within a day."""
    found = forecast(history, limit_bytes, now_seconds)
    return found is not None and found.shape is Shape.GROWING and (found.seconds_to_limit or 0.0) <= DAY


if __name__ == "__main__":
    sys.exit(main())
