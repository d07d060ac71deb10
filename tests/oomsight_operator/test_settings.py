from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from oomsight_operator.settings import (
    DEFAULT_NAMESPACE,
    Settings,
    SettingsError,
    add_flags,
    load_settings,
    own_namespace,
    prometheus_access,
)


def flags(*arguments: str) -> dict[str, object]:
    parser = argparse.ArgumentParser()
    add_flags(parser)
    return vars(parser.parse_args(arguments))


def test_without_flags_and_environment_the_defaults_hold() -> None:
    settings = load_settings(flags(), {})
    assert settings.agent_daemonset == "oomsight-agent"
    assert settings.agent_namespace == settings.namespace == DEFAULT_NAMESPACE
    assert settings.leader_election
    assert settings.identity


def test_flags_beat_the_environment_which_beats_the_defaults() -> None:
    environment = {"OOMSIGHT_POLL_WAIT_SECONDS": "5", "OOMSIGHT_WRITE_BURST": "7"}
    settings = load_settings(flags("--poll-wait-seconds", "3"), environment)
    assert (settings.poll_wait_seconds, settings.write_burst, settings.writes_per_second) == (3.0, 7, 10.0)


def test_the_agents_are_looked_for_in_our_namespace_unless_told_otherwise() -> None:
    assert load_settings(flags("--namespace", "mine"), {}).agent_namespace == "mine"
    assert load_settings(flags("--namespace", "mine", "--agent-namespace", "theirs"), {}).agent_namespace == "theirs"


def test_leader_election_can_be_switched_off_by_flag_or_environment() -> None:
    assert not load_settings(flags("--no-leader-election"), {}).leader_election
    assert not load_settings(flags(), {"OOMSIGHT_LEADER_ELECTION": "false"}).leader_election


def test_kubelets_are_not_asked_unless_told_to() -> None:
    assert not load_settings(flags(), {}).read_kubelet_config
    assert load_settings(flags("--read-kubelet-config"), {}).read_kubelet_config
    assert load_settings(flags(), {"OOMSIGHT_READ_KUBELET_CONFIG": "true"}).read_kubelet_config


def test_prometheus_is_asked_only_where_it_is_named() -> None:
    assert prometheus_access(load_settings(flags(), {})) is None
    environment = {"OOMSIGHT_PROMETHEUS_URL": "http://prometheus.monitoring:9090", "OOMSIGHT_PROMETHEUS_MATCHERS": 'cluster="a"'}
    access = prometheus_access(
        load_settings(flags("--prometheus-header", "X-Scope-OrgID: t", "--prometheus-token-file", "/t"), environment)
    )
    assert access is not None
    assert (str(access.url), access.header, access.token_file) == (
        "http://prometheus.monitoring:9090",
        ("X-Scope-OrgID", "t"),
        "/t",
    )


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--prometheus-url", "http://me:hunter2@host"),
        ("--prometheus-url", "hunter2"),
        ("--prometheus-header", "Authorization: hunter2"),
    ],
)
def test_what_may_hold_a_secret_is_refused_without_being_repeated(flag: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(flags(flag, value), {})
    assert str(caught.value).startswith(f"{flag}: found {len(value)} characters, ")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--prometheus-matchers", "prod"), "--prometheus-matchers: found 'prod'"),
        (("--writes-per-second", "many"), "--writes-per-second: found 'many'"),
        (("--poll-wait-seconds", "0"), "--poll-wait-seconds: found '0'"),
        (("--log-level", "loud"), "--log-level: found 'loud'"),
        (("--metrics-listen", "9755"), "--metrics-listen: found '9755'"),
        (("--health-listen", "0.0.0.0:99999"), "--health-listen: found '0.0.0.0:99999'"),
        (("--api-listen", "0.0.0.0:99999"), "--api-listen: found '0.0.0.0:99999'"),
        (("--agent-stale-seconds", "nan"), "--agent-stale-seconds: found 'nan'"),
    ],
)
def test_a_wrong_value_is_named_with_its_flag(arguments: tuple[str, ...], expected: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(flags(*arguments), {})
    assert expected in str(caught.value)


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "[::1]:9755", "localhost:80"])
def test_addresses_of_all_families_are_taken(listen: str) -> None:
    assert load_settings(flags("--metrics-listen", listen), {}).metrics_listen == listen


def test_the_pods_own_namespace_is_read_from_its_service_account(tmp_path: Path) -> None:
    file = tmp_path / "namespace"
    file.write_text("monitoring\n")
    assert own_namespace(str(file)) == "monitoring"
    assert own_namespace(str(tmp_path / "missing")) == DEFAULT_NAMESPACE


def test_every_setting_explains_itself() -> None:
    assert all(field.description for field in Settings.model_fields.values())
