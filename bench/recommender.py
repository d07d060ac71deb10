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

`--json` prints a list of objects; `--frontier FILE.svg` sweeps each policy's margin and draws slack against episodes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from recommender_baselines import MIB, Hindsight, Krr, Vpa
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
    measures = [measures_of(policy, source) for source in sources for policy in POLICIES if policy.name in wanted]
    print(json.dumps([each.as_json() for each in measures], indent=2) if arguments.json else table(measures))
    return 0


def measures_of(policy: Policy, source: Source) -> Measure:
    return measure(policy.name, source, replay(policy, source))


if __name__ == "__main__":
    sys.exit(main())
