"""The JVM's heap, by HotSpot's rules, and by OpenJ9's where the spec tells that it is one.

- Options count in this order, the last one wins: JAVA_TOOL_OPTIONS, JDK_JAVA_OPTIONS (the launcher puts it before its own
  arguments, JDK 9 and later), the command line, _JAVA_OPTIONS. `-Xmx` and `-XX:MaxHeapSize` are one flag. Source: arguments.cpp
  Arguments::parse, args.c.
- Without it the heap is a share of the memory found: MaxRAMPercentage (25) of it, or MinRAMPercentage (50) where that is less
  than 124.8 MiB, which it may have in any case. MaxRAM stands for the memory found; without UseContainerSupport that is the
  node's. Source: arguments.cpp Arguments::set_heap_size; MaxRAMFraction is gone from JDK 25.
- OpenJ9 reads OPENJ9_JAVA_OPTIONS and IBM_JAVA_OPTIONS behind JAVA_TOOL_OPTIONS, no _JAVA_OPTIONS and no MinRAMPercentage. Which
  of the two it is can be told by OpenJ9's own variables and flags alone. Without a size it takes 50 to 75 % of the limit, by rules
  that could not be checked here: that is called unknown. Source: vmargs.c, OpenJ9's documentation of -XX:UseContainerSupport.
- JAVA_OPTS, CATALINA_OPTS and their like are no matter of the JVM: start scripts pass them on. A command that starts `java`
  itself does not.

What options of an image's own start line say nobody can see from here; they beat JAVA_TOOL_OPTIONS and JDK_JAVA_OPTIONS.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from oomsight_operator.judgement.runtime.amounts import Amount, amount, times
from oomsight_operator.judgement.runtime.environment import Start
from oomsight_operator.judgement.runtime.launch import launched
from oomsight_operator.judgement.runtime.marks import UNKNOWN
from oomsight_operator.judgement.runtime.setting import HeapSetting, Runtime, Share
from oomsight_operator.judgement.runtime.splitting import java_words, own_options

SCRIPTS: Final = (
    "JAVA_OPTIONS",
    "JAVA_ARGS",
    "JVM_OPTS",
    "JVM_ARGS",
    "ES_JAVA_OPTS",
    "LS_JAVA_OPTS",
    "KAFKA_HEAP_OPTS",
    "JAVA_OPTS",
    "JAVA_OPTS_APPEND",
    "CATALINA_OPTS",
)
"""Variables that start scripts pass on: Tomcat, WildFly, Liberty, Elasticsearch, Kafka, most images. Of two that are set the later
one here counts: Tomcat's catalina.sh puts CATALINA_OPTS behind JAVA_OPTS."""
DEFAULT_MAX_HEAP_BYTES: Final = 130_862_280
"""96 MiB scaled for 64 bits (gc_globals.hpp, ScaleForWordSize)."""
MAX_RAM_PERCENT: Final = 25.0
MIN_RAM_PERCENT: Final = 50.0
NOT_IN_SPEC: Final = "whose value is not in the pod's spec"
_UNITS: Final = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_PERCENT: Final = re.compile(r"0{0,9}[0-9]{1,3}(?:\.[0-9]{0,9})?", re.ASCII)
_FLAG: Final = re.compile(
    r"-XX:(MaxHeapSize|InitialHeapSize|MaxRAM|MaxRAMPercentage|MinRAMPercentage|MaxRAMFraction|MinRAMFraction"
    r"|MaxMetaspaceSize|MaxDirectMemorySize|ReservedCodeCacheSize)=(.*)",
    re.ASCII | re.DOTALL,
)
_FILES: Final = ("-XX:Flags=", "-XX:VMOptionsFile=", "-Xoptionsfile=")
_OPENJ9: Final = ("OPENJ9_JAVA_OPTIONS", "IBM_JAVA_OPTIONS")
_OPENJ9_FLAGS: Final = ("-Xgcpolicy:", "-Xshareclasses", "-Xscmx", "-Xoptionsfile=")
_WITH_VALUE: Final = frozenset(
    {"-cp", "-classpath", "--class-path", "-p", "--module-path", "--upgrade-module-path", "--add-modules", "--limit-modules"}
    | {"--add-exports", "--add-opens", "--add-reads", "--patch-module", "--enable-native-access", "--source"}
)
_BESIDE: Final = ("MaxMetaspaceSize", "MaxDirectMemorySize", "ReservedCodeCacheSize")
_MAX_WORDS: Final = 2000


def jvm_heap(start: Start) -> HeapSetting | None:
    """None where nothing in the spec says that it is a JVM."""
    launch, found = launched(start, "java"), _Found()
    line = launch.words if launch is not None else None
    variables = launch.variables if launch is not None else start.variables
    found.read(java_words(variables.get("JAVA_TOOL_OPTIONS", "")), "in JAVA_TOOL_OPTIONS")
    for name in _OPENJ9:
        found.read(java_words(variables.get(name, "")), f"in {name}", doubt="if it is OpenJ9")
        found.openj9 = found.openj9 or name in variables
    found.read(java_words(variables.get("JDK_JAVA_OPTIONS", "")), "in JDK_JAVA_OPTIONS", files=True)
    named = any(name in variables for name in ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", *_OPENJ9))
    if line is not None:
        found.read(_launcher_options(line), "on the command line", files=True)
    else:
        for name in SCRIPTS:
            if name in variables:
                found.read(java_words(variables[name]), f"in {name}", doubt=f"if its start script passes {name} on")
                named = True
        if not start.script.commands and any(each.startswith(("-Xmx", "-XX:")) for each in start.args):
            named = True
            found.read(_launcher_options(start.args), "in args", files=True, doubt="if its image starts java with them")
    if not found.openj9:
        found.read(java_words(variables.get("_JAVA_OPTIONS", "")), "in _JAVA_OPTIONS")
    if line is None and not named:
        return None
    return found.setting(known_line=line is not None and not start.from_elsewhere, limit_bytes=start.limit_bytes)


def _launcher_options(words: Iterable[str]) -> tuple[str, ...]:
    """Those of the launcher and the JVM: what follows the main class or `-jar FILE` is the program's own."""
    return own_options(words, lambda word: word == "-jar" or not word.startswith(("-", "@", UNKNOWN)), _WITH_VALUE)


class _Found:
    """Flags in the order in which the JVM takes them in: the last one of a name stays."""

    def __init__(self) -> None:
        self.flags: dict[str, tuple[str, str, str]] = {}
        """By HotSpot's name: the value's text, the flag and where it stands, and the doubt."""
        self.container_support = True
        self.openj9 = False
        """The spec tells that it is one."""
        self.unseen = ""
        """Where options stand that nobody can see, and that would beat the heap's size found so far."""

    def read(self, words: Iterable[str], where: str, *, files: bool = False, doubt: str = "") -> None:
        """Take in options of one place. `files`: the launcher reads these, which knows `@file`, and `-mx` for `-Xmx`."""
        for word in tuple(words)[:_MAX_WORDS]:
            self.openj9 = self.openj9 or word.startswith(_OPENJ9_FLAGS)
            if word.startswith((UNKNOWN, *_FILES)) or (files and word.startswith("@")):
                self.unseen = where
            elif word.startswith("-Xmx") or (files and word.startswith("-mx")):
                self._heap(word.partition("mx")[2], f"-Xmx {where}", doubt)
            elif word == "-XX:+AggressiveHeap":
                self._heap("", f"-XX:+AggressiveHeap {where}", doubt)
            elif word.startswith("-Xms"):
                self.flags["InitialHeapSize"] = (word[4:], f"-Xms {where}", doubt)
            elif word in ("-XX:+UseContainerSupport", "-XX:-UseContainerSupport"):
                self.container_support = word[4] == "+"
            elif match := _FLAG.fullmatch(word):
                name = match[1]
                if name == "MaxHeapSize":
                    self._heap(match[2], f"-XX:MaxHeapSize {where}", doubt)
                else:
                    self.flags[name] = (match[2], f"-XX:{name} {where}", doubt)

    def _heap(self, text: str, where: str, doubt: str) -> None:
        self.flags["MaxHeapSize"] = (text, where, doubt)
        self.unseen = ""

    def setting(self, *, known_line: bool, limit_bytes: int | None) -> HeapSetting:
        """What all of them come to."""
        beside = tuple((f"-XX:{name}", size.number) for name in _BESIDE if (size := self._size(name)) is not None)
        if "MaxHeapSize" in self.flags:
            return self._of_size(limit_bytes, beside)
        return self._of_share(beside, known_line=known_line)

    def _of_size(self, limit_bytes: int | None, beside: tuple[tuple[str, int], ...]) -> HeapSetting:
        text, where, doubt = self.flags["MaxHeapSize"]
        size = _size(text)
        if size is None or size.number == 0 or self.unseen:
            return HeapSetting(Runtime.JVM, where, doubt=self._unseen_doubt(text), beside=beside)
        if size.of_limit and limit_bytes:
            whole = Share(100 * size.number / limit_bytes)
            return HeapSetting(Runtime.JVM, where, share=whole, doubt=doubt, beside=beside)
        return HeapSetting(Runtime.JVM, where, fixed_bytes=size.number, doubt=doubt, beside=beside)

    def _of_share(self, beside: tuple[tuple[str, int], ...], *, known_line: bool) -> HeapSetting:
        if self.openj9 and "MaxRAMPercentage" not in self.flags and not self.unseen:
            return HeapSetting(Runtime.JVM, "", explicit=False, doubt="which OpenJ9 sizes by rules of its own", beside=beside)
        share, where, doubt = self._share()
        if share is None or self.unseen or not (where or known_line):
            doubt = self._unseen_doubt(doubt if share is None else UNKNOWN)
            return HeapSetting(Runtime.JVM, where or self.unseen, explicit=bool(where), doubt=doubt, beside=beside)
        ram = self._size("MaxRAM") if not self.openj9 else None
        if ram is not None and ram.number > 0 and not ram.of_limit:
            return HeapSetting(Runtime.JVM, self.flags["MaxRAM"][1], fixed_bytes=share.of(ram.number), doubt=doubt, beside=beside)
        return HeapSetting(
            Runtime.JVM,
            where or "the JVM's default",
            share=share,
            explicit=bool(where),
            of_node=not self.container_support,
            doubt=doubt if where else "unless it is OpenJ9",
            beside=beside,
        )

    def _share(self) -> tuple[Share | None, str, str]:
        """The share of the memory found, what sets it (empty for the default), and the doubt. None: it cannot be read; then the
        last is its text."""
        most = self._percent("MaxRAMPercentage", "MaxRAMFraction")
        least = self._percent("MinRAMPercentage", "MinRAMFraction")
        initial = self._size("InitialHeapSize")
        _, where, doubt = most[1] or least[1] or ("", "", "")
        for unread, told in ((most[0], most[1]), (least[0], least[1])):
            if told is not None and unread is None:
                return None, told[1], told[0]
        if not where and "MaxRAM" in self.flags:
            _, where, doubt = self.flags["MaxRAM"]
        if self.openj9 and most[0] is not None:
            return Share(most[0], initial_bytes=initial.number if initial is not None and not initial.of_limit else 0), where, doubt
        share = Share(
            MAX_RAM_PERCENT if most[0] is None else most[0],
            least_bytes=DEFAULT_MAX_HEAP_BYTES,
            small_percent=MIN_RAM_PERCENT if least[0] is None else least[0],
            initial_bytes=initial.number if initial is not None and not initial.of_limit else 0,
        )
        return share, where, doubt

    def _percent(self, name: str, fraction: str) -> tuple[float | None, tuple[str, str, str] | None]:
        """The percentage and the flag that sets it; (None, flag) where it cannot be read. A fraction counts only without one."""
        told = self.flags.get(name)
        if told is not None:
            percent = float(told[0]) if _PERCENT.fullmatch(told[0]) else None
            return (percent if percent is not None and percent <= 100 else None), told
        told = self.flags.get(fraction)
        if told is None:
            return None, None
        part = amount(told[0])
        return (100 / part.number if part is not None and part.number > 0 else None), told

    def _size(self, name: str) -> Amount | None:
        return _size(self.flags[name][0]) if name in self.flags else None

    def _unseen_doubt(self, text: str) -> str:
        if self.unseen:
            return f"with options {self.unseen} that are not in the pod's spec"
        return NOT_IN_SPEC if UNKNOWN in text else "whose value does not parse"


def _size(text: str) -> Amount | None:
    """`512m`, `0x20000000`, digits alone; HotSpot's parse_integer knows no other form."""
    unit = text[-1:].lower()
    if unit in _UNITS and unit:
        return times(amount(text[:-1]), _UNITS[unit])
    return amount(text)
