"""python -m oomsight_cluster.suite: a cluster, and in it the scenarios of e2e/cluster, as `make e2e-cluster` runs them.

`--up` starts the cluster with the chart's needs and leaves it to you until Ctrl-C. Other words go to pytest.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence

import pytest

from oomsight_cluster.cache import CHECKOUT, say
from oomsight_cluster.choose import cluster
from oomsight_cluster.cluster import Cluster
from oomsight_cluster.errors import ClusterError

SCENARIOS = CHECKOUT / "e2e" / "cluster"
TEST_SECONDS = 600
PYTEST = ("-p", "no:cacheprovider", "-v", "--durations=0", "--durations-min=5", f"--timeout={TEST_SECONDS}", "--tb=short")


def given(made: Cluster) -> object:
    """A plugin of pytest that hands the cluster to the scenarios' fixtures."""

    class Given:
        @pytest.fixture(scope="session")
        @staticmethod
        def cluster() -> Cluster:
            return made

    return Given()


def main(arguments: Sequence[str] | None = None) -> int:
    words = list(sys.argv[1:] if arguments is None else arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    # Helm's library keeps what it finds out of an API server, as kubectl does, and reads this when it is loaded.
    with tempfile.TemporaryDirectory(prefix="oomsight-discovery-") as discovery:
        os.environ["KUBECACHEDIR"] = discovery
        return run(words)


def run(words: Sequence[str]) -> int:
    """The suite, or a cluster that waits; the exit code."""
    try:
        with cluster() as made:
            if "--up" in words:
                return wait(made)
            say(f"running the scenarios in {made.description}")
            chosen = (
                []
                if any(not word.startswith("-") and (CHECKOUT / word.partition("::")[0]).exists() for word in words)
                else [SCENARIOS]
            )
            return int(pytest.main([*PYTEST, *map(str, chosen), *words], plugins=[given(made)]))
    except ClusterError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def wait(made: Cluster) -> int:
    """Until somebody interrupts, or the cluster ends by itself."""
    say(f"ready: {made.description}, image {made.image_repository}:{made.image_tag}; it ends with this program (Ctrl-C)")
    print(f"export KUBECONFIG={made.kubeconfig}", flush=True)
    while made.kubeconfig.exists():
        time.sleep(1)
    say("the cluster ended")
    return 1


if __name__ == "__main__":
    sys.exit(main())
