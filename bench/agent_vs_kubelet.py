"""The kubelet's /metrics/cadvisor and the agent's metrics, side by side, for the same containers; and what each costs.

    make bench-agent-vs-kubelet

In the cluster that `make e2e-cluster` would take. Values: both pages are read `--looks` times, and of each pair of metrics the
differences are told; cAdvisor looks every 10 to 15 s and the agent every 1 s (counters, usage) or 10 s (memory.stat), so what moves
differs by what it moved in between. Cost: CPU time and resident memory that each process tells of itself, at rest and per scrape.
The kubelet does much more than cAdvisor, so its cost at rest is an upper bound; the cost of a scrape is the page's alone. Last
line: `pairs=N apart=N`: pairs of values, and how many differ by more than 5 % and 1 MiB.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from oomsight_cluster.cache import say
from oomsight_cluster.choose import cluster
from oomsight_cluster.errors import ClusterError
from oomsight_cluster.kubectl import Kubectl, eventually
from oomsight_cluster.release import Release
from oomsight_cluster.workloads import NAMESPACE, container, deployment, namespace_objects, pod_spec, program

MIB = 1024 * 1024
PAIRS = (
    ("usage", "container_memory_usage_bytes", "oomsight_container_memory_usage_bytes"),
    ("working set", "container_memory_working_set_bytes", "oomsight_container_memory_working_set_bytes"),
    ("anonymous", "container_memory_rss", "oomsight_container_memory_anon_bytes"),
    ("page cache", "container_memory_cache", "oomsight_container_memory_file_bytes"),
    ("lifetime peak", "container_memory_max_usage_bytes", "oomsight_container_memory_peak_lifetime_bytes"),
    ("limit", "container_spec_memory_limit_bytes", "oomsight_container_memory_limit_bytes"),
)
SETTLE_SECONDS = 30.0
"""cAdvisor's first look at a container may be of its very start, and it takes up to 20 s to the next."""
Series = dict[tuple[str, str, str], float]
"""Values by namespace, pod and container."""


@dataclass(frozen=True, slots=True)
class Node:
    """Where the pages of one node are, as paths of the API server."""

    cadvisor: str
    kubelet: str
    agent: str


def page(text: str) -> dict[str, Series]:
    """The samples of a page that belong to a container, by metric."""
    found: dict[str, Series] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            names = tuple(sample.labels.get(label, "") for label in ("namespace", "pod", "container"))
            if names[2] and names[2] != "POD":
                found.setdefault(sample.name, {})[names[0], names[1], names[2]] = sample.value
    return found


def own(text: str, name: str) -> float:
    """A value that a process tells of itself."""
    return next(sample.value for family in text_string_to_metric_families(text) for sample in family.samples if sample.name == name)


def differences(cadvisor: Mapping[str, Series], agent: Mapping[str, Series]) -> Iterator[tuple[str, float, float]]:
    """Name of the pair, the kubelet's value, ours; of containers that both know."""
    for title, theirs, ours in PAIRS:
        for key, value in cadvisor.get(theirs, {}).items():
            if value and key in agent.get(ours, {}):
                yield title, value, agent[ours][key]


def is_apart(theirs: float, ours: float) -> bool:
    return abs(theirs - ours) > max(MIB, 0.05 * theirs)


def cost(read: Callable[[], str], measure: Callable[[], str], rest_seconds: float, scrapes: int) -> tuple[float, float, float]:
    """Milliseconds of CPU a second at rest, milliseconds of CPU a scrape, MiB resident."""
    at_start, started = own(measure(), "process_cpu_seconds_total"), time.monotonic()
    time.sleep(rest_seconds)
    at_rest, rested = own(measure(), "process_cpu_seconds_total"), time.monotonic()
    rate = (at_rest - at_start) / (rested - started)
    for _ in range(scrapes):
        read()
    after, ended = measure(), time.monotonic()
    busy = own(after, "process_cpu_seconds_total") - at_rest - rate * (ended - rested)
    return 1000 * rate, 1000 * busy / scrapes, own(after, "process_resident_memory_bytes") / MIB


def compare(kubectl: Kubectl, node: Node, looks: int, every_seconds: float) -> tuple[int, int]:
    """Print a table of differences; how many pairs there were, and how many of them are apart."""
    seen: dict[str, list[tuple[float, float]]] = {}
    time.sleep(SETTLE_SECONDS)
    for look in range(looks):
        if look:
            time.sleep(every_seconds)
        for title, theirs, ours in differences(page(kubectl.raw(node.cadvisor)), page(kubectl.raw(node.agent))):
            seen.setdefault(title, []).append((theirs, ours))
    print(f"{'':16}{'pairs':>7}{'median kubelet':>16}{'median agent':>14}{'median diff':>13}{'greatest':>10}{'apart':>7}")
    apart = 0
    for title, pairs in seen.items():
        gaps = [abs(theirs - ours) / MIB for theirs, ours in pairs]
        far = sum(is_apart(theirs, ours) for theirs, ours in pairs)
        apart += far
        median_theirs, median_ours = (statistics.median(pair[side] for pair in pairs) / MIB for side in (0, 1))
        values = f"{median_theirs:>12.2f} MiB{median_ours:>10.2f} MiB"
        print(f"{title:16}{len(pairs):>7}{values}{statistics.median(gaps):>9.3f} MiB{max(gaps):>6.2f} MiB{far:>7}")
    print()
    return sum(map(len, seen.values())), apart


def run(options: argparse.Namespace) -> int:
    with cluster() as made, tempfile.TemporaryDirectory(prefix="oomsight-bench-") as directory:
        kubectl = Kubectl(made.kubeconfig, directory)
        release = Release(kubectl, made, Path(directory))
        try:
            release.install(release.values())
            kubectl.apply(*namespace_objects())
            eventually(lambda: kubectl.get("serviceaccount", "default", NAMESPACE), "the namespace's service account", 60)
            steady = container(made, program("steady", "--mib=8"), request="16Mi", limit="64Mi")
            load = deployment("load", pod_spec(steady))
            load["spec"]["replicas"] = options.pods
            kubectl.apply(load)
            for workload, namespace in (("deployment/load", NAMESPACE), ("daemonset/oomsight-agent", release.namespace)):
                kubectl.run("rollout", "status", workload, "--namespace", namespace, "--timeout=300s", timeout=310)
            (agent, *_) = kubectl.list("pods", release.namespace, "--selector", "app.kubernetes.io/component=agent")
            kubelet = f"/api/v1/nodes/{agent['spec']['nodeName']}/proxy/metrics"
            ours = f"/api/v1/namespaces/{release.namespace}/pods/{agent['metadata']['name']}:9754/proxy/metrics"
            node = Node(f"{kubelet}/cadvisor", kubelet, ours)
            eventually(
                lambda: len(page(kubectl.raw(node.cadvisor)).get(PAIRS[0][1], {})) >= options.pods, "cAdvisor knows all pods", 120
            )
            return tell(kubectl, node, made.description, options)
        finally:
            kubectl.try_run("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait=true", timeout=180)
            release.uninstall()


def tell(kubectl: Kubectl, node: Node, description: str, options: argparse.Namespace) -> int:
    now = datetime.now(UTC).strftime("%Y-%m-%d")
    containers = len(page(kubectl.raw(node.agent))[PAIRS[0][2]])
    print(f"{now}, Linux {platform.release()}, Python {platform.python_version()}, {description}, {containers} containers\n")
    pairs, apart = compare(kubectl, node, options.looks, options.every_seconds)
    print(f"{'':16}{'CPU at rest':>16}{'CPU a scrape':>16}{'resident':>12}")
    for title, read, measure in (("kubelet", node.cadvisor, node.kubelet), ("agent", node.agent, node.agent)):
        say(f"measuring the {title} at rest for {options.rest_seconds:.0f} s")
        resting, scraping = options.rest_seconds, options.scrapes
        rest, scrape, resident = cost(partial(kubectl.raw, read), partial(kubectl.raw, measure), resting, scraping)
        print(f"{title:16}{rest:>11.1f} ms/s{scrape:>13.1f} ms{resident:>8.1f} MiB")
    print(f"\npairs={pairs} apart={apart}")
    return 0 if pairs and not apart else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pods", type=int, default=20)
    parser.add_argument("--looks", type=int, default=6)
    parser.add_argument("--every-seconds", type=float, default=10.0)
    parser.add_argument("--rest-seconds", type=float, default=60.0)
    parser.add_argument("--scrapes", type=int, default=30)
    try:
        return run(parser.parse_args())
    except ClusterError as error:
        say(str(error))
        return 1


if __name__ == "__main__":
    sys.exit(main())
