from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.client import Configuration

from oomsight_operator.kube.credentials import REFRESH_SECONDS, Credentials, CredentialsError, from_configuration, load_credentials


def kubeconfig(path: Path, user: dict[str, Any] | None = None, server: str = "http://127.0.0.1:1") -> str:
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": user or {}}],
        "contexts": [{"name": "one", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "one",
    }
    file = path / "config"
    file.write_text(yaml.safe_dump(document))
    return str(file)


async def test_a_kubeconfigs_server_and_token_are_used(tmp_path: Path) -> None:
    credentials = load_credentials(kubeconfig(tmp_path, {"token": "s3cret"}))
    assert credentials.host == "http://127.0.0.1:1"
    assert await credentials.authorization() == "Bearer s3cret"


def test_secrets_do_not_show_in_logs_or_tracebacks(tmp_path: Path) -> None:
    assert "s3cret" not in repr(load_credentials(kubeconfig(tmp_path, {"token": "s3cret"})))


async def test_without_a_token_no_header_is_sent(tmp_path: Path) -> None:
    assert await load_credentials(kubeconfig(tmp_path)).authorization() is None


def test_an_unknown_context_or_file_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(CredentialsError, match="missing"):
        load_credentials(kubeconfig(tmp_path), "missing")
    with pytest.raises(CredentialsError, match="nowhere"):
        load_credentials(str(tmp_path / "nowhere"))


@pytest.mark.parametrize("content", ["", "[]", "a: [", "clusters: 3", "kind: Config\nclusters: []\ncontexts: []\n"])
def test_a_kubeconfig_that_makes_no_sense_is_a_clear_error(tmp_path: Path, content: str) -> None:
    file = tmp_path / "config"
    file.write_text(content)
    with pytest.raises(CredentialsError):
        load_credentials(str(file))


def test_an_address_that_is_no_url_is_a_clear_error() -> None:
    with pytest.raises(CredentialsError, match="ftp://x"):
        from_configuration(Configuration(host="ftp://x"))


async def test_a_rotated_token_is_read_again_after_a_while_and_at_once_when_asked() -> None:
    tokens = iter(["bearer one\n", "bearer two\n", "bearer three\n"])
    configuration = Configuration(host="http://127.0.0.1:1")

    def refresh(target: Configuration) -> None:
        target.api_key["BearerToken"] = next(tokens)

    setattr(configuration, "refresh_api_key_hook", refresh)  # noqa: B010 - typed as None by its package
    now = [0.0]
    credentials = Credentials(host="http://127.0.0.1:1", configuration=configuration, clock=lambda: now[0])
    assert await credentials.authorization() == "bearer one"
    assert await credentials.authorization() == "bearer one"
    now[0] = REFRESH_SECONDS
    assert await credentials.authorization() == "bearer two"
    assert await credentials.authorization(renew=True) == "bearer three"
