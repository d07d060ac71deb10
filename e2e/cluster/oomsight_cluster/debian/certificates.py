"""The cluster's own certificate authority, and a kubeconfig for each of its parts. All of it is gone with the run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from oomsight_cluster.programs import run

DAYS = "2"
# The subject's own name in every extension is fixed: OpenSSL's defaults would make each certificate an authority.
CONFIGURATION = """
[req]
distinguished_name = subject
prompt = no
[subject]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign, digitalSignature
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = {names}
[client]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


@dataclass(frozen=True, slots=True)
class Authority:
    """Certificates in one folder: `<name>.crt` and `<name>.key`."""

    directory: Path
    configuration: Path

    def certificate(self, name: str) -> Path:
        return self.directory / f"{name}.crt"

    def key(self, name: str) -> Path:
        return self.directory / f"{name}.key"

    def issue(self, name: str, kind: str, subject: str) -> None:
        """`kind`: `server` or `client`, as in the configuration; `subject` as `/O=group/CN=name`."""
        signed: list[str | Path] = ["-CA", self.certificate("ca"), "-CAkey", self.key("ca")]
        self._request(name, kind, subject, signed)

    def kubeconfig(self, name: str, server: str, path: Path | None = None) -> Path:
        """A kubeconfig with the client certificate of that name."""
        target = path or self.directory / f"{name}.kubeconfig"
        cluster = {"server": server, "certificate-authority": str(self.certificate("ca"))}
        user = {"client-certificate": str(self.certificate(name)), "client-key": str(self.key(name))}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "oomsight-e2e",
            "clusters": [{"name": "oomsight-e2e", "cluster": cluster}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": "oomsight-e2e", "context": {"cluster": "oomsight-e2e", "user": name}}],
        }
        target.write_text(json.dumps(document))
        target.chmod(0o600)
        return target

    def _request(self, name: str, kind: str, subject: str, signed: Sequence[str | Path]) -> None:
        key: list[str | Path] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", self.key(name)]
        what: list[str | Path] = ["-subj", subject, "-extensions", kind, "-days", DAYS, "-out", self.certificate(name)]
        run(["openssl", "req", "-x509", "-config", self.configuration, *key, *what, *signed])


def make_authority(directory: Path, server_names: Sequence[str]) -> Authority:
    """A new authority; `server_names` as in `DNS:kubernetes` and `IP:127.0.0.1`."""
    directory.mkdir(mode=0o700, parents=True)
    configuration = directory / "openssl.cnf"
    configuration.write_text(CONFIGURATION.format(names=", ".join(server_names)))
    authority = Authority(directory, configuration)
    authority._request("ca", "authority", "/CN=oomsight-e2e", ())  # noqa: SLF001 - its own first certificate
    return authority


def make_service_account_key(directory: Path) -> Path:
    key = directory / "service-accounts.key"
    run(["openssl", "genrsa", "-out", key, "2048"])
    return key
