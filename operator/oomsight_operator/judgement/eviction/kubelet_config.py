"""The kubelet's thresholds in its own words, `GET /configz`: `{"kubeletconfig": {"evictionHard": {"memory.available": "5%"}}}`.

Source: Kubernetes pkg/kubelet/eviction/helpers.go, ParseThresholdConfig (1.34): a quantity, or a percentage, of which 0 and 100
are ignored; `evictionHard` that is set replaces the defaults unless `mergeDefaultEvictionSettings`; a soft threshold needs a
grace period. /configz tells the configuration with its defaults filled in (pkg/kubelet/apis/config/v1beta1, SetDefaults) and leaves
out what is empty: a kubelet without any `evictionHard` there may have been told to have none. A node may be hostile: what makes no
sense is an error, never a guess.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from oomsight_api.quantity import QuantityError, parse_bytes
from oomsight_operator.judgement.eviction.settings import DEFAULT_HARD_BYTES, EvictionSettings, Threshold, percentage
from oomsight_operator.judgement.words import printable

MAX_CONFIG_BYTES = 1 << 20
"""A configuration has about 5 KiB."""
MAX_GRACE_SECONDS = 86400.0 * 365
NO_EVICTION_HARD = "its configuration tells no evictionHard, which it does by default: perhaps this kubelet was told to have none"
_SIGNAL = "memory.available"
_PERCENTAGE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,9})?)%", re.ASCII)
_DURATION_PART = r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(h|ms|m|s|us|ns)"
_DURATION = re.compile(rf"(?:{_DURATION_PART})+", re.ASCII)
_PART = re.compile(_DURATION_PART, re.ASCII)
_UNIT_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


class KubeletConfigError(ValueError):
    """The bytes are no kubelet's configuration; the message says what was found and what was expected (printable ASCII)."""


class _Config(msgspec.Struct, rename="camel"):
    eviction_hard: dict[str, Any] | None = None
    eviction_soft: dict[str, Any] | None = None
    eviction_soft_grace_period: dict[str, Any] | None = None
    enforce_node_allocatable: list[str] | None = None
    merge_default_eviction_settings: bool | None = None


class _Configz(msgspec.Struct):
    kubeletconfig: _Config


_decoder = msgspec.json.Decoder(_Configz)


def parse_kubelet_config(body: bytes) -> EvictionSettings:
    """The thresholds that stand in an answer to /configz. Raises KubeletConfigError, and nothing else."""
    if len(body) > MAX_CONFIG_BYTES:
        raise KubeletConfigError(f"the answer has {len(body)} bytes, expected at most {MAX_CONFIG_BYTES}")
    try:
        config = _decoder.decode(body).kubeletconfig
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise KubeletConfigError(printable(f"the answer is no kubelet's configuration: {error}", 300)) from error
    soft = _threshold(config.eviction_soft, "evictionSoft")
    return EvictionSettings(
        hard=_hard(config),
        soft=soft,
        soft_grace_seconds=_grace_seconds(config.eviction_soft_grace_period) if soft is not None else None,
        enforces_pods=config.enforce_node_allocatable is None or "pods" in config.enforce_node_allocatable,
        assumed_because=NO_EVICTION_HARD if config.eviction_hard is None else None,
    )


def _hard(config: _Config) -> Threshold | None:
    if config.eviction_hard is None or (config.merge_default_eviction_settings and _SIGNAL not in config.eviction_hard):
        return Threshold(DEFAULT_HARD_BYTES)
    return _threshold(config.eviction_hard, "evictionHard")


def _threshold(statements: dict[str, Any] | None, where: str) -> Threshold | None:
    text = (statements or {}).get(_SIGNAL)
    if text is None:
        return None
    if not isinstance(text, str):
        raise KubeletConfigError(f"{where}[{_SIGNAL}]: found {type(text).__name__}, expected a quantity or a percentage")
    if text.endswith("%"):
        found = _PERCENTAGE.fullmatch(text)
        percent = float(found[1]) if found else 101.0
        if percent > 100:
            raise KubeletConfigError(f"{where}[{_SIGNAL}]: found {text[:32]!a}, expected 0% to 100%")
        return percentage(percent) if 0 < percent < 100 else None
    try:
        quantity_bytes = parse_bytes(text)
    except QuantityError as error:
        raise KubeletConfigError(f"{where}[{_SIGNAL}]: {error}") from error
    if not quantity_bytes:
        raise KubeletConfigError(f"{where}[{_SIGNAL}]: found 0, expected more: the kubelet would not start with it")
    return Threshold(quantity_bytes)


def _grace_seconds(periods: dict[str, Any] | None) -> float:
    """Of a Go duration such as `1m30s`."""
    text = (periods or {}).get(_SIGNAL)
    if not isinstance(text, str) or len(text) > 64 or not (_DURATION.fullmatch(text) or text == "0"):
        raise KubeletConfigError(f"evictionSoftGracePeriod[{_SIGNAL}]: found {ascii(text)[:32]}, expected a duration such as 1m30s")
    seconds = sum(float(part[1]) * _UNIT_SECONDS[part[2]] for part in _PART.finditer(text))
    if seconds > MAX_GRACE_SECONDS:
        raise KubeletConfigError(f"evictionSoftGracePeriod[{_SIGNAL}]: found {ascii(text)[:32]}, expected at most a year")
    return seconds
