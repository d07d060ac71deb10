"""Certificates are such that Python's strictest verification takes them, for the names they are for."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import threading
from pathlib import Path

import pytest

from oomsight_cluster.debian.certificates import Authority, make_authority

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    made = make_authority(tmp_path / "pki", ("DNS:kubernetes.default.svc", "IP:127.0.0.1"))
    made.issue("server", "server", "/CN=kube-apiserver")
    made.issue("admin", "client", "/O=system:masters/CN=admin")
    return made


def test_server_and_client_know_each_other(authority: Authority) -> None:
    ca = str(authority.certificate("ca"))
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=ca)
    serving.verify_mode = ssl.CERT_REQUIRED
    serving.load_cert_chain(authority.certificate("server"), authority.key("server"))
    asking = ssl.create_default_context(cafile=ca)
    asking.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    asking.load_cert_chain(authority.certificate("admin"), authority.key("admin"))
    left, right = socket.socketpair()
    seen: list[object] = []

    def serve() -> None:
        with serving.wrap_socket(left, server_side=True) as connection:
            seen.append(connection.getpeercert())

    thread = threading.Thread(target=serve)
    thread.start()
    with asking.wrap_socket(right, server_hostname="kubernetes.default.svc") as connection:
        connection.recv(1)
    thread.join()
    (peer,) = seen
    assert isinstance(peer, dict)
    assert dict(pair for group in peer["subject"] for pair in group) == {
        "organizationName": "system:masters",
        "commonName": "admin",
    }


def test_a_kubeconfig_names_the_files_of_one_client(authority: Authority) -> None:
    document = json.loads(authority.kubeconfig("admin", "https://127.0.0.1:443").read_text())
    (cluster,), (user,) = document["clusters"], document["users"]
    assert cluster["cluster"]["server"] == "https://127.0.0.1:443"
    assert Path(user["user"]["client-key"]).exists()
