"""What came of each trial, its JSON, and the table of several kernels."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from enum import StrEnum

LEAST_TOP1 = 0.99
MOST_AMBIGUOUS = 0.05
MOST_VOID = 0.05
"""With more trials than this that did not happen as they should, the run has shown nothing."""
_HEADERS = ("kernel", "domain", "trials", "void", "ambiguous", "correct", "wrong", "top1", "among", "group")


class Verdict(StrEnum):
    """How a trial ended."""

    CORRECT = "correct"
    WRONG = "wrong"
    AMBIGUOUS = "ambiguous"
    """The product said that it cannot tell one; apart from that, `hit` says whether the victim was among those it named."""
    VOID = "void"
    """It did not happen as it should."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """How a trial ended, and what shows it."""

    verdict: Verdict
    note: str = ""
    """Why it is void or wrong, with all that is needed to understand it."""
    hit: bool = False
    """Whether the victim is among those that were named."""
    group_right: bool | None = None
    """Whether exactly those died that were said to die together; None where it was one alone and none was named, or unknown."""
    margin_pages: int | None = None
    """Between the first and the second, as predicted."""
    differences: tuple[tuple[int, int, int], ...] = ()
    """By how many pages the killer counted more than was read, in resident, swapped and page tables: of each process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial(Judgement):
    """One trial on one kernel. Its JSON is flat."""

    kernel: str
    cgroup: str
    seed: int
    number: int
    domain: str
    trigger: str
    shape: str
    seconds: float = 0.0


def to_json(trials: Iterable[Trial]) -> str:
    """A document that `from_json` reads."""
    return json.dumps({"trials": [asdict(trial) for trial in trials]}) + "\n"


def from_json(text: str) -> list[Trial]:
    """Raises ValueError for anything else."""
    document = json.loads(text)
    found = document.get("trials") if isinstance(document, dict) else None
    if not isinstance(found, list):
        raise ValueError("found no `trials`, expected results of `oomsight_kill_order run --json`")
    known = {one.name for one in fields(Trial)}
    trials = []
    for entry in found:
        if not isinstance(entry, dict) or not set(entry) <= known:
            raise ValueError(f"found a trial {str(entry)[:80]!r}, expected one of `oomsight_kill_order run --json`")
        numbers = tuple((rss, swap, tables) for rss, swap, tables in entry.get("differences", ()))
        try:
            trials.append(Trial(**{**entry, "verdict": Verdict(str(entry.get("verdict"))), "differences": numbers}))
        except TypeError as error:
            raise ValueError(f"found a trial that is not whole: {error}") from error
    return trials


@dataclass(frozen=True, slots=True)
class Counts:
    """Of some trials."""

    trials: int
    void: int
    ambiguous: int
    correct: int
    wrong: int
    among: int
    """Ambiguous ones of which the victim was among those named."""
    groups: int
    """Trials in which more than one died, or should have."""
    groups_right: int

    @property
    def top1(self) -> float | None:
        """Of those that were told as one: how many were right. None where there are none."""
        told = self.correct + self.wrong
        return self.correct / told if told else None

    @property
    def ambiguous_share(self) -> float | None:
        """Of those that happened."""
        happened = self.trials - self.void
        return self.ambiguous / happened if happened else None


def count(trials: Sequence[Trial]) -> Counts:
    """All of them."""
    verdicts = Counter(trial.verdict for trial in trials)
    groups = [trial.group_right for trial in trials if trial.group_right is not None]
    return Counts(
        trials=len(trials),
        void=verdicts[Verdict.VOID],
        ambiguous=verdicts[Verdict.AMBIGUOUS],
        correct=verdicts[Verdict.CORRECT],
        wrong=verdicts[Verdict.WRONG],
        among=sum(trial.verdict is Verdict.AMBIGUOUS and trial.hit for trial in trials),
        groups=len(groups),
        groups_right=sum(groups),
    )


def faults(trials: Sequence[Trial]) -> list[str]:
    """Why the run has not shown what it should; empty when it has."""
    total = count(trials)
    if total.top1 is None or total.ambiguous_share is None:
        return ["no trial has told anything"]
    found = []
    if total.top1 < LEAST_TOP1:
        found.append(f"top1 is {total.top1:.4f}, expected at least {LEAST_TOP1}")
    if total.ambiguous_share >= MOST_AMBIGUOUS:
        found.append(f"ambiguous are {total.ambiguous_share:.4f}, expected less than {MOST_AMBIGUOUS}")
    if total.void > MOST_VOID * total.trials:
        found.append(f"{total.void} of {total.trials} trials did not happen as they should, expected at most {MOST_VOID:.0%}")
    missed = total.ambiguous - total.among
    if missed > MOST_AMBIGUOUS * total.ambiguous:
        found.append(f"of {total.ambiguous} ambiguous trials the victim was not among those named in {missed}")
    if total.groups_right < LEAST_TOP1 * total.groups:
        found.append(f"who dies together was right in {total.groups_right} of {total.groups}")
    return found


def summary(trials: Sequence[Trial]) -> str:
    """The last line."""
    total = count(trials)
    return f"trials={total.trials} top1={_share(total.top1)} ambiguous={_share(total.ambiguous_share, up=True)}"


def table(trials: Sequence[Trial], *, markdown: bool = False) -> str:
    """One line for each kernel and domain, and their sum."""
    keys = dict.fromkeys((trial.kernel, trial.cgroup) for trial in trials)
    domains = dict.fromkeys(trial.domain for trial in sorted(trials, key=lambda trial: trial.number))
    lines = [
        _cells(f"{kernel} {cgroup}", domain, chosen)
        for kernel, cgroup in keys
        for domain in sorted(domains)
        if (chosen := [one for one in trials if (one.kernel, one.cgroup, one.domain) == (kernel, cgroup, domain)])
    ]
    lines.append(_cells("all", "all", trials))
    if markdown:
        rule = ["---", "---", *["---:"] * (len(_HEADERS) - 2)]
        return "\n".join(f"| {' | '.join(line)} |" for line in ([*_HEADERS], rule, *lines))
    widths = [max(len(line[index]) for line in ([*_HEADERS], *lines)) for index in range(len(_HEADERS))]
    return "\n".join(
        "  ".join(
            text.ljust(width) if index < 2 else text.rjust(width)
            for index, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in ([*_HEADERS], *lines)
    )


def _cells(kernel: str, domain: str, trials: Sequence[Trial]) -> list[str]:
    counts = count(trials)
    numbers = (counts.trials, counts.void, counts.ambiguous, counts.correct, counts.wrong)
    among = f"{counts.among}/{counts.ambiguous}" if counts.ambiguous else "-"
    groups = f"{counts.groups_right}/{counts.groups}" if counts.groups else "-"
    return [kernel, domain, *map(str, numbers), _share(counts.top1), among, groups]


def differences_table(trials: Sequence[Trial]) -> str:
    """How far what was read is from what the killer counted, in pages, by kernel."""
    lines = []
    for kernel in dict.fromkeys(trial.kernel for trial in trials):
        found = [each for trial in trials if trial.kernel == kernel for each in trial.differences]
        if not found:
            continue
        totals = sorted(abs(sum(each)) for each in found)
        parts = [
            f"{name} {min(numbers)}..{max(numbers)}"
            for name, numbers in zip(("resident", "swapped", "page tables"), zip(*found, strict=True), strict=True)
        ]
        equal = sum(total == 0 for total in totals) / len(totals)
        shares = f"equal {equal:.1%}, 99 % within {totals[int(0.99 * (len(totals) - 1))]}, all within {totals[-1]}"
        lines.append(f"{kernel}: {len(totals)} processes, killer less /proc in pages: {shares} ({', '.join(parts)})")
    return "\n".join(lines)


def _share(value: float | None, *, up: bool = False) -> str:
    """Never rounded to the better side: what is shown as met is met."""
    if value is None:
        return "-"
    thousandths = math.ceil(value * 1000 - 1e-9) if up else math.floor(value * 1000 + 1e-9)
    return f"{thousandths / 1000:.3f}"
