"""How Prometheus is reached: a URL without secrets, secrets from files that are read anew, and no secret in any message."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_operator.prometheus.access import Access, AccessError, parse_header, parse_matchers, parse_url

URL = parse_url("http://prometheus.monitoring:9090")


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("http://prometheus.monitoring:9090", "http://prometheus.monitoring:9090/api/v1/query_range"),
        ("https://thanos.example/", "https://thanos.example/api/v1/query_range"),
        ("https://mimir.example/prometheus/", "https://mimir.example/prometheus/api/v1/query_range"),
        ("http://[::1]:9090/a/b", "http://[::1]:9090/a/b/api/v1/query_range"),
    ],
)
def test_the_api_is_below_the_prefix(base: str, expected: str) -> None:
    assert str(Access(parse_url(base)).api("/api/v1/query_range")) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("prometheus:9090", "expected http:// or https:// and a host"),
        ("file:///etc/passwd", "expected http"),
        ("http://", "expected http"),
        ("http://host:99999999", "is no URL"),
        ("http://user:hunter2@host", "user information"),
        ("http://hunter2@host", "user information"),
        ("http://host/?token=hunter2", "query or fragment"),
        ("http://host/#hunter2", "query or fragment"),
    ],
)
def test_another_url_is_refused_and_not_repeated(text: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected) as caught:
        parse_url(text)
    assert "hunter2" not in str(caught.value)


def test_a_header_names_the_tenant() -> None:
    assert parse_header("X-Scope-OrgID: team-a") == ("X-Scope-OrgID", "team-a")
    assert "team-a" not in repr(Access(URL, parse_header("X-Scope-OrgID: team-a")))


@pytest.mark.parametrize(
    "text", ["X-Scope-OrgID", "A: b\r\nC: d", "Host: x", "Authorization: Bearer hunter2", ": x", "A: ", "Ä: x"]
)
def test_what_is_no_header_or_not_the_users_to_set_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected one header") as caught:
        parse_header(text)
    assert "hunter2" not in str(caught.value)


def test_matchers_are_labels_and_their_values() -> None:
    assert parse_matchers("") == {}
    assert parse_matchers('cluster="prod-1", region = "e\\"u"') == {"cluster": "prod-1", "region": 'e"u'}


@pytest.mark.parametrize(
    "text", ["prod-1", "cluster=prod", 'cluster=~"a"', 'a="1",a="2"', 'namespace="x"', 'a="1"} or up', 'a="1"b="2"']
)
def test_what_is_no_label_of_the_cluster_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected labels"):
        parse_matchers(text)


@given(st.text())
def test_whatever_is_set_is_understood_or_refused(text: str) -> None:
    for parse in (parse_url, parse_header, parse_matchers):
        with suppress(ValueError):
            assert parse(text) is not None


def test_secrets_are_read_anew_for_every_request(tmp_path: Path) -> None:
    file = tmp_path / "token"
    access = Access(URL, ("X-Scope-OrgID", "a"), token_file=str(file))
    file.write_text("first\n")
    assert access.headers() == {"X-Scope-OrgID": "a", "Authorization": "Bearer first"}
    file.write_text("second")
    assert access.headers()["Authorization"] == "Bearer second"
    (tmp_path / "basic").write_text("user:pass\n")
    basic = Access(URL, basic_auth_file=str(tmp_path / "basic")).headers()
    assert basic == {"Authorization": "Basic dXNlcjpwYXNz"}


@pytest.mark.parametrize("content", [b"", b"hunter2\nsecond line", b"hunter2\xff", b"hunter2" * 10_000])
def test_a_secret_that_is_no_line_is_told_by_its_file_alone(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    with pytest.raises(AccessError) as caught:
        Access(URL, token_file=str(file)).headers()
    assert str(file) in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_missing_files_are_told(tmp_path: Path) -> None:
    (tmp_path / "ca").write_text("no certificate")
    (tmp_path / "basic").write_text("hunter2")
    with pytest.raises(AccessError, match="cannot be read: No such file"):
        Access(URL, ca_file="/nowhere").ca_version()
    with pytest.raises(AccessError, match="holds no certificates"):
        Access(URL, ca_file=str(tmp_path / "ca")).tls()
    with pytest.raises(AccessError, match="cannot be read: No such file"):
        Access(URL, token_file="/nowhere").headers()
    with pytest.raises(AccessError, match=r"is not user:password") as caught:
        Access(URL, basic_auth_file=str(tmp_path / "basic")).headers()
    assert "hunter2" not in str(caught.value)
