"""The JSONPath of printer columns.

Paths look like `.spec.nodeName`, `.status.conditions[?(@.type=="Ready")].status`, `.metadata.labels['a/b']`.
A subset of k8s.io/client-go/util/jsonpath: fields, indices, `[*]`, quoted keys and filters of equality. What is not understood
finds nothing, as a path that does not match does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

_STEP = re.compile(
    r"""\.(?P<field>(?:\\.|[^.\[\]\\])+)
    |\[\?\(\s*@\.(?P<key>(?:\\.|[^=!<>\s\\])+)\s*(?P<operator>==|!=)\s*(?P<literal>"[^"]*"|'[^']*'|[^)\s]+)\s*\)\]
    |\[(?P<star>\*)\]
    |\[(?P<index>-?[0-9]{1,9})\]
    |\[(?P<quoted>'[^']*'|"[^"]*")\]""",
    re.VERBOSE,
)

Step = Callable[[Any], list[Any]]


@lru_cache(maxsize=512)
def compile_path(path: str) -> Step:
    """A function from a value to all values at the path, in order."""
    text = path.strip().removeprefix("{").removesuffix("}").removeprefix("$")
    if text and not text.startswith((".", "[")):
        text = "." + text
    steps: list[Step] = []
    position = 0
    while position < len(text):
        found = _STEP.match(text, position)
        if found is None:
            return lambda _value: []
        steps.append(_step(found))
        position = found.end()

    def find(value: Any) -> list[Any]:
        values = [value]
        for step in steps:
            values = [result for one in values for result in step(one)]
        return [one for one in values if one is not None]

    return find


def _step(found: re.Match[str]) -> Step:
    if found["star"]:
        return lambda value: list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    if found["index"]:
        index = int(found["index"])
        return lambda value: [value[index]] if isinstance(value, list) and -len(value) <= index < len(value) else []
    if found["key"]:
        return _filter(re.sub(r"\\(.)", r"\1", found["key"]), found["operator"], found["literal"])
    key = found["quoted"][1:-1] if found["quoted"] else re.sub(r"\\(.)", r"\1", found["field"])
    if key == "*":
        return lambda value: list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return lambda value: [value[key]] if isinstance(value, dict) and key in value else []


def _filter(key: str, operator: str, literal: str) -> Step:
    wanted: Any
    if literal[:1] in "\"'":
        wanted = literal[1:-1]
    else:
        try:
            wanted = json.loads(literal)
        except ValueError:
            return lambda _value: []
    equal = operator == "=="

    def step(value: Any) -> list[Any]:
        if not isinstance(value, list):
            return []
        return [item for item in value if isinstance(item, dict) and key in item and (item[key] == wanted) is equal]

    return step
