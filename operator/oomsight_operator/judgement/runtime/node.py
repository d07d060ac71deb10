"""Node.js: V8's old space.

- `--max-old-space-size=MiB` (V8 takes `-` and `_` for the same), the last one counts, 0 or nothing is none; the command line beats
  NODE_OPTIONS.
- `--max-old-space-size-percentage=N` of the memory found, above 0 and up to 100, beats it wherever it stands (Node 22.20 does not
  know it, 24 does).
- `--max-heap-size=MiB` bounds everything of V8's, where neither of these does.
- Without them about half of the memory found, 256 MiB at least, 2 GiB at most and 4 GiB from 15 GiB on (heap.cc
  HeapSizeFromPhysicalMemory). Node finds the limit in a cgroup, in v2 from 20.3 on.

The young generation (three parts of `--max-semi-space-size`, by default of 1 to 64 MiB) and what is outside of V8 come on top.
Source: Node's doc/api/cli.md, node_options.cc; measured with Node 20.20, 22.20, 24.19 and 26.10.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from oomsight_operator.judgement.rounding import GIBIBYTE, MEBIBYTE
from oomsight_operator.judgement.runtime.amounts import Amount, amount, times
from oomsight_operator.judgement.runtime.environment import Start
from oomsight_operator.judgement.runtime.jvm import NOT_IN_SPEC
from oomsight_operator.judgement.runtime.launch import launched
from oomsight_operator.judgement.runtime.marks import UNKNOWN
from oomsight_operator.judgement.runtime.setting import HeapSetting, Runtime, Share
from oomsight_operator.judgement.runtime.splitting import node_words, own_options

SIZE: Final = "--max-old-space-size"
PERCENTAGE: Final = "--max-old-space-size-percentage"
WHOLE: Final = "--max-heap-size"
SEMI_SPACE: Final = "--max-semi-space-size"
DEFAULT: Final = Share(50.0, least_bytes=256 * MEBIBYTE, most=((15 * GIBIBYTE, 2 * GIBIBYTE), (1 << 61, 4 * GIBIBYTE)))
_FLAGS: Final = frozenset({SIZE, PERCENTAGE, WHOLE, SEMI_SPACE})
_FILES: Final = frozenset(
    {"--env-file", "--env-file-if-exists", "--experimental-config-file", "--experimental-default-config-file"}
)
"""These files may set options as well, unless they are set elsewhere."""
WITH_VALUE: Final = frozenset(
    """
    -C --allow-fs-read --allow-fs-write --bench-isolation --bench-name-pattern --bench-reporter --bench-reporter-destination
    --bench-samples --bench-warmup --build-sea --build-snapshot-config --conditions --cpu-prof-dir --cpu-prof-interval
    --cpu-prof-name --debug-port --diagnostic-dir --disable-proto --disable-warning --dns-result-order -e --env-file
    --env-file-if-exists --eval --experimental-config-file --experimental-default-type --experimental-loader
    --experimental-package-map --experimental-policy --experimental-sea-config --experimental-test-isolation
    --experimental-test-tag-filter --heap-prof-dir --heap-prof-interval --heap-prof-name --heapsnapshot-near-heap-limit
    --heapsnapshot-signal --icu-data-dir --import --input-type --inspect-port --inspect-publish-uid --loader
    --localstorage-file --max-http-header-size --max-old-space-size-percentage
    --network-family-autoselection-attempt-timeout --openssl-config -p -pe --policy-integrity --print -r --redirect-warnings
    --report-dir --report-directory --report-filename --report-signal --require --run --secure-heap --secure-heap-min
    --snapshot-blob --test-concurrency --test-coverage-branches --test-coverage-exclude --test-coverage-functions
    --test-coverage-include --test-coverage-lines --test-global-setup --test-isolation --test-name-pattern
    --test-random-seed --test-reporter --test-reporter-destination --test-rerun-failures --test-shard --test-skip-pattern
    --test-timeout --title --tls-cipher-list --tls-keylog --trace-event-categories --trace-event-file-pattern
    --trace-require-module --unhandled-rejections --use-largepages --v8-pool-size --vfs-load --vfs-mount --watch-kill-signal
    --watch-path
""".split()  # noqa: SIM905 - a list of them would be eighty lines
)
"""Options that take the next word for their value (`node --help` of Node 20 to 26)."""
_PERCENT: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{0,9})?", re.ASCII)
_MAX_WORDS: Final = 2000

_Found = Mapping[str, tuple[str, str]]
"""By flag: the last value's text, and where it stands."""


def node_heap(start: Start) -> HeapSetting | None:
    """None where nothing in the spec says that it is Node.js."""
    launch = launched(start, "node")
    line = launch.words if launch is not None else None
    options = (launch.variables if launch is not None else start.variables).get("NODE_OPTIONS")
    if line is None and options is None:
        return None
    of_node = own_options(_plain(node_words(options or "")), _is_end, WITH_VALUE)
    of_line = own_options(_plain(line or ()), _is_end, WITH_VALUE)
    found = {**_last(of_node, "in NODE_OPTIONS"), **_last(of_line, "on the command line")}
    beside = _young(found)
    if PERCENTAGE in found:
        return _of_percentage(*found[PERCENTAGE], beside)
    for flag in (SIZE, WHOLE):
        text, where = found.get(flag, ("", ""))
        if text not in ("", "0"):
            return _of_size(text, f"{flag} {where}", start, beside)
    if line is None or start.from_elsewhere:
        return HeapSetting(Runtime.NODE, "", explicit=False, doubt=NOT_IN_SPEC, beside=beside)
    if any(_name(word) in _FILES for word in (*of_node, *of_line)):
        return HeapSetting(Runtime.NODE, "", explicit=False, doubt="which a file that it reads may set", beside=beside)
    return HeapSetting(Runtime.NODE, "Node.js's default", share=DEFAULT, explicit=False, beside=beside)


def _of_percentage(text: str, where: str, beside: tuple[tuple[str, int], ...]) -> HeapSetting:
    where = f"{PERCENTAGE} {where}"
    percent = float(text) if _PERCENT.fullmatch(text) else 0.0
    if not 0 < percent <= 100:
        return HeapSetting(Runtime.NODE, where, doubt=_unread(text), beside=beside)
    return HeapSetting(Runtime.NODE, where, share=Share(percent), beside=beside)


def _of_size(text: str, where: str, start: Start, beside: tuple[tuple[str, int], ...]) -> HeapSetting:
    size = _mebibytes(text)
    if size is None:
        return HeapSetting(Runtime.NODE, where, doubt=_unread(text), beside=beside)
    if size.of_limit and start.limit_bytes:
        return HeapSetting(Runtime.NODE, where, share=Share(100 * size.number / start.limit_bytes), beside=beside)
    return HeapSetting(Runtime.NODE, where, fixed_bytes=size.number, beside=beside)


def _young(found: _Found) -> tuple[tuple[str, int], ...]:
    """The young generation, where a flag sets it."""
    part = _mebibytes(found[SEMI_SPACE][0]) if SEMI_SPACE in found else None
    return ((f"{SEMI_SPACE} (three parts)", 3 * part.number),) if part is not None and part.number > 0 else ()


def _mebibytes(text: str) -> Amount | None:
    """V8 reads decimal digits alone."""
    return times(amount(text), MEBIBYTE) if not text.lower().startswith("0x") else None


def _unread(text: str) -> str:
    return NOT_IN_SPEC if UNKNOWN in text else "whose value does not parse"


def _plain(words: Iterable[str]) -> tuple[str, ...]:
    """With `-` for `_` in the names of options."""
    return tuple(_name(word) + word[len(_name(word)) :] for word in tuple(words)[:_MAX_WORDS])


def _name(word: str) -> str:
    name = word.partition("=")[0]
    return name.replace("_", "-") if name.startswith("-") else name


def _is_end(word: str) -> bool:
    """The script; what follows it is the program's own. In NODE_OPTIONS such a word ends the options, too."""
    return not word.startswith(("-", UNKNOWN)) or word == "--"


def _last(words: Iterable[str], where: str) -> dict[str, tuple[str, str]]:
    """The flags' last values; UNKNOWN where an option that cannot be seen stands behind them."""
    found: dict[str, tuple[str, str]] = {}
    for word in words:
        name, _, value = word.partition("=")
        flag = f"-{name}" if f"-{name}" in _FLAGS else name
        if word.startswith(UNKNOWN):
            found = dict.fromkeys((*found, SIZE), (UNKNOWN, where))
        elif flag in _FLAGS:
            found[flag] = (value, where)
    return found
