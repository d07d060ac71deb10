from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import pytest

from oomsight_operator.judgement.eviction.settings import Threshold
from oomsight_operator.judgement.node import Node
from oomsight_operator.kube.errors import ApiError
from oomsight_operator.polling.kubelet_config import ConfigTiming, KubeletConfigs

GI = 1 << 30
ANSWER = b'{"kubeletconfig": {"evictionHard": {"memory.available": "1Gi"}}}'
QUICK = ConfigTiming(pause_seconds=0.0, idle_seconds=0.0, again_seconds=100.0, retry_seconds=10.0, forbidden_seconds=50.0)


class Kubelets:
    """Answers by node: bytes, or an error to raise; and a clock that stands still, but while they fail."""

    def __init__(self, *names: str) -> None:
        self.answers: dict[str, bytes | ApiError] = dict.fromkeys(names, ANSWER)
        self.nodes = {name: Node(f"uid-{name}", name, kubelet_version="v1.34.0") for name in names}
        self.asked: list[str] = []
        self.now = 0.0
        self.seconds_to_fail = 0.0
        self.configs = KubeletConfigs(self, _Values(self.nodes), enabled=True, timing=QUICK, monotonic=lambda: self.now)

    async def get_bytes(self, path: str, *, most_bytes: int | None = None) -> bytes:
        assert most_bytes is not None, "a node's answer has a bound"
        self.asked.append(path)
        answer = self.answers[path.split("/")[4]]
        if isinstance(answer, ApiError):
            self.now += self.seconds_to_fail
            raise answer
        return answer

    async def until(self, holds: Callable[[], bool]) -> None:
        """Let it ask until `holds`, then some rounds more."""
        task = asyncio.create_task(self.configs.run())
        try:
            async with asyncio.timeout(5):
                while not holds():  # noqa: ASYNC110 - what the task does
                    await asyncio.sleep(0)
                for _ in range(20):
                    await asyncio.sleep(0)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


class _Values:
    def __init__(self, nodes: dict[str, Node]) -> None:
        self._nodes = nodes

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter(list(self._nodes.values()))


async def test_each_kubelet_is_asked_once_and_again_after_hours() -> None:
    kubelets = Kubelets("node-a", "node-b")
    await kubelets.until(lambda: len(kubelets.asked) == 2)
    assert kubelets.asked == ["/api/v1/nodes/node-a/proxy/configz", "/api/v1/nodes/node-b/proxy/configz"]
    assert kubelets.configs.of("node-a").hard == Threshold(GI)
    assert kubelets.configs.of("node-a").assumed_because is None
    kubelets.now = 101.0
    await kubelets.until(lambda: len(kubelets.asked) == 4)
    assert len(kubelets.asked) == 4


async def test_a_kubelet_of_another_version_or_a_node_made_anew_is_asked_at_once() -> None:
    kubelets = Kubelets("node-a")
    await kubelets.until(lambda: len(kubelets.asked) == 1)
    kubelets.nodes["node-a"] = Node("uid-node-a", "node-a", kubelet_version="v1.35.0")
    await kubelets.until(lambda: len(kubelets.asked) == 2)
    kubelets.nodes["node-a"] = Node("uid-new", "node-a", kubelet_version="v1.35.0")
    await kubelets.until(lambda: len(kubelets.asked) == 3)


async def test_a_403_of_several_is_said_for_all_nodes_and_not_asked_again_for_long(caplog: pytest.LogCaptureFixture) -> None:
    kubelets = Kubelets("node-a", "node-b", "node-c", "node-d")
    kubelets.answers = dict.fromkeys(kubelets.answers, ApiError(403, "Forbidden", "no"))
    with caplog.at_level(logging.WARNING):
        await kubelets.until(lambda: len(kubelets.asked) == 3)
        assert len(kubelets.asked) == 3
        kubelets.now = 51.0
        await kubelets.until(lambda: len(kubelets.asked) == 4)
    for name in kubelets.nodes:
        assert kubelets.configs.of(name).hard == Threshold(100 << 20)
        assert "refuses nodes/proxy (403)" in str(kubelets.configs.of(name).assumed_because)
    assert len(kubelets.asked) == 4
    assert len(caplog.records) == 1, "said once"


async def test_a_kubelet_that_answers_403_itself_spoils_nothing_of_other_nodes() -> None:
    kubelets = Kubelets("node-a", "node-b")
    kubelets.answers["node-a"] = ApiError(403, "Forbidden", "nodes is forbidden")
    await kubelets.until(lambda: len(kubelets.asked) == 2)
    assert "refuses nodes/proxy (403)" in str(kubelets.configs.of("node-a").assumed_because)
    assert kubelets.configs.of("node-b").assumed_because is None


async def test_one_node_that_cannot_be_read_is_assumed_with_its_reason_and_tried_again() -> None:
    kubelets = Kubelets("node-a", "node-b")
    kubelets.answers["node-a"] = ApiError(502, "BadGateway", "dial tcp \x1b[31m: refused")
    await kubelets.until(lambda: len(kubelets.asked) == 2)
    why = str(kubelets.configs.of("node-a").assumed_because)
    assert why.startswith("this kubelet's configuration cannot be read:")
    assert "refused" in why
    assert why.isprintable()
    assert kubelets.configs.of("node-b").assumed_because is None
    kubelets.answers["node-a"] = ANSWER
    kubelets.now = 11.0
    await kubelets.until(lambda: len(kubelets.asked) == 3)
    assert kubelets.configs.of("node-a").assumed_because is None


async def test_what_was_read_stays_true_while_the_node_cannot_be_reached_but_not_when_it_answers_nonsense() -> None:
    kubelets = Kubelets("node-a")
    await kubelets.until(lambda: len(kubelets.asked) == 1)
    kubelets.answers["node-a"] = ApiError(0, "Timeout", "slow")
    kubelets.now = 101.0
    await kubelets.until(lambda: len(kubelets.asked) == 2)
    assert kubelets.configs.of("node-a").hard == Threshold(GI)
    kubelets.answers["node-a"] = b"[]"
    kubelets.now = 112.0
    await kubelets.until(lambda: len(kubelets.asked) == 3)
    assert "no kubelet's configuration" in str(kubelets.configs.of("node-a").assumed_because)


async def test_what_was_read_of_a_kubelet_is_not_told_of_its_successor() -> None:
    kubelets = Kubelets("node-a")
    await kubelets.until(lambda: len(kubelets.asked) == 1)
    kubelets.nodes["node-a"] = Node("uid-node-a", "node-a", kubelet_version="v1.35.0")
    kubelets.answers["node-a"] = ApiError(0, "Timeout", "slow")
    await kubelets.until(lambda: len(kubelets.asked) == 2)
    assert "cannot be read" in str(kubelets.configs.of("node-a").assumed_because)


async def test_nodes_that_take_long_to_fail_do_not_keep_all_others_from_being_asked() -> None:
    kubelets = Kubelets("node-a", "node-b", "node-c")
    for name in ("node-a", "node-b"):
        kubelets.answers[name] = ApiError(0, "Timeout", "slow")
    kubelets.seconds_to_fail = 60.0
    await kubelets.until(lambda: kubelets.configs.of("node-c").assumed_because is None)
    assert [path.split("/")[4] for path in kubelets.asked][:3] == ["node-a", "node-b", "node-c"]


async def test_a_node_that_left_is_forgotten() -> None:
    kubelets = Kubelets("node-a", "node-b")
    await kubelets.until(lambda: len(kubelets.asked) == 2)
    del kubelets.nodes["node-a"]
    kubelets.now = 101.0
    await kubelets.until(lambda: len(kubelets.asked) == 3)
    assert "not been read yet" in str(kubelets.configs.of("node-a").assumed_because)


def test_without_being_told_to_everything_is_assumed_and_the_reason_names_the_setting() -> None:
    kubelets = Kubelets("node-a")
    configs = KubeletConfigs(kubelets, (), enabled=False)
    assert "--read-kubelet-config" in str(configs.of("node-a").assumed_because)


async def test_a_name_that_is_no_name_stays_one_part_of_the_path() -> None:
    kubelets = Kubelets("a/../b")
    kubelets.answers["a%2F..%2Fb"] = ANSWER
    await kubelets.until(lambda: len(kubelets.asked) == 1)
    assert kubelets.asked == ["/api/v1/nodes/a%2F..%2Fb/proxy/configz"]
