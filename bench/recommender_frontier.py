"""The frontier as a picture: how much memory lies idle against how often the kernel kills, for each policy at many margins. SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape

from recommender_baselines import Hindsight, Krr, Vpa
from recommender_measures import Measure, measure
from recommender_ours import Oomsight
from recommender_replay import Policy, replay
from recommender_traces import Source

from oomsight_operator.judgement.recommend.need import DEFAULT, Tuning

SCALES = (0.25, 0.5, 0.75, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0)
"""Of oomsight's margins."""
MARGINS = (0.0, 0.05, 0.1, 0.15, 0.25, 0.4, 0.6)
"""Of VPA and KRR; theirs is 0.15."""
WIDTH, HEIGHT = 420, 300
LEFT, BOTTOM, TOP, RIGHT = 52, 44, 34, 12
COLOURS = {"oomsight": "#0b6e4f", "vpa": "#b3541e", "krr": "#5b3a8e", "hindsight": "#444444"}


@dataclass(frozen=True, slots=True)
class Line:
    """One policy at several margins, and the one it ships with."""

    name: str
    points: tuple[tuple[float, float], ...]
    """Slack and episodes per 100 days."""
    default: tuple[float, float]


def frontier(sources: Sequence[Source]) -> str:
    """One panel a source and variant, two in a row."""
    rows = -(-len(sources) // 2)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{2 * WIDTH}" height="{rows * HEIGHT}">',
        f'<rect width="{2 * WIDTH}" height="{rows * HEIGHT}" fill="#ffffff"/><g font-family="sans-serif" font-size="11">',
    ]
    for index, source in enumerate(sources):
        parts.append(f'<g transform="translate({index % 2 * WIDTH} {index // 2 * HEIGHT})">{_panel(source)}</g>')
    return "\n".join((*parts, "</g></svg>", ""))


def scaled(factor: float) -> Tuning:
    """All of oomsight's margins larger or smaller."""
    names = (
        "level_least",
        "level_extra",
        "level_extra_bytes",
        "level_extra_most",
        "peak_least",
        "peak_calm",
        "peak_swings",
        "peak_most",
        "peak_unknown",
        "cold_start",
        "process_bytes",
        "level_least_bytes",
        "room_most",
    )
    return replace(DEFAULT, **{name: getattr(DEFAULT, name) * factor for name in names})


def _lines(source: Source) -> list[Line]:
    ours: list[tuple[float, Policy]] = [(scale, Oomsight(tuning=scaled(scale))) for scale in SCALES]
    vpa: list[tuple[float, Policy]] = [(margin, replace(Vpa(), margin=margin)) for margin in MARGINS]
    krr: list[tuple[float, Policy]] = [(margin, replace(Krr(), buffer=margin)) for margin in MARGINS]
    return [
        _line("oomsight", ours, 1.0, source),
        _line("vpa", vpa, 0.15, source),
        _line("krr", krr, 0.15, source),
        _line("hindsight", [(0.0, Hindsight())], 0.0, source),
    ]


def _line(name: str, policies: Sequence[tuple[float, Policy]], default: float, source: Source) -> Line:
    found = {knob: _point(measure(policy.name, source, replay(policy, source))) for knob, policy in policies}
    return Line(name, tuple(found.values()), found[default])


def _point(each: Measure) -> tuple[float, float]:
    return each.mean_slack, each.episodes_per_100_days


def _panel(source: Source) -> str:
    lines = _lines(source)
    most_slack = max(slack for line in lines for slack, _ in line.points) * 1.05
    most_episodes = max(4.0, 1.1 * max(line.default[1] for line in lines), 2.0)

    def at(point: tuple[float, float]) -> tuple[float, float]:
        x = LEFT + point[0] / most_slack * (WIDTH - LEFT - RIGHT)
        y = HEIGHT - BOTTOM - min(point[1], most_episodes) / most_episodes * (HEIGHT - TOP - BOTTOM)
        return round(x, 1), round(y, 1)

    parts = [f'<text x="{LEFT}" y="18" font-size="13">{escape(source.name)} ({escape(source.variant)})</text>']
    parts += _axes(most_slack, most_episodes)
    for order, line in enumerate(lines):
        colour = COLOURS[line.name]
        path = " ".join(f"{x},{y}" for x, y in map(at, sorted(line.points)))
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        parts += [f'<circle cx="{x}" cy="{y}" r="2" fill="{colour}"/>' for x, y in map(at, line.points)]
        x, y = at(line.default)
        parts.append(f'<circle cx="{x}" cy="{y}" r="5" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{WIDTH - RIGHT}" y="{TOP + 12 + 14 * order}" text-anchor="end" fill="{colour}">{line.name}</text>')
    return "".join(parts)


def _axes(most_slack: float, most_episodes: float) -> list[str]:
    base, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = [f'<path d="M{LEFT} {TOP}V{base}H{right}" fill="none" stroke="#888888"/>']
    for step in range(5):
        x = round(LEFT + step / 4 * (right - LEFT), 1)
        y = round(base - step / 4 * (base - TOP), 1)
        parts.append(f'<text x="{x}" y="{base + 14}" text-anchor="middle">{most_slack * step / 4:.2f}</text>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{most_episodes * step / 4:.0f}</text>')
    parts.append(f'<text x="{(LEFT + right) / 2}" y="{base + 32}" text-anchor="middle">mean slack</text>')
    middle = (TOP + base) / 2
    parts.append(
        f'<text x="14" y="{middle}" text-anchor="middle" transform="rotate(-90 14 {middle})">'
        "OOM episodes per 100 container-days</text>"
    )
    return parts
