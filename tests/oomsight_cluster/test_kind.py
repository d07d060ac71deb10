"""What is asked of docker and kind, in which order: by stand-ins on the PATH that write down their words; no Docker runs here."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from oomsight_cluster import kind, kubectl, programs
from oomsight_cluster.cache import CHECKOUT
from oomsight_cluster.errors import ClusterError
from oomsight_cluster.kind import KILL_ALL, docker_runs, kind_cluster

STAND_IN = """#!/bin/sh
# Writes down its words, then does what the test says for them.
printf '%s\\n' "$(basename "$0") $*" >>"{directory}/asked"
printf '%s\\n' "${{KIND_EXPERIMENTAL_PROVIDER:-}} ${{BUILDX_NO_DEFAULT_ATTESTATIONS:-}}" >>"{directory}/environment"
case "$(basename "$0") $*" in
{cases}
esac
"""
ENGINE = {"docker --version": "echo Docker version 29.1.0", "docker version *": "echo 29.1.0"}
Stand = Callable[[dict[str, str]], Path]


@pytest.fixture
def stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stand:
    """Put docker and kind on the PATH, with what they do by their words (a shell pattern)."""
    monkeypatch.setattr(kind, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(kubectl, "POLL_SECONDS", 0.001)

    def put(answers: dict[str, str]) -> Path:
        quoted = ("".join(f'"{part}"' if part != "*" else part for part in pattern.partition("*")) for pattern in answers)
        cases = "\n".join(f"{pattern}) {does};;" for pattern, does in zip(quoted, answers.values(), strict=True))
        places = tmp_path / "bin"
        places.mkdir(exist_ok=True)
        for name in ("docker", "kind"):
            (places / name).write_text(STAND_IN.format(directory=tmp_path, cases=cases))
            (places / name).chmod(0o755)
        path = f"{places}:{programs.SYSTEM_PATH}"
        monkeypatch.setenv("PATH", path)
        return tmp_path / "asked"

    return put


def asked(record: Path) -> list[str]:
    return record.read_text().splitlines()


def test_an_image_is_built_a_cluster_made_and_the_image_loaded_and_both_go(stand: Stand, tmp_path: Path) -> None:
    record = stand({**ENGINE, "kind create *": ":"})
    name, reference = f"oomsight-e2e-{os.getpid()}", f"localhost/oomsight:e2e-{os.getpid()}"
    with kind_cluster() as made:
        assert (made.image_repository, made.image_tag, made.pull_policy) == (*reference.rsplit(":", 1), "IfNotPresent")
        kubeconfig = made.kubeconfig
        assert kubeconfig.parent.is_dir()
        assert kubeconfig.is_relative_to(tmp_path / "runs"), "the user's own kubeconfig is not touched"
    assert asked(record) == [
        "kind get clusters",
        f"docker build --tag {reference} {CHECKOUT}",
        f"kind create cluster --name {name} --kubeconfig {kubeconfig} --wait 180s",
        f"kind load docker-image {reference} --name {name}",
        f"kind delete cluster --name {name} --kubeconfig {kubeconfig}",
        f"docker image rm {reference}",
    ]
    assert "docker 1" in (tmp_path / "environment").read_text().splitlines()
    assert not kubeconfig.parent.exists()


@pytest.mark.parametrize("step", ["docker build *", "kind create *", "kind load *"])
def test_whatever_fails_the_cluster_goes_and_the_programs_words_are_told(stand: Stand, step: str) -> None:
    record = stand({**ENGINE, step: "echo no space left on device >&2; exit 1"})
    with pytest.raises(ClusterError, match=r"failed with 1\nno space left on device"), kind_cluster():
        pytest.fail("there is no cluster")
    assert [line.split()[:2] for line in asked(record)][-2:] == [["kind", "delete"], ["docker", "image"]]


def test_a_restart_of_the_api_server_returns_when_it_serves_again(stand: Stand, tmp_path: Path) -> None:
    ready = f'[ -e "{tmp_path}/late" ] && echo ok || {{ touch "{tmp_path}/late"; echo refused >&2; exit 1; }}'
    node = f"oomsight-e2e-{os.getpid()}-control-plane"
    record = stand({**ENGINE, f"docker exec {node} kubectl *": ready})
    with kind_cluster() as made:
        assert made.restart_api_server is not None
        before = len(asked(record))
        made.restart_api_server()
        words = asked(record)[before:]
    assert words[0] == f"docker exec {node} sh -c "
    ask = f"docker exec {node} kubectl --kubeconfig=/etc/kubernetes/admin.conf get --raw=/readyz"
    assert [line for line in words if line.startswith("docker ")][1:] == [ask, ask]


def test_a_process_is_killed_by_its_name_and_one_that_is_not_there_is_told(tmp_path: Path) -> None:
    name = f"e2e-{os.getpid()}"[:15]
    sleeper = shutil.copy("/bin/sleep", tmp_path / name)
    process = subprocess.Popen([sleeper, "1000"])
    try:
        while Path(f"/proc/{process.pid}/comm").read_text().strip() != name:
            pass
        command = ["sh", "-c", KILL_ALL, "sh", name]
        assert subprocess.run(command, check=False).returncode == 0
        assert process.wait(10) == -signal.SIGKILL
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (1, f"no process {name}\n")
    finally:
        process.kill()
        process.wait()


def test_clusters_of_suites_that_were_killed_are_removed_and_no_others(stand: Stand) -> None:
    gone = 2**22 + 1  # above the greatest pid there can be
    record = stand({**ENGINE, "kind get *": f"printf '%s\\n' oomsight-e2e-{gone} oomsight-e2e-1 mine oomsight-e2e-x"})
    with kind_cluster():
        pass
    deleted = [line.split()[4] for line in asked(record) if line.startswith("kind delete ")]
    assert deleted == [f"oomsight-e2e-{gone}", f"oomsight-e2e-{os.getpid()}"]


@pytest.mark.parametrize(
    ("answers", "runs"),
    [
        (ENGINE, True),
        ({"docker --version": "echo Docker version 29.1.0", "docker version *": "echo cannot connect >&2; exit 1"}, False),
        ({"docker --version": "echo podman version 5.4.0", "docker version *": "echo 5.4.0"}, False),
    ],
    ids=["docker", "a client alone", "podman under docker's name"],
)
def test_only_a_docker_whose_daemon_answers_counts(stand: Stand, answers: dict[str, str], runs: bool) -> None:
    stand(answers)
    assert docker_runs() is runs
