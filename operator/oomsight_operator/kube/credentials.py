"""How to reach the API server, and as whom: read by the `kubernetes` client from the pod's service account or from a kubeconfig.

The secrets stay inside; nothing here has a representation that shows them.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit
from urllib.request import proxy_bypass

from kubernetes.client import Configuration
from kubernetes.config import ConfigException, load_incluster_config, load_kube_config

REFRESH_SECONDS = 30.0
"""The `kubernetes` client reads the service account's token file again once a minute; it is asked twice as often."""


class CredentialsError(Exception):
    """No usable way to the API server; the message says what was tried."""


@dataclass(slots=True)
class Credentials:
    """Where the API server is, how to verify it, and the Authorization header as it is now."""

    host: str
    """Base URL without a trailing slash."""
    configuration: Configuration = field(repr=False)
    ssl_context: ssl.SSLContext | None = field(default=None, repr=False)
    """None for plain http."""
    tls_server_name: str | None = None
    proxy: str | None = field(default=None, repr=False)
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    _header: str | None = field(default=None, repr=False)
    _read_at_seconds: float | None = field(default=None, repr=False)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    async def authorization(self, *, renew: bool = False) -> str | None:
        """The Authorization header. Reads anew, in a thread, what may be a file or a login command; `renew` after a 401."""
        if not renew and not self._is_due():
            return self._header
        async with self._lock:
            if renew or self._is_due():
                self._header = await asyncio.to_thread(self.read_authorization)
                self._read_at_seconds = self.clock()
        return self._header

    def read_authorization(self) -> str | None:
        """The Authorization header, read now (may block). None when a client certificate or nothing identifies us."""
        try:
            header = self.configuration.get_api_key_with_prefix("BearerToken", alias="authorization")
        except (OSError, ConfigException) as error:
            raise CredentialsError(f"the bearer token cannot be read again: {error}") from error
        return header.strip() if header else None

    def _is_due(self) -> bool:
        return self._read_at_seconds is None or self.clock() - self._read_at_seconds >= REFRESH_SECONDS


def load_credentials(kubeconfig: str | None = None, context: str | None = None) -> Credentials:
    """Credentials from a kubeconfig if one is named, else from the pod's service account, else from the default kubeconfig.

    Raises CredentialsError with every way that was tried.
    """
    configuration = Configuration()
    try:
        if kubeconfig is not None or context is not None:
            load_kube_config(kubeconfig, context=context, client_configuration=configuration, persist_config=False)  # type: ignore[no-untyped-call]
            return from_configuration(configuration)
        try:
            load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        except ConfigException as in_cluster_error:
            try:
                load_kube_config(client_configuration=configuration, persist_config=False)  # type: ignore[no-untyped-call]
            except ConfigException as error:
                raise CredentialsError(f"not in a pod ({in_cluster_error}) and no kubeconfig ({error})") from error
    except CredentialsError:
        raise
    except Exception as error:  # the loader walks the file as it is: whatever is malformed ends in any error
        raise CredentialsError(f"kubeconfig {kubeconfig or '(default)'} cannot be used: {error or type(error).__name__}") from error
    return from_configuration(configuration)


def from_configuration(configuration: Configuration) -> Credentials:
    """Credentials from a loaded Configuration of the `kubernetes` client."""
    host = configuration.host.rstrip("/")
    parts = urlsplit(host)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise CredentialsError(f"the server's address is {host!r}, expected http(s)://host[:port]")
    context = _ssl_context(configuration) if parts.scheme == "https" else None
    proxy = configuration.proxy if configuration.proxy and not proxy_bypass(parts.hostname) else None
    return Credentials(
        host=host, configuration=configuration, ssl_context=context, tls_server_name=configuration.tls_server_name, proxy=proxy
    )


def _ssl_context(configuration: Configuration) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=configuration.ssl_ca_cert, cadata=configuration.ca_cert_data)
        if configuration.cert_file:
            context.load_cert_chain(configuration.cert_file, configuration.key_file)
    except (OSError, ssl.SSLError) as error:
        raise CredentialsError(f"the TLS certificates of {configuration.host} cannot be loaded: {error}") from error
    if configuration.assert_hostname is False or not configuration.verify_ssl:
        context.check_hostname = False
    if not configuration.verify_ssl:
        context.verify_mode = ssl.CERT_NONE
    return context
