"""Where Prometheus is and how one is let in: parsed from the settings, and files that are read anew for every request."""

from __future__ import annotations

import base64
import os
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from yarl import URL

MAX_SECRET_BYTES: Final = 64 * 1024
_HEADER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]{0,62})[ \t]*:[ \t]*([\x21-\x7e](?:[\x20-\x7e]{0,1022}[\x21-\x7e])?)")
_OURS: Final = frozenset(
    {"authorization", "host", "content-length", "transfer-encoding", "connection", "accept", "accept-encoding"}
)
_MATCHER = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\\n]|\\["\\])*)"\s*(,|$)')


class AccessError(Exception):
    """A file that is needed to log in cannot be used; the message names it and holds nothing of what is in it."""


def parse_url(text: str) -> URL:
    """The base of the API, such as `https://mimir.example/prometheus`. Raises ValueError, whose message never repeats the value."""
    try:
        url = URL(text.strip())
        port = url.port
    except ValueError:
        raise ValueError("is no URL; expected such as http://prometheus.monitoring:9090") from None
    if url.scheme not in ("http", "https") or not url.host or not port:
        raise ValueError("expected http:// or https:// and a host, such as http://prometheus.monitoring:9090")
    if url.user is not None or url.password is not None:
        raise ValueError(
            "holds user information, which would be logged; use --prometheus-basic-auth-file or --prometheus-token-file"
        )
    if url.query_string or url.fragment:
        raise ValueError("has a query or fragment; expected the base of the API alone, such as https://thanos.example/prefix")
    return url


def parse_header(text: str) -> tuple[str, str]:
    """Name and value of an extra header, such as `X-Scope-OrgID: team-a`. Raises ValueError, which never repeats the value."""
    found = _HEADER.fullmatch(text)
    if found is None or found[1].lower() in _OURS:
        raise ValueError(
            "expected one header 'Name: value' of printable ASCII, such as 'X-Scope-OrgID: team-a', and none that we set"
        )
    return found[1], found[2]


def parse_matchers(text: str) -> Mapping[str, str]:
    """Labels that all our series have, such as `cluster="prod-1",region="eu"`. Raises ValueError."""
    found: dict[str, str] = {}
    position = 0
    while position < len(text):
        part = _MATCHER.match(text, position)
        if part is None or part[1] in found or part[1] in ("namespace", "pod", "container", "exported_pod", "__name__"):
            raise ValueError('expected labels of this cluster\'s series, each once, such as cluster="prod-1"')
        found[part[1]] = re.sub(r"\\(.)", r"\1", part[2])
        position = part.end()
    return found


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach it."""

    url: URL
    header: tuple[str, str] | None = field(default=None, repr=False)
    ca_file: str | None = None
    token_file: str | None = None
    basic_auth_file: str | None = None
    """`user:password` in one line."""

    def api(self, path: str) -> URL:
        """The address of a path of the API, such as `/api/v1/query_range`."""
        return self.url.with_path(self.url.path.rstrip("/") + path)

    def headers(self) -> dict[str, str]:
        """Of a request. Raises AccessError."""
        found = dict((self.header,)) if self.header is not None else {}
        if self.token_file is not None:
            found["Authorization"] = f"Bearer {_line(self.token_file)}"
        elif self.basic_auth_file is not None:
            line = _line(self.basic_auth_file)
            if ":" not in line:
                raise AccessError(f"{self.basic_auth_file} is not user:password in one line")
            found["Authorization"] = f"Basic {base64.b64encode(line.encode()).decode()}"
        return found

    def ca_version(self) -> tuple[int, int]:
        """Changes when the file of authorities is replaced. Raises AccessError."""
        if self.ca_file is None:
            return (0, 0)
        try:
            status = os.stat(self.ca_file)
        except OSError as error:
            raise AccessError(f"{self.ca_file} cannot be read: {error.strerror}") from None
        return (status.st_mtime_ns, status.st_ino)

    def tls(self) -> ssl.SSLContext:
        """Whom to trust: the authorities of the file, else the system's. Raises AccessError."""
        try:
            return ssl.create_default_context(cafile=self.ca_file)
        except (OSError, ssl.SSLError) as error:
            raise AccessError(f"{self.ca_file} holds no certificates of authorities: {error.strerror or error}") from None


def _line(path: str) -> str:
    """The one line of a secret file."""
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_SECRET_BYTES + 1)
    except OSError as error:
        raise AccessError(f"{path} cannot be read: {error.strerror}") from None
    try:
        line = data.decode("ascii").strip()
    except UnicodeDecodeError:
        raise AccessError(f"{path} is not ASCII text") from None
    if not line or len(data) > MAX_SECRET_BYTES or not line.isprintable():
        raise AccessError(f"{path} is empty, longer than {MAX_SECRET_BYTES} bytes, or has more than one line")
    return line
