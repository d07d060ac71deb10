"""Heaps as specs set them."""

from __future__ import annotations

from typing import Any

from tests.oomsight_operator.judgement.build import MI

from oomsight_operator.judgement.runtime.setting import HeapSetting, Runtime, Share


def xmx(mebibytes: int, **more: Any) -> HeapSetting:
    return HeapSetting(Runtime.JVM, "-Xmx in JAVA_TOOL_OPTIONS", fixed_bytes=mebibytes * MI, **more)


def percent(of_limit: float, **more: Any) -> HeapSetting:
    return HeapSetting(Runtime.JVM, "-XX:MaxRAMPercentage in JAVA_TOOL_OPTIONS", share=Share(of_limit, 130_862_280, 50.0), **more)


DEFAULT = HeapSetting(Runtime.JVM, "the JVM's default", share=Share(25.0, 130_862_280, 50.0), explicit=False)
FROM_CONFIG_MAP = HeapSetting(Runtime.JVM, "-Xmx in JAVA_TOOL_OPTIONS", doubt="whose value is not in the pod's spec")
NOT_IN_SPEC = HeapSetting(Runtime.JVM, "", explicit=False, doubt="whose value is not in the pod's spec")
