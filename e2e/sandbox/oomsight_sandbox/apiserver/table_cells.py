"""How single cells of a Table are read from an object. Each is a function of the object and the time; absent things read as
kubectl shows them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .jsonpath import compile_path
from .selectors import field_text
from .values import JsonObject, parse_time

Cell = Callable[[JsonObject, float], Any]


def name(data: JsonObject, _now: float) -> str:
    return str(data["metadata"].get("name", ""))


def age(data: JsonObject, now: float) -> str:
    return _since(data["metadata"].get("creationTimestamp"), now)


def path(dotted: str, absent: str = "<none>") -> Cell:
    return lambda data, _now: field_text(data, dotted) or absent


def constant(text: str) -> Cell:
    return lambda _data, _now: text


def number(dotted: str) -> Cell:
    return lambda data, _now: _integer(_at(data, dotted))


def ratio(part: str, whole: str) -> Cell:
    return lambda data, _now: f"{_integer(_at(data, part))}/{_integer(_at(data, whole))}"


def size(*dotted: str) -> Cell:
    return lambda data, _now: sum(len(_at(data, one) or ()) for one in dotted)


def labels(dotted: str) -> Cell:
    return lambda data, _now: ",".join(f"{key}={value}" for key, value in sorted((_at(data, dotted) or {}).items())) or "<none>"


def _at(data: JsonObject, dotted: str) -> Any:
    value: Any = data
    for part in dotted.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _integer(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _since(time: object, now: float) -> str:
    seconds = parse_time(time)
    return "<unknown>" if seconds is None else human_duration(now - seconds)


def human_duration(seconds: float) -> str:
    """k8s.io/apimachinery/pkg/util/duration.HumanDuration."""
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    if whole < 0:
        return "0s"
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    steps: list[tuple[bool, str]] = [
        (whole < 120, f"{whole}s"),
        (minutes < 10, f"{minutes}m" + (f"{whole % 60}s" if whole % 60 else "")),
        (minutes < 180, f"{minutes}m"),
        (hours < 8, f"{hours}h" + (f"{minutes % 60}m" if minutes % 60 else "")),
        (hours < 48, f"{hours}h"),
        (hours < 192, f"{days}d" + (f"{hours % 24}h" if hours % 24 else "")),
        (days < 730, f"{days}d"),
        (days < 2920, f"{days // 365}y" + (f"{days % 365}d" if days % 365 else "")),
    ]
    return next((text for fits, text in steps if fits), f"{days // 365}y")


def pod_ready(data: JsonObject, _now: float) -> str:
    statuses = (data.get("status") or {}).get("containerStatuses") or []
    sidecars = [container for container in data["spec"].get("initContainers") or () if container.get("restartPolicy") == "Always"]
    ready = sum(found.get("ready") is True for found in statuses)
    return f"{ready}/{len(data['spec'].get('containers') or ()) + len(sidecars)}"


def pod_status(data: JsonObject, _now: float) -> str:
    """The STATUS that kubectl shows: phase, overridden by reasons of waiting and terminated containers (printPod)."""
    state = data.get("status") or {}
    shown = str(state.get("reason") or state.get("phase") or "Unknown")
    for index, found in enumerate(state.get("initContainerStatuses") or ()):
        terminated, waiting = (found.get("state") or {}).get("terminated"), (found.get("state") or {}).get("waiting")
        if terminated is not None and not terminated.get("exitCode"):
            continue
        if terminated is not None:
            shown = f"Init:{terminated.get('reason') or 'ExitCode:' + str(terminated.get('exitCode'))}"
        elif waiting and waiting.get("reason") not in (None, "", "PodInitializing"):
            shown = f"Init:{waiting['reason']}"
        elif found.get("started") and found.get("restartPolicy") == "Always":
            continue
        else:
            shown = f"Init:{index}/{len(data['spec'].get('initContainers') or ())}"
        break
    else:
        shown = _containers_status(state, shown)
    if "deletionTimestamp" in data["metadata"]:
        shown = "Terminating"
    return shown


def _containers_status(state: JsonObject, shown: str) -> str:
    running = False
    for found in reversed(state.get("containerStatuses") or ()):
        now = found.get("state") or {}
        waiting, terminated = now.get("waiting") or {}, now.get("terminated")
        if waiting.get("reason"):
            shown = str(waiting["reason"])
        elif terminated is not None and terminated.get("reason"):
            shown = str(terminated["reason"])
        elif terminated is not None:
            shown = f"Signal:{terminated['signal']}" if terminated.get("signal") else f"ExitCode:{terminated.get('exitCode')}"
        elif found.get("ready") and "running" in now:
            running = True
    if shown == "Completed" and running:
        ready = any(one.get("type") == "Ready" and one.get("status") == "True" for one in state.get("conditions") or ())
        shown = "Running" if ready else "NotReady"
    return shown


def pod_restarts(data: JsonObject, now: float) -> str:
    statuses = (data.get("status") or {}).get("containerStatuses") or []
    restarts = sum(_integer(found.get("restartCount")) for found in statuses)
    ended = [parse_time(((found.get("lastState") or {}).get("terminated") or {}).get("finishedAt")) for found in statuses]
    times = [time for time in ended if time is not None]
    return f"{restarts} ({human_duration(now - max(times))} ago)" if restarts and times else str(restarts)


def node_status(data: JsonObject, _now: float) -> str:
    conditions = (data.get("status") or {}).get("conditions") or []
    ready = next((found.get("status") for found in conditions if found.get("type") == "Ready"), None)
    shown = {None: "Unknown", "True": "Ready"}.get(ready, "NotReady")
    return shown + (",SchedulingDisabled" if (data.get("spec") or {}).get("unschedulable") else "")


def node_roles(data: JsonObject, _now: float) -> str:
    prefix = "node-role.kubernetes.io/"
    keys = (data["metadata"].get("labels") or {}).keys()
    return ",".join(sorted(key.removeprefix(prefix) for key in keys if key.startswith(prefix))) or "<none>"


def node_address(data: JsonObject, _now: float) -> str:
    addresses = (data.get("status") or {}).get("addresses") or []
    return next((str(found.get("address")) for found in addresses if found.get("type") == "InternalIP"), "<none>")


def service_ports(data: JsonObject, _now: float) -> str:
    ports = (data.get("spec") or {}).get("ports") or []
    return ",".join(f"{port.get('port')}/{port.get('protocol', 'TCP')}" for port in ports) or "<none>"


def event_object(data: JsonObject, _now: float) -> str:
    involved = data.get("involvedObject") or {}
    return f"{str(involved.get('kind', '')).lower()}/{involved.get('name', '')}"


def event_source(data: JsonObject, _now: float) -> str:
    source = data.get("source") or {}
    component = source.get("component") or data.get("reportingComponent") or ""
    host = source.get("host") or data.get("reportingInstance") or ""
    return f"{component}, {host}" if component and host else str(component)


def event_count(data: JsonObject, _now: float) -> int:
    return _integer((data.get("series") or {}).get("count")) or _integer(data.get("count")) or 1


def event_first_seen(data: JsonObject, now: float) -> str:
    return _since(data.get("firstTimestamp") or data.get("eventTime"), now)


def event_last_seen(data: JsonObject, now: float) -> str:
    last = (data.get("series") or {}).get("lastObservedTime") or data.get("lastTimestamp")
    return _since(last, now) if last else event_first_seen(data, now)


def custom(json_path: str, kind: str) -> Cell:
    """A printer column: the first value at its path, or null, which kubectl shows as nothing."""
    find = compile_path(json_path)

    def cell(data: JsonObject, _now: float) -> Any:
        found = find(data)
        if not found:
            return None
        value = found[0]
        if kind == "string":
            return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if kind == "boolean":
            return value if isinstance(value, bool) else None
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None

    return cell


def custom_date(json_path: str) -> Cell:
    find = compile_path(json_path)

    def cell(data: JsonObject, now: float) -> Any:
        found = find(data)
        return _since(found[0], now) if found else None

    return cell
