"""What the operator can be told, as flags or environment variables (`--poll-wait-seconds` is OOMSIGHT_POLL_WAIT_SECONDS)."""

from __future__ import annotations

import argparse
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

from oomsight_operator.prometheus.access import Access, parse_header, parse_matchers, parse_url

ENVIRONMENT_PREFIX = "OOMSIGHT_"
NAMESPACE_FILE = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"
DEFAULT_NAMESPACE = "oomsight-system"

SECRET = frozenset({"prometheus_url", "prometheus_header"})
"""Settings that may hold a secret by mistake: what was found is not repeated."""

_PARSERS: Final[Mapping[str, Callable[[str], object]]] = {
    "prometheus_url": parse_url,
    "prometheus_header": parse_header,
    "prometheus_matchers": parse_matchers,
}
"""Settings that must parse where they are given; each parser raises ValueError."""

Listen = Annotated[str, Field(pattern=r"^(\[[0-9a-fA-F:.]+\]|[^:\[\]]+):[0-9]{1,5}$")]
Seconds = Annotated[float, Field(gt=0, le=86400)]


class Settings(BaseModel):
    """All settings with their defaults. The descriptions are the help of the command line."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kubeconfig: str | None = Field(
        None, description="kubeconfig to use; without it the pod's service account, else the default one"
    )
    context: str | None = Field(None, description="context of the kubeconfig")
    namespace: str = Field("", description="namespace of the Lease; by default the pod's own, else oomsight-system")
    agent_namespace: str = Field("", description="namespace of the agents' DaemonSet; by default the same")
    agent_daemonset: str = Field("oomsight-agent", description="name of the agents' DaemonSet")
    leader_election: bool = Field(True, description="work only while holding a Lease")
    lease_name: str = Field("oomsight-operator", description="name of the Lease")
    identity: str = Field("", description="who holds the Lease and reports Events; by default the host's name")
    metrics_listen: Listen = Field("0.0.0.0:9755", description="ADDRESS:PORT of /metrics; port 0 takes a free one")
    health_listen: Listen = Field("0.0.0.0:9756", description="ADDRESS:PORT of /healthz and /readyz; port 0 takes a free one")
    api_listen: Listen = Field("0.0.0.0:9757", description="ADDRESS:PORT of the API of nodes, /v1/nodes; port 0 takes a free one")
    ports_file: str | None = Field(None, description="write the ports in use to this file, as JSON")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="debug, info, warning or error")
    poll_wait_seconds: Seconds = Field(20.0, le=300, description="how long an agent may hold its answer back while nothing changes")
    read_kubelet_config: bool = Field(
        False, description="read kubelets' eviction thresholds by nodes/proxy, a right that opens more; else they are assumed"
    )
    agent_stale_seconds: Seconds = Field(60.0, description="silence of an agent after which its node's pods are unknown")
    settle_seconds: float = Field(15.0, ge=0, le=3600, description="time for a new pod to appear in a report before it is unknown")
    resync_seconds: Seconds = Field(3600.0, description="time after which everything is listed anew")
    policy_resync_seconds: Seconds = Field(60.0, description="time after which the policies are listed anew")
    writes_per_second: float = Field(10.0, gt=0, le=1000, description="write budget: requests per second over the whole cluster")
    write_burst: int = Field(100, ge=1, le=100000, description="write budget: requests at once after a quiet time")
    concurrent_writes: int = Field(8, ge=1, le=256, description="write budget: requests in flight")
    pod_interval_seconds: float = Field(300.0, ge=0, le=86400, description="write budget: one patch per pod in this time")
    event_burst: int = Field(25, ge=1, le=1000, description="write budget: Events per object at once")
    event_refill_seconds: Seconds = Field(300.0, description="write budget: one more Event per object in this time")
    recommendation_interval_seconds: float = Field(
        600.0, ge=0, le=86400, description="write budget: one MemoryRecommendation status per workload in this time"
    )
    policy_status_interval_seconds: float = Field(
        10.0, ge=0, le=86400, description="write budget: one status per policy in this time"
    )
    prometheus_url: str = Field(
        "", description="base URL of a Prometheus that has up to 14 days of history for recommendations to start from"
    )
    prometheus_matchers: str = Field(
        "", description='labels that tell this cluster\'s series from others in the same Prometheus, such as cluster="prod-1"'
    )
    prometheus_header: str = Field("", description="a header for Prometheus, such as 'X-Scope-OrgID: team-a'")
    prometheus_token_file: str | None = Field(None, description="file with a bearer token for Prometheus, read anew each time")
    prometheus_basic_auth_file: str | None = Field(None, description="file with user:password for Prometheus, read anew each time")
    prometheus_ca_file: str | None = Field(
        None, description="file with the certificates of the authorities behind that of Prometheus"
    )
    stop_seconds: float = Field(5.0, ge=0, le=300, description="time to write what is queued when told to stop")

    @field_validator("metrics_listen", "health_listen", "api_listen")
    @classmethod
    def _port_in_range(cls, value: str) -> str:
        if int(value.rpartition(":")[2]) > 65535:
            raise ValueError(f"port of {value} is above 65535")
        return value

    @field_validator(*_PARSERS)
    @classmethod
    def _parses(cls, value: str, info: ValidationInfo) -> str:
        if value:
            _PARSERS[str(info.field_name)](value)
        return value

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, values: object) -> object:
        if not isinstance(values, dict):
            return values
        filled = dict(values)
        filled["namespace"] = filled.get("namespace") or own_namespace()
        filled["agent_namespace"] = filled.get("agent_namespace") or filled["namespace"]
        filled["identity"] = filled.get("identity") or socket.gethostname()
        return filled


def prometheus_access(settings: Settings) -> Access | None:
    """How to reach Prometheus; None where none was given."""
    if not settings.prometheus_url:
        return None
    return Access(
        parse_url(settings.prometheus_url),
        parse_header(settings.prometheus_header) if settings.prometheus_header else None,
        settings.prometheus_ca_file or None,
        settings.prometheus_token_file or None,
        settings.prometheus_basic_auth_file or None,
    )


class SettingsError(ValueError):
    """The command line or environment makes no sense; the message names the flag, what was found and what was expected."""


def own_namespace(path: str = NAMESPACE_FILE) -> str:
    """The namespace of the pod we run in, else the default one."""
    try:
        with open(path, encoding="ascii") as file:
            return file.read().strip() or DEFAULT_NAMESPACE
    except (OSError, UnicodeDecodeError):
        return DEFAULT_NAMESPACE


def add_flags(parser: argparse.ArgumentParser, names: Sequence[str] | None = None) -> None:
    """One flag per setting (all, or those named); `--no-leader-election` and the like for booleans."""
    for name, field in Settings.model_fields.items():
        if names is not None and name not in names:
            continue
        flag = f"--{name.replace('_', '-')}"
        default = "" if field.default in (None, "") else f" (default {field.default})"
        text = f"{field.description}{default}".replace("%", "%%")
        if field.annotation is bool:
            parser.add_argument(flag, dest=name, action=argparse.BooleanOptionalAction, default=None, help=text)
        else:
            parser.add_argument(flag, dest=name, default=None, metavar=_metavar(name), help=text)


def load_settings(flags: Mapping[str, object], environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings from parsed flags, which beat the environment, which beats the defaults. Raises SettingsError."""
    values: dict[str, object] = {}
    for name in Settings.model_fields:
        flag = flags.get(name)
        variable = environment.get(f"{ENVIRONMENT_PREFIX}{name.upper()}")
        if flag is not None:
            values[name] = flag
        elif variable not in (None, ""):
            values[name] = variable
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError("; ".join(_problem(each["loc"], each["input"], each["msg"]) for each in error.errors())) from error


def _problem(location: tuple[int | str, ...], found: object, message: str) -> str:
    name = str(location[0] if location else "flags")
    flag = name.replace("_", "-")
    shown = f"{len(str(found))} characters" if name in SECRET else ascii(found)[:80]
    return f"--{flag}: found {shown}, {message[:1].lower()}{message[1:]}"


def _metavar(name: str) -> str:
    if name.endswith("_per_second"):
        return "RATE"
    if name.endswith("_seconds"):
        return "SECONDS"
    return "ADDRESS:PORT" if name.endswith("_listen") else name.rpartition("_")[2].upper()
