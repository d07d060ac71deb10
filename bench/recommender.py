"""Replays policies that set memory limits on recorded traces: who would have been killed, and how much memory would have lain idle.

    make bench-recommender ARGS="--traces DIR"

Every Parquet file of DIR with the columns `series_id, t_seconds, memory_bytes` is a source; `max_bytes`, where there, is the
demand, and samples with `fault` = 1 are left out of the variant `without-faults`. A series is a container, a source a namespace:
all of it runs side by side in time. Judged after a warm-up (24 h; Nezha 3 h, LLM aging 12 h). The limit in force when a sample
comes is what the policy made of the samples before it; a sample above it is a kill, at once followed by an update. Kills more than
an hour apart are episodes. `oomsight` is what the operator publishes, rounded, each replica for itself; `oomsight-unrounded` is its
statistics alone. VPA and KRR are updated as often as the warm-up lasts, and differences below 5 % are not rolled out; oomsight is
asked before every sample, as the operator does it, and each difference counts as a change. Slack is the mean of (limit - demand) /
limit over a series' samples, then over series. Intervals (95 %) come from drawing whole workloads anew.

`--json` prints a list of objects; `--frontier FILE.svg` sweeps each policy's margin and draws slack against episodes; `--changed N`
replays N changes of each recording instead and sums them up (recommender_changed.py says what is changed).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from recommender_baselines import MIB, Hindsight, Krr, Vpa
from recommender_changed import changed
from recommender_frontier import frontier
from recommender_measures import Measure, measure, table
from recommender_ours import Oomsight, Unrounded
from recommender_replay import Policy, replay
from recommender_traces import Source, read_sources

POLICIES: tuple[Policy, ...] = (
    Oomsight(),
    Unrounded(),
    Vpa(),
    Vpa("vpa-floor-250Mi", floor_bytes=250 * MIB),
    Krr(),
    Krr("krr-floor-100Mi", floor_bytes=100 * MIB),
    Hindsight(),
)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--traces", type=Path, required=True, metavar="DIR", help="folder with Parquet files")
    parser.add_argument("--json", action="store_true", help="print a list of objects instead of a table")
    parser.add_argument("--policy", action="append", metavar="NAME", help="replay this policy alone (can be repeated)")
    parser.add_argument("--half", type=int, choices=(0, 1), help="replay one half of the workloads: leave the other for checking")
    parser.add_argument("--by-workload", action="store_true", help="one limit for all replicas of a workload, in every policy")
    parser.add_argument(
        "--changed", type=int, default=0, metavar="N", help="replay so many changes of each recording instead of it"
    )
    parser.add_argument("--frontier", type=Path, metavar="FILE.svg", help="sweep margins and draw slack against episodes")
    arguments = parser.parse_args(argv)
    sources = [source.half(arguments.half) for source in read_sources(arguments.traces)]
    if not sources:
        parser.error(f"no Parquet file in {arguments.traces}")
    if arguments.by_workload:
        sources = [source.with_shared_limits() for source in sources]
    if arguments.frontier is not None:
        arguments.frontier.write_text(frontier(sources), encoding="ascii")
        return 0
    known = {policy.name for policy in POLICIES}
    if unknown := set(arguments.policy or ()) - known:
        parser.error(f"no such policy: {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}")
    wanted = set(arguments.policy or known)
    policies = [policy for policy in POLICIES if policy.name in wanted]
    measures = [measured(policy, changes_of(source, arguments.changed)) for source in sources for policy in policies]
    print(json.dumps([each.as_json() for each in measures], indent=2) if arguments.json else table(measures))
    return 0


def changes_of(source: Source, count: int) -> list[Source]:
    """The recording itself, or so many changes of it."""
    return [changed(source, number) for number in range(1, count + 1)] or [source]


def measured(policy: Policy, sources: Sequence[Source]) -> Measure:
    """Over all series of sources that differ in their changes alone."""
    return measure(policy.name, sources[0], [outcome for source in sources for outcome in replay(policy, source)])


if __name__ == "__main__":
    sys.exit(main())
